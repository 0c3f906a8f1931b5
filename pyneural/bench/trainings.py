"""Times training steps of bench/models.py: `fit` with everything that it does, and the kernels of a step alone."""

from __future__ import annotations

import statistics
import time
from typing import Any

from pyneural import _core
from pyneural.bench import models
from pyneural.bench.results import Training

MIN_EPOCHS, MAX_EPOCHS = 2, 50


def measure(case: dict, threads: int, seconds: float) -> Training:
    """Trains a model for about `seconds`, in turns with its kernels; medians count."""
    import pyneural

    before = _core.num_threads()
    _core.set_num_threads(threads)
    try:
        model = models.build(pyneural, case)
        x, y = models.data(case)
        model.fit(x, y, batch_size=case["batch"], verbose=0)
        plan = _training_plan(model)
        batch = [_rows(values, spec) for values, spec in zip((x, y), plan.input_specs)]
        epochs, kernels = [], []
        end = time.perf_counter() + seconds
        while len(epochs) < MIN_EPOCHS or (time.perf_counter() < end and len(epochs) < MAX_EPOCHS):
            start = time.perf_counter()
            model.fit(x, y, batch_size=case["batch"], verbose=0)
            epochs.append((time.perf_counter() - start) / case["steps"])
            steps = plan.profile(batch, max(1, case["steps"] // 4))
            kernels.append(sum(taken for _, taken, _, _ in steps))
    finally:
        _core.set_num_threads(before)
    flops = sum(flops for _, _, flops, _ in steps)
    seconds, kernel_seconds = statistics.median(epochs), statistics.median(kernels)
    return Training(case["name"], threads, case["batch"], seconds, kernel_seconds, flops)


def _training_plan(model: Any) -> Any:
    return next(step.plan for key, step in model._plans.items() if key[0] == "train")


def _rows(values: Any, spec: tuple) -> Any:
    """A batch of the data as the plan takes it."""
    shape, dtype = spec
    return values[: shape[0]].reshape(shape).astype(dtype)
