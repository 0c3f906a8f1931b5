"""How close the kernels of the CPU come to the machine's multiply-add peak, on one thread.

The peak is measured in the same process, in turns with every kernel, at the SIMD level in use: a loop of independent
multiply-adds that touches no memory. Each figure is the best of many short runs.

    python benchmarks/bench_kernels.py [--seconds 2] [--output benchmarks/results/kernels.json]
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from pyneural import _core

RESULTS = Path(__file__).parent / "results"


@dataclass
class Case:
    """A kernel with its inputs; `wanted` is the share of the peak that it should reach."""

    name: str
    flops: float
    run: Callable[[], object]
    wanted: float


@dataclass
class Measurement:
    """What one kernel reached."""

    name: str
    gflops: float
    peak_gflops: float
    share: float
    median_share: float
    wanted: float


def random_tensor(*shape: int) -> object:
    """Standard normal values, the same in every run."""
    rng = np.random.default_rng(sum(shape))
    return _core.tensor(rng.standard_normal(shape, dtype=np.float32))


def product(m: int, k: int, n: int, wanted: float, transpose_a: bool = False, transpose_b: bool = False) -> Case:
    """A matrix product [m, k] x [k, n], operands transposed where asked."""
    a = random_tensor(*((k, m) if transpose_a else (m, k)))
    b = random_tensor(*((n, k) if transpose_b else (k, n)))
    layout = "NT"[transpose_a] + "NT"[transpose_b]
    return Case(
        f"matmul {m}x{k}x{n} {layout}", 2.0 * m * k * n, lambda: _core.matmul(a, b, transpose_a, transpose_b), wanted
    )


def convolution(batch: int, size: int, channels: int, filters: int, kernel: int, wanted: float) -> Case:
    """A stride-1 convolution with padding "same"; only taps inside the image are counted."""
    x, weights = random_tensor(batch, size, size, channels), random_tensor(kernel, kernel, channels, filters)
    inside = sum(min(size, i + kernel // 2 + 1) - max(0, i - kernel // 2) for i in range(size))
    return Case(
        f"conv2d {kernel}x{kernel} {size}x{size}x{channels}->{filters} batch {batch}",
        2.0 * batch * inside**2 * channels * filters,
        lambda: _core.conv2d(x, weights, padding="same"),
        wanted,
    )


def cases() -> list[Case]:
    """The products of a dense layer and of large cubes, and a middle layer of a convolutional network."""
    table = [product(512, 512, 512, 0.85), product(128, 784, 512, 0.85)]
    table += [product(128, 784, 512, 0.85, True, False), product(128, 784, 512, 0.85, False, True)]
    if hasattr(_core, "conv2d"):
        table.append(convolution(8, 56, 64, 64, 3, 0.80))
    return table


def measure(case: Case, seconds: float) -> Measurement:
    """The kernel and the peak in turns until `seconds` are over."""
    case.run()
    rates, peaks, shares = [], [], []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(rates) < 3:
        peaks.append(_core.measure_fma_peak(0.001))
        start = time.perf_counter()
        case.run()
        rates.append(case.flops / (time.perf_counter() - start))
        shares.append(rates[-1] / peaks[-1])
    rate, peak = max(rates), max(peaks)
    return Measurement(case.name, rate / 1e9, peak / 1e9, rate / peak, statistics.median(shares), case.wanted)


def processor_name() -> str:
    """As the system spells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def machine() -> dict[str, str]:
    """What a reader needs to know to compare."""
    return {
        "processor": processor_name(),
        "simd_level": _core.simd_level(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pyneural": _core.__version__,
        "threads": "1",
    }


def main() -> None:
    """Measures, prints a table, writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0, help="per kernel")
    parser.add_argument("--output", type=Path, default=RESULTS / "kernels.json")
    options = parser.parse_args()
    _core.set_num_threads(1)
    about = machine()
    for key, value in about.items():
        print(f"{key:>12}: {value}")
    print(f"{'kernel':<44}{'GFLOP/s':>9}{'peak':>8}{'share':>8}{'median':>8}{'wanted':>8}")
    results = []
    for case in cases():
        result = measure(case, options.seconds)
        results.append(result)
        print(
            f"{result.name:<44}{result.gflops:>9.1f}{result.peak_gflops:>8.1f}{result.share:>8.1%}"
            f"{result.median_share:>8.1%}{result.wanted:>8.0%}{'' if result.share >= result.wanted else '  below'}",
            flush=True,
        )
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps({"machine": about, "results": [asdict(r) for r in results]}, indent=2) + "\n")
    print(f"written to {options.output}")


if __name__ == "__main__":
    main()
