"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from pyneural import _core
from pyneural.optimizers.optimizer import Optimizer


class SGD(Optimizer):
    """Gradient descent, optionally with (Nesterov) momentum.

    Args:
        learning_rate: step size.
        momentum: share of the last step in the next one, in [0, 1).
        nesterov: whether to look ahead along the momentum.
        *options: the options of `Optimizer` after `learning_rate`, in its order.
        **kwargs: the same by name.
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        *options: Any,
        **kwargs: Any,
    ):
        if not isinstance(momentum, (int, float)) or not 0 <= momentum <= 1:
            raise ValueError("`momentum` must be a float between [0, 1].")
        super().__init__(learning_rate, *options, **kwargs)
        self.momentum = momentum
        self.nesterov = nesterov
        self.slot_groups = (("momentum",),) if momentum else ()

    def update(self, p: Any, g: Any, slots: dict, lr: Any, weight_decay: float) -> tuple[Any, dict]:
        if not self.momentum:
            return _core.sgd_update(p, g, lr, weight_decay), {}
        p, m = _core.momentum_update(p, g, slots["momentum"], lr, self.momentum, self.nesterov, weight_decay)
        return p, {"momentum": m}

    def get_config(self) -> dict:
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}
