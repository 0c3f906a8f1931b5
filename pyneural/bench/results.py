"""What was measured of a kernel or a training step, and how it compares with the machine's limits."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pyneural.bench.limits import Limits

COMPUTE = "compute"


def unit_name(device: str, threads: int) -> str:
    """What computed, in words: threads of the CPU, or a GPU."""
    if device != "cpu":
        return device
    return "1 thread" if threads == 1 else f"{threads} threads"


@dataclass(frozen=True)
class Point:
    """A kernel's time.

    Attributes:
        name: of the case.
        family: "matmul", "conv2d", ...: what is drawn in one colour.
        threads: how many it was allowed to use.
        seconds: of one run.
        flops: multiplications and additions of the direct way to the result; 0 where they do not count.
        bytes: what has to be read and written once.
        device: where it ran.
        footprint: the memory that it works on, where that is not `bytes`.
    """

    name: str
    family: str
    threads: int
    seconds: float
    flops: float
    bytes: float
    device: str = "cpu"
    footprint: float | None = None

    @property
    def intensity(self) -> float:
        """Operations for each byte moved."""
        return self.flops / self.bytes

    def bound(self, limits: Limits) -> str:
        """What limits it: "compute", or the name of the memory level whose bandwidth does."""
        if self.flops / limits.peak(self.threads) >= self._least_seconds(limits):
            return COMPUTE
        return limits.level_of(self.bytes if self.footprint is None else self.footprint, self.threads).name

    def share(self, limits: Limits) -> float:
        """The least time that the limits allow over the time taken."""
        return self._least_seconds(limits) / self.seconds

    def _least_seconds(self, limits: Limits) -> float:
        return limits.seconds(self.flops, self.bytes, self.threads, self.footprint)

    def to_dict(self, limits: Limits) -> dict[str, Any]:
        """Plain values for JSON, with what follows from them."""
        return {
            **asdict(self),
            "gflops": self.flops / self.seconds / 1e9,
            "gbytes": self.bytes / self.seconds / 1e9,
            "bound": self.bound(limits),
            "share": self.share(limits),
        }


@dataclass(frozen=True)
class Training:
    """What `fit` takes for a step of a model.

    Attributes:
        name: of the model.
        threads: how many kernels were allowed to use.
        batch: samples of a step.
        seconds: of a step, everything included.
        kernel_seconds: the kernels of a step alone.
        flops: of a step.
        device: where it ran.
    """

    name: str
    threads: int
    batch: int
    seconds: float
    kernel_seconds: float
    flops: float
    device: str = "cpu"

    def to_dict(self, limits: Limits) -> dict[str, Any]:
        """Plain values for JSON, with what follows from them."""
        return {
            **asdict(self),
            "samples_per_second": self.batch / self.seconds,
            "gflops": self.flops / self.seconds / 1e9,
            "share_of_peak": self.share_of_peak(limits),
            "overhead": self.overhead,
        }

    def share_of_peak(self, limits: Limits) -> float:
        """Of the multiply-adds that the machine could have done meanwhile."""
        return self.flops / self.seconds / limits.peak(self.threads)

    @property
    def overhead(self) -> float:
        """Time beside the kernels, as a part of theirs."""
        return self.seconds / self.kernel_seconds - 1
