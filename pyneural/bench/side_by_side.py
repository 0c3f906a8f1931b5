"""The same kernels and models on several devices: pairs, tables and bars of the factor between CPU and GPU."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyneural.bench.limits import Limits
from pyneural.bench.results import Point, Training, unit_name
from pyneural.bench.tables import Rows, duration, number, share

CPU = "cpu"
BAR_COLOR, INK, GRID = "#0072B2", "#222222", "#E6E9EF"
ROW = 0.24  # inches for a bar
DPI = 150

Result = Point | Training


@dataclass(frozen=True)
class Pair:
    """What was measured on the CPU, with as many threads as there were, and on a GPU."""

    cpu: Result
    gpu: Result

    @property
    def factor(self) -> float:
        """How many times faster the GPU is."""
        return self.cpu.seconds / self.gpu.seconds

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "name": self.cpu.name,
            "gpu": self.gpu.device,
            "threads": self.cpu.threads,
            "cpu_seconds": self.cpu.seconds,
            "gpu_seconds": self.gpu.seconds,
            "factor": self.factor,
        }


def pairs(results: Sequence[Result]) -> list[Pair]:
    """Those of one name on the CPU and on a GPU."""
    best = {}
    for result in results:
        if result.device == CPU and (result.name not in best or result.threads > best[result.name].threads):
            best[result.name] = result
    return [Pair(best[result.name], result) for result in results if result.device != CPU and result.name in best]


def table(title: str, rows: Sequence[Pair], limits: dict[str, Limits]) -> tuple[str, list[str], Rows]:
    """Times, shares of each one's own limit, factors; the pairs are of one GPU."""
    cpu, gpu = rows[0].cpu, rows[0].gpu
    names = [unit_name(result.device, result.threads) for result in (cpu, gpu)]
    lines = [
        [
            pair.cpu.name,
            duration(pair.cpu.seconds),
            f"{_share(pair.cpu, limits):.0%}",
            duration(pair.gpu.seconds),
            f"{number(pair.factor)} x",
            share(_share(pair.gpu, limits)),
        ]
        for pair in rows
    ]
    what = "limit" if isinstance(cpu, Point) else "peak"
    columns = ["", names[0], f"its {what}", names[1], "factor", f"of the {what} of {names[1]}"]
    return f"{title}: {names[0]} and {limits[gpu.device].processor}", columns, lines


def _share(result: Result, limits: dict[str, Limits]) -> float:
    mine = limits[result.device]
    return result.share(mine) if isinstance(result, Point) else result.share_of_peak(mine)


def by_gpu(rows: Sequence[Pair]) -> Iterator[list[Pair]]:
    """The pairs of each GPU."""
    for device in dict.fromkeys(pair.gpu.device for pair in rows):
        yield [pair for pair in rows if pair.gpu.device == device]


def bars(rows: Sequence[Pair], limits: dict[str, Limits], path: str | Path) -> None:
    """Draws how many times faster a GPU is, a bar for each kernel and model; the pairs are of one GPU."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter

    figure = Figure(figsize=(10, 1.4 + ROW * len(rows)), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    factors = [pair.factor for pair in rows]
    places = range(len(rows))
    axes.barh(places, [factor - 1 for factor in factors], 0.75, left=1, color=BAR_COLOR, zorder=2)
    for place, factor in zip(places, factors):
        edge = (max(factor, 1.0), place)
        axes.annotate(number(factor), edge, xytext=(4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(places, [pair.cpu.name for pair in rows], fontsize=8)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set(xscale="log", xlim=(min([0.9, *factors]) / 1.1, max([2.0, *factors]) * 1.4))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.axvline(1, color=INK, linewidth=1.2, zorder=3)
    axes.grid(True, axis="x", color=GRID, zorder=0)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    cpu, gpu = rows[0].cpu, limits[rows[0].gpu.device].processor
    axes.set_title(
        f"How many times faster than {unit_name(CPU, cpu.threads)} of {limits[CPU].processor} is {gpu}?",
        loc="left",
        color=INK,
        fontsize=11,
    )
    figure.savefig(path)
