"""Entities with character offsets, in the formats of the field.

The format that everything else is made from is entities.jsonl, a line a passage:

    {"id": "123", "section": "title", "text": "Ataxia in mice", "entities":
     [{"start": 0, "end": 6, "type": "Disease", "text": "Ataxia", "score": 0.98}]}

"section" is there for the title and the abstract of one document, which follow each
other; "words" if the words were given (CoNLL). Offsets count Unicode characters of
"text". An entity of a model without types has the type MISC, as in conlleval.

    format      file                 what is lost in it
    conll       entities.conll       ids, scores, the spaces between words
    pubtator    entities.pubtator    scores; tabs and line ends of texts become spaces,
                                     "|" of ids "_"
    brat        brat/ID.txt, ID.ann  the border between title and abstract; what cannot
                                     stand in names of files becomes "_" in ids
    bioc        entities.bioc.json   the words that were given
    html        entities.html        the same; U+0000 of texts becomes U+FFFD

For every format there is a reader, which gives the passages and entities back. As a
command:

    python biocodes/entity_formats.py --input_path=entities.jsonl --output_dir=FOLDER \
        --output_formats=brat,html
"""

import codecs
import contextlib
import html.parser
import json
import os
import re
import shutil
import sys
from typing import NamedTuple, Optional

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from biocodes import conll, entity_page, files, passages  # noqa: E402

FORMATS = ("conll", "pubtator", "brat", "bioc", "html")
SCORE_DECIMALS = 6
BRAT_CONFIGURATION = "annotation.conf"
BRAT_NAME_LENGTH = 100

# What a line of a file cannot hold; str.splitlines() splits at each of them.
_BREAKERS = "\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029"
_LINE_BREAKERS = re.compile(f"[{_BREAKERS}]")
_UNBROKEN = re.compile(f"[^{_BREAKERS}]+")


class Entity(NamedTuple):
    """text[start:end] of a passage is an entity of a type.

    score: probability from 0 to 1, or None where a format has none.
    """

    start: int
    end: int
    type: str
    text: str
    score: Optional[float] = None


class Annotated(NamedTuple):
    """A Passage and its Entities, in the order of the text and none over another."""

    passage: passages.Passage
    entities: list


def check_formats(text):
    """Names with commas between them → the list of them, "" → [].

    Raises:
      InputError: one is not in FORMATS.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in FORMATS:
            raise files.InputError(
                f"{name!r} is no format",
                "--output_formats",
                remedy=f"choose of {', '.join(FORMATS)}",
            )
    return sorted(set(names), key=FORMATS.index)


def documents(annotated):
    """Annotated passages → lists of them: a title with its abstract, or one alone."""
    document = []
    for item in annotated:
        if document and not passages.same_document(document[-1].passage, item.passage):
            yield document
            document = []
        document.append(item)
    if document:
        yield document


def convert(jsonl_path, folder, formats, title="Entities"):
    """Makes the files of other formats from an entities.jsonl, in constant memory.

    They appear in the folder when all of them are whole.

    Args:
      jsonl_path: an entities.jsonl; it is read twice for html.
      folder: is made if it is not there.
      formats: list of names of FORMATS.
      title: heading of the html page.

    Raises:
      InputError: see read_jsonl; or the folder cannot be written.
    """
    files.make_folder(folder)
    counts = {}
    with contextlib.ExitStack() as stack:
        writers = [
            stack.enter_context(_WRITERS[name](folder))
            for name in formats
            if name in _WRITERS
        ]
        for document in documents(read_jsonl(jsonl_path)):
            for write in writers:
                write(document)
            entity_page.count_types(document, counts)
        if "html" in formats:
            page = files.whole_file(os.path.join(folder, "entities.html"))
            entity_page.write_page(
                stack.enter_context(page), read_jsonl(jsonl_path), title, counts
            )


def _check(entity, text, place, number=None):
    """The entity, if it is what stands in the text between its offsets."""
    if not 0 <= entity.start < entity.end <= len(text):
        problem = f"the entity {entity.start} to {entity.end} is out of the text"
    elif text[entity.start : entity.end] != entity.text:
        found = text[entity.start : entity.end]
        problem = f"{found!r} stands where the entity {entity.text!r} should"
    elif not entity.text.strip():
        problem = f"the entity {entity.start} to {entity.end} is white space"
    elif not entity.type.isprintable() or entity.type.split() != [entity.type]:
        problem = f"{entity.type!r} is no type of an entity"
    else:
        return entity
    remedy = f"the text of this passage has {len(text)} characters"
    raise files.InputError(problem, place, number, remedy)


# entities.jsonl


def jsonl_line(annotated):
    """An Annotated → its line of entities.jsonl: ASCII, without the line end."""
    passage = annotated.passage
    record = {"id": passage.id}
    if passage.section:
        record["section"] = passage.section
    record["text"] = passage.text
    if passage.words is not None:
        record["words"] = passage.words
    record["entities"] = [entity._asdict() for entity in annotated.entities]
    for entity in record["entities"]:
        if entity["score"] is not None:
            entity["score"] = round(float(entity["score"]), SCORE_DECIMALS)
    return json.dumps(record)


def read_jsonl(path):
    """Yields the Annotated passages of an entities.jsonl; an empty file has none.

    Raises:
      InputError: a line is no JSON object with what belongs there; an entity is out of
        the text or not what it says, or begins before the end of the one before it.
    """
    for number, line in files.read_lines(path):
        if line.strip():
            record = passages.json_object(line, path, number)
            passage = passages.passage_of(record, path, number)
            passage = passage._replace(words=_words_of(record, path, number))
            yield Annotated(passage, _entities_of(record, path, number))


def _entities_of(record, path, number):
    """The Entities that a record of entities.jsonl holds, in order."""
    if not isinstance(record.get("entities"), list):
        remedy = "is this an entities.jsonl?"
        raise files.InputError('without "entities"', path, number, remedy)
    found, end = [], 0
    for fields in record["entities"]:
        entity = _check(_entity_of(fields, path, number), record["text"], path, number)
        if entity.start < end:
            problem = f"the entity at {entity.start} is not after the one before it"
            raise files.InputError(problem, path, number)
        found.append(entity)
        end = entity.end
    return found


def _words_of(record, path, number):
    """The words that a record of entities.jsonl holds as a tuple, or None."""
    words = record.get("words")
    if words is None:
        return None
    if (
        not isinstance(words, list)
        or not all(isinstance(word, str) and word.split() == [word] for word in words)
        or " ".join(words) != record["text"]
    ):
        problem = '"words" are not those of "text", with a space between them'
        raise files.InputError(problem, path, number)
    return tuple(words)


def _entity_of(record, path, number):
    """A dict of entities.jsonl → Entity with fields of the right kind."""
    kinds = {"start": int, "end": int, "type": str, "text": str}
    if not isinstance(record, dict):
        raise files.InputError("an entity is no object", path, number)
    for key, kind in kinds.items():
        if type(record.get(key)) is not kind:
            raise files.InputError(
                f'an entity without "{key}", or with a wrong one', path, number
            )
    score = record.get("score")
    if score is not None:
        if type(score) not in (int, float) or not 0 <= score <= 1:
            raise files.InputError("a score is no number from 0 to 1", path, number)
        score = float(score)
    return Entity(*(record[key] for key in kinds), score)


# CoNLL columns


@contextlib.contextmanager
def _conll_writer(folder):
    with files.whole_file(os.path.join(folder, "entities.conll")) as stream:

        def write(document):
            for passage, entities in document:
                for word, label in labelled_words(passage, entities):
                    stream.write(f"{word}\t{label}\n")
                stream.write("\n")

        yield write


def labelled_words(passage, entities):
    """[(word, label)] of a passage: "B-" and the type, "I-" and the type, or "O".

    A word that an entity covers in part belongs to it, to the first of several. Words
    lose the controls that readers of columns split at (U+0085, U+001C, ...), which the
    model drops, too.
    """
    labelled, index = [], 0
    for start, end in passages.spans(passage):
        while index < len(entities) and entities[index].end <= start:
            index += 1
        label = "O"
        if index < len(entities) and entities[index].start < end:
            first = not labelled or labelled[-1][2] != index
            label = ("B-" if first else "I-") + entities[index].type
        inside = index if label != "O" else None
        labelled.append(("".join(passage.text[start:end].split()), label, inside))
    return [(word, label) for word, label, _ in labelled]


def read_conll(path):
    """Yields the Annotated sentences of a file in columns, entities as conlleval's.

    A passage has the sentence's words with a space between them as its text and the
    number of its first line as its id.

    Raises:
      InputError: see conll.read_sentences.
    """
    for lines, words, labels in conll.read_sentences(path):
        passage = passages.Passage(str(lines[0]), None, " ".join(words), tuple(words))
        spans = passages.spans(passage)
        entities = []
        for first, after, kind in conll.entities(labels):
            start, end = spans[first][0], spans[after - 1][1]
            entities.append(Entity(start, end, kind, passage.text[start:end]))
        yield Annotated(passage, entities)


# PubTator


@contextlib.contextmanager
def _pubtator_writer(folder):
    with files.whole_file(os.path.join(folder, "entities.pubtator")) as stream:
        yield lambda document: stream.write(_pubtator_text(document))


def _pubtator_text(document):
    """A document's lines. A passage that is no abstract is written as a title."""
    texts = {"title": "", "abstract": ""}
    for passage, _ in document:
        section = passage.section or "title"
        texts[section] = _LINE_BREAKERS.sub(" ", passage.text)
    name = _LINE_BREAKERS.sub(" ", document[0].passage.id).replace("|", "_")
    lines = [f"{name}|t|{texts['title']}", f"{name}|a|{texts['abstract']}"]
    for passage, entities in document:
        section = passage.section or "title"
        # Offsets count a character between the two.
        shift = len(texts["title"]) + 1 if section == "abstract" else 0
        for start, end, kind, _, _ in entities:
            mention = texts[section][start:end]
            # Some readers take a line of five columns for a relation; "-" stands for an
            # identifier that is not known.
            columns = name, start + shift, end + shift, mention, kind, "-"
            lines.append("\t".join(map(str, columns)))
    return "".join(line + "\n" for line in [*lines, ""])


_INTEGERS = re.compile("[0-9]+\t[0-9]+")


def read_pubtator(path):
    """Yields the Annotated titles and abstracts of a PubTator file, each on its own.

    Lines of annotations with columns id, start, end, text and type count; relations,
    which have no offsets, are skipped.

    Raises:
      InputError: a line is none of PubTator's, or an entity is not where it says.
    """
    with contextlib.closing(files.read_lines(path)) as lines:
        found, notes = [], []
        for number, line in lines:
            match = passages.PUBTATOR.fullmatch(line)
            columns = line.split("\t")
            if match:
                name, letter, text = match.groups()
                if notes or (found and found[-1].id != name):
                    yield from _pubtator_document(found, notes, path)
                    found, notes = [], []
                section = "title" if letter == "t" else "abstract"
                found.append(passages.Passage(name, section, text))
            elif len(columns) > 4 and _INTEGERS.fullmatch("\t".join(columns[1:3])):
                notes.append((number, columns))
            elif line.strip() and len(columns) < 3:
                problem = "neither a text nor an annotation"
                raise files.InputError(problem, path, number)
        yield from _pubtator_document(found, notes, path)


def _pubtator_document(found, notes, path):
    """Passages and lines of annotations of one id → Annotated passages."""
    shift = 0
    entities = [[] for _ in found]
    borders = []
    for passage in found:
        borders.append(shift)
        shift += len(passage.text) + 1
    for number, (name, start, end, mention, kind, *_) in notes:
        if not found or found[-1].id != name:
            problem = f"an annotation of {name}, whose text is not right before it"
            raise files.InputError(problem, path, number)
        place = sum(border <= int(start) for border in borders) - 1
        shifted = int(start) - borders[place], int(end) - borders[place]
        entity = Entity(*shifted, kind, mention)
        entities[place].append(_check(entity, found[place].text, path, number))
    for passage, own in zip(found, entities):
        yield Annotated(passage, sorted(own, key=lambda entity: entity[:2]))


# brat standoff


@contextlib.contextmanager
def _brat_writer(folder):
    """Makes FOLDER/brat beside its final place and puts it there at the end."""
    final = os.path.join(folder, "brat")
    beside, older = final + ".tmp", final + ".old"
    check_brat_folder(final)
    for left_over in (beside, older):
        shutil.rmtree(left_over, ignore_errors=True)
    files.make_folder(beside)
    repeated, kinds = {}, {}
    try:

        def write(document):
            name = _brat_name(beside, document[0].passage.id, repeated)
            _write_brat(os.path.join(beside, name), joined(document))
            entity_page.count_types(document, kinds)

        yield write
        with open(os.path.join(beside, BRAT_CONFIGURATION), "w", encoding="utf-8") as f:
            f.write("[entities]\n" + "".join(f"{kind}\n" for kind in sorted(kinds)))
            f.write("[relations]\n[events]\n[attributes]\n")
        if os.path.isdir(final):
            os.rename(final, older)
        try:
            os.rename(beside, final)
        except OSError:
            if os.path.isdir(older):
                os.rename(older, final)
            raise
        shutil.rmtree(older, ignore_errors=True)
    except OSError as error:
        raise files.unwritable(final, error) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def check_brat_folder(folder):
    """Raises InputError if there is more in a brat folder than is written here."""
    if not os.path.lexists(folder):
        return
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise files.unwritable(folder, error) from error
    for name in sorted(names):
        if name != BRAT_CONFIGURATION and not name.endswith((".txt", ".ann")):
            raise files.InputError(
                f"{name} is in it, which is not made here",
                folder,
                remedy="move it away; the folder is going to be replaced",
            )


def _brat_name(folder, name, repeated):
    """An id → a name for its files that every system takes and that is free.

    Args:
      repeated: {name: how often it was asked for again}, kept between calls.
    """
    safe = re.sub("[^A-Za-z0-9._-]", "_", name)[:BRAT_NAME_LENGTH]
    safe = unique = re.sub("^[.-]", "_", safe)
    while os.path.exists(os.path.join(folder, f"{unique}.txt")):
        repeated[safe] = repeated.get(safe, 1) + 1
        unique = f"{safe}-{repeated[safe]}"
    return unique


def joined(document):
    """A document as one Annotated: texts with a line end between them."""
    text, entities = "", []
    for index, (passage, own) in enumerate(document):
        text += "\n" if index else ""
        for start, end, *fields in own:
            entities.append(Entity(start + len(text), end + len(text), *fields))
        text += passage.text
    return Annotated(passages.Passage(document[0].passage.id, None, text), entities)


def _write_brat(path, annotated):
    """Writes PATH.txt and PATH.ann."""
    with open(f"{path}.txt", "w", encoding="utf-8", newline="") as stream:
        stream.write(annotated.passage.text)
    with open(f"{path}.ann", "w", encoding="utf-8", newline="") as stream:
        for number, entity in enumerate(annotated.entities, 1):
            # Tabs and line ends cannot stand in an annotation, so what is between them
            # is named piece by piece.
            parts = [
                (entity.start + match.start(), entity.start + match.end())
                for match in _UNBROKEN.finditer(entity.text)
            ]
            offsets = ";".join(f"{start} {end}" for start, end in parts)
            text = " ".join(annotated.passage.text[start:end] for start, end in parts)
            stream.write(f"T{number}\t{entity.type} {offsets}\t{text}\n")
            if entity.score is not None:
                note = f"AnnotatorNotes T{number}\tscore {entity.score}"
                stream.write(f"#{number}\t{note}\n")


def read_brat(folder):
    """Yields the Annotated documents of a brat folder, in the order of their names.

    An id is the name of a .txt without that. Only text-bound annotations (T) count, and
    notes (#) that hold a score.

    Raises:
      InputError: the folder or a file of it cannot be read, or an annotation is not
        what the text says.
    """
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".txt"))
    except OSError as error:
        raise files.unreadable(folder, error) from error
    if not names:
        raise files.InputError("there is no .txt in it", folder)
    for name in names:
        path = os.path.join(folder, name)
        with files.open_binary(path) as stream:
            text = _decode(stream.read(), path)
        entities = _read_ann(path[: -len("txt")] + "ann", text)
        yield Annotated(passages.Passage(name[: -len(".txt")], None, text), entities)


def _decode(content, path):
    """bytes of a file → str, every character of it."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        problem = f"byte {error.start + 1} is not UTF-8 text"
        raise files.InputError(problem, path) from error


_TEXT_BOUND = re.compile(r"(T\S+)\t(\S+) ([0-9]+ [0-9]+(?:;[0-9]+ [0-9]+)*)\t(.*)")
_SCORE_NOTE = re.compile(r"#\S+\tAnnotatorNotes (T\S+)\tscore ([0-9.e-]+)")


def _read_ann(path, text):
    """The Entities of a brat .ann, in the order of the text."""
    entities = {}
    for number, line in files.read_lines(path):
        bound, note = _TEXT_BOUND.fullmatch(line), _SCORE_NOTE.fullmatch(line)
        if bound:
            name, kind, offsets, mention = bound.groups()
            entity = _bound_entity(kind, offsets, mention, text, path, number)
            entities[name] = entity
        elif note and note.group(1) in entities:
            entity = entities[note.group(1)]
            entities[note.group(1)] = entity._replace(score=float(note.group(2)))
        elif line.startswith("T"):
            raise files.InputError("no annotation of a text", path, number)
    return sorted(entities.values(), key=lambda entity: entity[:2])


def _bound_entity(kind, offsets, mention, text, path, number):
    """What a T line says → Entity; "0 5;6 9" is one if a tab or line end is between."""
    parts = [tuple(map(int, part.split(" "))) for part in offsets.split(";")]
    gaps = [text[end:start] for (_, end), (start, _) in zip(parts, parts[1:])]
    if any(_UNBROKEN.search(gap) for gap in gaps):
        problem = "an annotation of pieces with other text between them"
        raise files.InputError(problem, path, number)
    start, end = parts[0][0], parts[-1][1]
    if " ".join(text[begin:after] for begin, after in parts) == mention:
        mention = text[start:end]
    return _check(Entity(start, end, kind, mention), text, path, number)


# BioC-JSON


@contextlib.contextmanager
def _bioc_writer(folder):
    with files.whole_file(os.path.join(folder, "entities.bioc.json")) as stream:
        head = {"source": "", "date": "", "key": "", "infons": {}}
        stream.write(json.dumps(head)[:-1] + ', "documents": [')
        separator = "\n"

        def write(document):
            nonlocal separator
            stream.write(separator + json.dumps(_bioc_document(document)))
            separator = ",\n"

        yield write
        stream.write("\n]}\n")


def _bioc_document(document):
    """A document as BioC-JSON's dict; offsets as PubTator counts them."""
    parts, offset, count = [], 0, 0
    for passage, entities in document:
        annotations = []
        for entity in entities:
            count += 1
            infons = {"type": entity.type}
            if entity.score is not None:
                infons["score"] = str(entity.score)
            place = {"offset": offset + entity.start, "length": len(entity.text)}
            annotations.append(
                {
                    "id": str(count),
                    "infons": infons,
                    "text": entity.text,
                    "locations": [place],
                }
            )
        parts.append(
            {
                "offset": offset,
                "infons": {"type": passage.section} if passage.section else {},
                "text": passage.text,
                "sentences": [],
                "annotations": annotations,
                "relations": [],
            }
        )
        offset += len(passage.text) + 1
    name = document[0].passage.id
    return {"id": name, "infons": {}, "passages": parts, "relations": []}


def read_bioc(path):
    """Yields the Annotated passages of a BioC-JSON collection, read at once.

    Annotations of passages count; those of sentences and relations do not.

    Raises:
      InputError: the file is no BioC-JSON, or an entity is not where it says.
    """
    collection = files.read_json(path)
    try:
        for document in collection["documents"]:
            for part in document["passages"]:
                yield _bioc_passage(document["id"], part, path)
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        problem = f"not what BioC-JSON has ({type(error).__name__}: {error})"
        raise files.InputError(problem, path) from error


def _bioc_passage(name, part, path):
    """A passage of BioC-JSON → Annotated."""
    section = part["infons"].get("type")
    if section not in passages.SECTIONS:
        section = None
    entities = []
    for annotation in part["annotations"]:
        if len(annotation["locations"]) != 1:
            problem = f"annotation {annotation['id']} of {name} is not in one piece"
            raise files.InputError(problem, path)
        place, infons = annotation["locations"][0], annotation["infons"]
        start = place["offset"] - part["offset"]
        end = start + place["length"]
        score = float(infons["score"]) if "score" in infons else None
        entity = Entity(start, end, infons["type"], annotation["text"], score)
        entities.append(_check(entity, part["text"], path))
    entities.sort(key=lambda entity: entity[:2])
    return Annotated(passages.Passage(name, section, part["text"]), entities)


# The page


def read_html(path):
    """Yields the Annotated passages that a page of entity_page holds.

    Raises:
      InputError: the file cannot be read, or is not UTF-8.
    """
    page = _Page()
    with files.open_binary(path) as stream:
        try:
            for text in codecs.iterdecode(stream, "utf-8"):
                page.feed(text)
                yield from page.taken()
        except UnicodeDecodeError as error:
            raise files.InputError("not UTF-8 text", path) from error
        page.close()
        yield from page.taken()


class _Page(html.parser.HTMLParser):
    """Collects the passages of a page as it is fed."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self._done, self._passage, self._text = [], None, ""
        self._entities, self._open = [], None

    def taken(self):
        """The Annotated passages that were finished since the last call."""
        done, self._done = self._done, []
        return done

    def handle_starttag(self, tag, attributes):
        fields = dict(attributes)
        if tag == "p" and "data-id" in fields:
            self._passage, self._text, self._entities = fields, "", []
        elif tag == "mark" and self._passage is not None:
            self._open = len(self._text), fields

    def handle_data(self, data):
        if self._passage is not None:
            self._text += data

    def handle_endtag(self, tag):
        if tag == "mark" and self._open is not None:
            start, fields = self._open
            score = float(fields["data-score"]) if "data-score" in fields else None
            mention = self._text[start:]
            end = len(self._text)
            self._entities.append(
                Entity(start, end, fields["data-type"], mention, score)
            )
            self._open = None
        elif tag == "p" and self._passage is not None:
            name, section = self._passage["data-id"], self._passage.get("data-section")
            passage = passages.Passage(name, section, self._text)
            self._done.append(Annotated(passage, self._entities))
            self._passage = None


_WRITERS = {
    "conll": _conll_writer,
    "pubtator": _pubtator_writer,
    "brat": _brat_writer,
    "bioc": _bioc_writer,
}


def main(argv=None):
    """Turns an entities.jsonl into other formats."""
    parser = files.ArgumentParser(
        description="Turns an entities.jsonl into the formats of other tools."
    )
    parser.add_argument(
        "--input_path", required=True, help="an entities.jsonl, or several concatenated"
    )
    parser.add_argument(
        "--output_dir", required=True, help="where the files go; is made if needed"
    )
    parser.add_argument(
        "--output_formats",
        required=True,
        help=f"names with commas between them, of {', '.join(FORMATS)}",
    )
    parser.add_argument("--title", default="Entities", help="heading of the html page")
    arguments = parser.parse_args(argv)
    formats = check_formats(arguments.output_formats)
    if not formats:
        parser.error("--output_formats names no format")
    convert(arguments.input_path, arguments.output_dir, formats, arguments.title)


if __name__ == "__main__":
    files.run(main)
