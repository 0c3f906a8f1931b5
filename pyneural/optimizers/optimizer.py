"""The base of all optimizers: state, clipping, weight decay, averaging; one fused step per flat buffer."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any

from pyneural import _core, ops
from pyneural.naming import auto_name, to_snake_case
from pyneural.optimizers.flat import FlatGroup
from pyneural.optimizers.schedules.schedule import LearningRateSchedule
from pyneural.variable import Variable

_OWN_SLOTS = ("average", "gradient_accumulator")  # the rest belongs to the rule of a subclass


class Optimizer:
    """Optimizer base class.

    Built-in optimizers implement `update(p, g, slots, lr, weight_decay)`: it runs once per flat buffer that holds all
    weights of one dtype. Own subclasses may override `build` and `update_step(gradient, variable, learning_rate)`
    instead, which runs once per variable.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        weight_decay: w > 0 takes `w * learning_rate * variable` from each variable at each step.
        clipnorm: upper limit of the Euclidean norm of each variable's gradient.
        clipvalue: upper limit of the absolute value of each gradient element.
        global_clipnorm: upper limit of the Euclidean norm of all gradients together.
        use_ema: whether to keep a moving average of the weights, and put it in their place after `fit`.
        ema_momentum: share of the old average in the new one.
        ema_overwrite_frequency: also put it in their place every so many steps.
        loss_scale_factor: number that the loss was multiplied with.
        gradient_accumulation_steps: N > 1 changes the weights only every N steps, by the mean of N gradients.
        name: name of the optimizer.
    """

    # Names of the per-variable state, in the order in which Keras numbers it: for each group, for each variable.
    slot_groups: tuple[tuple[str, ...], ...] = ()
    slot_initial_value = 0.0

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        if kwargs.pop("decay", None) is not None:
            warnings.warn("Argument `decay` is no longer supported and will be ignored.", stacklevel=3)
        if kwargs:
            raise ValueError(f"Argument(s) not recognized: {kwargs}")
        if sum(limit is not None for limit in (clipnorm, clipvalue, global_clipnorm)) > 1:
            raise ValueError(
                "Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set. Received: "
                f"clipnorm={clipnorm}, clipvalue={clipvalue}, global_clipnorm={global_clipnorm}"
            )
        _check_positive(clipnorm=clipnorm, clipvalue=clipvalue, global_clipnorm=global_clipnorm)
        if use_ema and not 0 <= ema_momentum <= 1:
            raise ValueError(f"`ema_momentum` must be in the range [0, 1]. Received: ema_momentum={ema_momentum}")
        if gradient_accumulation_steps is not None and gradient_accumulation_steps < 2:
            raise ValueError(
                "`gradient_accumulation_steps` must be an integer >= 2. Received: "
                f"gradient_accumulation_steps={gradient_accumulation_steps}"
            )
        self.name = name or auto_name(to_snake_case(type(self).__name__))
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.built = False
        self._trainable_variables: list = []
        self._slots: list[dict[str, Variable]] = []
        self._groups: list[FlatGroup] = []
        self._undecayed_ids: set[int] = set()
        self._undecayed_names: list[str] = []
        self._iterations = Variable(0, dtype="int64", trainable=False, name="iteration")
        self._variables = [self._iterations]
        if isinstance(learning_rate, dict):
            from pyneural.optimizers import schedules

            learning_rate = schedules.deserialize(learning_rate)
        if isinstance(learning_rate, LearningRateSchedule) or callable(learning_rate):
            self._learning_rate = learning_rate
        else:
            if not isinstance(learning_rate, (int, float)) and getattr(learning_rate, "ndim", 1) != 0:
                raise ValueError(
                    "Argument `learning_rate` should be float, or an instance of LearningRateSchedule, or a callable "
                    f"(that takes in the current iteration value and returns the corresponding learning rate value). "
                    f"Received instead: learning_rate={learning_rate}"
                )
            self._learning_rate = Variable(float(learning_rate), dtype="float32", trainable=False, name="learning_rate")
            self._variables.append(self._learning_rate)

    # State

    @property
    def iterations(self) -> Any:
        """Number of updates so far, int64."""
        if self.gradient_accumulation_steps:
            return ops.floor_divide(self._iterations, self.gradient_accumulation_steps)
        return self._iterations

    @property
    def variables(self) -> list[Variable]:
        """Iterations, learning rate (unless scheduled), then the state of each trainable variable."""
        return list(self._variables)

    @property
    def learning_rate(self) -> Any:
        """The variable with the learning rate, or the value of its schedule now."""
        rate = self._learning_rate
        if isinstance(rate, LearningRateSchedule):
            return rate(self.iterations)
        return rate() if callable(rate) and not isinstance(rate, Variable) else rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if isinstance(self._learning_rate, Variable):
            if isinstance(value, LearningRateSchedule) or callable(value):
                self._variables = [v for v in self._variables if v is not self._learning_rate]
                self._learning_rate = value
            else:
                self._learning_rate.assign(float(value))
            return
        if isinstance(value, LearningRateSchedule) or callable(value):
            self._learning_rate = value
            return
        raise TypeError(
            "This optimizer was created with a `LearningRateSchedule` object as its `learning_rate` constructor "
            "argument, hence its learning rate is not settable. If you need the learning rate to be settable, you "
            "should instantiate the optimizer with a float `learning_rate` argument."
        )

    def exclude_from_weight_decay(self, var_list: Iterable | None = None, var_names: list[str] | None = None) -> None:
        """Names variables without weight decay; only before the optimizer is built.

        Args:
            var_list: variables.
            var_names: parts of names; "bias" means all variables with that in their path.
        """
        if self.built:
            raise ValueError("`exclude_from_weight_decay()` can only be configured before the optimizer is built.")
        self._undecayed_ids = {id(variable) for variable in var_list or ()}
        self._undecayed_names = list(var_names or ())

    def _decay_of(self, variable: Variable) -> float:
        if not self.weight_decay or id(variable) in self._undecayed_ids:
            return 0.0
        excluded = any(name in variable.path for name in self._undecayed_names)
        return 0.0 if excluded else float(self.weight_decay)

    def build(self, variables: Iterable[Variable]) -> None:
        """Creates the state of the given trainable variables."""
        self._build(list(variables), flat=type(self).update_step is Optimizer.update_step)

    def _build(self, variables: list, flat: bool) -> None:
        if self.built:
            return
        self.built = True
        self._trainable_variables = variables
        self._slots = [{} for _ in variables]
        own = ((("average",),) if self.use_ema else ()) + (
            (("gradient_accumulator",),) if self.gradient_accumulation_steps else ()
        )
        for names in own + self.slot_groups:
            initial = 0.0 if names in own else self.slot_initial_value
            for variable, slots in zip(variables, self._slots):
                for name in names:
                    slots[name] = self.add_variable_from_reference(variable, name, initial)
        if flat and not self.gradient_accumulation_steps:
            self._groups = FlatGroup.partition(variables, self._slots, self._decay_of)

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: Any = 0.0
    ) -> Variable:
        """A state variable in the shape and dtype of a trainable variable.

        Args:
            reference_variable: the trainable variable.
            name: what the state is ("momentum").
            initializer: its initial value, a number or an initializer.
        """
        if isinstance(initializer, (int, float)):
            value = float(initializer)

            def initializer(shape: tuple, dtype: str) -> Any:
                return ops.full(shape, value, dtype=dtype)

        prefix = (reference_variable.path or reference_variable.name).replace("/", "_")
        variable = Variable(
            initializer,
            shape=reference_variable.shape,
            dtype=reference_variable.dtype,
            trainable=False,
            name=f"{prefix}_{name or 'var'}",
        )
        self._variables.append(variable)
        return variable

    def add_optimizer_variables(self, trainable_variables: list, name: Any, initializer: Any = 0.0) -> Any:
        """`add_variable_from_reference` for each variable: a list, or one list per name of a list of names."""
        if isinstance(name, str):
            return [self.add_variable_from_reference(v, name, initializer) for v in trainable_variables]
        lists: tuple[list, ...] = tuple([] for _ in name)
        for variable in trainable_variables:
            for part, created in zip(name, lists):
                created.append(self.add_variable_from_reference(variable, part, initializer))
        return lists

    # Steps

    def apply_gradients(self, grads_and_vars: Iterable[tuple]) -> Variable:
        """One update from pairs (gradient, variable). Returns the number of updates so far."""
        grads, variables = zip(*grads_and_vars)
        self.apply(grads, variables)
        return self._iterations

    def apply(self, grads: Iterable, trainable_variables: Iterable[Variable] | None = None) -> None:
        """One update.

        Args:
            grads: one gradient per variable, None where a variable has none.
            trainable_variables: the variables; those it was built with by default.
        """
        grads = list(grads)
        if not grads:
            return
        if trainable_variables is None:
            if not self.built:
                raise ValueError(
                    "When passing `grads` without `variables`, the optimizer must already be built on a list of "
                    "variables. Call `optimizer.build(trainable_variables)` first. "
                )
            variables = self._trainable_variables
            if len(grads) != len(variables):
                raise ValueError(
                    "When passing `grads` as a list of gradient tensors, the gradients must match "
                    f"`optimizer.variables` one-to-on. Received a list of {len(grads)} gradients, but the optimizer "
                    f"is tracking {len(variables)} trainable variables."
                )
        else:
            variables = list(trainable_variables)
            if not self.built:
                self._build_on_first_use(variables, grads)
            self._check_known(variables)
        pairs = [(g, v) for g, v in zip(grads, variables) if g is not None]
        if not pairs:
            raise ValueError("No gradients provided for any variable.")
        if len(pairs) < len(variables):
            missing = [v.path or v.name for g, v in zip(grads, variables) if g is None]
            warnings.warn(
                f"Gradients do not exist for variables {missing} when minimizing the loss. If using `model.compile()`, "
                "did you forget to provide a `loss` argument?",
                stacklevel=2,
            )
        if self.loss_scale_factor is not None:
            pairs = [(g / self.loss_scale_factor, v) for g, v in pairs]
        rate = self.learning_rate
        by_id = {id(v): g for g, v in pairs}
        if self.gradient_accumulation_steps:
            self._accumulate(pairs, rate)
        elif self._groups and len(by_id) == len(self._slots) and all(group.is_current() for group in self._groups):
            self._apply_flat(by_id, rate)
        else:
            self._apply_each(pairs, rate)
        for _, variable in pairs:
            if getattr(variable, "constraint", None) is not None:
                variable.assign(variable.constraint(variable))
        self._iterations.assign_add(1)

    def _build_on_first_use(self, variables: list, grads: list) -> None:
        # Weights that a trace has read already must not move: build without flat buffers there.
        symbolic = any(g is not None and getattr(g, "is_symbolic", False) for g in grads)
        if symbolic and type(self).build is Optimizer.build:
            self._build(variables, flat=False)
        else:
            self.build(variables)
        self.built = True
        self._trainable_variables = variables

    def _check_known(self, variables: list) -> None:
        known = {id(v) for v in self._trainable_variables}
        for variable in variables:
            if id(variable) not in known:
                raise ValueError(
                    f"Unknown variable: {variable}. This optimizer can only be called for the variables it was "
                    "originally built with. When working with a new set of variables, you should recreate a new "
                    "optimizer instance."
                )

    def _apply_flat(self, grads: dict, rate: Any) -> None:
        packed = [_core.pack_like(g.flat, self._clip_norms([grads[id(v)] for v in g.variables])) for g in self._groups]
        for group, g in zip(self._groups, self._clip_all(packed)):
            self._assign_update(group.flat, g, group.slots, rate, group.weight_decay)

    def _accumulate(self, pairs: list, rate: Any) -> None:
        """Adds up gradients; every N steps makes the step for their mean.

        Plans have no branches: the step is computed each time, and kept when it is due.
        """
        steps = self.gradient_accumulation_steps
        due = ops.equal(ops.mod(self._iterations + 1, steps), 0)
        means = []
        for g, variable in pairs:
            accumulator = self._slots[self._get_variable_index(variable)]["gradient_accumulator"]
            total = accumulator + g
            accumulator.assign(ops.where(due, ops.zeros_like(total), total))
            means.append((total / float(steps), variable))
        changing = [variable for _, variable in means]
        changing += [v for slots in self._slots for name, v in slots.items() if name not in _OWN_SLOTS]
        before = [ops.convert_to_tensor(variable) for variable in changing]
        self._apply_each(means, rate)
        for variable, old in zip(changing, before):
            variable.assign(ops.where(due, variable, old))
        if self.use_ema:
            for _, variable in means:
                average = self._slots[self._get_variable_index(variable)]["average"]
                self._update_average(variable, ops.convert_to_tensor(variable), average)

    def _apply_each(self, pairs: list, rate: Any) -> None:
        grads = self._clip_all(self._clip_norms([g for g, _ in pairs]))
        if type(self).update_step is Optimizer.update_step:
            for g, (_, variable) in zip(grads, pairs):
                slots = self._slots[self._get_variable_index(variable)]
                self._assign_update(variable, g, slots, rate, self._decay_of(variable))
            return
        for g, (_, variable) in zip(grads, pairs):
            decay = self._decay_of(variable)
            if decay:
                variable.assign_sub(variable * (decay * rate))
            self.update_step(g, variable, rate)

    def _assign_update(self, variable: Any, g: Any, slots: dict, rate: Any, weight_decay: float) -> None:
        new, state = self.update(variable, g, slots, rate, weight_decay)
        variable.assign(new)
        for name, value in state.items():
            slots[name].assign(value)
        if self.use_ema and not self.gradient_accumulation_steps:
            self._update_average(variable, new, slots["average"])

    def _update_average(self, variable: Any, new: Any, average: Any) -> None:
        later = ops.cast(ops.not_equal(self.iterations, 0), new.dtype)
        momentum = later * self.ema_momentum
        mean = momentum * average + (1.0 - momentum) * new
        average.assign(mean)
        if self.ema_overwrite_frequency:
            due = ops.equal(ops.mod(self.iterations + 1, self.ema_overwrite_frequency), 0)
            variable.assign(ops.where(due, mean, new))

    def finalize_variable_values(self, var_list: list) -> None:
        """After training: puts the moving averages in the place of the variables, if they are kept."""
        if self.use_ema and self.built:
            for variable in var_list:
                variable.assign(self._slots[self._get_variable_index(variable)]["average"])

    def update(self, p: Any, g: Any, slots: dict, lr: Any, weight_decay: float) -> tuple[Any, dict]:
        """The rule of the optimizer.

        Args:
            p: parameters, any shape.
            g: their gradient, same shape.
            slots: state by name, same shape.
            lr: learning rate, scalar.
            weight_decay: decoupled weight decay.

        Returns:
            (new parameters, new state by name).
        """
        raise NotImplementedError

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Updates one variable and its state. Own optimizers may override this rather than `update`."""
        slots = self._slots[self._get_variable_index(variable)]
        self._assign_update(variable, gradient, slots, learning_rate, 0.0)

    def _get_variable_index(self, variable: Variable) -> int:
        for index, known in enumerate(self._trainable_variables):
            if known is variable:
                return index
        raise ValueError(f"Unknown variable: {variable}.")

    def assign(self, variable: Variable, value: Any) -> None:
        variable.assign(value)

    def assign_add(self, variable: Variable, value: Any) -> None:
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: Any) -> None:
        variable.assign_sub(value)

    def scale_loss(self, loss: Any) -> Any:
        """The loss times `loss_scale_factor`."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    # Clipping: norms of single gradients before they are packed, the rest on flat buffers.

    def _clip_norms(self, grads: list) -> list:
        if self.clipnorm is None:
            return grads
        return [_core.clip_by_norm(g, _core.squared_norm(g), float(self.clipnorm)) for g in grads]

    def _clip_all(self, grads: list) -> list:
        if self.clipvalue is not None:
            return [ops.clip(g, -self.clipvalue, self.clipvalue) for g in grads]
        if self.global_clipnorm is not None:
            total = _core.squared_norm(grads[0])
            for g in grads[1:]:
                total = total + _core.squared_norm(g)
            return [_core.clip_by_norm(g, total, float(self.global_clipnorm)) for g in grads]
        return grads

    # Configuration

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self.built:
            raise TypeError(
                f"Optimizer '{self.name}' holds state for the variables of a model and cannot be copied without it. "
                "Copy the model, or make a new optimizer: `type(optimizer).from_config(optimizer.get_config())`."
            )
        return super().__reduce_ex__(protocol)

    def get_config(self) -> dict:
        rate = self._learning_rate
        if isinstance(rate, Variable):
            rate = float(rate.numpy())
        elif isinstance(rate, LearningRateSchedule):
            from pyneural.optimizers import schedules

            rate = schedules.serialize(rate)
        return {
            "name": self.name,
            "learning_rate": rate,
            "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm,
            "global_clipnorm": self.global_clipnorm,
            "clipvalue": self.clipvalue,
            "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency,
            "loss_scale_factor": self.loss_scale_factor,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> Optimizer:
        return cls(**config)


def _check_positive(**limits: Callable | float | None) -> None:
    for name, limit in limits.items():
        if limit is not None and limit <= 0:
            raise ValueError(f"`{name}` must be positive. Received: {name}={limit}")
