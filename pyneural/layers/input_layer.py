"""Input: where a functional model begins."""

from __future__ import annotations

from typing import Any

from pyneural.dtypes import standardize_dtype
from pyneural.keras_tensor import KerasTensor
from pyneural.layers.arguments import reject
from pyneural.layers.layer import Layer
from pyneural.operation import Node


class InputLayer(Layer):
    """An input of a functional model.

    Args:
        shape: Dimensions without the batch; None where unknown.
        batch_size: Size of the batch; None if unknown.
        dtype: Dtype; `config.floatx()` if None.
        sparse: Not supported.
        ragged: Not supported.
        batch_shape: Dimensions with the batch, instead of `shape` and `batch_size`.
        input_tensor: A KerasTensor to be the input, instead of a new one.
        optional: Not supported.
        name: Name.
    """

    _stateless = True

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: KerasTensor | None = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        reject("InputLayer", sparse=sparse, ragged=ragged, optional=optional)
        if input_tensor is not None:
            if not isinstance(input_tensor, KerasTensor):
                raise ValueError(f"Argument `input_tensor` must be a KerasTensor. Received: {input_tensor}")
            batch_shape, dtype = input_tensor.shape, input_tensor.dtype
        elif shape is not None and batch_shape is not None:
            raise ValueError("You cannot pass both `shape` and `batch_shape` at the same time.")
        elif batch_shape is not None and batch_size is not None:
            raise ValueError("You cannot pass both `batch_size` and `batch_shape` at the same time.")
        elif shape is None and batch_shape is None:
            raise ValueError("You must pass a `shape` argument.")
        self._batch_shape = standardize_shape(
            (batch_size, *standardize_shape(shape)) if shape is not None else batch_shape
        )
        self._input_dtype = standardize_dtype(dtype)
        self.autocast = False
        output = input_tensor
        if output is None or output._keras_history is not None:
            output = KerasTensor(self._batch_shape, self._input_dtype, name=name)
        Node(self, (), {}, output)

    @property
    def batch_shape(self) -> tuple:
        """Dimensions with the batch."""
        return self._batch_shape

    @property
    def dtype(self) -> str:
        """Dtype of the input."""
        return self._input_dtype

    def call(self) -> Any:
        """Input layers are not called."""
        raise NotImplementedError(f"The input layer '{self.name}' cannot be called.")

    def get_config(self) -> dict[str, Any]:
        return {
            "batch_shape": self._batch_shape,
            "dtype": self._input_dtype,
            "sparse": False,
            "ragged": False,
            "name": self.name,
            "optional": False,
        }


def Input(
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: KerasTensor | None = None,
    optional: bool = False,
) -> KerasTensor:
    """A symbolic tensor: an input of a functional model.

    Args:
        shape: Dimensions without the batch; None where unknown.
        batch_size: Size of the batch; None if unknown.
        dtype: Dtype; `config.floatx()` if None.
        sparse: Not supported.
        ragged: Not supported.
        batch_shape: Dimensions with the batch, instead of `shape` and `batch_size`.
        name: Name.
        tensor: A KerasTensor to be the input, instead of a new one.
        optional: Not supported.

    Returns:
        A KerasTensor.
    """
    layer = InputLayer(shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name)
    return layer.output


def standardize_shape(shape: Any) -> tuple:
    """A shape as a tuple of integers and None.

    Raises:
        ValueError: If it is no shape.
    """
    if not isinstance(shape, (list, tuple)):
        raise ValueError(f"Cannot convert '{shape}' to a shape.")
    for n in shape:
        if n is None:
            continue
        if isinstance(n, bool) or not hasattr(n, "__index__"):
            raise ValueError(
                f"Cannot convert '{tuple(shape)}' to a shape. Found invalid dimension '{n}' of type '{type(n)}'. "
            )
        if n < 0:
            raise ValueError(f"Cannot convert '{tuple(shape)}' to a shape. Negative dimensions are not allowed.")
    return tuple(None if n is None else int(n) for n in shape)
