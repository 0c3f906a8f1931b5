"""The roofline picture: what the machine allows for a kernel of some intensity, and what our kernels reach."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyneural.bench.limits import Limits
from pyneural.bench.results import Point
from pyneural.bench.tables import number, simd_name, thread_count

# Colours that the colour-blind can tell apart (Okabe and Ito), and a marker for each.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F3C8D", "#5B5B5B")
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "*")
ROOF, FAINT, INK = "#33415C", "#AAB4C4", "#222222"
LABEL_OFFSETS = ((7, 4), (7, -11), (-7, 4), (-7, -11), (0, 9), (0, -16))
SIZE = (11, 7)
DPI = 150


def require_matplotlib() -> None:
    """Raises ImportError that says what to install, if nothing can be drawn."""
    if importlib.util.find_spec("matplotlib") is None:
        raise ImportError("Plots need matplotlib: pip install 'pyneural-nn[plots]'")


def roofline(points: Sequence[Point], limits: Limits, path: str | Path, threads: int | None = None) -> None:
    """Draws kernels below the machine's roofs, on logarithmic axes.

    Args:
        points: kernels; those of another number of threads or without operations to count are left out.
        limits: of the machine.
        path: the picture to write.
        threads: whose roofs are drawn; by default the smallest number that was measured.
    """
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    threads = limits.threads[0] if threads is None else threads
    shown = [point for point in points if point.threads == threads and point.flops]
    figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set(xscale="log", yscale="log", xlabel="arithmetic intensity, operations per byte", ylabel="GFLOP/s")
    _set_ranges(axes, shown, limits, threads)
    _style(axes)
    boxes = _draw_roofs(figure, axes, limits, threads)
    _draw_points(axes, shown)
    title = f"Kernels of pyneural below the roofs of {limits.processor}, {thread_count(threads)}"
    axes.set_title(title, loc="left", color=INK, pad=12)
    if shown:
        axes.legend(loc="lower right", frameon=False)
    _label_points(figure, axes, shown, boxes)
    figure.savefig(path)


def _set_ranges(axes: Any, points: Sequence[Point], limits: Limits, threads: int) -> None:
    peak = limits.peak(threads) / 1e9
    slowest = min((level.read[threads] for level in limits.memory), default=1e9)
    ridge = limits.peak(threads) / slowest  # where even memory is fast enough
    left = min([0.1, *(point.intensity / 2 for point in points)])
    right = max([8 * ridge, *(point.intensity * 3 for point in points)])
    bottom = min([peak / 200, *(point.flops / point.seconds / 2e9 for point in points)])
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, peak * 2)


def _style(axes: Any) -> None:
    from matplotlib.ticker import FuncFormatter

    plain = FuncFormatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_major_formatter(plain)
    axes.yaxis.set_major_formatter(plain)
    axes.grid(True, which="major", color="#E6E9EF", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", color=FAINT, labelcolor=INK)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(FAINT)


def _draw_roofs(figure: Any, axes: Any, limits: Limits, threads: int) -> list:
    """Bandwidths as slopes, peaks as ceilings, each with its name. Returns the places of the names."""
    peak = limits.peak(threads) / 1e9
    left, right = axes.get_xlim()
    bottom, _ = axes.get_ylim()
    texts = []
    best = max(level.read[threads] for level in limits.memory) / 1e9
    for level, rates in limits.peaks.items():
        ceiling = rates[threads] / 1e9
        used = level == limits.simd_level
        style = {"color": ROOF if used else FAINT, "linewidth": 2 if used else 1.2, "linestyle": "-" if used else "--"}
        axes.plot([ceiling / best, right], [ceiling, ceiling], **style)
        text = f"{simd_name(level)} multiply-add {number(ceiling)} GFLOP/s"
        place = {"xytext": (-2, 4), "textcoords": "offset points", "ha": "right", "va": "bottom", "fontsize": 9}
        texts.append(axes.annotate(text, (right, ceiling), color=ROOF if used else "#7C879A", **place))
    figure.draw_without_rendering()
    for level in limits.memory:
        rate = level.read[threads] / 1e9
        x0 = max(left, bottom / rate)
        axes.plot([x0, peak / rate], [x0 * rate, peak], color=ROOF, linewidth=1.4)
        (ax, ay), (bx, by) = axes.transData.transform([(x0, x0 * rate), (peak / rate, peak)])
        angle = math.degrees(math.atan2(by - ay, bx - ax))
        place = {"rotation": angle, "rotation_mode": "anchor", "xytext": (4, 5), "textcoords": "offset points"}
        texts.append(
            axes.annotate(f"{level.name} {number(rate)} GB/s", (x0, x0 * rate), color=ROOF, fontsize=9, **place)
        )
    renderer = figure.canvas.get_renderer()
    return [text.get_window_extent(renderer) for text in texts]


def _draw_points(axes: Any, points: Sequence[Point]) -> None:
    for index, family in enumerate(dict.fromkeys(point.family for point in points)):
        mine = [point for point in points if point.family == family]
        axes.scatter(
            [point.intensity for point in mine],
            [point.flops / point.seconds / 1e9 for point in mine],
            s=52,
            color=COLORS[index % len(COLORS)],
            marker=MARKERS[index % len(MARKERS)],
            edgecolor="white",
            linewidth=0.8,
            label=family,
            zorder=3,
        )


def _label_points(figure: Any, axes: Any, points: Sequence[Point], boxes: list) -> None:
    """Names points where there is room: no name covers another one, a point or a roof's name."""
    from matplotlib.transforms import Bbox

    renderer = figure.canvas.get_renderer()
    figure.draw_without_rendering()
    families = list(dict.fromkeys(point.family for point in points))
    places = axes.transData.transform([(p.intensity, p.flops / p.seconds / 1e9) for p in points]) if points else []
    taken = [*boxes, *(Bbox.from_bounds(x - 6, y - 6, 12, 12) for x, y in places)]
    if axes.get_legend():
        taken.append(axes.get_legend().get_window_extent(renderer))
    inside = axes.get_window_extent(renderer)
    for point in points:
        color = COLORS[families.index(point.family) % len(COLORS)]
        for dx, dy in LABEL_OFFSETS:
            text = axes.annotate(
                _short(point.name),
                (point.intensity, point.flops / point.seconds / 1e9),
                xytext=(dx, dy),
                textcoords="offset points",
                ha="left" if dx > 0 else "right" if dx < 0 else "center",
                fontsize=7.5,
                color=color,
            )
            box = text.get_window_extent(renderer)
            fits = inside.x0 <= box.x0 and box.x1 <= inside.x1 and inside.y0 <= box.y0
            if fits and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            text.remove()


def _short(name: str) -> str:
    """A case's name without what the colour tells."""
    for word in ("matmul ", "conv2d ", "depthwise ", "forward ", "input ", "kernel ", " NN", " valid", " same", " /1"):
        name = name.replace(word, "")
    return name
