"""The look of a run's report, on top of that of the page of entities."""

from biocodes.lib import page_style

# Places in page_style.HUES: what is right, then the kinds of errors of entities.
RIGHT_HUE = 2
KIND_HUES = (1, 4, 0, 3, 5)
LINES = 5

_SHEET = """
/*light*/@media screen and (prefers-color-scheme:dark){:root{/*dark*/}}
body{max-width:64rem;font:1rem/1.6 var(--sans)}
h1{font-family:var(--text);margin-bottom:.25rem}
.lead{margin:0 0 1.5rem;color:var(--soft)}
section{margin:0 0 3rem}
h2{padding:0 0 .4rem;margin:0 0 1rem;border-bottom:1px solid var(--rule);
color:var(--ink);font:600 1.25rem/1.3 var(--text)}
h3{margin:1.5rem 0 .5rem;font:600 1rem/1.4 var(--sans)}
main p{margin:.4rem 0;max-width:46rem}
.note,caption,figcaption{color:var(--soft);font-size:.875rem}
.note b,figcaption b{color:var(--ink);font-weight:600}
.big{display:flex;flex-wrap:wrap;gap:.75rem 2.5rem;margin:0 0 1.25rem;padding:0}
.big div{min-width:5rem}
.big dt{color:var(--soft);font-size:.8125rem}
.big dd{margin:0;font:600 2rem/1.2 var(--text);font-variant-numeric:tabular-nums}
.big small{font-size:1rem;font-weight:400;color:var(--soft)}
.scroll{overflow-x:auto;margin:.5rem 0 1rem}
table{border-collapse:collapse;font-size:.875rem;line-height:1.45;
font-variant-numeric:tabular-nums}
caption{text-align:left;padding:0 0 .35rem}
th{font-weight:600;text-align:left;vertical-align:bottom}
td,th{padding:.3rem .9rem .3rem 0;border-bottom:1px solid var(--rule)}
td.n,th.n{text-align:right}
tbody th{font-weight:400}
table.facts td{overflow-wrap:anywhere}
table.facts th{color:var(--soft);white-space:nowrap;vertical-align:top}
table.matrix td{text-align:right;min-width:4.5rem;padding:.35rem .7rem;
background:rgba(var(--cell),calc(var(--share,0)*.75));border:1px solid var(--rule)}
table.matrix td.hit{--cell:var(--good)}
table.matrix caption{white-space:nowrap}
table.matrix th{padding:.35rem .7rem;border:1px solid var(--rule)}
code{font:.8125rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;
overflow-wrap:anywhere}
.flags{display:flex;flex-wrap:wrap;gap:.1rem 1rem}
pre{margin:.5rem 0;padding:.75rem 1rem;border:1px solid var(--rule);
border-radius:.35rem;white-space:pre-wrap;overflow-wrap:anywhere}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));
gap:1.25rem 2rem;align-items:end}
figure{margin:0;min-width:0}
figure>svg{display:block;width:100%;height:auto;overflow:visible}
figcaption{margin-bottom:.35rem}
figcaption b{display:block}
figcaption .note{white-space:nowrap}
.key{margin-right:.9rem;white-space:nowrap}
.key svg{width:1.6rem;height:.5rem;margin-right:.35rem;vertical-align:.1em}
svg text{fill:var(--soft);font:12px var(--sans)}
.grid{stroke:var(--rule);fill:none}
.axis{stroke:var(--soft);fill:none}
.line{fill:none;stroke:var(--c);stroke-width:2;stroke-linejoin:round;
stroke-linecap:round}
.dot{fill:var(--c)}
.best circle{fill:none;stroke:var(--ink);stroke-width:1.5}
.s1{stroke-dasharray:7 4}.s2{stroke-dasharray:2 4}.s3{stroke-dasharray:9 3 2 3}
.s4{stroke-dasharray:1 6}
circle{stroke-dasharray:none}
.filter{position:static;max-height:none;gap:.4rem 2rem;border:0;padding:0}
.filter>fieldset{flex-basis:100%}
.filter label{white-space:normal}
.swatch{padding:0 .35em;border-radius:.2em}
.items{list-style:none;columns:auto;margin:0;padding:0}
.items>li{padding:.75rem 0;border-bottom:1px solid var(--rule);
content-visibility:auto;contain-intrinsic-size:auto 6rem}
.items p,.passage{margin:0;max-width:none;font:1.0625rem/1.7 var(--text);
overflow-wrap:anywhere;unicode-bidi:isolate}
.where{float:right;margin-left:1rem;color:var(--soft);font-size:.75rem}
.parts{list-style:none;columns:auto;margin:.25rem 0 0;padding:0;font-size:.875rem}
.parts li{margin:.1rem 0;overflow-wrap:anywhere}
.parts b{display:inline-block;min-width:9.5rem;margin-right:.5rem;font-weight:600;
color:var(--line)}
.parts q{quotes:none;font-family:var(--text);font-size:1rem}
.parts b.inline{display:inline;min-width:0;margin:0;color:inherit}
.parts .gold b{color:var(--soft)}
.kind{color:var(--line)}
.type{color:var(--soft);font-size:.8125rem}
.arrow{color:var(--soft);padding:0 .3em}
.g{text-decoration:underline solid var(--under) .13em;text-underline-offset:.22em;
text-decoration-skip-ink:none}
.p{background:var(--back);border-radius:.15em;padding:.1em 0;
-webkit-box-decoration-break:clone;box-decoration-break:clone}
.frequent{columns:19rem;margin:.5rem 0 1rem;padding:0;list-style:none;
font-size:.875rem}
.frequent li{break-inside:avoid;padding:.1rem 0;display:flex;gap:.6rem}
.frequent span{min-width:2.2rem;text-align:right;color:var(--soft);
font-variant-numeric:tabular-nums}
.frequent a{color:inherit;text-decoration-color:var(--rule);min-width:0;
overflow-wrap:anywhere}
.frequent i{color:var(--line);font-style:normal;white-space:nowrap}
.bar{display:inline-block;width:5rem;height:.55rem;margin-right:.5rem;
background:linear-gradient(90deg,var(--c) calc(100%*var(--share)),var(--rule) 0)}
.nbest{margin:.4rem 0 .6rem}
.nbest td{border:0;padding:.05rem .9rem .05rem 0;vertical-align:baseline}
.nbest td:last-child{overflow-wrap:anywhere}
details{margin:.5rem 0}
details>summary{color:var(--soft);font-size:.875rem}
[hidden]{display:none!important}
:target{scroll-margin-top:1rem}
@media (max-width:40rem){body{padding-top:1.5rem}.where{float:none;display:block;
margin:0}.frequent{max-height:15rem;overflow:auto}
table.matrix caption{white-space:normal}
.big dd{font-size:1.6rem}
.parts b:not(.inline){display:block;min-width:0}table.facts th{padding-right:.6rem}
table.facts th,table.facts td{display:block;border:0;padding-bottom:0}
table.facts tr{display:block;padding:.3rem 0;border-bottom:1px solid var(--rule)}}
@media print{section{break-inside:auto}figure,tr{break-inside:avoid}
h2,h3,figcaption{break-after:avoid}.items>li{content-visibility:visible;
break-inside:avoid}.scroll,.frequent{overflow:visible;max-height:none}
.p,.bar,table.matrix td{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""


def style_sheet() -> str:
    """Make the style sheet of a report."""
    light, dark, rules = [], [], []
    for number in range(LINES):
        own = page_style.colours(number)
        light.append(f"--c{number}:{own.line};")
        dark.append(f"--c{number}:{own.dark_line};")
        rules.append(f".s{number}{{--c:var(--c{number})}}")
    for number, hue in enumerate((RIGHT_HUE, *KIND_HUES)):
        own = page_style.colours(hue)
        light.append(f"--line{number}:{own.line};--tint{number}:{own.tint};")
        dark.append(f"--line{number}:{own.dark_line};--tint{number}:{own.dark_tint};")
        rules.append(
            f".k{number}{{--line:var(--line{number});--tint:var(--tint{number})}}"
            f".g{number}{{--under:var(--line{number})}}"
            f".p{number}{{--back:var(--tint{number})}}"
        )
    light.append("--cell:214,96,60;--good:46,150,104;")
    sheet = _SHEET.replace("/*light*/", f":root{{{''.join(light)}}}\n")
    sheet = sheet.replace("/*dark*/", "".join(dark))
    return page_style.style_sheet({}) + sheet + "\n".join(rules)
