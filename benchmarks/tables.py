"""The tables of docs/performance.md from a folder of results: python -m benchmarks.tables benchmarks/results/MACHINE"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness.peers import title
from benchmarks.harness.report import BEHIND, geometric_mean, number, overhead_text, threads_text, time_text
from benchmarks.harness.turns import OURS

WHOLE = ("train", "predict")  # suites whose cases are shown one by one
SUMMED = ("matmul", "conv2d", "pool2d", "pointwise")  # and those of which only means and losses are


def best(row: dict) -> float:
    """The ratio to the fastest peer."""
    return min(row["ratios"].values())


def table(heads: list[str], rows: list[list[str]]) -> Iterator[str]:
    """Lines of a Markdown table, all but its first column to the right."""
    yield f"| {' | '.join(heads)} |"
    yield "|---|" + "---:|" * (len(heads) - 1)
    for row in rows:
        yield f"| {' | '.join(row)} |"


def cases(rows: list[dict]) -> Iterator[str]:
    """Our time and the ratio to each peer, case by case."""
    peers = list(dict.fromkeys(peer for row in rows for peer in row["ratios"]))
    lines = []
    for row in rows:
        ratios = [number(row["ratios"][peer]) if peer in row["ratios"] else "" for peer in peers]
        lines.append([row["case"]["name"], time_text(row["seconds"][OURS]), *ratios])
    yield from table(["", "pyneural", *map(title, peers)], lines)


def means(rows: list[dict]) -> Iterator[str]:
    """Geometric means over all cases, and the cases in which a peer is ahead."""
    rows = [row for row in rows if row["ratios"]]
    peers = list(dict.fromkeys(peer for row in rows for peer in row["ratios"]))
    lines = []
    for peer in peers:
        ratios = [row["ratios"][peer] for row in rows if peer in row["ratios"]]
        lines.append([title(peer), str(len(ratios)), number(geometric_mean(ratios)), number(min(ratios))])
    if len(peers) > 1:
        ratios = [best(row) for row in rows]
        lines.append(["the best of them", str(len(ratios)), number(geometric_mean(ratios)), number(min(ratios))])
    yield from table(["", "cases", "geometric mean", "least"], lines)
    behind = sorted((best(row), row["case"]["name"]) for row in rows if best(row) < BEHIND)
    if behind:
        yield ""
        yield "Behind in: " + ", ".join(f"{name} ({number(ratio)})" for ratio, name in behind) + "."


def pressure(rows: list[dict]) -> Iterator[str]:
    """How many times slower a step gets."""
    lines = []
    for row in rows:
        slower = (number(row[key]) for key in ("slowdown_together", "slowdown_with_neighbours"))
        lines.append([f"{row['model']}, {title(row['side'])}", time_text(row["alone"]), *slower])
    yield from table(["", "a step alone", "two trainings", "busy neighbours"], lines)


def memory(rows: list[dict]) -> Iterator[str]:
    """Peaks of a fresh process."""
    lines = [[title(row["side"]), *(f"{row[key] / 1e6:.0f} MB" for key in ("imported", "trained"))] for row in rows]
    yield from table(["", "after the import", "after training the MNIST CNN"], lines)


def overhead(rows: list[dict]) -> Iterator[str]:
    """What there is beside the kernels."""
    lines = [[f"{row['name']} ({row['note']})" if row["note"] else row["name"], overhead_text(row)] for row in rows]
    yield from table(["", ""], lines)


def main(folder: Path) -> None:
    """Prints everything that the folder holds."""
    for suite in (*SUMMED, *WHOLE):
        path = folder / f"{suite}.json"
        if not path.exists():
            continue
        report = json.loads(path.read_text())
        gpu, rows = report["machine"].get("gpu"), report["results"]
        for threads, precision in sorted({(row["threads"], row["case"].get("precision", "")) for row in rows}):
            print(f"\n### {suite}, {f'{gpu} {precision}'.rstrip() if gpu else threads_text(threads)}\n")
            mine = [row for row in rows if (row["threads"], row["case"].get("precision", "")) == (threads, precision)]
            print("\n".join(cases(mine) if suite in WHOLE else means(mine)))
    for suite in (pressure, memory, overhead):
        path = folder / f"{suite.__name__}.json"
        if path.exists():
            print(f"\n### {suite.__name__}\n")
            print("\n".join(suite(json.loads(path.read_text())["results"])))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
