"""A report's part on entities: what was confused, and every error in its sentence.

It is made of NER_result_conll.txt, which is read once, sentence by sentence.
"""

import collections
from typing import (
    Collection,
    Dict,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

from biocodes.lib import conll, files, ner_errors, report_html
from biocodes.lib.ner_errors import (
    BORDER,
    BOTH,
    INVENTED,
    KINDS,
    MISSED,
    RIGHT,
    TYPE,
    Pair,
)
from biocodes.lib.report_html import Box, Filter, Matrix, text_of

NUMBER_OF = {kind: number for number, kind in enumerate((RIGHT, *KINDS))}
# A kind, and the words of the gold and the predicted entity in lower case.
Key = Tuple[str, str, str]


class Words(NamedTuple):
    """A sentence of the file: its number from 1, words, and both labels of each."""

    number: int
    words: List[str]
    gold: List[str]
    predicted: List[str]


class Wrong(NamedTuple):
    """A sentence with errors."""

    sentence: Words
    pairs: List[Pair]


class Errors:
    """What the pairs of a whole file are, counted, and a sample of the sentences.

    Attributes:
      sentences, wrong: numbers of sentences, and of those with errors.
      counts: type (of gold, or of what was invented), kind → how many.
      types: (gold type, predicted type) → how many; None: missed, or invented.
      texts: Key → how many.
      sample: Sample of Wrong.
    """

    def __init__(self) -> None:
        self.sentences = self.wrong = 0
        self.counts: Dict[str, Dict[str, int]] = {}
        self.types: Dict[Tuple[Optional[str], Optional[str]], int] = {}
        self.texts: Dict[Key, int] = collections.Counter()
        self.sample = report_html.Sample()

    def add(self, sentence: Words) -> None:
        """Count a sentence."""
        pairs = ner_errors.compare(sentence.gold, sentence.predicted)
        self.sentences += 1
        for pair in pairs:
            gold = pair.gold and pair.gold[2]
            predicted = pair.predicted and pair.predicted[2]
            of_type = self.counts.setdefault(gold or predicted, collections.Counter())
            of_type[pair.kind] += 1
            self.types[gold, predicted] = self.types.get((gold, predicted), 0) + 1
            if pair.kind != RIGHT:
                self.texts[key_of(sentence, pair)] += 1
        errors = sum(pair.kind != RIGHT for pair in pairs)
        if errors:
            self.wrong += 1
            size = sum(map(len, sentence.words)) + 60 * len(pairs) + 150 * errors
            self.sample.add(sentence.number, Wrong(sentence, pairs), size)


def read_result(path: str, types: Optional[Collection[str]] = None) -> Iterator[Words]:
    """Yield the sentences of NER_result_conll.txt.

    Args:
      path: the file.
      types: those that are scored, words of others being O; None: all.

    Raises:
      InputError: it cannot be read, or has not three columns.
    """
    number, words, gold, predicted = 0, [], [], []
    for line, text in files.read_lines(path):
        columns = text.split(" ")
        if text and len(columns) != 3:
            raise files.InputError(
                f"{files.columns_of(columns)}, expected 3", path, line, "predict anew"
            )
        if text:
            for column, of_columns in zip(columns, (words, gold, predicted)):
                of_columns.append(column)
            continue
        if words:
            number += 1
            yield Words(number, words, gold, _only(predicted, types))
        words, gold, predicted = [], [], []
    if words:
        yield Words(number + 1, words, gold, _only(predicted, types))


def _only(labels: List[str], types: Optional[Collection[str]]) -> List[str]:
    return labels if types is None else conll.only(labels, types)


def is_labelled(path: str) -> bool:
    """Whether a NER_result_conll.txt has gold labels, which are its second column."""
    for _, text in files.read_lines(path):
        if text:
            return len(text.split(" ")) > 2
    return False


def key_of(sentence: Words, pair: Pair) -> Key:
    """Return what is the same error when it occurs again."""
    texts = [text_in(sentence, span).lower() for span in (pair.gold, pair.predicted)]
    return (pair.kind, texts[0], texts[1])


def text_in(sentence: Words, span: Optional[ner_errors.Span]) -> str:
    """Return the words of an entity; "" for none."""
    return " ".join(sentence.words[span[0] : span[1]]) if span else ""


# HTML


def sections(path: str, types: Optional[Collection[str]] = None) -> List[str]:
    """Make the sections on a NER_result_conll.txt; see read_result."""
    if not is_labelled(path):
        title = "Entities"
        words = "The file has no gold labels, so there are no errors to show."
        return [report_html.section(title, report_html.note(words))]
    errors = Errors()
    for sentence in read_result(path, types):
        errors.add(sentence)
    return [_confusions(errors), _errors(errors)]


def _confusions(errors: Errors) -> str:
    names = sorted({name for pair in errors.types for name in pair if name})
    kinds = [RIGHT, MISSED, INVENTED, BORDER]
    kinds += [TYPE, BOTH] if len(names) > 1 else []
    head = ["", *kinds, "gold", "predicted"]
    rows = [_row(errors, name, kinds) for name in sorted(errors.counts)]
    rows += [_row(errors, None, kinds)] if len(rows) > 1 else []
    parts = [
        report_html.table(head, rows, "Entities by what was predicted of them"),
        report_html.note(
            "Missed: nothing was predicted there. Invented: no gold entity is there."
            " Wrong border: of the right type, but not the same words."
        ),
    ]
    if len(names) > 1:
        columns = [*names, None]
        counts = [
            [errors.types.get((gold, predicted), 0) for predicted in columns]
            for gold in columns
        ]
        counts[-1][-1] = None
        parts.append(
            report_html.matrix(
                Matrix(
                    [*names, INVENTED],
                    [*names, MISSED],
                    counts,
                    "Gold types (rows) and what was predicted there (columns),"
                    " whatever the borders",
                )
            )
        )
    return report_html.section("What was confused", *parts)


def _row(errors: Errors, name: Optional[str], kinds: Sequence[str]) -> List[str]:
    """Make the row of a type, or of all."""
    of_types = [errors.counts[name]] if name else list(errors.counts.values())
    values = [sum(counts.get(kind, 0) for counts in of_types) for kind in kinds]
    totals = [
        sum(count for pair, count in errors.types.items() if _is_of(pair[side], name))
        for side in (0, 1)
    ]
    return [name or "all", *(f"{value:,}" for value in (*values, *totals))]


def _is_of(kind: Optional[str], name: Optional[str]) -> bool:
    return kind is not None and name in (None, kind)


def _errors(errors: Errors) -> str:
    wrong: List[Wrong] = errors.sample.items()
    if not wrong:
        words = "There are none: every entity is as in the gold file."
        return report_html.section("Errors", report_html.note(words))
    frequent = sorted(errors.texts.items(), key=lambda item: (-item[1], item[0]))
    frequent = frequent[: report_html.MOST_FREQUENT]
    places = {key: place for place, (key, _) in enumerate(frequent)}
    names = sorted(errors.counts)
    labels = {name: number for number, name in enumerate(names)}
    known = set()
    items = [_item(each, places, labels, known) for each in wrong]
    said = (
        f"{errors.wrong:,} of {errors.sentences:,} sentences have an error."
        " Underlined: the gold entity. Tinted: the predicted one. Green: both are the"
        " same."
    )
    parts = [
        report_html.note(said),
        report_html.filter_form(_filter(errors, names), "Types"),
        _frequent(frequent, known),
    ]
    sample = errors.sample.said("sentences with errors")
    parts += [report_html.note(sample)] if sample else []
    parts.append(report_html.item_list("entities", items))
    return report_html.section("Errors", *parts)


def _filter(errors: Errors, names: Sequence[str]) -> Filter:
    totals: Dict[str, int] = collections.Counter()
    for of_type in errors.counts.values():
        totals.update(of_type)
    kinds = [
        Box(
            NUMBER_OF[kind],
            f'<span class="swatch {_classes(kind, "gp")}">{kind}</span>',
            totals[kind],
        )
        for kind in KINDS
        if totals[kind]
    ]
    types = _type_boxes(errors, names)
    return Filter("entities", kinds, types, "sentence|sentences", "error|errors")


def _type_boxes(errors: Errors, names: Sequence[str]) -> List[Box]:
    if len(names) < 2:
        return []
    return [
        Box(
            number,
            text_of(name),
            sum(n for kind, n in errors.counts[name].items() if kind != RIGHT),
        )
        for number, name in enumerate(names)
    ]


def _frequent(frequent: Sequence[Tuple[Key, int]], known: Collection[int]) -> str:
    """Make the list of the most frequent errors, each with a link to the first."""
    rows = []
    for place, ((kind, gold, predicted), count) in enumerate(frequent):
        if count < 2:
            break
        words = text_of(gold or predicted)
        if gold and predicted and gold != predicted:
            words += f'<span class="arrow">→</span>{text_of(predicted)}'
        if place in known:
            words = f'<a href="#f{place}" data-f="{place}">{words}</a>'
        kinds = f'<i class="{_classes(kind, "k")}">{kind}</i>'
        rows.append(f"<li><span>{count:,}</span>{words} {kinds}</li>\n")
    if not rows:
        return ""
    return (
        '<details class="texts" open><summary>Most frequent errors</summary>\n'
        f'<ul class="frequent">\n{"".join(rows)}</ul></details>\n'
    )


def _item(
    wrong: Wrong, places: Dict[Key, int], labels: Dict[str, int], known: set
) -> str:
    """Make the <li> of a sentence; known: gets the places that have an id now."""
    sentence = wrong.sentence
    lines = []
    for pair in wrong.pairs:
        if pair.kind == RIGHT:
            continue
        place = places.get(key_of(sentence, pair))
        own = ""
        if place is not None:
            own = f' data-f="{place}"' + (
                f' id="f{place}"' if place not in known else ""
            )
            known.add(place)
        types = {span[2] for span in (pair.gold, pair.predicted) if span}
        numbers = sorted(labels[name] for name in types if name in labels)
        lines.append(
            f'<li class="{_classes(pair.kind, "k")}" data-k="{NUMBER_OF[pair.kind]}"'
            f' data-t="{" ".join(map(str, numbers))}"{own}><b>{pair.kind}</b>'
            f"{_said(sentence, pair, len(labels) > 1)}</li>\n"
        )
    return (
        f'<li><span class="where">sentence {sentence.number:,}</span>'
        f'<p dir="auto">{_marked(wrong)}</p>\n'
        f'<ul class="parts">\n{"".join(lines)}</ul></li>\n'
    )


def _said(sentence: Words, pair: Pair, with_types: bool) -> str:
    parts = []
    for span in (pair.gold, pair.predicted):
        if span:
            kind = (
                f' <span class="type">{text_of(span[2])}</span>' if with_types else ""
            )
            parts.append(f"<q>{text_of(text_in(sentence, span))}</q>{kind}")
    return '<span class="arrow">→</span>'.join(parts)


def _marked(wrong: Wrong) -> str:
    """Mark the entities of a sentence: gold ones underlined, predicted ones tinted."""
    sentence = wrong.sentence
    marks: List[List[str]] = [[] for _ in sentence.words]
    for number, pair in enumerate(wrong.pairs):
        for span, letter in ((pair.gold, "g"), (pair.predicted, "p")):
            for place in range(*span[:2]) if span else ():
                marks[place].append(f"{letter} {letter}{NUMBER_OF[pair.kind]}/{number}")
    parts, before = [], []
    for word, own in zip(sentence.words, marks):
        if before != own and before:
            parts.append("</span>")
        if parts:
            parts.append(" ")
        if before != own and own:
            classes = " ".join(mark.partition("/")[0] for mark in own)
            parts.append(f'<span class="{classes}">')
        parts.append(text_of(word))
        before = own
    return "".join(parts) + ("</span>" if before else "")


def _classes(kind: str, letters: str) -> str:
    number = NUMBER_OF[kind]
    return " ".join(
        letter + str(number) if letter == "k" else f"{letter} {letter}{number}"
        for letter in letters
    )
