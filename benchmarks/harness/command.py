"""The command line: chooses suites, peers and threads, runs them, prints and writes."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from benchmarks.harness import machine, memory, overhead, peers, pictures, pressure, report
from benchmarks.harness.gpu_suites import GPU_SUITES
from benchmarks.harness.suites import SUITES, Suite, start_workers
from benchmarks.harness.turns import CPU, OURS, Comparison, compare
from pyneural import _core
from pyneural.bench import limits

SPECIAL = ("pressure", "memory", "overhead")
QUICK_ROUNDS = 3
LIMITS_SECONDS = 3.0
OUTPUT = Path("build/bench")
COMPILED = "torch_compile"


def main(arguments: list[str] | None = None) -> int:
    """Runs the suites that were asked for. Returns the exit status."""
    options = parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through the code that ends the sides' processes
    run = Run(options)
    run.print_header()
    begin = time.monotonic()
    for name in options.suite:
        try:
            if name in run.suites:
                for threads in options.threads:
                    run.suite(run.suites[name], threads)
            else:
                getattr(run, name)()
        except KeyboardInterrupt:
            print("\nInterrupted: what was measured before is written.", file=sys.stderr)
            return 130
        finally:
            run.write(name)
    run.console.print(f"\n{(time.monotonic() - begin) / 60:.1f} minutes. Figures and pictures: {options.output}")
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The options, checked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = [*SUITES, *SPECIAL]
    parser.add_argument(
        "--device", default=CPU, help="cpu, or cuda: pyneural and PyTorch on the same GPU (default: cpu)"
    )
    parser.add_argument(
        "--suite",
        type=_list_of(names),
        default=None,
        help=f"some of {','.join(names)} (default: all); on a GPU of {','.join(GPU_SUITES)}",
    )
    parser.add_argument(
        "--peers",
        type=_list_of(list(peers.PEERS)),
        default=None,
        help=f"some of {','.join(peers.PEERS)}; default: all but {COMPILED}, on a GPU {','.join(peers.GPU_PEERS)}",
    )
    parser.add_argument("--compile", action="store_true", help=f"{COMPILED} too: takes some minutes more")
    parser.add_argument(
        "--threads", type=_threads, default=None, help="numbers of threads, or `all` (default: 1,all)", metavar="COUNTS"
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="cases whose name contains it")
    parser.add_argument("--rounds", type=int, default=None, help="turns of each side, instead of the suite's number")
    parser.add_argument("--steps", type=int, default=None, help="batches of an epoch, instead of the model's number")
    parser.add_argument("--turn", type=float, default=None, metavar="SECONDS", help="of a turn, instead of the suite's")
    parser.add_argument("--quick", action="store_true", help="a few kernels of each suite, fewer turns")
    parser.add_argument(
        "--output", type=Path, default=Path("build/bench"), metavar="FOLDER", help="default: build/bench"
    )
    parser.add_argument("--install", action="store_true", help="make the peers' environments below build/peers first")
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="PEER[,PEER...]=PATH",
        help="an interpreter that has these peers installed, instead of the one below build/peers",
    )
    options = parser.parse_args(arguments)
    options.named = {}
    for text in options.python:
        names, separator, path = text.partition("=")
        if not separator or not Path(path).exists():
            parser.error(f"--python: expected PEER=PATH of an interpreter, received {text!r}")
        options.named |= {name: Path(path).absolute() for name in names.split(",")}
    try:
        options.device = _core.resolve_device(options.device)
    except (RuntimeError, ValueError) as error:
        parser.error(f"--device: {error}")
    on_cpu = options.device == CPU
    options.suite = options.suite or (names if on_cpu else list(GPU_SUITES))
    if not on_cpu and not set(options.suite) <= set(GPU_SUITES):
        parser.error(f"--suite: on a GPU there are {', '.join(GPU_SUITES)}")
    others = (COMPILED, *peers.ONLY_ON_GPU)
    options.peers = options.peers or ([p for p in peers.PEERS if p not in others] if on_cpu else list(peers.GPU_PEERS))
    if options.compile and COMPILED not in options.peers:
        options.peers.append(COMPILED)
    if not on_cpu:
        options.threads = [1]  # a GPU is used as a whole; what the CPU does meanwhile may use all processors
    options.threads = options.threads or sorted({1, len(machine.processors())})
    return options


def _list_of(names: list[str]) -> object:
    def parse_list(text: str) -> list[str]:
        chosen = text.split(",")
        for name in chosen:
            if name not in names:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(names)}")
        return chosen

    return parse_list


def _threads(text: str) -> list[int]:
    most = len(machine.processors())
    counts = {most if part == "all" else int(part) for part in text.split(",")}
    if min(counts) < 1 or max(counts) > most:
        raise argparse.ArgumentTypeError(f"expected numbers from 1 to {most}")
    return sorted(counts)


class Run:
    """All that is measured in one go: knows the peers, collects and writes results.

    Args:
        options: of the command line.
    """

    def __init__(self, options: argparse.Namespace):
        self.options = options
        self.console = Console(width=None if sys.stdout.isatty() else 220)
        self.left_out: dict[str, str] = {}
        self.versions: dict[str, dict] = {}
        self.results: dict[str, list] = {}
        self.device = options.device
        self.suites = SUITES if self.device == CPU else GPU_SUITES
        self.machine = machine.describe(self.device)
        if options.install:
            for problem in peers.install(options.peers, options.named):
                self.console.print(f"[yellow]{problem}[/yellow]")
        self.pythons = {}
        for side in options.peers:
            python = peers.python_of(side, options.named)
            if python is None:
                self._leave_out(side, "not installed (--install makes its environment)")
            else:
                self.pythons[side] = str(python)
        self.limits = limits.measure(options.threads, LIMITS_SECONDS, self.device)

    def print_header(self) -> None:
        """The machine and its limits."""
        report.print_header(self.console, self.machine, self.limits)

    def suite(self, suite: Suite, threads: int) -> None:
        """Measures a suite with so many threads, prints its table."""
        cases = suite.chosen(self.options.only, self.options.quick)
        if self.options.steps:
            cases = [{**case, "steps": self.options.steps} if "steps" in case else case for case in cases]
        if not cases:
            return
        rounds = self.options.rounds or (QUICK_ROUNDS if self.options.quick else suite.rounds)
        turn = self.options.turn or suite.turn
        before = dict(self.left_out)
        wanted = {side: python for side, python in self.pythons.items() if side in suite.peers}
        count, cpus = (threads, machine.pinned(threads)) if self.device == CPU else (0, machine.processors())
        workers = start_workers(wanted, sys.executable, count, cpus, self.left_out, self.device)
        for side in self.left_out.keys() - before.keys():
            self._leave_out(side, self.left_out[side])
        found = self.results.setdefault(suite.name, [])
        mine: list[Comparison] = []
        try:
            self.versions |= {worker.side: worker.info for worker in workers}
            with self._progress() as progress:
                for case in progress.track(cases, description=suite.name):
                    mine.append(compare(case, workers, threads, turn, rounds))
                    found.append(mine[-1])
        finally:
            for worker in workers:
                worker.close()
        self.console.print()
        self.console.print(report.comparison_table(suite.title, mine, threads, self.limits))
        for line in report.summary(mine):
            self.console.print(line, highlight=False)

    def pressure(self) -> None:
        """Two trainings at once, and neighbours."""
        rounds = self.options.rounds or pressure.ROUNDS
        sides = self._sides(pressure.PEERS)
        rows = list(pressure.measure(sides, machine.processors(), self.options.only, rounds))
        self._show("pressure", rows, report.pressure_table)

    def memory(self) -> None:
        """Peaks of memory."""
        threads = max(self.options.threads)
        rows = list(memory.measure(self._sides(memory.PEERS), threads, machine.pinned(threads)))
        self._show("memory", rows, report.memory_table)

    def overhead(self) -> None:
        """Import, installed size, `fit` over its kernels."""
        rows = list(overhead.measure(self.options.rounds or overhead.ROUNDS))
        self._show("overhead", rows, report.overhead_table)

    def write(self, name: str) -> None:
        """JSON and pictures of what was measured of a suite."""
        rows = self.results.get(name, [])
        if not rows:
            return
        head = {"suite": name, "machine": self.machine, "versions": self.versions, "left_out": self.left_out}
        head |= {"limits": self.limits.to_dict()}
        report.write_json(self.options.output / f"{name}.json", head, [row.as_dict() for row in rows])
        if name in self.suites:
            self._draw(self.suites[name], rows)

    def _draw(self, suite: Suite, rows: list[Comparison]) -> None:
        """Pictures for each number of threads; of a GPU for each precision."""
        for threads, precision in sorted({(row.threads, row.case.get("precision", "")) for row in rows}):
            mine = [row for row in rows if (row.threads, row.case.get("precision", "")) == (threads, precision)]
            heading = f"{suite.title}, {report.where_text(self.limits, threads)} {precision}".rstrip()
            note = f"{self.machine['processor']}, commit {self.machine['commit']}"
            mark = precision or ("gpu" if self.device != CPU else str(threads))
            pictures.ratios(mine, heading, note, self.options.output / f"{suite.name}_{mark}.png")
            roofs = self.limits.in_precision(precision)
            pictures.roofline(mine, roofs, threads, self.options.output / f"{suite.name}_roofline_{mark}.png")

    def _show(self, name: str, rows: list, table: object) -> None:
        self.results[name] = rows
        self.console.print()
        self.console.print(table(rows))

    def _sides(self, wanted: tuple[str, ...]) -> dict[str, str]:
        chosen = {side: self.pythons[side] for side in wanted if side in self.pythons and side not in self.left_out}
        return {OURS: sys.executable, **chosen}

    def _leave_out(self, side: str, reason: str) -> None:
        self.left_out[side] = reason
        self.console.print(f"[yellow]{peers.title(side)} is left out: {reason}[/yellow]", highlight=False)

    def _progress(self) -> Progress:
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
        return Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal)
