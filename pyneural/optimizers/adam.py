"""Adam and AdamW."""

from __future__ import annotations

from typing import Any

from pyneural import _core
from pyneural.optimizers.optimizer import Optimizer


class Adam(Optimizer):
    """Adam (Kingma and Ba 2014), with AMSGrad (Reddi et al. 2018) as an option.

    Args:
        learning_rate: step size.
        beta_1: decay of the mean of gradients.
        beta_2: decay of the mean of their squares.
        epsilon: added to the uncorrected root ("epsilon hat" of the paper).
        amsgrad: whether to divide by the largest mean of squares so far.
        *options: the options of `Optimizer` after `learning_rate`, in its order.
        **kwargs: the same by name.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        *options: Any,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, *options, **kwargs)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.amsgrad = amsgrad
        self.slot_groups = (("momentum", "velocity"),) + ((("velocity_hat",),) if amsgrad else ())

    def update(self, p: Any, g: Any, slots: dict, lr: Any, weight_decay: float) -> tuple[Any, dict]:
        p, m, v, v_hat = _core.adam_update(
            p,
            g,
            slots["momentum"],
            slots["velocity"],
            slots.get("velocity_hat"),
            lr,
            self.iterations + 1,
            self.beta_1,
            self.beta_2,
            self.epsilon,
            weight_decay,
        )
        state = {"momentum": m, "velocity": v}
        if self.amsgrad:
            state["velocity_hat"] = v_hat
        return p, state

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "amsgrad": self.amsgrad,
        }


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2017).

    Args:
        learning_rate: step size.
        weight_decay: see `Optimizer`.
        beta_1: decay of the mean of gradients.
        beta_2: decay of the mean of their squares.
        epsilon: added to the uncorrected root.
        amsgrad: see `Adam`.
        *options: the options of `Optimizer` after `weight_decay`, in its order.
        **kwargs: the same by name.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        *options: Any,
        **kwargs: Any,
    ):
        if weight_decay is None:
            raise ValueError("Argument `weight_decay` must be a float. Received: weight_decay=None")
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, *options, **kwargs)
