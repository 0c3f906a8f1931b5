"""Learning-rate schedules."""

from __future__ import annotations

from typing import Any

from pyneural import serialization
from pyneural.optimizers.schedules.cosine import CosineDecay, CosineDecayRestarts
from pyneural.optimizers.schedules.decay import (
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
)
from pyneural.optimizers.schedules.schedule import LearningRateSchedule


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict:
    """The configuration of a schedule."""
    return serialization.serialize_keras_object(learning_rate_schedule)


def deserialize(config: dict, custom_objects: dict | None = None) -> Any:
    """The schedule of a configuration made by `serialize`."""
    return serialization.deserialize_keras_object(config, custom_objects)


__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]
