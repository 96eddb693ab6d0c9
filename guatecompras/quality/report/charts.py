"""Charts of the report, drawn by Vega-Lite as SVG for a page to hold. What they show and the table beside them is the page's.

Nothing in a drawing depends on the machine: its size is fixed (the page scales it) and no place is measured from a font.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

VEGA_LITE = "5.20"
# Drawn about as wide as a phone shows it, so that its text is still legible there.
WIDTH, HEIGHT = 440, 220
_PADDING = {"left": 52, "right": 22, "top": 26, "bottom": 38}
_FONT_SIZE = 13
_INK, _SOFT, _GRID, _THIS = "#3d4650", "#6b93c0", "#e1e5ea", "#1f5fa8"

_MONTHS = ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic")

# A month (YYYY-MM), its number, how that is written, whether it is the month of the report.
Point = tuple[str, float, str, bool]


def line(label: str, points: Sequence[Point], lowest: float, highest: float) -> Markup:
    """A number that moves within narrow bounds: the axis goes from `lowest` to `highest`, not from zero."""
    height = {**_height({"domain": [lowest, highest], "nice": False, "zero": False}), "title": None}
    marks = [
        {"mark": {"type": "line", "color": _SOFT, "strokeWidth": 2.5}, "encoding": {"y": height}},
        {
            "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
            "encoding": {"y": height, "color": _COLOUR},
        },
        _written(height),
    ]
    return _drawn(label, points, marks)


def bars(label: str, points: Sequence[Point]) -> Markup:
    """Amounts: the axis begins at zero, with room above the highest for what is written there."""
    height = _height({"domain": [0, max([1.0, *(point[1] for point in points)]) * 1.1], "nice": False})
    marks = [
        {"mark": {"type": "bar", "width": {"band": 0.7}}, "encoding": {"y": height, "color": _COLOUR}},
        _written(height),
    ]
    return _drawn(label, points, marks)


# The month of the report stands out; which one it is, its number says too.
_COLOUR = {"condition": {"test": "datum.this", "value": _THIS}, "value": _SOFT}


def _height(scale: Mapping[str, Any]) -> dict[str, Any]:
    axis = {"tickCount": 4, "format": ",~f", "domain": False, "ticks": False, "gridColor": _GRID, "labelPadding": 6}
    return {"field": "number", "type": "quantitative", "title": None, "scale": scale, "axis": axis}


def _written(height: Mapping[str, Any]) -> dict[str, Any]:
    """The number of the month of the report, above it."""
    mark = {"type": "text", "dy": -12, "fontSize": _FONT_SIZE, "fontWeight": "bold", "color": _THIS}
    return {
        "transform": [{"filter": "datum.this"}],
        "mark": mark,
        "encoding": {"y": height, "text": {"field": "written", "type": "nominal"}},
    }


def _labels(points: Sequence[Point]) -> dict[str, str | list[str]]:
    """What stands below each month: its name, and on a second line the year where that is another than before."""
    found: dict[str, str | list[str]] = {}
    before = ""
    for month, *_ in points:
        year, number = month.split("-")
        name = _MONTHS[int(number) - 1]
        found[month] = name if year == before else [name, year]
        before = year
    return found


def _drawn(label: str, points: Sequence[Point], marks: Sequence[Mapping[str, Any]]) -> Markup:
    axis = {
        "labelExpr": f"({json.dumps(_labels(points))})[datum.value]",
        "labelAngle": 0,
        "labelOverlap": False,
        "labelBound": False,
        "ticks": False,
        "domainColor": _INK,
        "labelPadding": 6,
    }
    spec = {
        "data": {"values": [dict(zip(("month", "number", "written", "this"), point, strict=True)) for point in points]},
        "width": WIDTH - _PADDING["left"] - _PADDING["right"],
        "height": HEIGHT - _PADDING["top"] - _PADDING["bottom"],
        "autosize": {"type": "none"},
        "padding": _PADDING,
        "background": None,
        "encoding": {"x": {"field": "month", "type": "ordinal", "sort": None, "title": None, "axis": axis}},
        "layer": list(marks),
        "config": {
            "aria": False,  # the whole is one image with a label, and a table stands beside it
            "font": "sans-serif",
            "view": {"stroke": None},
            "axis": {"labelFontSize": _FONT_SIZE, "labelColor": _INK},
        },
    }
    # Starts a JavaScript engine: only who draws pays for it.
    import vl_convert  # noqa: PLC0415

    drawing = vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE, allowed_base_urls=[])
    root = f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">'
    # Safe: Vega escapes the text of the marks, and the root is ours.
    image = re.sub(r"^<svg[^>]*>", lambda _: root, drawing)
    return Markup(image)  # noqa: S704 # nosec B704
