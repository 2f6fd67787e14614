"""Server-side SVG charts. Pure functions; colours come from the stylesheet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

Values = Sequence[float | None]
Format = Callable[[float], str]
_WIDTH, _HEIGHT = 600, 96
_AXIS = ("−24 h", "−18 h", "−12 h", "−6 h", "now")


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A deploy in a chart. ``share``: the horizontal position, from 0 (24 hours ago) to 1 (now)."""

    share: float
    label: str
    is_failed: bool = False


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A step of a deploy. ``kind``: done, doing, failed, pending, undoing or undone."""

    name: str
    seconds: float | None
    kind: str = "done"


def sparkline(values: Values, label: str, points: int = 24, width: int = 72, height: int = 16) -> Markup:
    """Draw a line without axes. None values are gaps. If several values share a point, the largest is drawn."""
    top = max((value for value in values if value is not None), default=0.0)
    lines = _lines(_thinned(values, points), width, height - 2, top)
    return Markup(
        '<svg class="spark" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" aria-label="{label}">'
        "{lines}</svg>"
    ).format(w=width, h=height, label=label, lines=_polylines(lines, dy=1))


def day_chart(
    title: str, values: Values, show: Format, *, second: Values = (), second_title: str = "", marks: Sequence[Mark] = ()
) -> Markup:
    """Draw the last 24 hours with a vertical line for each deploy. ``second``: a second line to the same scale."""
    known = [value for value in (*values, *second) if value is not None]
    if not known:
        return Markup(
            '<figure class="chart"><figcaption>{}</figcaption><p class="none">No sample yet.</p></figure>'
        ).format(title)
    top = _ceiling(max(known))
    now = next((value for value in reversed(values) if value is not None), None)
    caption = Markup("{} <b>{}</b>").format(title, show(now) if now is not None else "not known")
    first = _lines(values, _WIDTH, _HEIGHT, top)
    parts = [_grid(), _area(first), _polylines(first)]
    if second:
        parts.append(_polylines(_lines(second, _WIDTH, _HEIGHT, top), css="second"))
        caption += Markup(' <span class="key">{}</span>').format(second_title)
    parts += [_mark(mark) for mark in marks]
    text = f"{title} over 24 hours: highest {show(max(known))}" + (f", now {show(now)}" if now is not None else "")
    return Markup(
        '<figure class="chart"><figcaption>{caption} <span class="top">highest {top}</span></figcaption>'
        '<svg viewBox="0 0 {w} {h}" preserveAspectRatio="none" role="img" aria-label="{text}">{parts}</svg>'
        '<div class="axis" aria-hidden="true">{axis}</div></figure>'
    ).format(
        caption=caption, top=show(max(known)), w=_WIDTH, h=_HEIGHT, text=text, parts=Markup("").join(parts),
        axis=Markup("").join(Markup("<span>{}</span>").format(each) for each in _AXIS),
    )  # fmt: skip


def step_bars(bars: Sequence[Bar]) -> Markup:
    """Draw a table of steps in their order, with a bar for each step's share of the whole time."""
    whole = sum(bar.seconds or 0.0 for bar in bars) or 1.0
    begun, rows = 0.0, []
    for bar in bars:
        seconds = bar.seconds or 0.0
        x, width = 100 * begun / whole, max(100 * seconds / whole, 0.5 if bar.seconds is not None else 0.0)
        begun += seconds
        rows.append(
            Markup(
                '<tr class="step {kind}"><th scope="row">{name}</th><td class="word">{word}</td>'
                '<td class="number">{time}</td><td class="bar">'
                '<svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
                '<rect x="{x:.2f}" y="0" width="{width:.2f}" height="8"/></svg></td></tr>'
            ).format(
                kind=bar.kind, name=bar.name, word=bar.kind, time=milliseconds(bar.seconds),
                x=min(x, 99.5), width=width,
            )
        )  # fmt: skip
    return Markup(
        '<table class="steps"><thead><tr><th scope="col">Step</th><th scope="col">State</th>'
        '<th scope="col" class="number">Time</th><th scope="col"><span class="unseen">Share</span></th></tr>'
        "</thead><tbody>{}</tbody></table>"
    ).format(Markup("").join(rows))


def milliseconds(seconds: float | None) -> str:
    """Format a duration like ``4 ms``, ``1,830 ms`` or ``2 min 5 s``; None gives ""."""
    if seconds is None:
        return ""
    if seconds >= 60:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    return f"{seconds * 1000:,.0f} ms" if seconds >= 0.001 or seconds == 0 else "<1 ms"


def _thinned(values: Values, most: int) -> Values:
    """Split the values into at most ``most`` groups and return the largest value of each; None for an empty group."""
    size = -(-len(values) // most) if values else 1
    groups = [[value for value in values[i : i + size] if value is not None] for i in range(0, len(values), size)]
    return [max(group) if group else None for group in groups]


def _lines(values: Values, width: float, height: float, top: float) -> list[list[tuple[float, float]]]:
    """Return lists of connected points; a gap begins a new list."""
    lines: list[list[tuple[float, float]]] = []
    is_open = False
    for number, value in enumerate(values):
        if value is None:
            is_open = False
            continue
        if not is_open:
            lines.append([])
            is_open = True
        x = width * number / max(len(values) - 1, 1)
        lines[-1].append((x, height - (height * value / top if top else 0.0)))
    return lines


def _polylines(lines: Sequence[Sequence[tuple[float, float]]], css: str = "line", dy: float = 0.0) -> Markup:
    drawn = []
    for line in lines:
        points = line if len(line) > 1 else [line[0], (line[0][0] + 1, line[0][1])]
        drawn.append(Markup('<polyline class="{}" points="{}"/>').format(css, _points(points, dy)))
    return Markup("").join(drawn)


def _area(lines: Sequence[Sequence[tuple[float, float]]]) -> Markup:
    areas = []
    for line in lines:
        around = [(line[0][0], float(_HEIGHT)), *line, (line[-1][0], float(_HEIGHT))]
        areas.append(Markup('<polygon class="area" points="{}"/>').format(_points(around, 0.0)))
    return Markup("").join(areas)


def _points(points: Sequence[tuple[float, float]], dy: float) -> str:
    return " ".join(f"{x:.0f},{y + dy:.1f}" for x, y in points)


def _grid() -> Markup:
    return Markup("").join(
        Markup('<line class="grid" x1="0" x2="{}" y1="{}" y2="{}"/>').format(_WIDTH, y, y) for y in (1, _HEIGHT // 2)
    )


def _mark(mark: Mark) -> Markup:
    x = f"{_WIDTH * mark.share:.0f}"
    css = "mark failed" if mark.is_failed else "mark"
    return Markup('<g class="{}"><line x1="{}" x2="{}" y1="0" y2="{}"/><title>{}</title></g>').format(
        css, x, x, _HEIGHT, escape(mark.label)
    )


def _ceiling(value: float) -> float:
    """Return the top of the scale: 8 % above the highest value, so that its line is visible; 1 if all are 0."""
    return value * 1.08 or 1.0
