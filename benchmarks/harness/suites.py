"""The suites: which cases they hold, who is compared, and how long a turn takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.harness.turns import CPU, OURS, SideError, Worker
from pyneural.bench import cases, models

QUICK_KERNELS = 12  # cases of each suite in a quick run


@dataclass(frozen=True)
class Suite:
    """Cases that are measured alike.

    Attributes:
        name: of the suite and its files.
        title: the heading of its table.
        cases: makes the list of cases.
        peers: who has something to compare.
        turn: seconds of a side's turn; at least one call.
        rounds: turns of each side.
    """

    name: str
    title: str
    cases: Callable[[], list[dict]]
    peers: tuple[str, ...]
    turn: float
    rounds: int

    def chosen(self, only: str, quick: bool) -> list[dict]:
        """The cases whose name contains `only`; a few of them, evenly spread, for a quick run."""
        found = [case for case in self.cases() if only in case["name"]]
        if quick and len(found) > QUICK_KERNELS:
            found = [found[i * len(found) // QUICK_KERNELS] for i in range(QUICK_KERNELS)]
        return found


KERNEL_PEERS = ("numpy", "torch", "jax")
TRAINING_PEERS = ("numpy", "torch", "torch_compile", "jax", "keras_jax", "keras_tensorflow", "sklearn")
PREDICTION_PEERS = ("numpy", "torch", "torch_compile", "jax", "keras_jax", "keras_tensorflow", "onnxruntime")

SUITES = {
    suite.name: suite
    for suite in (
        Suite("matmul", "Matrix products", cases.matmuls, KERNEL_PEERS, 0.01, 5),
        Suite("conv2d", "Convolutions and their gradients", cases.conv2ds, ("torch", "jax"), 0.01, 5),
        Suite("pointwise", "Activations, losses, normalisation, optimizers", cases.pointwises, KERNEL_PEERS, 0.01, 5),
        Suite("pool2d", "Poolings and their gradients", cases.pool2ds, ("torch",), 0.01, 5),
        Suite("train", "Training: `fit`, a step", models.trainings, TRAINING_PEERS, 0.2, 5),
        Suite("predict", "Prediction, a batch", models.predictions, PREDICTION_PEERS, 0.1, 5),
    )
}


def start_workers(
    peers: dict[str, str],
    ours: str,
    threads: int,
    cpus: list[int],
    left_out: dict[str, str],
    device: str = CPU,
) -> list[Worker]:
    """Our side and those peers that start; why one does not is added to `left_out`."""
    workers = []
    for side, python in {OURS: ours, **peers}.items():
        if side in left_out:
            continue
        try:
            workers.append(Worker(side, python, threads, cpus, device=device))
        except SideError as error:
            if side == OURS:
                raise
            left_out[side] = str(error)
    return workers
