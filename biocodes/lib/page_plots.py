"""Curves as inline SVG: axes with ticks, lines that can be told apart in print."""

import math
from typing import List, NamedTuple, Optional, Sequence, Tuple

from biocodes.lib.page_text import escaped

WIDTH, HEIGHT = 470, 230
LEFT, RIGHT, TOP, BOTTOM = 62, 12, 10, 40
# A browser draws some hundreds of points as smoothly as thousands.
MOST_POINTS = 400
# Numbers, and shares of them, that make no difference in a drawing.
LEAST = 1e-12

Point = Tuple[float, float]
Range = Tuple[float, float]


class Line(NamedTuple):
    """A line of a plot: its name, and points in the order of x."""

    name: str
    points: Sequence[Point]


class Plot(NamedTuple):
    """What a plot shows.

    Attributes:
      title: of the figure.
      x, y: names of the axes.
      lines: those of one plot have different looks.
      y_range: default: that of the points, 0 in it if it is near.
      x_range: default: from 0 to the last point.
      marked: a point with a ring around it, and what is said of it.
      is_share: whether y is a share, written in percent.
      has_dots: whether each point is to be seen.
      is_log: whether y is on a logarithmic scale; all of it is above 0 then.
    """

    title: str
    x: str
    y: str
    lines: Sequence[Line]
    y_range: Optional[Range] = None
    x_range: Optional[Range] = None
    marked: Optional[Tuple[Point, str]] = None
    is_share: bool = False
    has_dots: bool = False
    is_log: bool = False


def figure(plot: Plot) -> str:
    """Make the <figure> of a plot, with a legend where it has several lines."""
    lines = [line._replace(points=thinned(line.points)) for line in plot.lines]
    points = [point for line in lines for point in line.points]
    x_range = plot.x_range or (0.0, max((x for x, _ in points), default=1.0) or 1.0)
    values = [y for _, y in points]
    y_range = plot.y_range or (_decades(values) if plot.is_log else _range_of(values))
    scale = _Scale(x_range, y_range, plot.is_log)
    parts = [
        f'<svg role="img" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f"<title>{escaped(_said(plot))}</title>",
        *_axes(plot, scale),
    ]
    for number, line in enumerate(lines):
        path = " ".join(f"{scale.x(x):.1f},{scale.y(y):.1f}" for x, y in line.points)
        parts.append(f'<polyline class="line s{number % 5}" points="{path}"/>')
        if plot.has_dots or len(line.points) == 1:
            parts += [
                f'<circle class="dot s{number % 5}" r="2.6" cx="{scale.x(x):.1f}"'
                f' cy="{scale.y(y):.1f}"/>'
                for x, y in line.points
            ]
    if plot.marked:
        (x, y), text = plot.marked
        parts.append(
            f'<g class="best"><circle r="6" cx="{scale.x(x):.1f}"'
            f' cy="{scale.y(y):.1f}"/><title>{escaped(text)}</title></g>'
        )
    parts.append("</svg>")
    caption = f"<b>{escaped(plot.title)}</b>"
    if len(lines) > 1:
        caption += "".join(
            f' <span class="key"><svg viewBox="0 0 26 8"><path class="line'
            f' s{number % 5}" d="M1,4H25"/></svg>{escaped(line.name)}</span>'
            for number, line in enumerate(lines)
        )
    if plot.marked:
        caption += f' <span class="note">◯ {escaped(plot.marked[1])}</span>'
    return f"<figure><figcaption>{caption}</figcaption>{''.join(parts)}</figure>\n"


def thinned(points: Sequence[Point]) -> List[Point]:
    """Leave out points of a line that has too many, its first and last kept."""
    if len(points) <= MOST_POINTS:
        return list(points)
    last = len(points) - 1
    chosen = [round(i * last / (MOST_POINTS - 1)) for i in range(MOST_POINTS)]
    return [points[i] for i in dict.fromkeys(chosen)]


def ticks(low: float, high: float, most: int = 6) -> List[float]:
    """Return round numbers in a range, `most` at most: steps of 1, 2 or 5 · 10^n."""
    if not high > low:
        return [low]
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(
        power * factor
        for factor in (1, 2, 5, 10, 20)
        if (high - low) / (power * factor) <= most - 1 + 1e-9
    )
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


class _Scale:
    """From numbers to places in the drawing."""

    def __init__(self, x_range: Range, y_range: Range, is_log: bool) -> None:
        self.x_range, self.y_range, self._is_log = x_range, y_range, is_log

    def x(self, value: float) -> float:
        low, high = self.x_range
        share = (value - low) / ((high - low) or 1.0)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        low, high = self.y_range
        if self._is_log:
            low, high, value = map(math.log10, (low, high, value))
        share = (value - low) / ((high - low) or 1.0)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _range_of(values: Sequence[float]) -> Range:
    """Return the range of an axis: whole ticks around the values."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    if low >= 0 and low < high / 2:
        low = 0.0
    size = max(abs(low), abs(high))
    if size < LEAST:
        low, high = 0.0, 1.0
    elif high - low < LEAST * size:
        low, high = low - 0.5 * abs(low), high + 0.5 * abs(high)
    marks = ticks(low, high)
    step = marks[1] - marks[0] if len(marks) > 1 else high - low
    return step * math.floor(low / step + 1e-9), step * math.ceil(high / step - 1e-9)


def _decades(values: Sequence[float]) -> Range:
    """Return the range of a logarithmic axis: from a 1, 2 or 5 · 10^n to another."""
    low, high = min(values), max(values)
    marks = _log_marks(low / 10, high * 10)
    below = max(mark for mark in marks if mark <= low)
    return below, min(mark for mark in marks if mark >= high and mark > below)


def _log_marks(
    low: float, high: float, factors: Sequence[int] = (1, 2, 5)
) -> List[float]:
    """List the numbers 1, 2 and 5 · 10^n in a range."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    marks = [factor * 10.0**power for power in powers for factor in factors]
    return [mark for mark in marks if low * 0.999 <= mark <= high * 1.001]


def _y_ticks(plot: Plot, y_range: Range) -> List[float]:
    if not plot.is_log:
        return ticks(*y_range)
    marks = _log_marks(*y_range)
    return marks if len(marks) <= 8 else _log_marks(*y_range, factors=(1,))


def _axes(plot: Plot, scale: _Scale) -> List[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = []
    for value in _y_ticks(plot, scale.y_range):
        y = scale.y(value)
        text = _tick(100 * value if plot.is_share else value)
        parts.append(
            f'<path class="grid" d="M{LEFT},{y:.1f}H{right}"/>'
            f'<text class="tick" x="{LEFT - 7}" y="{y + 4:.1f}"'
            f' text-anchor="end">{text}</text>'
        )
    shares = plot.is_share and plot.x_range == (0.0, 1.0)
    for value in ticks(*scale.x_range, most=8):
        x = scale.x(value)
        text = _tick(100 * value if shares else value)
        parts.append(
            f'<path class="axis" d="M{x:.1f},{bottom}v4"/>'
            f'<text class="tick" x="{x:.1f}" y="{bottom + 17}"'
            f' text-anchor="middle">{text}</text>'
        )
    middle = (TOP + bottom) / 2
    unit = ", %" if plot.is_share else ""
    parts.append(
        f'<path class="axis" d="M{LEFT},{bottom}H{right}"/>'
        f'<text class="name" x="{(LEFT + right) / 2}" y="{HEIGHT - 6}"'
        f' text-anchor="middle">{escaped(plot.x)}{unit if shares else ""}</text>'
        f'<text class="name" transform="translate(12 {middle}) rotate(-90)"'
        f' text-anchor="middle">{escaped(plot.y)}{unit}</text>'
    )
    return parts


def _tick(value: float) -> str:
    """Write a round number: 10,000 and 0.0002, not 1e+04 and 2e-04."""
    if 1e-5 <= abs(value) < 1e7:
        text = f"{value:,.7f}".rstrip("0").rstrip(".")
        return text if len(text) < 9 else f"{value:,.6g}"
    return f"{value:.4g}"


def _said(plot: Plot) -> str:
    """Say in a sentence what a plot shows, for who cannot see it."""
    parts = []
    for line in plot.lines:
        if line.points:
            (x1, y1), (x2, y2) = line.points[0], line.points[-1]
            parts.append(
                f"{line.name} from {y1:.4g} at {plot.x} {x1:.6g}"
                f" to {y2:.4g} at {x2:.6g}"
            )
    parts += [plot.marked[1]] if plot.marked else []
    return f"{plot.title}: {'; '.join(parts)}"
