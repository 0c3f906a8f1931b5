"""Tables in the terminal: with `rich` where it is installed, else plain text."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from typing import Any

from pyneural.bench.limits import Limits
from pyneural.bench.results import Point, Training, unit_name

BAR = 8  # characters of a full bar
SHARE = "of the"  # begins the titles of columns of shares
EIGHTHS = " ▏▎▍▌▋▊▉"
GOOD, FAIR = 0.85, 0.6  # shares of the limit that are shown in green and yellow
COLORS = ("green", "yellow", "red")
WIDTH = 120  # of a table that is not written to a terminal
SIMD_NAMES = {
    "baseline": "SSE4.2",
    "avx2": "AVX2",
    "avx512": "AVX-512",
    "tf32": "TF32 tensor cores",
    "bf16": "BF16 tensor cores",
}

Rows = Sequence[Sequence[str]]


def limits_tables(limits: Limits) -> list[tuple[str, list[str], Rows]]:
    """The limits of a device: arithmetic, then bandwidth."""
    threads = [unit_name(limits.device, count) for count in limits.threads]
    where = "" if limits.device == "cpu" else f" of {limits.processor}"
    peaks = [
        [
            simd_name(level) + (" (in use)" if level == limits.simd_level else ""),
            *(number(r / 1e9) for r in rates.values()),
        ]
        for level, rates in limits.peaks.items()
    ]
    bandwidths = [
        [
            level.name,
            "" if level.size is None else size(level.size),
            *(number(rate / 1e9) for count in limits.threads for rate in (level.read[count], level.copy[count])),
        ]
        for level in limits.memory
    ]
    names = [f"{what}, {count}" for count in threads for what in ("read", "copy")]
    return [
        (f"Multiply-adds{where}, GFLOP/s in float32", ["instructions", *threads], peaks),
        (f"Bandwidth{where}, GB/s", ["level", "size", *names], bandwidths),
    ]


def kernels_table(points: Sequence[Point], limits: Limits) -> tuple[str, list[str], Rows]:
    """The kernels of one thread count, or of a GPU, against the limits."""
    rows = [
        [
            point.name,
            duration(point.seconds),
            number(point.flops / point.seconds / 1e9) if point.flops else "",
            number(point.bytes / point.seconds / 1e9),
            point.bound(limits),
            share(point.share(limits)),
        ]
        for point in points
    ]
    title = f"Kernels on {unit_name(points[0].device, points[0].threads)}"
    return title, ["kernel", "time", "GFLOP/s", "GB/s", "bound by", "of the limit"], rows


def trainings_table(trainings: Sequence[Training], limits: Limits) -> tuple[str, list[str], Rows]:
    """The training steps of one thread count, or of a GPU."""
    rows = [
        [
            training.name,
            str(training.batch),
            duration(training.seconds),
            f"{training.batch / training.seconds:,.0f}",
            number(training.flops / training.seconds / 1e9),
            f"{training.overhead:.0%}",
            share(training.share_of_peak(limits)),
        ]
        for training in trainings
    ]
    title = f"Training on {unit_name(trainings[0].device, trainings[0].threads)}"
    return title, ["model", "batch", "step", "samples/s", "GFLOP/s", "beside kernels", "of the peak"], rows


def show(title: str, columns: Sequence[str], rows: Rows) -> None:
    """Prints a table. The first column is text, the others are numbers; a share ends with a bar."""
    if importlib.util.find_spec("rich") is None:
        print(plain(title, columns, rows), flush=True)
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="")
    for index, column in enumerate(columns):
        left = index == 0 or column.startswith(SHARE)
        table.add_column(column, justify="left" if left else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(_colored(cell) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    console.print(title, style="bold")
    console.print(table)


def plain(title: str, columns: Sequence[str], rows: Rows) -> str:
    """The table as aligned text."""
    widths = [max(map(len, column)) for column in zip(columns, *rows)]
    lines = [title, ""]
    for row in (columns, ["-" * width for width in widths], *rows):
        cells = [cell.rjust(width) for cell, width in zip(row, widths)]
        cells[0] = row[0].ljust(widths[0])
        lines.append("  " + "  ".join(cells).rstrip())
    return "\n".join([*lines, ""])


def _colored(cell: str) -> Any:
    from rich.text import Text

    percent, _, bar = cell.partition("% ")
    if not bar:
        return Text(cell)
    value = float(percent) / 100
    return Text(cell, style=COLORS[0 if value >= GOOD else 1 if value >= FAIR else 2])


def simd_name(level: str) -> str:
    """As processors' makers spell it."""
    return SIMD_NAMES.get(level, level)


def number(value: float) -> str:
    """Three digits or more."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:#.3g}".rstrip(".")


def duration(seconds: float) -> str:
    """With a unit that leaves one to three digits before the point."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1:
            return f"{number(seconds * factor)} {unit}"
    return f"{number(seconds * 1e9)} ns"


def size(count: float) -> str:
    """Bytes in powers of 1024."""
    for unit in ("B", "KB", "MB"):
        if count < 1024:
            return f"{count:.4g} {unit}"
        count /= 1024
    return f"{count:.4g} GB"


def share(value: float) -> str:
    """A percentage and a bar."""
    eighths = min(8 * BAR, max(0, round(8 * BAR * value)))
    full, rest = divmod(eighths, 8)
    bar = "█" * full + (EIGHTHS[rest] if rest else "")
    return f"{value:4.0%} {bar:<{BAR}}"
