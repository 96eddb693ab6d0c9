"""Small line charts as SVG, written by hand: one point a size, so that flat means good. Only the standard library."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT, _TOP, _LEFT, _RIGHT, _BOTTOM = 460, 300, 56, 24, 40, 48
_INK, _PALE, _LINE = "#1f2933", "#7b8794", "#1a6fb5"


@dataclass(frozen=True)
class Panel:
    """One chart: `points` (x, y), x on a scale of powers, y from 0; `form` writes a y; `note` stands under the title."""

    title: str
    note: str
    points: Sequence[tuple[float, float]]
    form: str = "{:,.1f}"


def chart(panels: Sequence[Panel]) -> str:
    """The panels side by side as one SVG document."""
    width = _WIDTH * len(panels)
    body = "".join(f'<g transform="translate({_WIDTH * i} 0)">{"".join(_panel(p))}</g>' for i, p in enumerate(panels))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{_HEIGHT}" viewBox="0 0 {width} {_HEIGHT}" '
        f'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="white"/>{body}</svg>\n'
    )


def _panel(panel: Panel) -> Iterator[str]:
    xs, ys = [math.log10(x) for x, _ in panel.points], [y for _, y in panel.points]
    low, span, high = min(xs), (max(xs) - min(xs)) or 1.0, max(ys) * 1.15 or 1.0
    base = _HEIGHT - _BOTTOM

    def at(x: float, y: float) -> tuple[float, float]:
        across = _LEFT + 20 + (math.log10(x) - low) / span * (_WIDTH - _LEFT - _RIGHT - 40)
        return across, base - y / high * (base - _TOP)

    yield _text(_LEFT, 22, panel.title, _INK, 'font-size="14" font-weight="bold"')
    yield _text(_LEFT, 38, panel.note, _PALE)
    yield f'<path d="M{_LEFT} {base}H{_WIDTH - _RIGHT}" stroke="{_PALE}"/>'
    places = [at(x, y) for x, y in panel.points]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    yield f'<path d="M{path}" fill="none" stroke="{_LINE}" stroke-width="2"/>'
    for (x, y), (across, up) in zip(panel.points, places, strict=True):
        yield f'<circle cx="{across:.1f}" cy="{up:.1f}" r="3.5" fill="{_LINE}"/>'
        yield _text(across, up - 9, panel.form.format(y), _INK, 'text-anchor="middle"')
        yield _text(across, base + 16, _short(x), _PALE, 'text-anchor="middle"')
    yield _text(_WIDTH - _RIGHT, base + 34, "concursos in the month", _PALE, 'text-anchor="end"')


def _short(number: float) -> str:
    return f"{number / 1000:g}k" if number >= 1000 else f"{number:g}"


def _text(x: float, y: float, text: str, colour: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" {more}>{escape(text)}</text>'
