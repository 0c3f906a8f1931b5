"""Sides measured in turns: ours, peer, ours, peer, ..., each in its own process with the same threads."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
from dataclasses import asdict, dataclass, field
from pathlib import Path

WORKER = Path(__file__).parent / "worker.py"
OURS = "pyneural"


class Worker:
    """A process that runs one side; stopped (SIGSTOP) whenever it is not its turn, so that its threads cannot spin."""

    def __init__(self, side: str, python: str | Path, threads: int, cpus: list[int]) -> None:
        self.side = side
        command = [str(python), str(WORKER), f"{side}_side", str(threads), ",".join(map(str, cpus))]
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.info = self.ask(info=True)

    def ask(self, **request: object) -> dict:
        """Sends a request while the process runs, and stops it again."""
        self._process.send_signal(signal.SIGCONT)
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process of {self.side} died with status {self._process.wait()}")
        self._process.send_signal(signal.SIGSTOP)
        return json.loads(line)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@dataclass
class Comparison:
    """One case on all sides. `ratios[peer]` is the peer's time over ours, round by round: larger is better for us."""

    case: dict
    threads: int
    seconds: dict[str, float] = field(default_factory=dict)
    variants: dict[str, str] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)
    spreads: dict[str, tuple[float, float]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict:
        return asdict(self)


def compare(case: dict, workers: list[Worker], threads: int, turn_seconds: float, rounds: int) -> Comparison:
    """Measures a case on every worker in turns. A side that cannot run it is left out; its error is kept."""
    result = Comparison(case, threads)
    able = []
    for worker in workers:
        answer = worker.ask(prepare=case, seconds=turn_seconds)
        if "error" in answer:
            result.errors[worker.side] = answer["error"]
        elif answer:
            result.variants[worker.side] = answer["variant"]
            able.append(worker)
    times: dict[str, list[float]] = {worker.side: [] for worker in able}
    for _ in range(rounds):
        for worker in able:
            times[worker.side].append(worker.ask(turn=True)["seconds"])
    for side, values in times.items():
        result.seconds[side] = statistics.median(values)
        if side != OURS and OURS in times:
            ratios = [peer / ours for peer, ours in zip(values, times[OURS])]
            result.ratios[side] = statistics.median(ratios)
            quartiles = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else [ratios[0]] * 3
            result.spreads[side] = (quartiles[0], quartiles[2])
    return result
