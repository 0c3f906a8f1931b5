"""Optimizers that divide by a running root of squared gradients: RMSprop, Adagrad, Adadelta."""

from __future__ import annotations

from typing import Any

from pyneural import _core
from pyneural.optimizers.optimizer import Optimizer


class RMSprop(Optimizer):
    """RMSprop (Tieleman and Hinton 2012).

    Args:
        learning_rate: step size.
        rho: decay of the mean of squared gradients.
        momentum: share of the last step in the next one.
        epsilon: added under the root.
        centered: whether to divide by the root of the variance rather than of the mean square.
        *options: the options of `Optimizer` after `learning_rate`, in its order.
        **kwargs: the same by name.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        *options: Any,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, *options, **kwargs)
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered
        self.slot_groups = (("velocity",),)
        if momentum > 0:
            self.slot_groups += (("momentum",),)
        if centered:
            self.slot_groups += (("average_gradient",),)

    def update(self, p: Any, g: Any, slots: dict, lr: Any, weight_decay: float) -> tuple[Any, dict]:
        names = ("velocity", "momentum", "average_gradient")
        p, *state = _core.rmsprop_update(
            p,
            g,
            *(slots.get(name) for name in names),
            lr,
            self.rho,
            self.momentum,
            self.epsilon,
            weight_decay,
        )
        return p, {name: value for name, value in zip(names, state) if name in slots}

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "rho": self.rho,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "centered": self.centered,
        }


class Adagrad(Optimizer):
    """Adagrad (Duchi et al. 2011).

    Args:
        learning_rate: step size.
        initial_accumulator_value: start of the sums of squared gradients.
        epsilon: added under the root.
        *options: the options of `Optimizer` after `learning_rate`, in its order.
        **kwargs: the same by name.
    """

    slot_groups = (("accumulator",),)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        *options: Any,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, *options, **kwargs)
        self.initial_accumulator_value = self.slot_initial_value = initial_accumulator_value
        self.epsilon = epsilon

    def update(self, p: Any, g: Any, slots: dict, lr: Any, weight_decay: float) -> tuple[Any, dict]:
        p, accumulator = _core.adagrad_update(p, g, slots["accumulator"], lr, self.epsilon, weight_decay)
        return p, {"accumulator": accumulator}

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "initial_accumulator_value": self.initial_accumulator_value,
            "epsilon": self.epsilon,
        }


class Adadelta(Optimizer):
    """Adadelta (Zeiler 2012).

    Args:
        learning_rate: factor of the step (1 in the paper).
        rho: decay of both means.
        epsilon: added under the roots.
        *options: the options of `Optimizer` after `learning_rate`, in its order.
        **kwargs: the same by name.
    """

    slot_groups = (("accumulated_grad", "accumulated_delta_var"),)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        *options: Any,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, *options, **kwargs)
        self.rho = rho
        self.epsilon = epsilon

    def update(self, p: Any, g: Any, slots: dict, lr: Any, weight_decay: float) -> tuple[Any, dict]:
        p, grad, delta = _core.adadelta_update(
            p,
            g,
            slots["accumulated_grad"],
            slots["accumulated_delta_var"],
            lr,
            self.rho,
            self.epsilon,
            weight_decay,
        )
        return p, {"accumulated_grad": grad, "accumulated_delta_var": delta}

    def get_config(self) -> dict:
        return {**super().get_config(), "rho": self.rho, "epsilon": self.epsilon}
