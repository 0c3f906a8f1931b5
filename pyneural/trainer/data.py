"""Where batches come from: arrays that the engine slices itself, or an iterable of ready batches."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from pyneural import _core, tree
from pyneural.devices import free_bytes
from pyneural.trainer.arrays import class_weights_of, count_rows, is_array, leaves, to_arrays


class Work(NamedTuple):
    """Batches of equal size for one plan: `batches` times `rows` rows of `arrays`, from `first_row` of `order` on."""

    data: tuple  # nested (x,), (x, y) or (x, y, sample_weight) of arrays
    order: np.ndarray | None
    first_row: int
    batches: int
    rows: int


class Source:
    """What the sources of batches share."""

    _placed: tuple | None = None

    def arrays(self, data: tuple, device: str) -> list:
        """The arrays of a piece of work, for a plan on a device.

        They are copied to a GPU once, if they take no more than half of what is free there; otherwise the engine copies
        batch by batch while the last one is computed.
        """
        arrays = leaves(data)
        if device == "cpu":
            return arrays
        key = (device, *map(id, arrays))
        if self._placed is None or self._placed[0] != key:
            self._placed = None  # frees the last copies before there are new ones
            fits = 2 * sum(array.nbytes for array in arrays) <= free_bytes(device)
            # The arrays themselves are kept, so that no other ones get their ids.
            self._placed = (key, [_core.tensor(array) for array in arrays] if fits else arrays, arrays)
        return self._placed[1]


class ArrayData(Source):
    """Batches from arrays.

    Args:
        x: inputs, arrays [rows, ...].
        y: targets or None.
        sample_weight: weights or None.
        batch_size: rows of a batch.
        shuffle: a new order for each epoch; "batch" keeps the rows of a batch together.
        class_weight: weight of each class or None.
        seed: seed of the order.
    """

    def __init__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        batch_size: int | None = None,
        shuffle: bool | str = False,
        class_weight: dict | None = None,
        seed: int = 0,
    ):
        self.batch_size = 32 if batch_size is None else batch_size
        x, y, sample_weight = (
            to_arrays(part, name) for part, name in ((x, "x"), (y, "y"), (sample_weight, "sample_weight"))
        )
        self.rows = count_rows(x, y, sample_weight)
        if class_weight is not None:
            sample_weight = class_weights_of(y, class_weight, sample_weight)
        self.data = pack(x, y, sample_weight)
        self._shuffle = shuffle
        self._random = np.random.default_rng(seed)
        self._order: np.ndarray | None = None
        self._next_row = self.rows

    @property
    def num_batches(self) -> int:
        return -(-self.rows // self.batch_size)

    def first_batch(self) -> tuple:
        return tree.map_structure(lambda a: a[: self.batch_size], self.data)

    def epoch(self, steps: int | None = None) -> Iterator[Work]:
        """The batches of an epoch: all rows once, or the next `steps` batches."""
        if steps is None:
            self._next_row = self.rows
        left = self.num_batches if steps is None else steps
        while left:
            if self._next_row >= self.rows:
                self._order = self._new_order()
                self._next_row = 0
            rows = min(self.batch_size, self.rows - self._next_row)
            batches = min(left, (self.rows - self._next_row) // rows)
            yield Work(self.data, self._order, self._next_row, batches, rows)
            self._next_row += batches * rows
            left -= batches

    def _new_order(self) -> np.ndarray | None:
        if not self._shuffle:
            return None
        if self._shuffle == "batch":
            whole = self.rows // self.batch_size * self.batch_size
            batches = np.arange(whole).reshape(-1, self.batch_size)
            order = np.concatenate([self._random.permutation(batches).ravel(), np.arange(whole, self.rows)])
        else:
            order = self._random.permutation(self.rows)
        return order.astype("int64", copy=False)

    def begin_epoch(self) -> None:
        pass

    def end_epoch(self) -> None:
        pass


class StreamData(Source):
    """Batches from an iterable of `x`, `(x, y)` or `(x, y, sample_weight)`: a generator, `PyDataset`, data loader, ...

    Args:
        source: the iterable; an iterator goes on where it stopped, anything else starts anew each epoch.
        class_weight: weight of each class or None.
        shuffle: whether to shuffle the batches of a `PyDataset`.
        seed: seed of that.
    """

    def __init__(
        self,
        source: Iterable,
        class_weight: dict | None = None,
        shuffle: bool = False,
        seed: int = 0,
    ):
        self._source = source
        self._single_pass = isinstance(source, Iterator)
        self._class_weight = class_weight
        self._shuffle = shuffle
        self._random = np.random.default_rng(seed)
        self._iterator: Iterator | None = None
        self._first: tuple | None = None
        if self.num_batches == 0:
            raise ValueError("The data has no batches: its length is 0.")

    @property
    def num_batches(self) -> int | None:
        """How many batches an epoch has; None if only the end will tell."""
        try:
            return getattr(self._source, "num_batches", None) or len(self._source)  # type: ignore[arg-type]
        except TypeError:
            return None

    def first_batch(self) -> tuple:
        """The first batch, which `epoch` gives again."""
        if self._first is None:
            self._first = self._next(restart=False)
            if self._first is None:
                raise ValueError("The data has no batches.")
        return self._first

    def _next(self, restart: bool) -> tuple | None:
        """The next batch, from the beginning if `restart` allows that at the end; None if there is none."""
        for attempt in range(2):
            if self._iterator is None:
                indexed = getattr(self._source, "batches", None)
                order = self._random if self._shuffle else None
                self._iterator = indexed(order) if indexed else iter(self._source)
            try:
                return self._batch(next(self._iterator))
            except StopIteration:
                if self._single_pass:
                    return None
                self._iterator = None
                if attempt or not restart:
                    return None
        return None

    def epoch(self, steps: int | None = None) -> Iterator[Work]:
        """The batches of an epoch: all of the source, or the next `steps`."""
        if steps is None and self._first is None and not self._single_pass:
            self._iterator = None
        done = 0
        while steps is None or done < steps:
            batch, self._first = self._first, None
            if batch is None:
                batch = self._next(restart=steps is not None)
            if batch is None:
                break
            done += 1
            yield Work(batch, None, 0, 1, count_rows(*unpack_x_y_sample_weight(batch)))
        if done < (steps or 1):
            warnings.warn(
                "Your input ran out of data; interrupting training. Make sure that your dataset or generator can "
                "generate at least `steps_per_epoch * epochs` batches.",
                stacklevel=2,
            )

    def _batch(self, batch: Any) -> tuple:
        x, y, sample_weight = unpack_x_y_sample_weight(tuple(batch) if isinstance(batch, list) else batch)
        x, y, sample_weight = (
            to_arrays(part, name) for part, name in ((x, "x"), (y, "y"), (sample_weight, "sample_weight"))
        )
        if self._class_weight is not None:
            sample_weight = class_weights_of(y, self._class_weight, sample_weight)
        return pack(x, y, sample_weight)

    def begin_epoch(self) -> None:
        if hasattr(self._source, "on_epoch_begin"):
            self._source.on_epoch_begin()

    def end_epoch(self) -> None:
        if hasattr(self._source, "on_epoch_end"):
            self._source.on_epoch_end()


def make_data(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    batch_size: int | None = None,
    shuffle: bool | str = False,
    class_weight: dict | None = None,
    seed: int = 0,
) -> ArrayData | StreamData:
    """The source of batches for the arguments of `fit`, `evaluate` or `predict`.

    Raises:
        ValueError: arguments that contradict each other, or data of an unknown kind.
    """
    if batch_size is not None and (not isinstance(batch_size, (int, np.integer)) or batch_size <= 0):
        raise ValueError(f"`batch_size` must be a positive integer. Received: batch_size={batch_size}")
    if isinstance(x, (ArrayData, StreamData)):
        return x
    if x is None:
        raise ValueError("`x` is missing: pass arrays, or an iterable of batches.")
    if is_array(x):
        return ArrayData(x, y, sample_weight, batch_size, shuffle, class_weight, seed)
    if isinstance(x, (str, list)) or not (hasattr(x, "__iter__") or hasattr(x, "batches")):
        raise ValueError(
            f"Unrecognized data type: x={repr(x)[:200]} (of type {type(x)}). Expected arrays or an iterable of "
            "batches; turn text into numbers first."
        )
    kind = f"`x` is an iterable of batches ({type(x).__name__})"
    if y is not None:
        raise ValueError(f"When {kind}, `y` should not be passed. Instead, the targets should be included in `x`.")
    if sample_weight is not None:
        raise ValueError(
            f"When {kind}, `sample_weight` should not be passed. Instead, the sample weights should be included in `x`."
        )
    if batch_size is not None:
        raise ValueError(f"When {kind}, `batch_size` should not be passed: its batches have a size already.")
    return StreamData(x, class_weight, bool(shuffle), seed)


def train_validation_split(arrays: tuple, validation_split: float) -> tuple[tuple, tuple]:
    """Takes the last rows of (x, y, sample_weight) for validation.

    Returns:
        (training arrays, validation arrays).

    Raises:
        ValueError: no arrays, a share outside (0, 1), or too few rows.
    """
    if not 0 < validation_split < 1:
        raise ValueError(f"`validation_split` must be between 0 and 1. Received: {validation_split}")
    if not is_array(arrays[0]):
        raise ValueError(
            "Argument `validation_split` is only supported for tensors or NumPy arrays. Found incompatible type in "
            f"the input: {type(arrays[0])}"
        )
    parts = [to_arrays(part, name) for part, name in zip(arrays, ("x", "y", "sample_weight"))]
    rows = count_rows(*parts)
    split_at = int(np.floor(rows * (1.0 - validation_split)))
    if split_at in (0, rows):
        raise ValueError(
            f"Training data contains {rows} samples, which is not sufficient to split it into a validation and "
            f"training set as specified by `validation_split={validation_split}`. Either provide more data, or a "
            "different value for the `validation_split` argument."
        )

    def cut(rows: slice) -> tuple:
        return tuple(tree.map_structure(lambda a: None if a is None else a[rows], part) for part in parts)

    return cut(slice(None, split_at)), cut(slice(split_at, None))


def pack(x: Any, y: Any = None, sample_weight: Any = None) -> tuple:
    """(x,), (x, y) or (x, y, sample_weight): what `train_step` receives."""
    if y is None and sample_weight is None:
        return (x,)
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack_x_y_sample_weight(data: Any) -> tuple:
    """`(x, y, sample_weight)`, None for what is missing.

    Args:
        data: x, or a tuple of up to three parts.

    Raises:
        ValueError: more than three parts.
    """
    if not isinstance(data, tuple):
        return data, None, None
    if len(data) in (1, 2, 3):
        return data + (None,) * (3 - len(data))
    raise ValueError(
        f"Data is expected to be in format `x`, `(x,)`, `(x, y)`, or `(x, y, sample_weight)`, found: {len(data)} parts."
    )
