"""Times training steps of bench/models.py: `fit` with everything that it does, and the kernels of a step alone."""

from __future__ import annotations

import statistics
import time
from typing import Any

from pyneural import _core
from pyneural.bench import kernels, models
from pyneural.bench.results import Training
from pyneural.devices import device as on_device

MIN_FITS, MAX_FITS = 2, 50
# A GPU takes an epoch of these models in some milliseconds, and bringing the data there should not count: `fit` has as
# many epochs as take this long.
GPU_FIT_SECONDS, MAX_EPOCHS = 0.1, 50


def measure(case: dict, threads: int, seconds: float, device: str = "cpu") -> Training:
    """Trains a model for about `seconds`, in turns with its kernels; medians count."""
    before = _core.num_threads()
    _core.set_num_threads(threads)
    try:
        with on_device(device):
            return _measure(case, threads, seconds, device)
    finally:
        _core.set_num_threads(before)


def _measure(case: dict, threads: int, seconds: float, device: str) -> Training:
    import pyneural

    model = models.build(pyneural, case)
    x, y = models.data(case)

    def fit(epochs: int) -> float:
        """Seconds of a step."""
        start = time.perf_counter()
        model.fit(x, y, batch_size=case["batch"], epochs=epochs, verbose=0)
        return (time.perf_counter() - start) / (epochs * case["steps"])

    fit(1)
    epochs = 1 if device == "cpu" else gpu_epochs(case["steps"] * fit(1))
    plan = _training_plan(model)
    batch = [_rows(values, spec) for values, spec in zip((x, y), plan.input_specs)]
    flops = sum(flops for _, _, flops, _ in plan.profile(batch, 1))
    fits, alone = [], []
    end = time.perf_counter() + seconds
    while len(fits) < MIN_FITS or (time.perf_counter() < end and len(fits) < MAX_FITS):
        fits.append(fit(epochs))
        alone.append(_kernel_seconds(plan, batch, max(1, case["steps"] // 4), device))
    return Training(
        case["name"], threads, case["batch"], statistics.median(fits), statistics.median(alone), flops, device
    )


def gpu_epochs(seconds: float) -> int:
    """How many epochs of so many seconds are trained at once."""
    return min(MAX_EPOCHS, max(1, round(GPU_FIT_SECONDS / seconds)))


def _kernel_seconds(plan: Any, batch: list, repeats: int, device: str) -> float:
    if device == "cpu":
        return sum(taken for _, taken, _, _ in plan.profile(batch, repeats))
    return kernels.gpu_seconds(plan, batch, 0.0, rounds=min(repeats, kernels.GPU_ROUNDS))


def _training_plan(model: Any) -> Any:
    return next(step.plan for key, step in model._plans.items() if key[0] == "train")


def _rows(values: Any, spec: tuple) -> Any:
    """A batch of the data as the plan takes it."""
    shape, dtype = spec
    return values[: shape[0]].reshape(shape).astype(dtype)
