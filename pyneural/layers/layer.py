"""Layer: the base of all layers and models."""

from __future__ import annotations

import threading
import warnings
from typing import Any

from pyneural import _core, initializers, tree
from pyneural.dtypes import DTypePolicy, get_policy, is_float, standardize_dtype
from pyneural.keras_tensor import KerasTensor, any_keras_tensor, infer_outputs
from pyneural.layers.arguments import interpret_argument, serialize_argument
from pyneural.layers.build import building, shapes_of_inputs
from pyneural.layers.call_spec import parameters
from pyneural.layers.input_spec import check_inputs
from pyneural.layers.tracking import Tracker
from pyneural.layers.weights import LayerWeights
from pyneural.naming import current_path, name_scope
from pyneural.operation import Operation
from pyneural.variable import Variable

_context = threading.local()


class Layer(LayerWeights, Operation):
    """A function of tensors with weights.

    Subclasses create sub-layers in `__init__`, weights in `build(input_shape)`, and compute in `call(inputs)`.

    Args:
        activity_regularizer: Penalty on the outputs.
        trainable: Whether training changes the weights.
        dtype: Name of the dtype of weights and computation; `config.floatx()` if None.
        autocast: Whether float inputs are cast to that dtype.
        name: Name; made from the class's if None.

    Raises:
        ValueError: If an argument is unknown.
    """

    _untracked = frozenset(
        ("_tracker", "_inbound_nodes", "_losses", "_init_arguments", "_build_shapes", "input_spec", "_dtype_policy")
    )
    _initialized = False
    _stateless = False  # there is nothing to build
    _adds_losses = False  # no layer of the program has added a loss: there are none to clear before a call
    # Names of the constructor's arguments that are attributes of the same name and part of the configuration.
    _arguments: tuple[str, ...] = ()

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        instance = super().__new__(cls)
        object.__setattr__(instance, "_init_arguments", (args, kwargs))
        return instance

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls.build = building(cls.build)

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ):
        input_shape = kwargs.pop("input_shape", None)
        if "input_dim" in kwargs:
            input_shape = (kwargs.pop("input_dim"),)
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments passed to {type(self).__name__}: {kwargs}")
        if input_shape is not None:
            warnings.warn(
                "Do not pass an `input_shape`/`input_dim` argument to a layer. When using Sequential models, prefer "
                "using an `Input(shape)` object as the first layer in the model instead.",
                stacklevel=3,
            )
        ignored = frozenset().union(*(vars(c).get("_untracked", ()) for c in type(self).__mro__))
        object.__setattr__(self, "_tracker", Tracker(self, ignored))
        object.__setattr__(self, "_initialized", True)
        Operation.__init__(self, name)
        if activity_regularizer is not None:
            activity_regularizer = interpret_argument("regularizer", activity_regularizer)
        self.activity_regularizer = activity_regularizer
        self._dtype_policy = get_policy(dtype)
        self.autocast = autocast
        self.built = self._stateless and type(self).build is Layer.build
        self.input_spec = None
        self._input_shape_arg = input_shape
        self._trainable = bool(trainable)
        self._losses: list = []
        self._build_shapes: dict[str, Any] | None = None
        self._path: str | None = None
        self._in_build = False
        self._locked = False  # once built, no more state can be added

    def _take_arguments(self, values: dict[str, Any]) -> None:
        """Sets the attributes named in `_arguments`; names and configurations become what they stand for."""
        for name in self._arguments:
            if name in values:
                object.__setattr__(self, name, interpret_argument(name, values[name]))

    # State -----------------------------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        if not self._initialized:
            if isinstance(value, (Layer, Variable)):
                raise RuntimeError(
                    f"In layer '{type(self).__name__}', you forgot to call `super().__init__()` as the first statement "
                    "in the `__init__()` method. Go add it!"
                )
        elif self._is_locked and isinstance(value, (Layer, Variable)) and self._tracker.is_state(name, value):
            raise ValueError(
                f"You cannot add new elements of state (variables or sub-layers) to layer '{self.name}', which is "
                "already built. All state must be created in the `__init__()` method or in the `build()` method."
            )
        else:
            self._tracker.note(name, value)
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        self._tracker.forget(name)
        object.__delattr__(self, name)

    @property
    def _is_locked(self) -> bool:
        state = self.__dict__
        return state.get("_locked", False) and not state["_in_build"]

    @property
    def path(self) -> str | None:
        """Names of the scopes in which the layer was first called, and its own, joined by slashes."""
        return self._path

    @property
    def dtype(self) -> str:
        """Dtype of the weights."""
        return self._dtype_policy.variable_dtype

    variable_dtype = dtype

    @property
    def compute_dtype(self) -> str:
        """Dtype of the computation."""
        return self._dtype_policy.compute_dtype

    input_dtype = compute_dtype

    @property
    def dtype_policy(self) -> DTypePolicy:
        """Policy that says in which dtype the layer computes and keeps its weights."""
        return self._dtype_policy

    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str | None = None,
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Creates a weight.

        Args:
            shape: Dimensions; a scalar if None.
            initializer: Name, object or function; Glorot uniform for floats and zeros for others if None.
            dtype: Dtype; that of the layer if None.
            trainable: Whether training changes it.
            autocast: Accepted for compatibility.
            regularizer: Penalty on it.
            constraint: Projection after each training step.
            aggregation: Accepted for compatibility.
            overwrite_with_gradient: Must be False.
            name: Name; made up if None.

        Returns:
            The variable.
        """
        from pyneural import constraints, regularizers

        if overwrite_with_gradient:
            raise ValueError("Argument `overwrite_with_gradient=True` is not supported.")
        dtype = self.variable_dtype if dtype is None else standardize_dtype(dtype)
        if initializer is None:
            initializer = "glorot_uniform" if is_float(dtype) else "zeros"
        with name_scope(self.name, self):
            variable = Variable(
                initializers.get(initializer),
                shape=() if shape is None else shape,
                dtype=dtype,
                trainable=trainable,
                name=name,
                regularizer=regularizers.get(regularizer),
                constraint=constraints.get(constraint),
            )
        self._tracker.add(variable)
        if not self._trainable:
            variable.trainable = False
        return variable

    # Calls -----------------------------------------------------------------------------------------------------------

    def build(self, input_shape: Any = None) -> None:
        """Creates the weights, for inputs of the given shape (None where unknown)."""
        self.built = True

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Computes the outputs."""
        raise NotImplementedError(f"Layer {type(self).__name__} does not have a `call` method implemented.")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the layer; builds it before the first time. On KerasTensors the call is recorded."""
        if not self._initialized:
            raise RuntimeError(
                f"In layer '{type(self).__name__}', you forgot to call `super().__init__()` as the first statement "
                "in the `__init__()` method. Go add it!"
            )
        spec = parameters(type(self).call)
        args = tuple([self._convert_argument(arg) for arg in args])
        kwargs = {
            key: tree.map_structure(self._convert, value) if key in spec.names or spec.takes_any else value
            for key, value in kwargs.items()
        }
        first = args[0] if args else next((kwargs[name] for name in spec.positional if name in kwargs), None)
        if first is None and spec.positional and not args and spec.positional[0] not in spec.defaults:
            raise TypeError(f"Layer '{self.name}': missing a required argument: '{spec.positional[0]}'")
        training = self._resolve_training(spec, args, kwargs)
        outermost = getattr(_context, "depth", 0) == 0
        previous = getattr(_context, "training", None)
        _context.depth = getattr(_context, "depth", 0) + 1
        _context.training = training
        try:
            with name_scope(self.name, self):
                if self._path is None:
                    self._path = current_path()
                return self._call_in_scope(spec, args, kwargs, first, training, outermost)
        finally:
            _context.depth -= 1
            _context.training = previous

    def _call_in_scope(self, spec: Any, args: tuple, kwargs: dict, first: Any, training: Any, outermost: bool) -> Any:
        check_inputs(self.input_spec, first, self.name)
        if not self.built:
            self._build_for_call(spec, args, kwargs)
            check_inputs(self.input_spec, first, self.name)
        if any_keras_tensor(args, kwargs):
            return self.symbolic_call(*args, **kwargs)
        if outermost:
            self._clear_losses()
        if training is not None and "training" in spec.names:
            kwargs = {**kwargs, "training": training}
        return self._run(args, kwargs)

    def _run(self, args: tuple, kwargs: dict) -> Any:
        try:
            outputs = self.call(*args, **kwargs)
        except (ValueError, TypeError, IndexError, NotImplementedError) as error:
            self._explain(error, args, kwargs)
            raise
        if self.activity_regularizer is not None:
            for output in tree.flatten(outputs):
                penalty = self.activity_regularizer(output)
                # The batch size must not change the strength of the penalty.
                self.add_loss(_core.divide(penalty, float(max(output.shape[0], 1))) if output.ndim else penalty)
        return outputs

    def _explain(self, error: Exception, args: tuple, kwargs: dict) -> None:
        """Adds to the message which layer failed on what; once, for the innermost layer."""
        if getattr(error, "_names_layer", False) or len(error.args) != 1:
            return
        lines = [
            f"  - {name}={_describe(value)}"
            for name, value in (*zip(parameters(type(self).call).positional, args), *kwargs.items())
        ]
        text = str(error.args[0])
        error.args = (
            "\n".join(
                [
                    f"Exception encountered when calling {type(self).__name__}.call() of layer '{self.name}'.\n",
                    text,
                    f"\nArguments received by {type(self).__name__}.call():",
                    *lines,
                ]
            ),
        )
        try:
            error._names_layer = True
        except AttributeError:
            return

    def _resolve_training(self, spec: Any, args: tuple, kwargs: dict) -> Any:
        training = kwargs.get("training")
        if "training" in spec.names:
            index = spec.positional.index("training") if "training" in spec.positional else len(args)
            if index < len(args):
                training = args[index]
        elif not spec.takes_any:
            kwargs.pop("training", None)
        if training is None:
            training = getattr(_context, "training", None)
        if training is None:
            training = spec.defaults.get("training")
        return training

    def _convert_argument(self, value: Any) -> Any:
        if tree.is_nested(value):
            return tree.map_structure(self._convert_argument, value)
        converted = self._convert(value)
        if converted is None or isinstance(converted, (_core.Tensor, KerasTensor, bool)):
            return converted
        raise ValueError(
            "Only input tensors may be passed as positional arguments. The following argument value should be passed "
            f"as a keyword argument: {value} (of type {type(value)})"
        )

    def _convert(self, value: Any) -> Any:
        """Arrays and variables as tensors; float tensors in the dtype of the layer."""
        if not isinstance(value, _core.Tensor):
            if isinstance(value, _core.Variable):
                value = value.value
            elif hasattr(value, "__array__") and not isinstance(value, KerasTensor):
                value = _core.tensor(value)
            else:
                return value
        if self.autocast:
            dtype = value.dtype
            if dtype != self.compute_dtype and is_float(dtype):
                return _core.cast(value, self.compute_dtype)
        return value

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """KerasTensors that a call on KerasTensors returns."""

        def run(*args: Any, **kwargs: Any) -> Any:
            args, kwargs = tree.map_structure(self._convert, (args, kwargs))
            training = getattr(_context, "training", None)
            if training is not None and "training" in parameters(type(self).call).names:
                kwargs = {**kwargs, "training": training}
            return self._run(args, kwargs)

        try:
            return infer_outputs(run, args, kwargs)
        finally:
            self._clear_losses()

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """The shape(s) of the outputs for inputs of the given shape(s).

        Args:
            *args: Shapes, in the order of `call`'s arguments.
            **kwargs: Shapes as `<argument>_shape`.
        """
        inputs = [_as_inputs(shape, self.compute_dtype) for shape in args]
        named = {key.removesuffix("_shape"): _as_inputs(s, self.compute_dtype) for key, s in kwargs.items()}
        layer = self
        if not self.built:
            layer = type(self).from_config(self.get_config())
            layer._build_for_call(parameters(type(self).call), tuple(inputs), named)
        outputs = layer.compute_output_spec(*inputs, **named)
        return tree.map_structure(lambda x: x.shape, outputs)

    def _build_for_call(self, spec: Any, args: tuple, kwargs: dict) -> None:
        """Builds the layer for the arguments of a call."""
        self.build(**shapes_of_inputs(self, spec, args, kwargs))
        self.built = True

    # Losses ----------------------------------------------------------------------------------------------------------

    def add_loss(self, loss: Any) -> None:
        """Adds a scalar tensor (or several) to the losses of this call."""
        Layer._adds_losses = True
        self._losses.extend(loss if isinstance(loss, (list, tuple)) else [loss])

    @property
    def losses(self) -> list:
        """Scalar tensors that training adds to the loss: from `add_loss`, activity and weight regularizers."""
        losses = [loss for layer in self._flatten_layers() for loss in layer._losses]
        for weight in self.trainable_weights:
            if weight.regularizer is not None:
                losses.append(weight.regularizer(weight))
        return losses

    def _clear_losses(self) -> None:
        for layer in self._flatten_layers() if Layer._adds_losses else ():
            if layer._losses:
                layer._losses.clear()

    # Configuration ---------------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this layer again, without its weights."""
        config = {"name": self.name, "trainable": self._trainable, "dtype": serialize_policy(self._dtype_policy)}
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = serialize_argument("regularizer", self.activity_regularizer)
        if hasattr(type(self).get_config, "notes_arguments") and not type(self).__init__.__module__.startswith(
            "pyneural."
        ):
            spec = parameters(type(self).__init__)
            taken = config if spec.takes_any else {key: value for key, value in config.items() if key in spec.names}
            return {**taken, **self._init_config(spec)}
        config.update({name: serialize_argument(name, getattr(self, name)) for name in self._arguments})
        return config

    def _init_config(self, spec: Any) -> dict[str, Any]:
        """The arguments that a class without a `get_config` of its own was made with."""
        args, kwargs = self._init_arguments
        config = {**dict(zip(spec.positional, args)), **kwargs}
        for name, value in config.items():
            if any(not isinstance(x, (type(None), bool, int, float, str)) for x in tree.flatten(value)):
                raise NotImplementedError(
                    f"Object {type(self).__name__} was created by passing argument `{name}`, which is not a plain "
                    "value, and therefore the class must override the method `get_config()` in order to be serialized."
                )
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Makes a layer from what `get_config` returned.

        Raises:
            TypeError: If the configuration does not fit the class.
        """
        try:
            return cls(**config)
        except TypeError as error:
            raise TypeError(
                f"Error when deserializing class '{cls.__name__}' using config={config}.\n\n"
                f"Exception encountered: {error}"
            ) from error

    def get_build_config(self) -> dict[str, Any] | None:
        """The shapes that the layer was built for; None if it was not."""
        return self._build_shapes

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Builds the layer for the shapes that `get_build_config` returned."""
        if config and not self.built:
            self.build(**{key: _as_shapes(value) for key, value in config.items()})
            self.built = True

    def __reduce__(self) -> tuple:
        """`copy.deepcopy` and `pickle`: the configuration, the weights, and the custom classes they need."""
        from pyneural.serialization import noting_custom_objects, serialize_keras_object

        with noting_custom_objects() as custom_objects:
            config = serialize_keras_object(self)
        return _restore, (config, custom_objects, self.get_weights())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


Layer.build = building(Layer.build)
Layer.get_config.notes_arguments = True  # type: ignore[attr-defined]


def _restore(config: dict, custom_objects: dict, weights: list) -> Layer:
    from pyneural.serialization import deserialize_keras_object

    layer = deserialize_keras_object(config, custom_objects)
    layer.set_weights(weights)
    return layer


def serialize_policy(policy: DTypePolicy) -> dict[str, Any]:
    """The configuration of a dtype policy."""
    return {
        "module": "keras",
        "class_name": "DTypePolicy",
        "config": policy.get_config(),
        "registered_name": None,
    }


def _is_shape(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(n is None or isinstance(n, int) for n in value)


def _as_shapes(value: Any) -> Any:
    """Shapes read from a file: lists become tuples."""
    if _is_shape(value):
        return tuple(value)
    if isinstance(value, dict):
        return {key: _as_shapes(item) for key, item in value.items()}
    return [_as_shapes(item) for item in value] if isinstance(value, (list, tuple)) else value


def _as_inputs(shape: Any, dtype: str) -> Any:
    """KerasTensors of the given shape or structure of shapes."""
    if _is_shape(shape):
        return KerasTensor(shape, dtype)
    if isinstance(shape, dict):
        return {key: _as_inputs(item, dtype) for key, item in shape.items()}
    return [_as_inputs(item, dtype) for item in shape]


def _describe(value: Any) -> str:
    if tree.is_nested(value):
        return str(tree.map_structure(_describe, value))
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{type(value).__name__}(shape={tuple(value.shape)}, dtype={value.dtype})"
    return repr(value)
