"""Small SVG charts that read well on light and dark ground: bars, and lines over time."""

from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

_STYLE = ("<style>text{font:13px system-ui,sans-serif;fill:#57606a}.strong{font-weight:600}"
          ".own{fill:#2f81f7}.other{fill:#8c959f}.line{fill:none;stroke-width:2}.whisker{fill:none;stroke:#24292f;stroke-width:1.5}"
          "@media(prefers-color-scheme:dark){text{fill:#c9d1d9}.whisker{stroke:#f0f6fc}}</style>")
_COLOURS = ["#2f81f7", "#8c959f", "#d29922", "#3fb950", "#a371f7"]


def _svg(width, height, body):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}">{_STYLE}{"".join(body)}</svg>\n')


@dataclass(frozen=True)
class Bar:
    name: str
    value: float
    lowest: float | None = None
    highest: float | None = None


def _number(value):
    return f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"


def bars(path, title, values, unit, own="oiabd"):
    """Horizontal bars, one a contender, as long as the value; a whisker goes from its lowest to its highest round."""
    left, bar, row = 210, 410, 28
    top = max(max(one.value, one.highest or 0) for one in values) or 1
    body = [f'<text x="8" y="22" class="strong">{escape(title)}</text>']
    for number, one in enumerate(values):
        y = 40 + number * row
        kind = "own" if own and one.name.startswith(own) else "other"
        end = left + bar * one.value / top
        body.append(f'<text x="{left - 8}" y="{y + 15}" text-anchor="end">{escape(one.name)}</text>'
                    f'<rect x="{left}" y="{y}" width="{max(1, end - left):.1f}" height="20" rx="3" class="{kind}"/>')
        if one.lowest is not None and one.highest is not None:
            low, high = left + bar * one.lowest / top, left + bar * one.highest / top
            body.append(f'<path d="M{low:.1f} {y + 10}H{high:.1f}M{low:.1f} {y + 5}v10M{high:.1f} {y + 5}v10" class="whisker"/>')
            end = max(end, high)
        body.append(f'<text x="{end + 8:.1f}" y="{y + 15}">{escape(_number(one.value))} {escape(unit)}</text>')
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(_svg(left + bar + 140, 52 + len(values) * row, body), encoding="utf-8")


def lines(path, title, series, x_unit, y_unit):
    """One line a contender: {name: [(x, y), …]}."""
    left, width, height, foot = 70, 560, 240, 48
    all_points = [point for points in series.values() for point in points]
    x_top = max(x for x, _ in all_points) or 1
    y_top = max(y for _, y in all_points) or 1
    body = [f'<text x="8" y="22" class="strong">{escape(title)}</text>',
            f'<text x="{left - 8}" y="46" text-anchor="end">{y_top:,.4g}</text>',
            f'<text x="{left - 8}" y="{40 + height}" text-anchor="end">0</text>',
            f'<text x="{left}" y="{height + foot + 10}">0</text>',
            f'<text x="{left + width}" y="{height + foot + 10}" text-anchor="end">{x_top:,.4g} {escape(x_unit)}</text>',
            f'<text x="{left + 6}" y="46">{escape(y_unit)}</text>']
    for number, (name, points) in enumerate(series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        path_points = " ".join(f"{left + width * x / x_top:.1f},{40 + height - height * y / y_top:.1f}" for x, y in points)
        body.append(f'<polyline points="{path_points}" class="line" stroke="{colour}"/>'
                    f'<text x="{left + width + 10}" y="{60 + number * 20}" style="fill:{colour}">{escape(name)}</text>')
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(_svg(left + width + 170, height + foot + 20, body), encoding="utf-8")
