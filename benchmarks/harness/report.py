"""Results as tables in the terminal and as JSON files."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.harness.memory import Peak
from benchmarks.harness.overhead import Overhead
from benchmarks.harness.peers import PEERS, title
from benchmarks.harness.pressure import Pressure
from benchmarks.harness.turns import CPU, OURS, Comparison
from pyneural.bench.limits import Limits

BEHIND = 1.0  # a ratio below it is a loss
DIGITS = 5  # that times are written with: more than they are worth


def threads_text(threads: int) -> str:
    """In words."""
    return "one thread" if threads == 1 else f"{threads} threads"


def where_text(limits: Limits, threads: int) -> str:
    """What computes, in words: threads, or a GPU by its name."""
    return threads_text(threads) if limits.device == CPU else limits.processor


def time_text(seconds: float) -> str:
    """With a unit that leaves one to three digits before the point."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1.0:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def rate_text(case: dict, seconds: float, limits: Limits, threads: int) -> str:
    """GFLOP/s, or GB/s of what computes nothing, and the share of what the machine could do."""
    flops, moved = case.get("flops", 0.0), case.get("bytes", 0.0)
    if not flops and not moved:
        return ""
    rate = f"{flops / seconds / 1e9:.4g} GF/s" if flops else f"{moved / seconds / 1e9:.4g} GB/s"
    least = limits.in_precision(case.get("precision")).seconds(flops, moved, threads, case.get("footprint"))
    return f"{rate} {least / seconds:4.0%}"


def ratio_text(comparison: Comparison, peer: str, with_variant: bool) -> str:
    """The ratio, its quartiles, and the peer's variant where it has several."""
    if peer not in comparison.ratios:
        return "[dim]error[/dim]" if peer in comparison.errors else ""
    ratio, (low, high) = comparison.ratios[peer], comparison.spreads[peer]
    colour = "red" if ratio < BEHIND else "green"
    variant = f" {comparison.variants[peer]}" if with_variant else ""
    return f"[{colour}]{number(ratio)}[/{colour}] [dim]{number(low)}-{number(high)}{variant}[/dim]"


def number(ratio: float) -> str:
    """With three digits, or more before the point."""
    return f"{ratio:.{2 if ratio < 10 else 1 if ratio < 100 else 0}f}"


def comparison_table(heading: str, comparisons: list[Comparison], threads: int, limits: Limits) -> Table:
    """A row for each case, a column for each peer: how many times longer it takes."""
    peers = measured_peers(comparisons)
    several = {peer: len({row.variants[peer] for row in comparisons if peer in row.ratios}) > 1 for peer in peers}
    note = "a peer's column: its time over ours (larger is better for us), and the quartiles of that ratio"
    heading = f"{heading}, {where_text(limits, threads)}"
    table = Table(title=heading, title_justify="left", caption=note if peers else None, caption_justify="left")
    table.add_column("case", no_wrap=True)
    table.add_column(OURS, justify="right", no_wrap=True)
    rated = any(row.case.get("bytes") for row in comparisons)
    if rated:
        table.add_column("rate, of limit", justify="right", no_wrap=True)
    for peer in peers:
        table.add_column(title(peer), no_wrap=True)
    for row in comparisons:
        if OURS not in row.seconds:
            table.add_row(row.case["name"], f"[red]{row.errors.get(OURS, 'none')}[/red]")
            continue
        seconds = row.seconds[OURS]
        rate = [rate_text(row.case, seconds, limits, threads)] if rated else []
        table.add_row(
            row.case["name"], time_text(seconds), *rate, *(ratio_text(row, peer, several[peer]) for peer in peers)
        )
    return table


def measured_peers(comparisons: list[Comparison]) -> list[str]:
    """In the order of the list of peers."""
    measured = {peer for row in comparisons for peer in row.ratios}
    return sorted(measured, key=lambda peer: list(PEERS).index(peer) if peer in PEERS else len(PEERS))


def summary(comparisons: Iterable[Comparison]) -> list[str]:
    """The geometric mean of the ratios to each peer and to the best of them, and where we lose."""
    rows = [row for row in comparisons if row.ratios]
    lines = []
    for peer in measured_peers(rows):
        ratios = [row.ratios[peer] for row in rows if peer in row.ratios]
        lines.append(f"{title(peer)}: geometric mean {geometric_mean(ratios):.2f} over {len(ratios)} cases")
    if rows:
        best = [row.best for row in rows]
        behind = sorted((row.best, row.case["name"]) for row in rows if row.best < BEHIND)
        lines.append(f"best peer: geometric mean {geometric_mean(best):.2f}, least {min(best):.2f}")
        lines += [f"  behind: {name} {ratio:.2f}" for ratio, name in behind]
    for error in dict.fromkeys(f"{title(side)}: {text}" for row in comparisons for side, text in row.errors.items()):
        lines.append(f"error of {error}")
    return lines


def geometric_mean(values: list[float]) -> float:
    """Of positive values."""
    return math.exp(sum(map(math.log, values)) / len(values))


def pressure_table(rows: list[Pressure]) -> Table:
    """How many times slower a step gets."""
    table = Table(title="Training when processors are scarce, default threads", title_justify="left")
    for column in ("model", "side", "a step alone", "two trainings at once", "a busy neighbour on every processor"):
        table.add_column(column, justify="left" if column in ("model", "side") else "right")
    for row in rows:
        slower = (f"{slowdown:.2f} x" for slowdown in (row.slowdown_together, row.slowdown_with_neighbours))
        table.add_row(row.model, title(row.side), time_text(row.alone), *slower)
    return table


def memory_table(rows: list[Peak]) -> Table:
    """The peaks of all sides, ours first."""
    table = Table(title="Peak memory of training the MNIST CNN in a fresh process", title_justify="left")
    for column in ("side", "after the import", "in the end", "over ours"):
        table.add_column(column, justify="left" if column == "side" else "right")
    ours = next(row.trained for row in rows if row.side == OURS)
    for row in rows:
        sizes = (f"{size / 1e6:.0f} MB" for size in (row.imported, row.trained))
        table.add_row(f"{title(row.side)} [dim]{row.variant}[/dim]", *sizes, f"{row.trained / ours:.2f}")
    return table


def overhead_table(rows: list[Overhead]) -> Table:
    """What there is beside the kernels."""
    table = Table(title="Beside the kernels", title_justify="left")
    table.add_column("what")
    table.add_column("", justify="right")
    table.add_column("")
    for row in rows:
        table.add_row(row.name, overhead_text(row.as_dict()), row.note)
    return table


def overhead_text(row: dict) -> str:
    """Its value with its unit."""
    if row["unit"] == "s":
        return time_text(row["value"])
    return f"{row['value'] / 1e6:.1f} MB" if row["unit"] == "bytes" else f"{row['value']:.2f}"


def print_header(console: Console, machine: dict[str, str], limits: Limits) -> None:
    """The machine and what it can do at best."""
    for key, value in machine.items():
        console.print(f"{key:>14}: {value}", highlight=False)
    for threads in limits.threads:
        name = threads_text(threads) if limits.device == CPU else limits.device
        peaks = ", ".join(f"{level} {rates[threads] / 1e9:.0f}" for level, rates in limits.peaks.items())
        copies = ", ".join(f"{level.name} {level.copy[threads] / 1e9:.0f}" for level in limits.memory)
        text = f"multiply-adds {peaks} GFLOP/s; copies {copies} GB/s"
        console.print(f"{name:>14}: {text}", highlight=False)


def write_json(path: Path, head: dict[str, Any], rows: list[dict]) -> None:
    """A file whose rows take a line each, so that two of them can be compared with `diff`."""
    body = json.dumps(_rounded(head), indent=2)[:-2] + ',\n  "results": [\n    '
    lines = ",\n    ".join(json.dumps(_rounded(row)) for row in rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{body}{lines}\n  ]\n}}\n")


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return value
