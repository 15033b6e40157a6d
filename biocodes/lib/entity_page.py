"""A page that shows text with its entities: one HTML file that needs nothing else.

Every type has a colour, a kind of underline and an abbreviation, so that the marking
can be told in print and without colours, too. A legend counts the types; where scripts
run, its boxes choose which are marked. Light or dark as the reader's system asks.
Nothing is loaded and no script but the page's own can run, whatever the texts say.

The texts stand in the page as they are: the text content of a passage's <p> is the
passage (U+0000, which HTML cannot hold, becomes U+FFFD).
"""

import base64
import codecs
import colorsys
import hashlib
import html
import html.parser
import re
from typing import NamedTuple

from biocodes.lib import files, passages
from biocodes.lib.entities import Annotated, Entity

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


# Degrees on the colour wheel that tell well apart; further types go on by the golden
# angle, which never comes back near a hue soon.
HUES = (212, 24, 152, 282, 348, 186, 48, 316, 88, 250)
GOLDEN_ANGLE = 137.508
UNDERLINES = ("solid", "dashed", "dotted", "double", "wavy")

PAPER, INK = "#fdfcfa", "#1f2226"
DARK_PAPER, DARK_INK = "#15171a", "#e6e3dd"
# WCAG 2.1, level AA, asks for 4.5; hexadecimal rounding takes some of it.
CONTRAST = 4.6

STYLE = """
:root{color-scheme:light dark;--paper:PAPER;--ink:INK;--soft:#62656b;--rule:#e3e0da;
--text:Charter,"Bitstream Charter","Source Serif 4","Noto Serif",Cambria,Georgia,serif;
--sans:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
/*types*/@media screen and (prefers-color-scheme:dark){
:root{--paper:DARK_P;--ink:DARK_I;--soft:#a3a5aa;--rule:#33363b}
/*dark*/}
*{box-sizing:border-box}
body{margin:0 auto;padding:2.5rem 1.25rem 4rem;max-width:58rem;background:var(--paper);
color:var(--ink);font:1.125rem/1.7 var(--text);text-rendering:optimizeLegibility}
h1{margin:0 0 1rem;font-size:1.75rem;line-height:1.25;font-weight:600;
overflow-wrap:anywhere}
form{position:sticky;top:0;z-index:1;display:flex;flex-wrap:wrap;gap:.25rem 2.5rem;
max-height:40vh;overflow:auto;padding:.75rem 0;margin-bottom:1rem;
background:var(--paper);border-bottom:1px solid var(--rule)}
form,h2,.none{font:.875rem/1.6 var(--sans);color:var(--soft)}
fieldset{display:flex;flex-wrap:wrap;align-items:baseline;gap:.25rem 1.25rem;margin:0;
padding:0;border:0;min-width:0}
legend{float:left;padding:0;margin-right:.25rem}
label{cursor:default;white-space:nowrap}
label mark{color:var(--ink)}
.count{font-variant-numeric:tabular-nums}
.tools,input{display:none}
.js .tools{display:flex;gap:.25rem 1.25rem}
.js input{display:inline-block;margin:0 .3em 0 0;vertical-align:-.1em;
accent-color:var(--ink)}
.js label{cursor:pointer}
input:not(:checked)~mark{background:none;text-decoration-color:var(--rule)}
button{padding:0;border:0;background:none;color:inherit;font:inherit;cursor:pointer;
text-decoration:underline;text-underline-offset:.2em}
button:hover,label:hover{color:var(--ink)}
:focus-visible{outline:2px solid var(--ink);outline-offset:2px;border-radius:2px}
article{padding:1.1rem 0;border-bottom:1px solid var(--rule);content-visibility:auto;
contain-intrinsic-size:auto 12rem}
article[hidden]{display:none}
h2{margin:0;overflow-wrap:anywhere}
main p{margin:0;overflow-wrap:anywhere;unicode-bidi:isolate}
.spaced{white-space:pre-wrap}
p[data-section=title]{margin-bottom:.35rem;font-weight:600;line-height:1.45}
mark{padding:.1em .08em;margin:0 -.08em;border-radius:.2em;background:var(--tint);
color:inherit;text-decoration:underline var(--under) var(--line) .09em;
text-underline-offset:.2em;text-decoration-skip-ink:none;
-webkit-box-decoration-break:clone;box-decoration-break:clone}
mark::after{content:var(--label);margin-left:.4em;font:600 .6em/1 var(--sans);
letter-spacing:.04em;color:var(--line);vertical-align:.1em}
.scores mark[data-shown]::after{content:attr(data-shown)}
@media (min-width:54rem){article{display:grid;grid-template-columns:5.5rem 1fr;
column-gap:1rem}h2{grid-row:1/span 2;padding-top:.3rem}main p{grid-column:2}}
@media print{body{max-width:none;padding:0;font-size:10.5pt;background:none}
form{position:static;max-height:none;background:none}.js .tools,.js input{display:none}
article{break-inside:avoid;content-visibility:visible}}
"""
STYLE = (
    STYLE.replace("DARK_P;", f"{DARK_PAPER};")
    .replace("DARK_I;", f"{DARK_INK};")
    .replace("PAPER;", f"{PAPER};")
    .replace("INK;", f"{INK};")
)

# The types that are marked stand in the page's address, too: PAGE#types=Disease,Gene.
SCRIPT = """
(() => {
  const main = document.querySelector("main");
  const form = document.querySelector("form");
  if (!form) return;
  const boxes = [...form.querySelectorAll("[name=type]")];
  const { scores, only } = form.elements;
  document.documentElement.classList.add("js");

  function mark() {
    boxes.forEach((box, i) => main.classList.toggle("no-t" + i, !box.checked));
    const marked = boxes.flatMap((box, i) => box.checked ? [".t" + i] : []);
    for (const article of main.children) {
      article.hidden = only.checked &&
        !(marked.length && article.querySelector(marked.join()));
    }
  }

  function read() {
    const given = /^#types=(.*)$/.exec(location.hash);
    if (given) {
      const names = given[1].split(",").map(decodeURIComponent);
      boxes.forEach(box => { box.checked = names.includes(box.value); });
    }
    mark();
  }

  function write() {
    const chosen = boxes.filter(box => box.checked);
    const names = chosen.map(box => encodeURIComponent(box.value)).join();
    const all = chosen.length === boxes.length;
    history.replaceState(null, "", all ? "#" : "#types=" + names);
    mark();
  }

  form.addEventListener("submit", event => event.preventDefault());
  form.addEventListener("change", event => {
    if (event.target !== scores) return write();
    for (const entity of main.querySelectorAll("mark[data-score]")) {
      entity.dataset.shown = Number(entity.dataset.score).toFixed(2);
    }
    main.classList.toggle("scores", scores.checked);
  });
  form.addEventListener("click", event => {
    if (!event.target.matches("button")) return;
    boxes.forEach(box => { box.checked = event.target.value === "all"; });
    write();
  });
  addEventListener("hashchange", read);
  read();
})();
"""

# White space that a browser would fold. It is kept where it matters only, because a
# space at the end of a line is tinted then.
_SPACED = re.compile(r"^\s|\s\s|[^\S ]|\s$")


class Colours(NamedTuple):
    """A type's colours as "#rrggbb": behind its text, and of its line and label."""

    tint: str
    line: str
    dark_tint: str
    dark_line: str


def luminance(colour):
    """ "#rrggbb" → relative luminance from 0 to 1 (WCAG 2.1)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    """The contrast ratio of two colours, from 1 to 21 (WCAG 2.1)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def colours(index):
    """The Colours of the type with a number from 0; any number has some.

    Each line is the most vivid one of its hue with enough contrast to its tint and to
    the paper, in both schemes.
    """
    if index < len(HUES):
        hue = HUES[index]
    else:
        hue = (HUES[-1] + (index - len(HUES) + 1) * GOLDEN_ANGLE) % 360
    tint, dark_tint = _hex(hue, 0.915, 0.75), _hex(hue, 0.19, 0.45)
    line = _readable(hue, range(45, 0, -1), (tint, PAPER))
    dark_line = _readable(hue, range(60, 100), (dark_tint, DARK_PAPER))
    return Colours(tint, line, dark_tint, dark_line)


def _readable(hue, percents, backgrounds):
    """The first lightness of a hue that can be read on all of some backgrounds."""
    for percent in percents:
        colour = _hex(hue, percent / 100, 0.8)
        if all(contrast(colour, background) >= CONTRAST for background in backgrounds):
            break
    return colour


def _hex(hue, lightness, saturation):
    parts = colorsys.hls_to_rgb(hue / 360, lightness, saturation)
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)


def abbreviations(types):
    """Types → {type: a short form of it}: as few letters as tell them apart, from 3."""
    short = {}
    for name in types:
        others = [other.upper() for other in types if other != name]
        length = 3
        while length < len(name) and any(
            other.startswith(name[:length].upper()) for other in others
        ):
            length += 1
        short[name] = name[:length].upper()
    return short


def count_types(annotated_passages, counts=None):
    """{type: number of its entities}, added to `counts` if that is given."""
    counts = {} if counts is None else counts
    for _, entities in annotated_passages:
        for entity in entities:
            counts[entity.type] = counts.get(entity.type, 0) + 1
    return counts


def write_page(stream, annotated_passages, title, counts=None):
    """Writes the page, passage by passage.

    Args:
      stream: takes str; a file has to be UTF-8.
      annotated_passages: entity_formats.Annotated passages, their entities in the order
        of the text and none over another. A title and its abstract share a heading.
      title: heading of the page.
      counts: count_types of them, for the legend, which stands above the passages; if
        None, the passages are all taken first.
    """
    if counts is None:
        annotated_passages = list(annotated_passages)
        counts = count_types(annotated_passages)
    types = sorted(counts, key=lambda name: (name.lower(), name))
    classes = {name: f"t{index}" for index, name in enumerate(types)}
    _write_head(stream, title, counts, classes)
    before = None
    for passage, entities in annotated_passages:
        if before is None or not passages.same_document(before, passage):
            if before is not None:
                stream.write("</article>\n")
            stream.write(f"<article>\n<h2>{_escaped(passage.id)}</h2>\n")
        stream.write(_paragraph(passage, entities, classes))
        before = passage
    if before is not None:
        stream.write("</article>\n")
    stream.write(f"</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n")


def _escaped(text):
    """Text or the value of an attribute as it stands in HTML."""
    return html.escape(text).replace("\r", "&#13;").replace("\0", "\ufffd")


def _paragraph(passage, entities, classes):
    """A passage as <p>, its entities as <mark>."""
    section = f' data-section="{passage.section}"' if passage.section else ""
    spaced = ' class="spaced"' if _SPACED.search(passage.text) else ""
    parts = [f'<p{spaced} dir="auto" data-id="{_escaped(passage.id)}"{section}>']
    end = 0
    for entity in entities:
        parts.append(_escaped(passage.text[end : entity.start]))
        name = hint = _escaped(entity.type)
        score = ""
        if entity.score is not None:
            score = f' data-score="{entity.score}"'
            hint += f", score {entity.score:.3f}"
        mention = _escaped(passage.text[entity.start : entity.end])
        parts.append(
            f'<mark class="{classes[entity.type]}" data-type="{name}"{score}'
            f' title="{hint}">{mention}</mark>'
        )
        end = entity.end
    parts.append(_escaped(passage.text[end:]) + "</p>\n")
    return "".join(parts)


def _write_head(stream, title, counts, classes):
    """Everything above the first passage."""
    digest = hashlib.sha256(SCRIPT.encode()).digest()
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{base64.b64encode(digest).decode()}'"
    )
    heading = _escaped(title)
    stream.write(
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{heading}</title>\n<style>{_style(classes)}</style>\n</head>\n"
        f"<body>\n<h1>{heading}</h1>\n{_legend(counts, classes)}<main>\n"
    )


def _legend(counts, classes):
    """The types with their counts; the boxes are for readers whose scripts run."""
    if not counts:
        return '<p class="none">No entities were found.</p>\n'
    items = []
    for name, kind in classes.items():
        label = _escaped(name)
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
        f"{''.join(items)}{every}</fieldset>\n"
        '<fieldset class="tools">\n<legend>Show</legend>\n'
        '<label><input type="checkbox" name="scores"> scores</label>\n'
        '<label><input type="checkbox" name="only"> only passages with entities'
        "</label>\n</fieldset>\n</form>\n"
    )


def _style(classes):
    """The style sheet: STYLE, and the rules of each type."""
    short = abbreviations(classes)
    light, dark = [], []
    for index, (name, kind) in enumerate(classes.items()):
        own = colours(index)
        # Escaped, so that no name can end the string or the sheet.
        label = re.sub("[^A-Z0-9]", lambda m: f"\\{ord(m.group()):x} ", short[name])
        under = UNDERLINES[index % len(UNDERLINES)]
        light.append(
            f".{kind}{{--tint:{own.tint};--line:{own.line};--under:{under};"
            f'--label:"{label}"}}\n'
        )
        dark.append(f".{kind}{{--tint:{own.dark_tint};--line:{own.dark_line}}}\n")
    rules = "".join(light) + _rules_of_filter(classes.values())
    return STYLE.replace("/*types*/", rules).replace("/*dark*/", "".join(dark))


def _rules_of_filter(kinds):
    """The rules by which the marking of a type is taken away, without moving a word."""
    rules = "".join(
        f".no-{kind} .{kind}"
        "{background:none;text-decoration:none;pointer-events:none}\n"
        f".no-{kind} .{kind}::after{{content:none!important}}\n"
        for kind in kinds
    )
    if len(kinds) <= len(UNDERLINES):  # they tell the types apart, calmer than labels
        rules += '@media screen{mark{--label:""!important}\n'
        rules += "label mark::after,main:not(.scores) mark::after{content:none}}\n"
    return rules
