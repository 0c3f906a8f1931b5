"""Learning rates along a cosine (Loshchilov and Hutter 2016)."""

from __future__ import annotations

import math
from typing import Any

from pyneural import ops
from pyneural.optimizers.schedules.schedule import LearningRateSchedule, as_float, check_positive


class CosineDecay(LearningRateSchedule):
    """Half a cosine from the initial rate to `alpha` times it, after an optional linear warm-up.

    Args:
        initial_learning_rate: rate at step 0.
        decay_steps: steps of the half wave.
        alpha: end of the wave, as a share of its start.
        name: name of the schedule.
        warmup_target: rate at the end of the warm-up, where the wave starts; None for no warm-up.
        warmup_steps: steps of the warm-up.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ):
        check_positive("decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def _wave(self, step: Any, start: float) -> Any:
        share = ops.minimum(step, float(self.decay_steps)) / float(self.decay_steps)
        cosine = 0.5 * (1.0 + ops.cos(math.pi * share))
        return start * ((1.0 - self.alpha) * cosine + self.alpha)

    def __call__(self, step: Any) -> Any:
        step = as_float(step)
        if self.warmup_target is None:
            return self._wave(step, self.initial_learning_rate)
        warmup = float(self.warmup_steps)
        rise = self.warmup_target - self.initial_learning_rate
        line = rise * (step / warmup) + self.initial_learning_rate if warmup else step
        wave = self._wave(ops.maximum(step - warmup, 0.0), self.warmup_target)
        return ops.where(step < warmup, line, wave)

    def get_config(self) -> dict:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "alpha": self.alpha,
            "name": self.name,
            "warmup_target": self.warmup_target,
            "warmup_steps": self.warmup_steps,
        }


class CosineDecayRestarts(LearningRateSchedule):
    """Half cosines one after the other, each `t_mul` times as long and `m_mul` times as high as the one before.

    Args:
        initial_learning_rate: rate at step 0.
        first_decay_steps: steps of the first half wave.
        t_mul: factor of the length.
        m_mul: factor of the height.
        alpha: end of a wave, as a share of the initial rate.
        name: name of the schedule.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ):
        check_positive("first_decay_steps", first_decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = first_decay_steps
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def __call__(self, step: Any) -> Any:
        position = as_float(step) / float(self.first_decay_steps)  # in first waves
        if self.t_mul == 1.0:
            wave = ops.floor(position)
            share = position - wave
        else:
            # Wave i begins at (t^i - 1) / (t - 1) and is t^i long.
            grown = 1.0 - position * (1.0 - self.t_mul)
            wave = ops.floor(ops.log(grown) / math.log(self.t_mul))
            length = ops.power(float(self.t_mul), wave)
            share = (position - (1.0 - length) / (1.0 - self.t_mul)) / length
        height = ops.power(float(self.m_mul), wave)
        cosine = 0.5 * height * (1.0 + ops.cos(math.pi * share))
        return self.initial_learning_rate * ((1.0 - self.alpha) * cosine + self.alpha)

    def get_config(self) -> dict:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "first_decay_steps": self.first_decay_steps,
            "t_mul": self.t_mul,
            "m_mul": self.m_mul,
            "alpha": self.alpha,
            "name": self.name,
        }
