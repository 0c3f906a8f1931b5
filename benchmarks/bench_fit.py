"""What `fit` costs beside its kernels: 784-100-10, sigmoid, mean squared error, SGD, batch 100, on one thread.

The kernels are those of the traced training step, called back to back in a bare loop on one batch that stays in the
cache. `fit` does the same work on 10,000 shuffled rows, with its shuffling, gathering, metrics and Python around it.
Both take turns; the ratio is the median of the ratios of neighbouring runs.

    python benchmarks/bench_fit.py [--rounds 15] [--output benchmarks/results/fit.json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np

import pyneural as keras

sys.path.insert(0, str(Path(__file__).parent))
from bench_kernels import RESULTS, machine

ROWS, BATCH, WANTED = 10_000, 100, 1.3


def build() -> keras.Model:
    """The classic network of introductions to back-propagation."""
    model = keras.Sequential(
        [
            keras.Input((784,)),
            keras.layers.Dense(100, activation="sigmoid"),
            keras.layers.Dense(10, activation="sigmoid"),
        ]
    )
    model.compile(optimizer=keras.optimizers.SGD(0.5), loss="mse")
    return model


def kernel_seconds(plan: object) -> float:
    """One pass over the step's kernels, each at its median time."""
    rng = np.random.default_rng(1)
    inputs = [rng.random(shape).astype(dtype) for shape, dtype in plan.input_specs]
    return sum(seconds for _, seconds, _, _ in plan.profile(inputs, repeats=ROWS // BATCH))


def main() -> None:
    """Measures, prints, writes the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--output", type=Path, default=RESULTS / "fit.json")
    options = parser.parse_args()
    keras.config.set_num_threads(1)
    rng = np.random.default_rng(0)
    x = rng.random((ROWS, 784), dtype=np.float32)
    y = np.eye(10, dtype=np.float32)[rng.integers(0, 10, ROWS)]
    model = build()
    model.fit(x, y, batch_size=BATCH, verbose=0)
    plan = next(step.plan for key, step in model._plans.items() if key[0] == "train")
    fits, kernels = [], []
    for _ in range(options.rounds):
        start = time.perf_counter()
        model.fit(x, y, batch_size=BATCH, verbose=0)
        fits.append((time.perf_counter() - start) / (ROWS / BATCH))
        kernels.append(kernel_seconds(plan))
    ratio = statistics.median(f / k for f, k in zip(fits, kernels, strict=True))
    result = {
        "fit_us_per_step": statistics.median(fits) * 1e6,
        "kernels_us_per_step": statistics.median(kernels) * 1e6,
        "ratio": ratio,
        "wanted": WANTED,
    }
    print(
        f"fit {result['fit_us_per_step']:.1f} us a step, its kernels {result['kernels_us_per_step']:.1f} us: ", end=""
    )
    print(f"ratio {ratio:.2f}, wanted at most {WANTED}")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps({"machine": machine(), "result": result}, indent=2) + "\n")


if __name__ == "__main__":
    main()
