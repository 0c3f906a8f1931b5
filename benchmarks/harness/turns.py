"""Sides measured in turns: ours, peer, ours, peer, ..., each in its own process with the same threads."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import statistics
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyneural

WORKER = Path(__file__).parent / "worker.py"
OURS, OURS_ON_CPU = "pyneural", "pyneural_cpu"
CPU = "cpu"
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
# The C library keeps freed memory for the next call, on all sides. By default it gives large blocks back to the system,
# now and then: page faults then take more time than many a kernel, and up to a third of a peer's training step.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 32)}


# Some systems hold a library back to old instructions, for builds that are the same everywhere: it would lose here.
HOLDING_BACK = (
    "OPENBLAS_CORETYPE",
    "OPENBLAS_L2_SIZE",
    "MKL_CBWR",
    "MKL_DEBUG_CPU_TYPE",
    "MKL_ENABLE_INSTRUCTIONS",
    "ONEDNN_MAX_CPU_ISA",
    "DNNL_MAX_CPU_ISA",
    "ATEN_CPU_CAPABILITY",
    "NPY_DISABLE_CPU_FEATURES",
)


def environment_of(side: str, device: str = CPU) -> dict[str, str]:
    """The environment variables of a side's process. Ours imports the pyneural that was imported here."""
    found = {**QUIET, **os.environ, "PYNEURAL_DEVICE": CPU if side == OURS_ON_CPU else device}
    for name in HOLDING_BACK:
        found.pop(name, None)
    if side in (OURS, OURS_ON_CPU):
        found["PYTHONPATH"] = str(Path(pyneural.__file__).parents[1])
    return found


# A case that takes many seconds has fewer rounds: its turns are so long that their times hardly vary.
LONG_CASE, FEWEST_ROUNDS = 15.0, 3


class SideError(RuntimeError):
    """A side's process died; the message ends with the last thing that it said."""


class Worker:
    """A process that runs one side; stopped (SIGSTOP) whenever it is not its turn, so that its threads cannot spin.

    Args:
        side: name of the module benchmarks/sides/<side>_side.py.
        python: the interpreter of the environment that the side's library is installed in.
        threads: number of threads; 0 for the library's own choice.
        cpus: the processors that the process may use.
        keep_memory: whether the C library keeps freed memory; else it does what it does by default.
        device: where the side computes.

    Raises:
        SideError: If the library cannot be imported.
    """

    def __init__(
        self,
        side: str,
        python: str | Path,
        threads: int,
        cpus: list[int],
        keep_memory: bool = True,
        device: str = CPU,
    ) -> None:
        self.side = side
        self.dead = False
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the worker
        command = [str(python), str(WORKER), f"{side}_side", str(threads), ",".join(map(str, cpus))]
        environment = {**(KEEP_MEMORY if keep_memory else {}), **environment_of(side, device)}
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=self._log, text=True, env=environment)
        self.info = self.ask(info=True)

    def ask(self, **request: object) -> dict:
        """Sends a request while the process runs, and stops it again."""
        self.send(**request)
        return self.receive()

    def send(self, **request: object) -> None:
        """Lets the process run on a request; `receive` waits for its answer."""
        with contextlib.suppress(BrokenPipeError, ProcessLookupError):
            self._process.send_signal(signal.SIGCONT)
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()

    def receive(self) -> dict:
        """The answer to what was sent; stops the process.

        Raises:
            SideError: If the process died.
        """
        line = self._process.stdout.readline()
        if not line:
            self.dead = True
            status = self._process.wait()
            self._log.seek(0)
            said = [text for text in self._log.read().splitlines() if text.strip()]
            raise SideError(said[-1] if said else f"its process ended with status {status}")
        self._process.send_signal(signal.SIGSTOP)
        return json.loads(line)

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            with contextlib.suppress(BrokenPipeError):
                stream.close()


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

    @property
    def best(self) -> float | None:
        """The ratio to the fastest peer."""
        return min(self.ratios.values(), default=None)

    def as_dict(self) -> dict:
        """Plain values for JSON. Of the case its name and work: the name leads to the rest."""
        case = {key: self.case[key] for key in ("name", "flops", "bytes", "precision") if key in self.case}
        return {**asdict(self), "case": case}


def compare(case: dict, workers: list[Worker], threads: int, turn_seconds: float, rounds: int) -> Comparison:
    """Measures a case on every worker in turns. A side that cannot run it is left out; its error is kept."""
    result = Comparison(case, threads)
    able = []
    for worker in workers:
        try:
            answer = {} if worker.dead else worker.ask(prepare=case, seconds=turn_seconds)
        except SideError as error:
            answer = {"error": str(error)}
        if "error" in answer:
            result.errors[worker.side] = answer["error"]
        elif answer:
            result.variants[worker.side] = answer["variant"]
            able.append(worker)
    times: dict[str, list[float]] = {worker.side: [] for worker in able}
    begin = time.monotonic()
    for number in range(rounds):
        if number >= FEWEST_ROUNDS and time.monotonic() - begin > LONG_CASE:
            break
        for worker in able:
            times[worker.side].append(worker.ask(turn=True)["seconds"])
    for side, values in times.items():
        result.seconds[side] = statistics.median(values)
        if side != OURS and OURS in times:
            ratios = [peer / ours for peer, ours in zip(values, times[OURS])]
            result.ratios[side] = statistics.median(ratios)
            result.spreads[side] = quartiles(ratios)
    return result


def quartiles(values: list[float]) -> tuple[float, float]:
    """The values between which the middle half lies."""
    if len(values) < 2:
        return values[0], values[0]
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return first, third
