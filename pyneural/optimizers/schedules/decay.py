"""Learning rates that fall: exponentially, as 1/t, as a polynomial, in steps."""

from __future__ import annotations

from typing import Any

from pyneural import ops
from pyneural.optimizers.schedules.schedule import LearningRateSchedule, as_float, check_positive


class _RateDecay(LearningRateSchedule):
    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str | None = None,
    ):
        check_positive("decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name or type(self).__name__

    def _periods(self, step: Any) -> Any:
        periods = as_float(step) / float(self.decay_steps)
        return ops.floor(periods) if self.staircase else periods

    def get_config(self) -> dict:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
            "name": self.name,
        }


class ExponentialDecay(_RateDecay):
    """`initial * decay_rate ** (step / decay_steps)`.

    Args:
        initial_learning_rate: rate at step 0.
        decay_steps: steps per period.
        decay_rate: factor per period.
        staircase: whether the rate falls at the end of each period only.
        name: name of the schedule.
    """

    def __call__(self, step: Any) -> Any:
        return self.initial_learning_rate * ops.power(float(self.decay_rate), self._periods(step))


class InverseTimeDecay(_RateDecay):
    """`initial / (1 + decay_rate * step / decay_steps)`. Arguments as of `ExponentialDecay`."""

    def __call__(self, step: Any) -> Any:
        return self.initial_learning_rate / (1.0 + float(self.decay_rate) * self._periods(step))


class PolynomialDecay(LearningRateSchedule):
    """From `initial_learning_rate` to `end_learning_rate` along `(1 - step / decay_steps) ** power`.

    Args:
        initial_learning_rate: rate at step 0.
        decay_steps: steps until the end rate.
        end_learning_rate: rate at the end.
        power: power of the polynomial, 1 for a line.
        cycle: whether to begin again with twice, three times, ... the steps once the end is reached.
        name: name of the schedule.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ):
        check_positive("decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def __call__(self, step: Any) -> Any:
        step = as_float(step)
        steps = float(self.decay_steps)
        if self.cycle:
            # At step 0 the quotient is 0: one period even so.
            share = step / (steps * ops.maximum(ops.ceil(step / steps), 1.0))
        else:
            share = ops.minimum(step, steps) / steps
        span = self.initial_learning_rate - self.end_learning_rate
        return span * ops.power(1.0 - share, float(self.power)) + self.end_learning_rate

    def get_config(self) -> dict:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "end_learning_rate": self.end_learning_rate,
            "power": self.power,
            "cycle": self.cycle,
            "name": self.name,
        }


class PiecewiseConstantDecay(LearningRateSchedule):
    """`values[0]` up to and including step `boundaries[0]`, then `values[1]` up to `boundaries[1]`, ...

    Args:
        boundaries: increasing steps.
        values: rates, one more than boundaries.
        name: name of the schedule.
    """

    def __init__(self, boundaries: list, values: list, name: str = "PiecewiseConstant"):
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                "The length of boundaries should be 1 less than the length of values. Received: "
                f"boundaries={boundaries} of length {len(boundaries)}, and values={values} of length {len(values)}."
            )
        self.boundaries = boundaries
        self.values = values
        self.name = name

    def __call__(self, step: Any) -> Any:
        step = as_float(step)
        rate = ops.full((), float(self.values[-1]), dtype="float32")
        for boundary, value in zip(reversed(self.boundaries), reversed(self.values[:-1])):
            rate = ops.where(step <= float(boundary), float(value), rate)
        return rate

    def get_config(self) -> dict:
        return {"boundaries": self.boundaries, "values": self.values, "name": self.name}
