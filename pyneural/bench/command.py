"""`pyneural bench`: kernels and training steps of this machine against its own limits."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

SUITES = ("limits", "kernels", "models")
# Seconds for all limits, for each kernel and for each model.
SECONDS = {"limits": 3.0, "kernels": 0.2, "models": 1.0}
QUICK_SECONDS = {"limits": 0.8, "kernels": 0.05, "models": 0.2}
BUSY = 0.5  # running programs for each CPU

DESCRIPTION = (
    "Measures what this machine can do at best (multiply-adds at each SIMD level, bandwidth of each cache and of "
    "memory), then kernels of pyneural and training steps of small models, and shows how close they come. Nothing else "
    "should be running."
)


def add_parser(commands: Any) -> None:
    """Adds the sub-command to those of `pyneural`."""
    parser = commands.add_parser(
        "bench", help="measure this machine, kernels and training steps", description=DESCRIPTION
    )
    parser.add_argument("--quick", action="store_true", help="a few kernels and models, in some ten seconds")
    parser.add_argument(
        "--suite", type=_suites, default=SUITES, metavar="NAMES", help=f"some of {','.join(SUITES)} (default: all)"
    )
    parser.add_argument(
        "--threads",
        type=_threads,
        default=None,
        metavar="COUNTS",
        help="such as 1,4 (default: 1 and as many as there are)",
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="kernels and models whose name contains it")
    parser.add_argument(
        "--seconds", type=_positive, default=None, help="for each kernel and model, instead of its usual time"
    )
    parser.add_argument("--json", type=Path, default=None, metavar="FILE", help="write all figures there")
    parser.add_argument(
        "--plot", type=Path, default=None, metavar="FILE.png", help="draw a roofline there (needs matplotlib)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measures, prints, writes. Returns the exit status."""
    if options.plot is not None:
        from pyneural.bench import plots

        plots.require_matplotlib()
    for path in (options.json, options.plot):
        if path is not None and not path.absolute().parent.is_dir():
            raise ValueError(f"There is no folder {path.absolute().parent} to write {path.name} into.")

    from pyneural import _core
    from pyneural.bench import kernels, limits, selection, tables, trainings

    counts = options.threads or sorted({1, _core.num_threads()})
    kernel_cases = _chosen(selection.quick_kernels() if options.quick else selection.kernels(), "kernels", options)
    model_cases = _chosen(selection.quick_trainings() if options.quick else selection.trainings(), "models", options)
    if not kernel_cases and not model_cases and "limits" not in options.suite:
        raise ValueError(f"No kernel or model of the suite has {options.only!r} in its name.")
    seconds = dict(QUICK_SECONDS if options.quick else SECONDS)
    if options.seconds is not None:
        seconds.update(kernels=options.seconds, models=options.seconds)

    about = {
        "processor": limits.processor_name(),
        "system": f"{platform.system()} {platform.machine()}",
        "simd_level": _core.simd_level(),
        "pyneural": _core.__version__,
        "python": platform.python_version(),
    }
    print(
        f"pyneural {about['pyneural']} on {about['processor']}, {tables.simd_name(about['simd_level'])}\n", flush=True
    )
    if os.getloadavg()[0] > BUSY * (os.cpu_count() or 1):
        print("This machine was busy during the last minute: figures may be too low.\n", file=sys.stderr)
    # Three times, as the speed of a machine changes with its temperature and its neighbours.
    measured = limits.measure(counts, seconds["limits"] / 3)
    points = _measure(kernel_cases, counts, kernels.measure, seconds["kernels"], "kernels")
    measured = measured.best_of(limits.measure(counts, seconds["limits"] / 3))
    steps = _measure(model_cases, counts, trainings.measure, seconds["models"], "models")
    measured = measured.best_of(limits.measure(counts, seconds["limits"] / 3))
    if "limits" in options.suite:
        for table in tables.limits_tables(measured):
            tables.show(*table)
    for results, make_table in ((points, tables.kernels_table), (steps, tables.trainings_table)):
        for count in counts:
            mine = [result for result in results if result.threads == count]
            if mine:
                tables.show(*make_table(mine, measured))
    if options.json is not None:
        report = {
            "machine": about,
            "limits": measured.to_dict(),
            "kernels": [point.to_dict(measured) for point in points],
            "models": [step.to_dict(measured) for step in steps],
        }
        options.json.write_text(json.dumps(report, indent=2) + "\n")
        print(f"Figures written to {options.json}")
    if options.plot is not None:
        plots.roofline(points, measured, options.plot)
        print(f"Roofline drawn in {options.plot}")
    return 0


def _chosen(cases: Iterable[dict], suite: str, options: argparse.Namespace) -> list[dict]:
    return [case for case in cases if suite in options.suite and options.only in case["name"]]


def _measure(cases: list[dict], counts: list[int], measure: Callable, seconds: float, what: str) -> list:
    """All cases with each number of threads. A progress bar tells on a terminal that something is going on."""
    from tqdm import tqdm

    jobs = [(case, count) for case in cases for count in counts]
    bar = tqdm(jobs, desc=what, leave=False, disable=not (jobs and sys.stderr.isatty()))
    return [measure(case, count, seconds) for case, count in bar]


def _suites(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    for name in names:
        if name not in SUITES:
            raise argparse.ArgumentTypeError(f"{name!r} is not a suite; expected some of {','.join(SUITES)}")
    return names


def _threads(text: str) -> list[int]:
    try:
        counts = sorted({int(part) for part in text.split(",")})
    except ValueError:
        counts = []
    if not counts or counts[0] < 1 or counts[-1] > 256:
        raise argparse.ArgumentTypeError(f"expected numbers from 1 to 256, separated by commas, received {text!r}")
    return counts


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a positive number, received {text!r}")
    return value
