"""Training when processors are scarce: beside a second training, and beside a busy neighbour on every processor.

Each side uses its own default number of threads and the C library as it is: that is what two users of one machine do.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from benchmarks.harness.turns import SideError, Worker
from pyneural.bench import models

MODELS = ("mlp_784_256_256_10", "selfie_cnn", "mnist_cnn")
PEERS = ("torch", "keras_jax", "keras_tensorflow")
TURN = 0.4  # seconds of training alone
ROUNDS = 3
ENOUGH = 20.0  # a side slowed down that much is not asked for another round
NEIGHBOUR = "while True: pass"


@dataclass
class Pressure:
    """Seconds of a step of one side, and how many times slower it gets."""

    side: str
    model: str
    alone: float
    together: float
    with_neighbours: float

    @property
    def slowdown_together(self) -> float:
        """Of two processes that train at the same time, the slower one's."""
        return self.together / self.alone

    @property
    def slowdown_with_neighbours(self) -> float:
        """With a process that computes on every processor."""
        return self.with_neighbours / self.alone

    def as_dict(self) -> dict:
        """Plain values for JSON."""
        slowdowns = {name: getattr(self, name) for name in ("slowdown_together", "slowdown_with_neighbours")}
        return {**asdict(self), **slowdowns}


def measure(sides: dict[str, str], cpus: list[int], only: str = "", rounds: int = ROUNDS) -> Iterator[Pressure]:
    """Every model on every side: {side: interpreter}. A side that cannot run it is left out."""
    for case in models.trainings():
        if case["name"] in MODELS and only in case["name"]:
            for side, python in sides.items():
                pair: list[Worker] = []
                try:
                    pair += [Worker(side, python, 0, cpus, keep_memory=False)]
                    pair += [Worker(side, python, 0, cpus, keep_memory=False)]
                    answers = [worker.ask(prepare=case, seconds=TURN) for worker in pair]
                    if all("repeats" in answer for answer in answers):
                        yield _measure(side, case["name"], pair, cpus, rounds)
                except SideError as error:
                    print(f"{side} left out of {case['name']}: {error}", file=sys.stderr)
                finally:
                    for worker in pair:
                        worker.close()


def _measure(side: str, model: str, pair: list[Worker], cpus: list[int], rounds: int) -> Pressure:
    alone, together, beside = [], [], []
    for _ in range(rounds):
        alone.append(pair[0].ask(turn=True)["seconds"])
        if not together or together[-1] < ENOUGH * alone[-1]:
            for worker in pair:
                worker.send(turn=True)
            together.append(max(worker.receive()["seconds"] for worker in pair))
        if not beside or beside[-1] < ENOUGH * alone[-1]:
            beside.append(_with_neighbours(pair[0], cpus))
    return Pressure(side, model, *(statistics.median(times) for times in (alone, together, beside)))


def _with_neighbours(worker: Worker, cpus: list[int]) -> float:
    neighbours = []
    try:
        for cpu in cpus:
            neighbours.append(subprocess.Popen([sys.executable, "-c", NEIGHBOUR]))
            os.sched_setaffinity(neighbours[-1].pid, {cpu})
        return worker.ask(turn=True)["seconds"]
    finally:
        for neighbour in neighbours:
            neighbour.kill()
            neighbour.wait()
