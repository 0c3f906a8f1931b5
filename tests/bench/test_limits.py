"""The machine's limits: sane figures, arguments checked, which cache counts. No thresholds of time."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pyneural import _core
from pyneural.bench import limits
from pyneural.bench.limits import Limits, MemoryLevel

SECONDS = 0.2


@pytest.fixture(scope="module")
def measured() -> Limits:
    return limits.measure(threads=2, seconds=SECONDS)


def made_up() -> Limits:
    """Round figures: 100 flops a second and thread, an L1 of 10 bytes, an L2 of 100 shared by two."""
    return Limits(
        device="cpu",
        processor="abacus",
        simd_level="wide",
        threads=(1, 2),
        peaks={"narrow": {1: 10.0, 2: 20.0}, "wide": {1: 100.0, 2: 200.0}},
        memory=(
            MemoryLevel("L1", 10, 1, {1: 40.0, 2: 80.0}, {1: 30.0, 2: 60.0}),
            MemoryLevel("L2", 100, 2, {1: 20.0, 2: 40.0}, {1: 15.0, 2: 30.0}),
            MemoryLevel("memory", None, 0, {1: 10.0, 2: 10.0}, {1: 8.0, 2: 8.0}),
        ),
    )


def test_limits_are_positive_and_ordered(measured: Limits) -> None:
    assert measured.device == "cpu"
    assert measured.threads == (1, 2)
    assert list(measured.peaks) == _core.simd_levels()
    assert measured.simd_level == _core.simd_level()
    names = [level.name for level in measured.memory]
    assert names[-1] == "memory"
    assert names[:-1] == sorted(names[:-1])
    sizes = [level.size for level in measured.memory[:-1]]
    assert sizes == sorted(sizes)
    assert measured.memory[-1].size is None
    rates = [rate for values in measured.peaks.values() for rate in values.values()]
    rates += [rate for level in measured.memory for part in (level.read, level.copy) for rate in part.values()]
    assert min(rates) > 1e6
    # Loose on purpose: one run on a busy machine.
    assert measured.memory[0].read[1] > measured.memory[-1].read[1] / 4


def test_limits_survive_json(measured: Limits) -> None:
    assert Limits.from_dict(json.loads(json.dumps(measured.to_dict()))) == measured


def test_level_of_a_working_set() -> None:
    some = made_up()
    assert [some.level_of(size).name for size in (1, 10, 11, 100, 101)] == ["L1", "L1", "L2", "L2", "memory"]
    # Two threads have two L1 caches, but one L2.
    assert [some.level_of(size, 2).name for size in (20, 21, 100, 101)] == ["L1", "L2", "L2", "memory"]


def test_roofline() -> None:
    some = made_up()
    assert some.peak() == 100
    assert some.peak(2) == 200
    assert some.seconds(1000, 5) == 1000 / 100  # bound by arithmetic
    assert some.seconds(1, 50) == 50 / 20  # bound by the L2, which is read
    assert some.seconds(0, 50) == 50 / 15  # what computes nothing, copies
    assert some.seconds(0, 50, threads=2) == 50 / 30


def test_the_better_of_two_measurements() -> None:
    one = made_up()
    peaks = {"narrow": {1: 11.0, 2: 19.0}, "wide": {1: 90.0, 2: 210.0}}
    memory = tuple(replace(level, read={1: 15.0, 2: 45.0}) for level in one.memory)
    best = one.best_of(replace(one, peaks=peaks, memory=memory))
    assert best.peaks == {"narrow": {1: 11.0, 2: 20.0}, "wide": {1: 100.0, 2: 210.0}}
    assert [level.read for level in best.memory] == [{1: 40.0, 2: 80.0}, {1: 20.0, 2: 45.0}, {1: 15.0, 2: 45.0}]
    assert [level.copy for level in best.memory] == [level.copy for level in one.memory]


def test_cache_sizes_are_read(tmp_path: Path) -> None:
    assert list(limits.cache_sizes(tmp_path)) == list(limits.FALLBACK_CACHES)
    caches = [
        (1, "Data", "48K", "0"),
        (1, "Instruction", "32K", "0"),
        (2, "Unified", "1024K", "0,2"),
        (3, "Unified", "32M", "0-5"),
    ]
    for index, (level, kind, size, shared) in enumerate(caches):
        folder = tmp_path / f"index{index}"
        folder.mkdir()
        for name, value in (("level", level), ("type", kind), ("size", size), ("shared_cpu_list", shared)):
            (folder / name).write_text(f"{value}\n")
    assert list(limits.cache_sizes(tmp_path)) == [(1, 48 << 10, 1), (2, 1 << 20, 2), (3, 32 << 20, 6)]


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match=r"Unknown device: 'abacus'"):
        limits.measure(device="abacus")
    with pytest.raises(ValueError, match=r"`seconds`.*0"):
        limits.measure(seconds=0)
    with pytest.raises(ValueError, match=r"`threads`.*-1"):
        limits.measure(threads=-1)
    with pytest.raises(ValueError, match="sse9"):
        _core.measure_fma_peak(0.001, "sse9")
    with pytest.raises(ValueError, match=r"`threads`.*0"):
        _core.measure_fma_peak(0.001, threads=0)
    memory = np.zeros(1024, np.float32)
    with pytest.raises(ValueError, match=r"`mode`.*'write'"):
        _core.measure_bandwidth(memory, "write")
    with pytest.raises(ValueError, match=r"`memory`.*64"):
        _core.measure_bandwidth(memory[:16], "read")
    with pytest.raises(TypeError):
        _core.measure_bandwidth(memory.astype(np.float64), "read")


@pytest.mark.parametrize("level", _core.simd_levels())
@pytest.mark.parametrize("mode", ["copy", "streaming"])
@pytest.mark.parametrize("threads", [1, 3])
def test_copies_copy(level: str, mode: str, threads: int) -> None:
    """The first half of each thread's part comes to lie in its second half; memory around the parts is left alone."""
    part = 3 * 1024 // 4
    memory = np.random.default_rng(0).random(threads * part + 100, dtype=np.float32)
    before = memory.copy()
    assert _core.measure_bandwidth(memory, mode, 1e-4, level, threads) > 0
    begin = -memory.ctypes.data % 64 // 4
    for thread in range(threads):
        mine = slice(begin + thread * part, begin + (thread + 1) * part)
        first = before[mine][: part // 2]
        np.testing.assert_array_equal(memory[mine], np.concatenate([first, first]))
    np.testing.assert_array_equal(memory[:begin], before[:begin])
    np.testing.assert_array_equal(memory[begin + threads * part :], before[begin + threads * part :])
