"""`pyneural bench`: kernels and training steps of this machine against its own limits."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

SUITES = ("limits", "kernels", "models")
# Seconds for all limits, for each kernel and for each model.
SECONDS = {"limits": 3.0, "kernels": 0.2, "models": 1.0}
QUICK_SECONDS = {"limits": 0.8, "kernels": 0.05, "models": 0.2}
CPU = "cpu"
BUSY = 0.5  # running programs for each CPU

DESCRIPTION = (
    "Measures what this machine can do at best (multiply-adds at each SIMD level, bandwidth of each cache and of "
    "memory), then kernels of pyneural and training steps of small models, and shows how close they come; on the CPU "
    "and on GPUs, side by side. Nothing else should be running."
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
    parser.add_argument(
        "--device",
        type=lambda text: text.split(","),
        default=None,
        metavar="NAMES",
        help="such as cpu,cuda:0 (default: all that are there)",
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="kernels and models whose name contains it")
    parser.add_argument(
        "--seconds", type=_positive, default=None, help="for each kernel and model, instead of its usual time"
    )
    parser.add_argument("--json", type=Path, default=None, metavar="FILE", help="write all figures there")
    parser.add_argument(
        "--plot", type=Path, default=None, metavar="FILE.png", help="draw rooflines there (needs matplotlib)"
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

    from pyneural.bench import limits, selection, tables

    units = _units(options)
    kernel_cases = _chosen(selection.quick_kernels() if options.quick else selection.kernels(), "kernels", options)
    model_cases = _chosen(selection.quick_trainings() if options.quick else selection.trainings(), "models", options)
    if not kernel_cases and not model_cases and "limits" not in options.suite:
        raise ValueError(f"No kernel or model of the suite has {options.only!r} in its name.")
    seconds = dict(QUICK_SECONDS if options.quick else SECONDS)
    if options.seconds is not None:
        seconds.update(kernels=options.seconds, models=options.seconds)

    about = _about()
    print(
        f"pyneural {about['pyneural']} on {about['processor']}, {tables.simd_name(about['simd_level'])}\n", flush=True
    )
    if os.getloadavg()[0] > BUSY * (os.cpu_count() or 1):
        print("This machine was busy during the last minute: figures may be too low.\n", file=sys.stderr)

    def look(before: dict[str, limits.Limits]) -> dict[str, limits.Limits]:
        """Measures the limits three times, as the speed of a machine changes with its temperature and neighbours."""
        now = {device: limits.measure(counts, seconds["limits"] / 3, device) for device, counts in units.items()}
        return {device: mine.best_of(before[device]) if before else mine for device, mine in now.items()}

    measured = look({})
    points = _measure(kernel_cases, units, "kernels", seconds)
    measured = look(measured)
    steps = _measure(model_cases, units, "models", seconds)
    measured = look(measured)
    _show(options, units, measured, points, steps)
    if options.json is not None:
        options.json.write_text(json.dumps(_report(about, measured, points, steps), indent=2) + "\n")
        print(f"Figures written to {options.json}")
    if options.plot is not None:
        _draw(options.plot, measured, points, steps)
    return 0


def _units(options: argparse.Namespace) -> dict[str, list[int]]:
    """The devices that are measured, and with how many threads each."""
    from pyneural import _core

    counts = options.threads or sorted({1, _core.num_threads()})
    try:
        names = [_core.resolve_device(name) for name in options.device or ()]
    except RuntimeError as error:
        raise ValueError(str(error)) from None
    names = names or [CPU, *(gpu["device"] for gpu in _core.cuda_devices())]
    return {name: counts if name == CPU else [1] for name in names}


def _about() -> dict[str, str]:
    from pyneural import _core
    from pyneural.bench import limits

    return {
        "processor": limits.processor_name(),
        "system": f"{platform.system()} {platform.machine()}",
        "simd_level": _core.simd_level(),
        "pyneural": _core.__version__,
        "python": platform.python_version(),
    }


def _show(options: argparse.Namespace, units: dict, measured: dict, points: list, steps: list) -> None:
    """The tables: limits, each device by itself, then side by side."""
    from pyneural.bench import side_by_side, tables

    if "limits" in options.suite:
        for mine in measured.values():
            for table in tables.limits_tables(mine):
                tables.show(*table)
    for results, make_table in ((points, tables.kernels_table), (steps, tables.trainings_table)):
        for device, count in ((device, count) for device, counts in units.items() for count in counts):
            mine = [result for result in results if (result.device, result.threads) == (device, count)]
            if mine:
                tables.show(*make_table(mine, measured[device]))
    for results, title in ((points, "Kernels"), (steps, "Training steps")):
        for rows in side_by_side.by_gpu(side_by_side.pairs(results)):
            tables.show(*side_by_side.table(title, rows, measured))


def _report(about: dict, measured: dict, points: list, steps: list) -> dict[str, Any]:
    """All figures. `limits` are those of the CPU; what GPUs add is there if there are some."""
    from pyneural.bench import side_by_side

    report = {
        "machine": about,
        "limits": measured[CPU].to_dict() if CPU in measured else None,
        "kernels": [point.to_dict(measured[point.device]) for point in points],
        "models": [step.to_dict(measured[step.device]) for step in steps],
    }
    gpus = {device: mine.to_dict() for device, mine in measured.items() if device != CPU}
    if gpus:
        factors = [pair.to_dict() for pair in side_by_side.pairs([*points, *steps])]
        report |= {"gpus": gpus, "factors": factors}
    return report


def _draw(path: Path, measured: dict, points: list, steps: list) -> None:
    """A roofline for each device; the file of a GPU has its name in it. Factors in another one."""
    from pyneural.bench import plots, side_by_side

    for device, mine in measured.items():
        beside = path if len(measured) == 1 or device == CPU else _beside(path, device.replace(":", ""))
        plots.roofline(points, mine, beside)
        print(f"Roofline drawn in {beside}")
    for rows in side_by_side.by_gpu(side_by_side.pairs([*points, *steps])):
        beside = _beside(path, rows[0].gpu.device.replace(":", "") + "_factors")
        side_by_side.bars(rows, measured, beside)
        print(f"Factors drawn in {beside}")


def _beside(path: Path, name: str) -> Path:
    return path.with_name(f"{path.stem}_{name}{path.suffix}")


def _chosen(cases: Iterable[dict], suite: str, options: argparse.Namespace) -> list[dict]:
    return [case for case in cases if suite in options.suite and options.only in case["name"]]


def _measure(cases: list[dict], units: dict[str, list[int]], what: str, seconds: dict[str, float]) -> list:
    """All cases on each device and with each number of threads. A progress bar tells that something is going on."""
    from tqdm import tqdm

    from pyneural.bench import kernels, trainings

    measure = {"kernels": kernels.measure, "models": trainings.measure}[what]
    jobs = [(case, count, device) for case in cases for device, counts in units.items() for count in counts]
    bar = tqdm(jobs, desc=what, leave=False, disable=not (jobs and sys.stderr.isatty()))
    return [measure(case, count, seconds[what], device) for case, count, device in bar]


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
