"""The memory of freed tensors: kept for the next ones, within bounds."""

from __future__ import annotations

import gc
import itertools
import os
import threading
import time

import numpy as np
import pytest

from pyneural import _core

pytestmark = pytest.mark.cpu

MB = 1 << 20


def block(size: int) -> _core.Tensor:
    return _core.tensor(np.zeros(size, "uint8"))


def address(tensor: _core.Tensor) -> int:
    return tensor.numpy().__array_interface__["data"][0]


def keeps_blocks() -> bool:
    """Not where a sanitizer watches what is freed."""
    block(1)
    return _core.kept_memory() > 0


@pytest.fixture(autouse=True)
def nothing_kept():
    gc.collect()
    if not keeps_blocks():
        pytest.skip("freed memory is not kept in this build")
    _core.release_kept_memory()
    yield
    _core.release_kept_memory()


@pytest.mark.parametrize("size", [0, 1, 64, 65, 256, 257, 5000, MB - 1, MB, 9 * MB + 5])
def test_a_freed_block_is_used_again(size: int) -> None:
    first = address(block(size))
    assert _core.kept_memory() >= size
    again = block(size)
    assert address(again) == first
    assert _core.kept_memory() == 0


def test_blocks_are_aligned_and_apart() -> None:
    for _ in range(2):
        tensors = [block(size) for size in [*range(1, 1200, 13), *range(2000, 300_000, 4321)]]
        blocks = sorted((address(tensor), tensor.shape[0]) for tensor in tensors)
        assert all(start % 64 == 0 for start, _ in blocks)
        assert all(start + size <= after for (start, size), (after, _) in itertools.pairwise(blocks))
        del tensors


def test_what_was_in_use_at_once_is_kept() -> None:
    tensors = [block(5 * MB) for _ in range(30)]
    places = {address(tensor) for tensor in tensors}
    del tensors
    assert 150 * MB <= _core.kept_memory() <= 30 * 5.25 * MB
    tensors = [block(5 * MB) for _ in range(30)]
    assert {address(tensor) for tensor in tensors} == places
    assert _core.kept_memory() == 0


def test_a_large_block_makes_room_for_itself() -> None:
    time.sleep(2.1)  # what earlier tests had in use at once does not count any more
    tensors = [block(5 * MB) for _ in range(40)]
    most = 40 * 5.25 * MB
    del tensors
    large = block(90 * MB)
    assert 90 * MB + _core.kept_memory() <= most
    larger = block(200 * MB)
    assert _core.kept_memory() <= 32 * MB
    del large, larger
    assert _core.kept_memory() >= 200 * MB
    _core.release_kept_memory()
    assert _core.kept_memory() == 0


def test_sizes_that_nobody_needs_any_more_make_room() -> None:
    tensors = [block(3 * MB) for _ in range(31)]
    del tensors
    for _ in range(3):
        time.sleep(1.1)
        block(MB)
    large = [block(64 * MB), block(64 * MB)]
    del large
    assert _core.kept_memory() >= 128 * MB


def test_what_has_been_idle_is_given_back() -> None:
    tensors = [block(5 * MB) for _ in range(30)]
    del tensors
    before = _core.kept_memory()
    for _ in range(4):
        time.sleep(0.7)
        block(MB)
    assert _core.kept_memory() <= 96 * MB < before


def test_a_block_larger_than_any_that_is_kept_is_given_back() -> None:
    block(513 * MB)
    assert _core.kept_memory() < MB


def use_blocks(seed: int, rounds: int) -> bool:
    """Whether tensors of many sizes hold what was written to them while others come and go."""
    rng = np.random.default_rng(seed)
    for _ in range(rounds):
        values = rng.integers(0, 100, int(rng.integers(1, 3000))).astype("int32")
        tensors = [_core.tensor(values + i) for i in range(4)]
        if not all(np.array_equal(np.asarray(tensor), values + i) for i, tensor in enumerate(tensors)):
            return False
    return True


def test_threads_share_what_is_kept() -> None:
    right = []
    threads = [threading.Thread(target=lambda seed=seed: right.append(use_blocks(seed, 200))) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert right == [True] * 6


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_of_a_busy_process_allocates() -> None:
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            x = _core.tensor(np.ones((64, 512), "float32"))  # large enough to run without Python's lock
            _core.matmul(x, x, False, True)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for seed in range(10):
            child = os.fork()
            if child == 0:
                os._exit(0 if use_blocks(seed, 5) else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        stop.set()
        thread.join()
