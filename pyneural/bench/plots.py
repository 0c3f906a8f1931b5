"""The roofline picture: what the machine allows for a kernel of some intensity, and what our kernels reach."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyneural.bench.limits import Limits
from pyneural.bench.results import Point, unit_name
from pyneural.bench.tables import number, simd_name

# Colours that the colour-blind can tell apart (Okabe and Ito), and a marker for each.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F3C8D", "#5B5B5B")
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "*")
ROOF, FAINT, GRID, INK = "#33415C", "#AAB4C4", "#E6E9EF", "#222222"
DPI = 150
SIZE = (12.5, 7.5)
LIST_WIDTH = 0.36  # of the list of kernels, as a part of the plot
MAX_LISTED = 44  # more kernels are drawn without numbers and names
LINE = 0.0215  # height of a line of the list, as a part of the picture
# Where a number may stand beside its point, in points; the nearest free place is taken.
OFFSETS = [
    (radius * math.cos(math.radians(angle)), radius * math.sin(math.radians(angle)))
    for radius in (9, 14, 20, 27)
    for angle in (45, -45, 135, -135, 0, 180, 90, -90)
]


def require_matplotlib() -> None:
    """Raises ImportError that says what to install, if nothing can be drawn."""
    if importlib.util.find_spec("matplotlib") is None:
        raise ImportError("Plots need matplotlib: pip install 'pyneural-nn[plots]'")


def roofline(points: Sequence[Point], limits: Limits, path: str | Path, threads: int | None = None) -> None:
    """Draws kernels below the machine's roofs, on logarithmic axes, with a list of their names and shares.

    Args:
        points: kernels; those of another device or number of threads or without operations to count are left out.
        limits: of the device.
        path: the picture to write.
        threads: whose roofs are drawn; by default the smallest number that was measured.
    """
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    threads = limits.threads[0] if threads is None else threads
    mine = (limits.device, threads)
    shown = [point for point in points if (point.device, point.threads) == mine and point.flops]
    families = list(dict.fromkeys(point.family for point in shown))
    shown.sort(key=lambda point: families.index(point.family))
    listed = 0 < len(shown) <= MAX_LISTED
    figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    if listed:
        axes, names = figure.subplots(1, 2, width_ratios=(1, LIST_WIDTH))
        _list_points(names, shown, families, limits)
    else:
        axes = figure.add_subplot()
    _set_up(axes, shown, limits, threads)
    taken = _draw_roofs(figure, axes, limits, threads)
    _draw_points(axes, shown, families)
    if listed:
        _number_points(figure, axes, shown, families, taken)
    elif shown:
        axes.legend(loc="lower right", frameon=False)
    figure.savefig(path)


def _rate(point: Point) -> float:
    return point.flops / point.seconds / 1e9


def _color(family: str, families: list[str]) -> str:
    return COLORS[families.index(family) % len(COLORS)]


def _marker(family: str, families: list[str]) -> str:
    return MARKERS[families.index(family) % len(MARKERS)]


def _set_up(axes: Any, points: Sequence[Point], limits: Limits, threads: int) -> None:
    """Ranges that show every point and the knees of all roofs, and a calm style."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    peak = limits.peak(threads) / 1e9
    knees = [limits.peak(threads) / level.read[threads] for level in limits.memory]
    left = min([min(knees) / 2, *(point.intensity / 1.6 for point in points)])
    right = max([max(knees) * 8, *(point.intensity * 2 for point in points)])
    bottom = min([peak / 25, *(_rate(point) / 1.6 for point in points)])
    top = max([peak * 1.5, *(_rate(point) * 1.25 for point in points)])
    axes.set(xscale="log", yscale="log", xlim=(left, right), ylim=(bottom, top))
    axes.set_xlabel("arithmetic intensity: operations per byte that has to be moved", color=INK)
    axes.set_ylabel("GFLOP/s", color=INK)
    title = f"Kernels of pyneural and the roofs of {limits.processor}, {unit_name(limits.device, threads)}"
    axes.set_title(title, loc="left", color=INK, pad=14, fontsize=13)
    plain = FuncFormatter(lambda value, _: f"{value:g}")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(plain)
        axis.set_minor_formatter(NullFormatter())
    axes.grid(True, which="major", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", color=FAINT, labelcolor=INK)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(FAINT)


def _draw_roofs(figure: Any, axes: Any, limits: Limits, threads: int) -> list:
    """Bandwidths as slopes, peaks as ceilings, each with its name. Returns the places of the names."""
    left, right = axes.get_xlim()
    bottom, _ = axes.get_ylim()
    peak = limits.peak(threads) / 1e9
    fastest = max(level.read[threads] for level in limits.memory) / 1e9
    texts = []
    for level, rates in limits.peaks.items():
        ceiling, used = rates[threads] / 1e9, level == limits.simd_level
        if ceiling < bottom:
            continue
        width, style, color = (2, "-", ROOF) if used else (1.2, "--", FAINT)
        axes.plot([ceiling / fastest, right], [ceiling] * 2, color=color, linewidth=width, linestyle=style, zorder=1)
        name = f"{simd_name(level)} multiply-add, {number(ceiling)} GFLOP/s"
        place = {"xytext": (-2, 4), "textcoords": "offset points", "ha": "right", "va": "bottom", "fontsize": 9}
        texts.append(axes.annotate(name, (right, ceiling), color=color if used else "#7C879A", **place))
    figure.draw_without_rendering()  # fixes the scales, so that names can lie along their slopes
    for level in limits.memory:
        rate = level.read[threads] / 1e9
        begin = max(left, bottom / rate)
        start, end = (begin, begin * rate), (peak / rate, peak)
        axes.plot(*zip(start, end), color=ROOF, linewidth=1.4, zorder=1)
        (ax, ay), (bx, by) = axes.transData.transform([start, end])
        angle = math.atan2(by - ay, bx - ax)
        beside = (14 * math.cos(angle) - 5 * math.sin(angle), 14 * math.sin(angle) + 5 * math.cos(angle))
        place = {"xytext": beside, "textcoords": "offset points", "rotation_mode": "anchor"}
        place["rotation"] = math.degrees(angle)
        texts.append(axes.annotate(f"{level.name} {number(rate)} GB/s", start, color=ROOF, fontsize=9, **place))
    renderer = figure.canvas.get_renderer()
    return [text.get_window_extent(renderer) for text in texts]


def _draw_points(axes: Any, points: Sequence[Point], families: list[str]) -> None:
    for family in families:
        mine = [point for point in points if point.family == family]
        axes.scatter(
            [point.intensity for point in mine],
            [_rate(point) for point in mine],
            s=46,
            color=_color(family, families),
            marker=_marker(family, families),
            edgecolor="white",
            linewidth=0.8,
            label=family,
            zorder=3,
        )


def _number_points(figure: Any, axes: Any, points: Sequence[Point], families: list[str], taken: list) -> None:
    """A number beside each point, where it covers no point, number or name as long as there is such a place."""
    from matplotlib.patheffects import withStroke
    from matplotlib.transforms import Bbox

    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    scale = DPI / 72
    places = axes.transData.transform([(point.intensity, _rate(point)) for point in points])
    taken = [*taken, *(Bbox.from_bounds(x - 4 * scale, y - 4 * scale, 8 * scale, 8 * scale) for x, y in places)]
    outline = [withStroke(linewidth=2, foreground="white")]
    for index, point in enumerate(points):
        text = axes.annotate(
            str(index + 1),
            (point.intensity, _rate(point)),
            xytext=OFFSETS[0],
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=7.5,
            color=_color(point.family, families),
            path_effects=outline,
            zorder=4,
        )
        for offset in OFFSETS:
            text.set_position(offset)
            box = text.get_window_extent(renderer)
            if not any(box.overlaps(other) for other in taken):
                break
        else:
            text.set_position(OFFSETS[0])
        taken.append(text.get_window_extent(renderer))


def _list_points(axes: Any, points: Sequence[Point], families: list[str], limits: Limits) -> None:
    """The names behind the numbers, by family, with the share of the limit."""
    axes.axis("off")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.text(1, 1, "of the limit", ha="right", va="center", fontsize=8, color=INK)
    height, index = 1.0, 0
    for family in families:
        color = _color(family, families)
        axes.plot([0.03], [height], marker=_marker(family, families), color=color, markersize=7, clip_on=False)
        axes.text(0.09, height, family, va="center", fontsize=9.5, color=color, weight="bold")
        for point in (point for point in points if point.family == family):
            index, height = index + 1, height - LINE
            axes.text(0.055, height, str(index), ha="right", va="center", fontsize=7.5, color=color)
            axes.text(0.09, height, _short(point.name), va="center", fontsize=7.5, color=INK)
            axes.text(1, height, f"{point.share(limits):.0%}", ha="right", va="center", fontsize=7.5, color=INK)
        height -= 1.6 * LINE


def _short(name: str) -> str:
    """A case's name without what its family tells."""
    for word in ("matmul ", "conv2d ", "depthwise ", "forward "):
        name = name.removeprefix(word)
    return name
