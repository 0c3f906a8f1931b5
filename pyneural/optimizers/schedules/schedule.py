"""The base of learning-rate schedules."""

from __future__ import annotations

from typing import Any

from pyneural import ops


class LearningRateSchedule:
    """Maps the number of updates so far to a learning rate, with `pyneural.ops`: it is traced into the step."""

    def __call__(self, step: Any) -> Any:
        raise NotImplementedError(
            f"Learning rate schedule '{type(self).__name__}' must override `__call__(self, step)`."
        )

    def get_config(self) -> dict:
        raise NotImplementedError(
            f"Learning rate schedule '{type(self).__name__}' must override `get_config()` in order to be serializable."
        )

    @classmethod
    def from_config(cls, config: dict) -> LearningRateSchedule:
        return cls(**config)


def as_float(step: Any) -> Any:
    """The step as a float32 scalar tensor."""
    return ops.cast(ops.convert_to_tensor(step), "float32")


def check_positive(name: str, value: Any) -> None:
    """Raises ValueError unless a number of steps is positive."""
    if value <= 0:
        raise ValueError(f"Argument `{name}` must be > 0. Received: {name}={value}")
