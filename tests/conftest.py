"""Fixtures that all tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pyneural import _core


@pytest.fixture
def many_threads() -> Iterator[Callable[[int], None]]:
    """Call it with a thread count: kernels then use that many threads for work of any size."""
    before = _core.num_threads()

    def use(threads: int) -> None:
        _core.set_num_threads(threads)
        _core.set_work_per_thread(1.0)

    yield use
    _core.set_num_threads(before)
    _core.set_work_per_thread(5e5)
