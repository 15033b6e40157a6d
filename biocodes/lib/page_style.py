"""The look of the page of entities: its style sheet, and a type's colour and label.

Every type has a colour, a kind of underline and an abbreviation, so that the marking
can be told in print and without colours, too. Light or dark as the reader's system
asks.
"""

import colorsys
import re
from typing import Dict, Iterable, Mapping, NamedTuple

# Degrees on the colour wheel that tell well apart; further types go on by the golden
# angle, which never comes back near a hue soon.
HUES = (212, 24, 152, 282, 348, 186, 48, 316, 88, 250)
GOLDEN_ANGLE = 137.508
UNDERLINES = ("solid", "dashed", "dotted", "double", "wavy")

PAPER, INK = "#fdfcfa", "#1f2226"
DARK_PAPER, DARK_INK = "#15171a", "#e6e3dd"
# WCAG 2.1, level AA, asks for 4.5; hexadecimal rounding takes some of it.
CONTRAST = 4.6

_SHEET = """
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
.js .tools{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;margin:0}
.js details.tools{display:block;flex-basis:100%}
summary{cursor:pointer}
ol{columns:14rem;margin:.25rem 0;padding-left:2rem}
output{color:var(--ink);font-variant-numeric:tabular-nums}
input[type=search]{font:inherit;color:var(--ink);background:none;width:11rem;
border:1px solid var(--rule);border-radius:.2em;padding:0 .3em}
input[type=range]{width:7rem}
form>div{flex-basis:100%}
@media (max-width:40rem){form{position:static;max-height:none}}
footer{padding-top:1rem;font:.75rem/1.6 var(--sans);color:var(--soft);
overflow-wrap:anywhere}
h2 a{color:inherit}
.js input{display:inline-block;margin:0 .3em 0 0;vertical-align:-.1em;
accent-color:var(--ink)}
.js label{cursor:pointer}
input:not(:checked)~mark{background:none;text-decoration-color:var(--rule)}
input:not(:checked)~mark::after{color:var(--soft)}
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
mark.low{background:none;text-decoration:none}
mark.low::after{content:none!important}
mark.current{outline:2px solid var(--ink);outline-offset:2px}
@media (min-width:54rem){article{display:grid;grid-template-columns:5.5rem 1fr;
column-gap:1rem}h2{grid-row:1/span 2;padding-top:.3rem}main p{grid-column:2}}
@media print{body{max-width:none;padding:0;font-size:10.5pt;background:none}
form{position:static;max-height:none;background:none}.js .tools,.js input{display:none}
article{content-visibility:visible}h2,p[data-section=title]{break-after:avoid}
main p{orphans:3;widows:3}a{text-decoration:none}}
"""
STYLE = (
    _SHEET.replace("DARK_P;", f"{DARK_PAPER};")
    .replace("DARK_I;", f"{DARK_INK};")
    .replace("PAPER;", f"{PAPER};")
    .replace("INK;", f"{INK};")
)


class Colours(NamedTuple):
    """A type's colours as "#rrggbb": behind its text, and of its line and label."""

    tint: str
    line: str
    dark_tint: str
    dark_line: str


def style_sheet(classes: Mapping[str, str]) -> str:
    """Make the style sheet: STYLE, and the rules of each type.

    Args:
      classes: type → the class of its marks.
    """
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


def colours(index: int) -> Colours:
    """Return the Colours of the type with a number from 0; any number has some.

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


def contrast(colour: str, other: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21 (WCAG 2.1)."""
    low, high = sorted((luminance(colour), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    """Return the relative luminance of "#rrggbb", from 0 to 1 (WCAG 2.1)."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def abbreviations(types: Iterable[str]) -> Dict[str, str]:
    """Abbreviate types: as few letters as tell them apart, three or more."""
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


def _readable(hue, percents, backgrounds):
    """Return the first lightness of a hue that can be read on all backgrounds."""
    for percent in percents:
        colour = _hex(hue, percent / 100, 0.8)
        if all(contrast(colour, background) >= CONTRAST for background in backgrounds):
            break
    return colour


def _hex(hue, lightness, saturation):
    parts = colorsys.hls_to_rgb(hue / 360, lightness, saturation)
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)


def _rules_of_filter(kinds):
    """Make the rules that take away the marking of a type, without moving a word."""
    rules = "".join(
        f".no-{kind} .{kind}"
        "{background:none;text-decoration:none;pointer-events:none}\n"
        f".no-{kind} .{kind}::after{{content:none!important}}\n"
        for kind in kinds
    )
    if len(kinds) <= len(UNDERLINES):  # they tell the types apart, calmer than labels
        # On a narrow screen and under a finger, where nothing hovers, the labels stay.
        wide = "screen and (min-width:40rem) and (pointer:"
        rules += f"@media {wide}fine),{wide}none){{\n"
        rules += 'mark{--label:""!important}\n'
        rules += "label mark::after,main:not(.scores) mark::after{content:none}}\n"
    return rules
