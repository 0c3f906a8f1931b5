"""What importing pyneural adds to importing NumPy, and how large the installed package is.

Usage: python benchmarks/import_time.py [REPEATS]

Each measurement is a fresh interpreter; NumPy alone and NumPy with pyneural take turns. Prints medians in milliseconds.
"""

from __future__ import annotations

import pathlib
import statistics
import subprocess
import sys

IMPORT = (
    "import sys, time, numpy; begin = time.perf_counter(); {}; print(time.perf_counter() - begin, len(sys.modules))"
)


def measure(statement: str) -> tuple[float, int]:
    """Seconds that `statement` takes after NumPy was imported, and the number of loaded modules."""
    done = subprocess.run([sys.executable, "-c", IMPORT.format(statement)], check=True, capture_output=True, text=True)
    seconds, modules = done.stdout.split()
    return float(seconds), int(modules)


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    measure("import pyneural")  # writes byte code, fills the page cache
    empty, full = [], []
    for _ in range(repeats):
        empty.append(measure("pass"))
        full.append(measure("import pyneural"))
    milliseconds = [1e3 * seconds for seconds, _ in full]
    added = full[0][1] - empty[0][1]
    print(
        f"importing pyneural after NumPy: median {statistics.median(milliseconds):.1f} ms, "
        f"best {min(milliseconds):.1f} ms, {added} modules"
    )

    import pyneural
    from pyneural import _core

    package = pathlib.Path(pyneural.__file__).parent
    files = {*package.rglob("*.py"), *package.rglob("*.pyi"), pathlib.Path(_core.__file__)}
    engine = pathlib.Path(_core.__file__).stat().st_size
    total = sum(file.stat().st_size for file in files)
    print(f"installed size: {total / 1e6:.1f} MB, of which the engine {engine / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
