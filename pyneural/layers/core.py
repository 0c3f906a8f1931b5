"""Dense, Embedding, Identity, Lambda."""

from __future__ import annotations

from typing import Any

from pyneural import _core
from pyneural.layers.arguments import positive_int, reject
from pyneural.layers.input_spec import InputSpec
from pyneural.layers.layer import Layer


class Dense(Layer):
    """activation(inputs @ kernel + bias): every output is connected to every input.

    Args:
        units: Number of outputs.
        activation: Name or function; None for none.
        use_bias: Whether there is a bias.
        kernel_initializer: First values of `kernel`, [inputs, units].
        bias_initializer: First values of `bias`, [units].
        kernel_regularizer: Penalty on `kernel`.
        bias_regularizer: Penalty on `bias`.
        activity_regularizer: Penalty on the outputs.
        kernel_constraint: Projection of `kernel` after each step.
        bias_constraint: Projection of `bias` after each step.
        lora_rank: Not supported.
        lora_alpha: Not supported.
        quantization_config: Not supported.
        **kwargs: `name`, `dtype`, `trainable`.
    """

    _arguments = (
        "units", "activation", "use_bias", "kernel_initializer", "bias_initializer", "kernel_regularizer",
        "bias_regularizer", "kernel_constraint", "bias_constraint",
    )  # fmt: skip

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        reject("Dense", lora_rank=lora_rank, lora_alpha=lora_alpha, quantization_config=quantization_config)
        units = positive_int("units", units)
        self._take_arguments(locals())
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape: Any) -> None:
        inputs = input_shape[-1]
        self.kernel = self.add_weight(
            (inputs, self.units),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                (self.units,),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )
        self.input_spec = InputSpec(min_ndim=2, axes={-1: inputs})

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Maps [..., inputs] to [..., units]."""
        return self.activation(_core.linear(inputs, self.kernel, self.bias))


class Embedding(Layer):
    """Looks up a vector for each integer.

    Args:
        input_dim: Number of vectors: one more than the largest integer.
        output_dim: Length of the vectors.
        embeddings_initializer: First values of `embeddings`, [input_dim, output_dim].
        embeddings_regularizer: Penalty on `embeddings`.
        embeddings_constraint: Projection of `embeddings` after each step.
        mask_zero: Not supported.
        weights: First value of `embeddings`, as an array or in a list.
        lora_rank: Not supported.
        lora_alpha: Not supported.
        quantization_config: Not supported.
        **kwargs: `name`, `dtype`, `trainable`.
    """

    _arguments = (
        "input_dim", "output_dim", "embeddings_initializer", "embeddings_regularizer", "embeddings_constraint",
        "mask_zero",
    )  # fmt: skip

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ):
        length = kwargs.pop("input_length", None)  # an argument of older Keras that changes nothing
        if length is not None and not hasattr(length, "__index__"):
            raise ValueError(f"Argument `input_length` must be an integer. Received: input_length={length}")
        super().__init__(**kwargs)
        reject(
            "Embedding",
            mask_zero=mask_zero,
            lora_rank=lora_rank,
            lora_alpha=lora_alpha,
            quantization_config=quantization_config,
        )
        for name, value in (("input_dim", input_dim), ("output_dim", output_dim)):
            if isinstance(value, bool) or not hasattr(value, "__index__") or value <= 0:
                raise ValueError(
                    f"`{name}` must be a positive integer. Received: {name}={value} (of type {type(value)})."
                )
        self._take_arguments(locals())
        self.autocast = False  # indices stay as they are
        self._first_value = weights

    def build(self, input_shape: Any = None) -> None:
        value = self._first_value
        if isinstance(value, (list, tuple)) and len(value) == 1:
            value = value[0]
        self.embeddings = self.add_weight(
            (self.input_dim, self.output_dim),
            self.embeddings_initializer if value is None else lambda shape, dtype: _core.tensor(value, dtype),
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
            name="embeddings",
        )
        self._first_value = None

    def call(self, inputs: Any) -> Any:
        """Maps integers [...] to vectors [..., output_dim].

        Raises:
            IndexError: If an integer is not in the range from 0 to input_dim - 1.
        """
        if inputs.dtype not in ("int32", "int64"):
            inputs = _core.cast(inputs, "int32")
        return _core.take(self.embeddings, inputs, 0)


class Identity(Layer):
    """Hands its inputs on."""

    _stateless = True

    def call(self, inputs: Any) -> Any:
        """Returns `inputs`."""
        return inputs


class Lambda(Layer):
    """A function of tensors as a layer.

    Args:
        function: The function; only a registered, named one can be saved.
        output_shape: Shape of the output without the batch, or a function of the input shape; found by tracing if None.
        mask: Not supported.
        arguments: Keyword arguments of the function.
        **kwargs: `name`, `dtype`, `trainable`.
    """

    def __init__(
        self,
        function: Any,
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict[str, Any] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        reject("Lambda", mask=mask)
        if not callable(function):
            raise TypeError(f"Argument `function` of layer Lambda must be callable. Received: function={function}")
        self.function = function
        self.arguments = arguments or {}
        self._output_shape = output_shape

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Returns `function(inputs, **arguments)`."""
        kwargs = dict(self.arguments)
        code = getattr(self.function, "__code__", None)
        if code is not None and "training" in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]:
            kwargs["training"] = training
        return self.function(inputs, **kwargs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape that was given, or what tracing the function finds."""
        if self._output_shape is None:
            return super().compute_output_shape(input_shape)
        if callable(self._output_shape):
            return self._output_shape(input_shape)
        return (input_shape[0], *self._output_shape)

    def get_config(self) -> dict[str, Any]:
        from pyneural.serialization import serialize_keras_object

        config = super().get_config()
        config["function"] = serialize_keras_object(self.function)
        if self._output_shape is not None:
            shape = self._output_shape
            config["output_shape"] = serialize_keras_object(shape) if callable(shape) else shape
        config["arguments"] = self.arguments
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict | None = None) -> Lambda:
        from pyneural.serialization import deserialize_keras_object

        config = dict(config)
        for key in ("function", "output_shape"):
            if isinstance(config.get(key), dict):
                config[key] = deserialize_keras_object(config[key], custom_objects)
        return super().from_config(config)
