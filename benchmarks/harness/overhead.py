"""What pyneural costs beside its kernels: importing it, installing it, and `fit` around the kernels of its steps."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import pyneural
from pyneural import _core
from pyneural.bench import models

IMPORT = "import time, numpy; begin = time.perf_counter(); {}; print(time.perf_counter() - begin)"
IMPORTS = {
    "import pyneural, after numpy": "import pyneural",
    "import of all that training needs": (
        "import pyneural; from pyneural import Sequential, _core, callbacks, layers, losses, metrics, optimizers"
    ),
}
ROUNDS = 9
FITTED = ("mlp_784_100_10", "mlp_784_256_256_10", "mlp_32_64_64_10", "selfie_cnn", "mnist_cnn")


@dataclass
class Overhead:
    """A figure: seconds, bytes, or a ratio with what it was made of."""

    name: str
    value: float
    unit: str
    note: str = ""

    def as_dict(self) -> dict:
        """Plain values for JSON."""
        return asdict(self)


def measure(rounds: int) -> list[Overhead]:
    """All figures."""
    rows = [Overhead(name, seconds, "s") for name, seconds in import_seconds(rounds).items()]
    rows += [Overhead(f"installed size of the {name}", size, "bytes") for name, size in installed_bytes().items()]
    for name, (ratio, fit, kernels) in fit_over_kernels(rounds).items():
        note = f"a step takes {fit * 1e6:.1f} us, its kernels alone {kernels * 1e6:.1f} us, one thread"
        rows.append(Overhead(f"fit over its kernels, {name}", ratio, "ratio", note))
    return rows


def import_seconds(repeats: int) -> dict[str, float]:
    """Medians over fresh interpreters that take turns. Modules are loaded when they are first used."""
    seconds: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for repeat in range(repeats + 1):
        for name, statement in IMPORTS.items():
            took = _import_seconds(statement)
            if repeat:  # the first round writes byte code and fills the page cache
                seconds[name].append(took)
    return {name: statistics.median(times) for name, times in seconds.items()}


def _import_seconds(statement: str) -> float:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", IMPORT.format(statement)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(done.stdout)


def installed_bytes() -> dict[str, int]:
    """The size of the package, and of the engine in it."""
    package = Path(pyneural.__file__).parent
    files = {*package.rglob("*.py"), *package.rglob("*.pyi"), Path(_core.__file__)}
    return {"package": sum(file.stat().st_size for file in files), "engine": Path(_core.__file__).stat().st_size}


def fit_over_kernels(rounds: int) -> dict[str, tuple[float, float, float]]:
    """For some models, on one thread: `fit` over its kernels, seconds of a step in `fit`, and of its kernels alone.

    The kernels run back to back on one batch that stays in the cache; `fit` shuffles, gathers its batches from all
    rows, and counts metrics. Both take turns; the ratio is the median over neighbouring runs.
    """
    threads = _core.num_threads()
    _core.set_num_threads(1)
    try:
        cases = [case for case in models.trainings() if case["name"] in FITTED]
        return {case["name"]: _fit_over_kernels(case, rounds) for case in cases}
    finally:
        _core.set_num_threads(threads)


def _fit_over_kernels(case: dict, rounds: int) -> tuple[float, float, float]:
    model, (x, y) = models.build(pyneural, case), models.data(case)
    model.fit(x, y, batch_size=case["batch"], verbose=0)
    plan = next(step.plan for key, step in model._plans.items() if key[0] == "train")
    fits, kernels = [], []
    for _ in range(rounds):
        begin = time.perf_counter()
        model.fit(x, y, batch_size=case["batch"], verbose=0)
        fits.append((time.perf_counter() - begin) / case["steps"])
        inputs = [_batch_of(shape, dtype, x, y) for shape, dtype in plan.input_specs]
        kernels.append(sum(seconds for _, seconds, _, _ in plan.profile(inputs, repeats=case["steps"])))
    ratio = statistics.median(fit / kernel for fit, kernel in zip(fits, kernels))
    return ratio, statistics.median(fits), statistics.median(kernels)


def _batch_of(shape: tuple[int, ...], dtype: str, *arrays: np.ndarray) -> np.ndarray:
    """The first rows of the array that has this shape, in the type that the plan wants."""
    array = next(array for array in arrays if array.shape[1:] == tuple(shape)[1:])
    return array[: shape[0]].astype(dtype)
