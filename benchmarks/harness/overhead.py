"""What pyneural costs beside its kernels: importing it, installing it, and `fit` around the kernels of its steps."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import pyneural
from pyneural import _core
from pyneural.bench import models, trainings

IMPORT = "import time, numpy; begin = time.perf_counter(); {}; print(time.perf_counter() - begin)"
IMPORTS = {
    "import pyneural, after numpy": "import pyneural",
    "import of all that training needs": (
        "import pyneural; from pyneural import Sequential, _core, callbacks, layers, losses, metrics, optimizers"
    ),
}
ROUNDS = 9
FIT_SECONDS = 2.0
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
    for case in models.trainings():
        if case["name"] in FITTED:
            step = trainings.measure(case, threads=1, seconds=FIT_SECONDS)
            times = f"a step takes {step.seconds * 1e6:.1f} us, its kernels alone {step.kernel_seconds * 1e6:.1f} us"
            ratio = step.seconds / step.kernel_seconds
            rows.append(Overhead(f"fit over its kernels, {case['name']}", ratio, "ratio", f"{times}, one thread"))
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
