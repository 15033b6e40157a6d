"""A page that shows text with its entities: one HTML file that needs nothing else.

A legend counts the types; where scripts run, passages and entities can be filtered
(page_script.py). The foot says how many there are and how they were made. Nothing is
loaded and no script but the page's own can run, whatever the texts say.

The texts stand in the page as they are: the text content of a passage's <p> is the
passage (U+0000, which HTML cannot hold, becomes U+FFFD). So a page can be read back.
"""

import codecs
import html.parser
import re
from typing import IO, Dict, Iterable, Iterator, Optional

from biocodes.lib import files, passages
from biocodes.lib.entities import Annotated, Entity, check_entity, count_types
from biocodes.lib.page_script import SCRIPT
from biocodes.lib.page_style import style_sheet
from biocodes.lib.page_text import escaped, head, shown

# What is below the types in the legend, where scripts run.
_LAST = """<fieldset class="tools">
<legend>Show</legend>
<label><input type="checkbox" name="scores"> scores</label>
<label><input type="checkbox" name="only"> only passages with entities</label>
<label>score at least <input type="range" name="least" min="0" max="1" step="0.01" \
value="0"> <span name="shown">0.00</span></label>
<label>search <input type="search" name="search"></label>
</fieldset>
<details class="tools"><summary>Mentions by frequency</summary><ol></ol></details>
<div class="tools"><output></output><span>keys: n next, p previous entity, / search\
</span></div>
"""
# White space that a browser would fold. It is kept where it matters only, because a
# space at the end of a line is tinted then.
_SPACED = re.compile(r"^\s|\s\s|[^\S ]|\s$")


def write_page(
    stream: IO[str],
    annotated_passages: Iterable[Annotated],
    title: str,
    counts: Optional[Dict[str, int]] = None,
    made: str = "",
) -> None:
    """Write the page, passage by passage.

    Args:
      stream: the file, which has to be UTF-8.
      annotated_passages: a title and its abstract share a heading.
      title: heading of the page.
      counts: count_types of them, for the legend, which stands above the passages; if
        None, the passages are all taken first.
      made: how the entities were made, for the foot.
    """
    if counts is None:
        annotated_passages = list(annotated_passages)
        counts = count_types(annotated_passages)
    types = sorted(counts, key=lambda name: (name.lower(), name))
    classes = {name: f"t{index}" for index, name in enumerate(types)}
    _write_head(stream, title, counts, classes)
    before, number = None, 0
    for passage, entities in annotated_passages:
        number += 1
        if before is None or not passages.same_document(before, passage):
            if before is not None:
                stream.write("</article>\n")
            stream.write(f"<article>\n<h2>{_heading(passage)}</h2>\n")
        stream.write(_paragraph(passage, entities, classes))
        before = passage
    if before is not None:
        stream.write("</article>\n")
    entities = f"{number:,} passages, {sum(counts.values()):,} entities"
    foot = ". ".join(part for part in (entities, escaped(shown(made))) if part)
    stream.write(f"</main>\n<footer>{foot}</footer>\n")
    stream.write(f"<script>{SCRIPT}</script>\n</body>\n</html>\n")


def read(path: str) -> Iterator[Annotated]:
    """Yield the Annotated passages that a page holds.

    Raises:
      InputError: the file cannot be read, is not UTF-8, or has passages or marks that
        are none of this page's.
    """
    page = _Page()
    with files.open_binary(path) as stream:
        try:
            for text in codecs.iterdecode(stream, "utf-8"):
                page.feed(text)
                yield from _checked(page.taken(), path)
            page.close()
            yield from _checked(page.taken(), path)
        except files.InputError:
            raise
        except UnicodeDecodeError as error:
            raise files.InputError("not UTF-8 text", path) from error
        # The last two are the parser's, of markup that it does not know.
        except (
            LookupError,
            TypeError,
            ValueError,
            AssertionError,
            NotImplementedError,
        ) as error:
            problem = f"not a page of entities ({type(error).__name__}: {error})"
            raise files.InputError(problem, path) from error


# Writing


def _write_head(stream, title, counts, classes):
    """Write everything above the first passage."""
    stream.write(head(title, style_sheet(classes), SCRIPT))
    heading = escaped(shown(title))
    stream.write(f"<body>\n<h1>{heading}</h1>\n{_legend(counts, classes)}<main>\n")


def _legend(counts, classes):
    """Make the list of types with their counts, and boxes for where scripts run."""
    if not counts:
        return '<p class="none">No entities were found.</p>\n'
    items = []
    for name, kind in classes.items():
        label = escaped(name)
        items.append(
            f'<label><input type="checkbox" name="type" value="{label}" checked> '
            f'<mark class="{kind}">{label}</mark> <span class="count">'
            f"{counts[name]:,}</span></label>\n"
        )
    every = ""
    if len(items) > 2:
        every = (
            '<span class="tools"><button type="button" value="all">all</button> '
            '<button type="button" value="">none</button></span>\n'
        )
    return (
        '<form autocomplete="off">\n<fieldset>\n<legend>Entities</legend>\n'
        f"{''.join(items)}{every}</fieldset>\n{_LAST}</form>\n"
    )


def _heading(passage):
    """Make the heading of a document: its id, to PubMed if it is a PMID.

    Numbers of lines are ids, too: those have no sections, and seven digits only in
    files that no page shows.
    """
    name = escaped(passage.id)
    if re.fullmatch("[1-9][0-9]{0,7}", passage.id) and (
        passage.section or len(passage.id) >= 7
    ):
        return f'<a href="https://pubmed.ncbi.nlm.nih.gov/{name}/">{name}</a>'
    return name


def _paragraph(passage, entities, classes):
    """Make the <p> of a passage, its entities as <mark>."""
    section = f' data-section="{passage.section}"' if passage.section else ""
    spaced = ' class="spaced"' if _SPACED.search(passage.text) else ""
    parts = [f'<p{spaced} dir="auto" data-id="{escaped(passage.id)}"{section}>']
    end = 0
    for entity in entities:
        parts.append(escaped(passage.text[end : entity.start]))
        name = hint = escaped(entity.type)
        score = ""
        if entity.score is not None:
            score = f' data-score="{entity.score}"'
            hint += f", score {entity.score:.3f}"
        mention = escaped(passage.text[entity.start : entity.end])
        parts.append(
            f'<mark class="{classes[entity.type]}" data-type="{name}"{score}'
            f' title="{hint}">{mention}</mark>'
        )
        end = entity.end
    parts.append(escaped(passage.text[end:]) + "</p>\n")
    return "".join(parts)


# Reading


def _checked(annotated_passages, path):
    """Yield Annotated passages whose ids and entities are what they have to be."""
    for passage, entities in annotated_passages:
        checked = passages.passage_of(passage._asdict(), path)
        for entity in entities:
            check_entity(entity, passage.text, path)
        yield Annotated(checked, entities)


class _Page(html.parser.HTMLParser):
    """Collects the passages of a page as it is fed."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self._done, self._passage, self._text = [], None, ""
        self._entities, self._open = [], None

    def taken(self):
        """Return the Annotated passages that were finished since the last call."""
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
            kind = fields["data-type"] or ""  # an attribute without a value has None
            self._entities.append(Entity(start, end, kind, mention, score))
            self._open = None
        elif tag == "p" and self._passage is not None:
            name, section = self._passage["data-id"], self._passage.get("data-section")
            passage = passages.Passage(name, section, self._text)
            self._done.append(Annotated(passage, self._entities))
            self._passage = None
