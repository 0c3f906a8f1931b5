"""The largest memory that a fresh process needs to import a library and train the MNIST CNN."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.harness.turns import environment_of
from pyneural.bench import models

PROBE = Path(__file__).with_name("memory_probe.py")
MODEL = "mnist_cnn"
STEPS = 12
PEERS = ("torch", "jax", "keras_jax", "keras_tensorflow")


@dataclass
class Peak:
    """Bytes of resident memory at most: after the import, and in the end."""

    side: str
    variant: str
    imported: int
    trained: int

    def as_dict(self) -> dict:
        """Plain values for JSON."""
        return asdict(self)


def measure(sides: dict[str, str], threads: int, cpus: list[int]) -> Iterator[Peak]:
    """The smallest peak of each side's variants: {side: interpreter}."""
    case = {**next(case for case in models.trainings() if case["name"] == MODEL), "steps": STEPS}
    for side, python in sides.items():
        peaks: list[Peak] = []
        while len(peaks) < 8:
            arguments = [f"{side}_side", str(threads), ",".join(map(str, cpus)), str(len(peaks)), json.dumps(case)]
            command = [python, str(PROBE), *arguments]
            done = subprocess.run(command, capture_output=True, text=True, env=environment_of(side), check=False)
            answer = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 and done.stdout else None
            if not answer:
                break
            peaks.append(Peak(side, **answer))
        if peaks:
            yield min(peaks, key=lambda peak: peak.trained)
