"""Pictures of the results: ratios to each peer, and our kernels below this machine's roofs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from benchmarks.harness.peers import PEERS, title
from benchmarks.harness.report import number
from benchmarks.harness.turns import OURS, Comparison
from pyneural.bench import plots
from pyneural.bench.kernels import family
from pyneural.bench.limits import Limits
from pyneural.bench.results import Point

# Colours that the colour-blind can tell apart (Okabe and Ito).
COLORS = dict(
    zip(
        PEERS,
        ("#0072B2", "#D55E00", "#E69F00", "#009E73", "#56B4E9", "#CC79A7", "#7F3C8D", "#5B5B5B", "#332288", "#117733"),
    )
)
INK, GRID = "#222222", "#E6E9EF"
MANY = 24  # cases: more are drawn as sorted curves, as nobody could read the names
EXTREMES = 3  # names at each end of such a curve
ROW = 0.2  # inches for a bar
LONGEST = 32.0  # longer bars are cut, as all others would look alike beside them; the figure at their end is right
DPI = 150


def ratios(comparisons: list[Comparison], heading: str, note: str, path: Path) -> None:
    """Draws how many times longer each peer takes; nothing if no peer was measured."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = [row for row in comparisons if row.ratios]
    if not rows:
        return
    many = len(rows) > MANY
    bars = sum(len(row.ratios) + 1 for row in rows)
    figure = Figure(figsize=(10, 6 if many else 1.9 + ROW * bars), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    (_draw_curves if many else _draw_bars)(axes, rows)
    axes.set_title(heading, loc="left", color=INK, fontsize=12, pad=22)
    axes.annotate(
        f"a peer's time over pyneural's; {'above' if many else 'right of'} 1 pyneural is faster · {note}",
        (0, 1),
        xytext=(0, 7),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=8.5,
        color="#666666",
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _draw_bars(axes: Any, rows: list[Comparison]) -> None:
    """A group of bars for each case, with the quartiles as whiskers."""
    places, names, place, seen = [], [], 0.0, set()
    for row in rows:
        begin = place
        for peer, ratio in sorted(row.ratios.items(), key=lambda item: item[1]):
            low, high = row.spreads[peer]
            label = None if peer in seen else title(peer)
            seen.add(peer)
            shown, low, high = (min(value, LONGEST) for value in (ratio, low, high))
            axes.barh(place, shown - 1.0, 0.82, left=1.0, color=COLORS[peer], label=label, zorder=2)
            axes.plot([low, high], [place, place], color=INK, linewidth=1, zorder=3)
            edge = max(shown, high, 1.0)
            text = number(ratio) + (" →" if ratio > LONGEST else "")
            axes.annotate(text, (edge, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=7.5)
            place += 1.0
        places.append((begin + place - 1.0) / 2)
        names.append(row.case["name"])
        place += 1.0
    axes.set_yticks(places, names)
    axes.set_ylim(place - 1.0, -1.0)
    axes.tick_params(axis="y", length=0)
    _scale(axes, "x", [min(ratio, LONGEST) for row in rows for ratio in row.ratios.values()])
    axes.axvline(1.0, color=INK, linewidth=1.2, zorder=4)
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda i: [title(peer) for peer in PEERS].index(labels[i]))
    place = {"loc": "outside lower center", "ncols": len(order), "frameon": False, "fontsize": 9}
    axes.figure.legend([handles[i] for i in order], [labels[i] for i in order], **place)


def _draw_curves(axes: Any, rows: list[Comparison]) -> None:
    """For each peer all ratios, the smallest first, with a band of quartiles; the extremes are named."""
    for peer in PEERS:
        mine = sorted((row for row in rows if peer in row.ratios), key=lambda row: row.ratios[peer])
        if not mine:
            continue
        # All cases side by side, whoever has fewer of them.
        places = [100.0 * (i + 0.5) / len(mine) for i in range(len(mine))]
        values = [row.ratios[peer] for row in mine]
        mean = math.exp(sum(map(math.log, values)) / len(values))
        label = f"{title(peer)}: geometric mean {mean:.2f}, {len(mine)} cases"
        axes.plot(places, values, color=COLORS[peer], marker="o", markersize=3, linewidth=1.2, label=label, zorder=3)
        low, high = zip(*(row.spreads[peer] for row in mine))
        axes.fill_between(places, low, high, color=COLORS[peer], alpha=0.18, linewidth=0, zorder=2)
    _scale(axes, "y", [ratio for row in rows for ratio in row.ratios.values()])
    axes.axhline(1.0, color=INK, linewidth=1.2, zorder=4)
    axes.set(xlim=(0, 100), xlabel="cases, the smallest ratio first (%)")
    axes.legend(loc="upper left", frameon=False, fontsize=9)
    least = sorted(rows, key=lambda row: row.best)[:EXTREMES]
    lines = "\n".join(f"{row.best:.2f}  {row.case['name']}" for row in least)
    axes.annotate(
        f"least, to the best peer\n{lines}",
        (0.99, 0.03),
        xycoords="axes fraction",
        ha="right",
        va="bottom",
        fontsize=8,
        color=INK,
        linespacing=1.4,
    )


def _scale(axes: Any, which: str, values: list[float]) -> None:
    """A logarithmic axis with plain numbers that shows 1 in any case."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    low, high = min([1.0, *values]), max([2.0, *values])
    getattr(axes, f"set_{which}scale")("log")
    getattr(axes, f"set_{which}lim")(low / 1.15, high * 1.35)
    axis = getattr(axes, f"{which}axis")
    ticks = [1, 1.5, 2, 3, 5] if high < 5 else [1, 2, 3, 5] if high < 50 else [1, 2, 5]
    decades = range(math.floor(math.log10(low / 1.15)), math.ceil(math.log10(high * 1.35)) + 1)
    axis.set_major_locator(FixedLocator([tick * 10.0**decade for decade in decades for tick in ticks]))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(True, axis=which, color=GRID, linewidth=0.8, zorder=0)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", labelcolor=INK, color=GRID)
    for side in ("top", "right", "left" if which == "x" else "bottom"):
        axes.spines[side].set_visible(False)


def roofline(comparisons: list[Comparison], limits: Limits, threads: int, path: Path) -> None:
    """Draws our kernels below the roofs of this machine; nothing if none of them computes anything."""
    points = [
        Point(
            row.case["name"],
            family(row.case),
            threads,
            row.seconds[OURS],
            row.case["flops"],
            row.case["bytes"],
            limits.device,
        )
        for row in comparisons
        if row.threads == threads and OURS in row.seconds and row.case.get("flops") and row.case.get("bytes")
    ]
    if points:
        path.parent.mkdir(parents=True, exist_ok=True)
        plots.roofline(points, limits, path, threads)
