"""Batches that a program makes by number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class PyDataset:
    """Base of datasets that give batch number i: implement `__getitem__`, and `__len__` or `num_batches`.

    Args:
        workers: number of threads that make batches ahead of training.
        use_multiprocessing: accepted for compatibility; batches are made by threads.
        max_queue_size: how many batches may wait.
    """

    workers = 1
    use_multiprocessing = False
    max_queue_size = 10

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10):
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    def __getitem__(self, index: int) -> Any:
        """Batch `index`: (x, y) or (x, y, sample_weight)."""
        raise NotImplementedError

    @property
    def num_batches(self) -> int | None:
        """Number of batches of an epoch; None for no end."""
        return len(self) if hasattr(self, "__len__") else None

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch."""

    def batches(self, random: Any = None) -> Iterator:
        """All batches of an epoch, in random order if a NumPy generator is given."""
        count = self.num_batches
        if count is None:
            numbers: Any = _count_up()
        else:
            numbers = random.permutation(count).tolist() if random is not None else range(count)
        if self.workers <= 1:
            return (self[number] for number in numbers)
        return self._threaded(iter(numbers))

    def _threaded(self, numbers: Iterator) -> Iterator:
        from collections import deque
        from concurrent.futures import ThreadPoolExecutor
        from itertools import islice

        with ThreadPoolExecutor(self.workers) as pool:
            waiting = deque(pool.submit(self.__getitem__, n) for n in islice(numbers, self.max_queue_size))
            try:
                while waiting:
                    batch = waiting.popleft().result()
                    waiting.extend(pool.submit(self.__getitem__, n) for n in islice(numbers, 1))
                    yield batch
            finally:
                for future in waiting:
                    future.cancel()


def _count_up() -> Iterator[int]:
    number = 0
    while True:
        yield number
        number += 1
