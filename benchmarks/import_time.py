"""What importing pyneural adds to importing NumPy, and how large the installed package is.

Usage: python benchmarks/import_time.py [REPEATS]

Each measurement is a fresh interpreter, and the cases take turns. Modules are loaded when they are first used, so a
second case loads all that defining and training a model needs. Prints medians in milliseconds.
"""

from __future__ import annotations

import os
import pathlib
import statistics
import subprocess
import sys

IMPORT = "import time, numpy; begin = time.perf_counter(); {}; print(time.perf_counter() - begin)"
CASES = {
    "import pyneural": "import pyneural",
    "with all that training needs": (
        "import pyneural; from pyneural import Sequential, _core, callbacks, layers, losses, metrics, optimizers"
    ),
}


def measure(statement: str) -> float:
    """Seconds that `statement` takes after NumPy was imported."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", IMPORT.format(statement)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(done.stdout)


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    seconds: dict[str, list[float]] = {name: [] for name in CASES}
    for repeat in range(repeats + 1):
        for name, statement in CASES.items():
            took = measure(statement)
            if repeat:  # the first round writes byte code and fills the page cache
                seconds[name].append(took)
    for name, times in seconds.items():
        print(f"{name}: median {1e3 * statistics.median(times):.1f} ms, best {1e3 * min(times):.1f} ms")

    import pyneural
    from pyneural import _core

    package = pathlib.Path(pyneural.__file__).parent
    files = {*package.rglob("*.py"), *package.rglob("*.pyi"), pathlib.Path(_core.__file__)}
    engine = pathlib.Path(_core.__file__).stat().st_size
    total = sum(file.stat().st_size for file in files)
    print(f"installed size: {total / 1e6:.1f} MB, of which the engine {engine / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
