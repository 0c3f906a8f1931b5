"""What this machine can do at best, measured: multiply-adds at each SIMD level, bandwidth of each cache and of memory.

The same of a GPU: float32 and tensor cores, its L2 cache and its memory.

from pyneural.bench import limits
limits.measure().bandwidth(1e6, threads=1)
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pyneural import _core

CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
# Where the system does not tell: what nearly every processor has at least.
FALLBACK_CACHES = ((1, 32 << 10, 1), (2, 256 << 10, 1))
ROUNDS = 5  # every limit is measured that often, spread over the whole time: a disturbance does not last that long
# An array in memory is so many times as large as the last cache, but at most LARGEST unless that would fit there.
BEYOND_CACHES, BARELY_BEYOND, LARGEST = 4, 2, 256 << 20
MEMORY_SHARE = 4  # and at most this part of what is free
# What a GPU multiplies with: ordinary arithmetic, or tensor cores on inputs that are rounded to these types.
GPU_UNITS, TENSOR_CAPABILITY = ("float32", "tf32", "bf16"), 8.0
# Many times the cache, as reads alternate with what is still there; and a launch should take long.
BEYOND_GPU_CACHE, LARGEST_ON_GPU = 16, 2 << 30


@dataclass(frozen=True)
class MemoryLevel:
    """A cache, or the memory behind all caches.

    Attributes:
        name: "L1", "L2", ... or "memory".
        size: bytes of one such cache; None for the memory.
        sharers: how many processors share it.
        read: bytes a second that can be read, by the number of threads.
        copy: bytes a second, read and written, of a copy; of memory the better of ordinary stores and such as go past
            the caches.
    """

    name: str
    size: int | None
    sharers: int
    read: dict[int, float]
    copy: dict[int, float]

    def capacity(self, threads: int) -> float:
        """Bytes that `threads` threads find room for together."""
        return float("inf") if self.size is None else self.size * max(1, threads // self.sharers)


@dataclass(frozen=True)
class Limits:
    """The limits of a device.

    Attributes:
        device: "cpu", "cuda:0".
        processor: its name.
        simd_level: the SIMD level in use; of a GPU one of `GPU_UNITS`.
        threads: the numbers of threads that were measured; (1,) for a GPU, which is used as a whole.
        peaks: floating-point operations a second, {SIMD level: {threads: rate}}; a multiply-add counts as two.
        memory: the caches, the smallest first, and the memory.
    """

    device: str
    processor: str
    simd_level: str
    threads: tuple[int, ...]
    peaks: dict[str, dict[int, float]]
    memory: tuple[MemoryLevel, ...]

    def peak(self, threads: int = 1) -> float:
        """Floating-point operations a second at the SIMD level in use."""
        return self.peaks[self.simd_level][threads]

    def level_of(self, working_set: float, threads: int = 1) -> MemoryLevel:
        """The smallest cache that a working set of so many bytes fits into, or the memory.

        Of a set that is a little larger than a cache a part stays there: it may pass the limit of its level.
        """
        return next(level for level in self.memory if working_set <= level.capacity(threads))

    def bandwidth(self, working_set: float, threads: int = 1, copying: bool = False) -> float:
        """Bytes a second that can be read where a working set lies; copied, if `copying`."""
        level = self.level_of(working_set, threads)
        return (level.copy if copying else level.read)[threads]

    def seconds(self, flops: float, moved: float, threads: int = 1, footprint: float | None = None) -> float:
        """The least time of a computation that moves so many bytes: the roofline's.

        What computes nothing, copies; what computes, reads most of what it moves. `footprint` is the memory that it
        works on, where that is not as much as it moves.
        """
        rate = self.bandwidth(moved if footprint is None else footprint, threads, copying=flops == 0)
        return max(flops / self.peak(threads), moved / rate)

    def in_precision(self, unit: str | None) -> Limits:
        """With the peak of another unit of a GPU, if it was measured: that of a case in TF32, say."""
        return replace(self, simd_level=unit) if unit in self.peaks else self

    def best_of(self, other: Limits) -> Limits:
        """The higher figures of two measurements of one machine: what disturbs makes it slower, never faster."""

        def higher(mine: dict[int, float], others: dict[int, float]) -> dict[int, float]:
            return {threads: max(rate, others[threads]) for threads, rate in mine.items()}

        peaks = {level: higher(rates, other.peaks[level]) for level, rates in self.peaks.items()}
        memory = tuple(
            replace(mine, read=higher(mine.read, others.read), copy=higher(mine.copy, others.copy))
            for mine, others in zip(self.memory, other.memory, strict=True)
        )
        return replace(self, peaks=peaks, memory=memory)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Limits:
        """The limits that `to_dict` wrote; keys that JSON has made strings are numbers again."""

        def numbered(rates: dict) -> dict[int, float]:
            return {int(threads): rate for threads, rate in rates.items()}

        memory = tuple(
            MemoryLevel(**{**level, "read": numbered(level["read"]), "copy": numbered(level["copy"])})
            for level in values["memory"]
        )
        peaks = {level: numbered(rates) for level, rates in values["peaks"].items()}
        return cls(**{**values, "threads": tuple(values["threads"]), "peaks": peaks, "memory": memory})


def measure(threads: int | Sequence[int] | None = None, seconds: float = 3.0, device: str = "cpu") -> Limits:
    """Measures the limits of one thread and of several.

    Args:
        threads: how many, by default as many as kernels may use; or a list of the numbers to measure. A GPU is
            always used as a whole.
        seconds: about how long it takes, beside making the arrays.
        device: `"cpu"`, or a GPU.

    Raises:
        ValueError: For an unknown device, or a number of threads or seconds that is not positive.
        RuntimeError: There is no such device.
    """
    if seconds <= 0:
        raise ValueError(f"`seconds` must be positive. Received: {seconds}")
    device = _core.resolve_device(device)
    if device != "cpu":
        return _measure_gpu(device, seconds)
    if threads is None or isinstance(threads, int):
        threads = (1, _core.num_threads() if threads is None else threads)
    counts = tuple(sorted(set(threads)))
    if not counts or counts[0] < 1:
        raise ValueError(f"`threads` must be at least 1. Received: {threads}")
    caches = list(cache_sizes())
    memory = np.ones(memory_bytes(caches[-1][1]) // 4, np.float32)  # written: else all pages are one page of zeros
    best = _best_of_rounds(list(_jobs(memory, caches, counts)), seconds)
    peaks = {level: {count: best["peak", level, count] for count in counts} for level in _core.simd_levels()}
    levels = []
    for number, size, sharers in [*caches, (0, None, 0)]:
        read = {count: best["read", number, count] for count in counts}
        copy = {count: max(best[mode, number, count] for mode in _copy_modes(number)) for count in counts}
        levels.append(MemoryLevel(f"L{number}" if number else "memory", size, sharers, read, copy))
    return Limits(device, processor_name(), _core.simd_level(), counts, peaks, tuple(levels))


def _measure_gpu(device: str, seconds: float) -> Limits:
    """The limits of a GPU: its arithmetic, its L2 cache, its memory."""
    gpu = next(gpu for gpu in _core.cuda_devices() if gpu["device"] == device)
    units = GPU_UNITS if gpu["compute_capability"] >= TENSOR_CAPABILITY else GPU_UNITS[:1]
    cache = gpu["l2_bytes"]
    beyond = min(max(BEYOND_GPU_CACHE * cache, LARGEST_ON_GPU), gpu["free_bytes"] // MEMORY_SHARE)
    # A quarter of the cache: those of large GPUs have two halves, and what lies in one may be copied into the other.
    sizes = {"L2": cache // 4, "memory": beyond}
    jobs = [(("peak", unit), _core.measure_gpu_peak, (device, unit)) for unit in units]
    for name, size in sizes.items():
        jobs += [((mode, name), _core.measure_gpu_bandwidth, (device, size, mode)) for mode in ("read", "copy")]
    best = _best_of_rounds(jobs, seconds)
    peaks = {unit: {1: best["peak", unit]} for unit in units}
    levels = tuple(
        MemoryLevel(name, cache if name == "L2" else None, 1, {1: best["read", name]}, {1: best["copy", name]})
        for name in sizes
    )
    return Limits(device, gpu["name"], units[0], (1,), peaks, levels)


def _best_of_rounds(jobs: Sequence[tuple], seconds: float) -> dict[tuple, float]:
    """The highest rate of each job (key, function, arguments), measured in turns."""
    best: dict[tuple, float] = {}
    for _ in range(ROUNDS):
        for key, function, arguments in jobs:
            rate = function(*arguments, seconds=seconds / (ROUNDS * len(jobs)))
            best[key] = max(rate, best.get(key, 0.0))
    return best


def _jobs(memory: np.ndarray, caches: list[tuple[int, int, int]], counts: tuple[int, ...]) -> Iterator[tuple]:
    """Everything to be measured: (key, function, arguments)."""
    for count in counts:
        for level in _core.simd_levels():
            yield ("peak", level, count), _peak, (level, count)
        for number, size, sharers in [*caches, (0, memory.nbytes, 0)]:
            # Half a cache for the threads that share it: the rest is for what else lies there.
            part = size // 2 // max(1, min(count, sharers)) * count if number else size
            array = memory[: min(part, memory.nbytes) // 4]
            for mode in ("read", *_copy_modes(number)):
                yield (mode, number, count), _bandwidth, (array, mode, count)


def _copy_modes(number: int) -> tuple[str, ...]:
    """Stores that go past the caches pay in memory only (number 0)."""
    return ("copy",) if number else ("copy", "streaming")


def _peak(level: str, threads: int, seconds: float) -> float:
    return _core.measure_fma_peak(seconds, level, threads)


def _bandwidth(array: np.ndarray, mode: str, threads: int, seconds: float) -> float:
    return _core.measure_bandwidth(array, mode, seconds, None, threads)


def cache_sizes(folder: Path = CACHES) -> Iterator[tuple[int, int, int]]:
    """(level, bytes, processors that share it) of the caches that hold data, the smallest first."""
    found = {}
    for index in sorted(folder.glob("index*")):
        try:
            if (index / "type").read_text().strip() == "Instruction":
                continue
            size = (index / "size").read_text().strip()
            found[int((index / "level").read_text())] = (
                int(size[:-1]) << {"K": 10, "M": 20, "G": 30}[size[-1]],
                _count((index / "shared_cpu_list").read_text()),
            )
        except (OSError, ValueError, KeyError, IndexError):
            continue
    if not found:
        yield from FALLBACK_CACHES
    for level in sorted(found):
        yield (level, *found[level])


def _count(cpus: str) -> int:
    """How many processors a list such as "0-3,8" names."""
    ranges = [part.split("-") for part in cpus.strip().split(",")]
    return sum(int(part[-1]) - int(part[0]) + 1 for part in ranges)


def memory_bytes(last_cache: int) -> int:
    """The size of an array that lies in memory, not in the last cache."""
    wanted = min(BEYOND_CACHES * last_cache, max(LARGEST, BARELY_BEYOND * last_cache))
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return wanted
    return max(min(wanted, free // MEMORY_SHARE), 1 << 20)


def processor_name() -> str:
    """As the system spells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
