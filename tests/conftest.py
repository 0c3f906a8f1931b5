"""Fixtures that all tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pyneural import _core


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests about the CPU alone, as those of numbers of threads are, run only there."""
    for item in items:
        if "many_threads" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.cpu)
    if _core.current_device() != "cpu":
        elsewhere = [item for item in items if item.get_closest_marker("cpu")]
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if item not in elsewhere]


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
