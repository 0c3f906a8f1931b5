"""Sequential: layers one after the other."""

from __future__ import annotations

from typing import Any

from pyneural.keras_tensor import KerasTensor
from pyneural.layers.input_layer import InputLayer, standardize_shape
from pyneural.layers.layer import Layer, serialize_policy
from pyneural.models.graph import Graph
from pyneural.models.model import Model


class Sequential(Model):
    """A stack of layers, each called on the output of the one before.

    Args:
        layers: Layers; the first may be what `Input` returns. Without it the model is built by its first call.
        trainable: Whether training changes the weights.
        name: Name; made up if None.
    """

    _untracked = frozenset(("_sequence",))

    def __init__(self, layers: Any = None, trainable: bool = True, name: str | None = None):
        super().__init__(trainable=trainable, name=name)
        self._sequence: list[Layer] = []
        for layer in layers or []:
            self.add(layer, rebuild=False)
        self._rebuild()

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Appends a layer.

        Raises:
            ValueError: If it is no layer, its name is taken, or it does not fit the one before.
        """
        if isinstance(layer, KerasTensor) and layer._keras_history is not None:
            origin = layer._keras_history[0]
            layer = origin if isinstance(origin, InputLayer) else layer
        if not isinstance(layer, Layer):
            raise ValueError(
                f"Only instances of `keras.Layer` can be added to a Sequential model. Received: {layer} "
                f"(of type {type(layer)})"
            )
        if any(layer.name == other.name for other in self._sequence):
            raise ValueError(
                f"All layers added to a Sequential model should have unique names. Name '{layer.name}' is already the "
                "name of a layer in this model. Update the `name` argument to pass a unique name."
            )
        if isinstance(layer, InputLayer):
            if self._sequence and isinstance(self._sequence[0], InputLayer):
                raise ValueError(
                    f"Sequential model '{self.name}' has already been configured to use input shape "
                    f"{self._sequence[0].batch_shape}. You cannot add a different Input layer to it."
                )
            if self._sequence:
                raise ValueError(
                    f"The Input layer '{layer.name}' must be the first layer of the Sequential model '{self.name}'."
                )
        elif not self._sequence and layer._input_shape_arg is not None:
            self._sequence.append(InputLayer(layer._input_shape_arg))
        self._sequence.append(layer)
        if rebuild:
            self._rebuild()
        else:
            self._graph, self.built = None, False

    def pop(self, rebuild: bool = True) -> Layer:
        """Removes the last layer and returns it.

        Raises:
            IndexError: If there is none.
        """
        layer = self._sequence.pop()
        self._graph, self.built = None, False
        if rebuild:
            self._rebuild()
        return layer

    def _rebuild(self) -> None:
        self._graph, self.built = None, False
        if len(self._sequence) > 1 and isinstance(self._sequence[0], InputLayer):
            self.build(self._sequence[0].batch_shape)
        self._reset_plans()

    def build(self, input_shape: Any = None) -> None:
        """Creates all weights, for inputs of the given shape with the batch (None where unknown).

        Raises:
            ValueError: If there are no layers, or the model is built for another shape.
        """
        if not self._sequence:
            raise ValueError(
                f"Sequential model {self.name} cannot be built because it has no layers. Call `model.add(layer)`."
            )
        first = self._sequence[0]
        if input_shape is None:
            return
        if not isinstance(first, InputLayer):
            shape = standardize_shape(input_shape)
            self._sequence.insert(0, InputLayer(batch_shape=(None, *shape[1:]), dtype=first.compute_dtype))
        elif tuple(input_shape)[1:] != first.batch_shape[1:]:
            raise ValueError(
                f"Sequential model '{self.name}' has already been configured to use input shape {first.batch_shape}. "
                f"You cannot build it with input_shape {tuple(input_shape)}"
            )
        inputs = x = self._sequence[0].output
        for layer in self._sequence[1:]:
            x = layer(x)
        self._graph = Graph(inputs, x)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Calls the layers one after the other."""
        if self._graph is None:
            if not self.layers:
                raise ValueError(
                    f"Sequential model {self.name} cannot be called because it has no layers. Call `model.add(layer)`."
                )
        else:
            from pyneural.models.functional import adjust_rank

            inputs = adjust_rank(self, self._graph.inputs[0], self._graph.input_layers[0].name, inputs)
        for layer in self.layers:
            inputs = layer(inputs)
        return inputs

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the input."""
        sequence = self._sequence
        return sequence[1:] if sequence and isinstance(sequence[0], InputLayer) else list(sequence)

    @property
    def _layers(self) -> list[Layer]:
        sequence = self.__dict__.get("_sequence", [])
        known = {id(layer) for layer in sequence}
        return sequence + [layer for layer in self._tracker.of("layer") if id(layer) not in known]

    @property
    def inputs(self) -> list[KerasTensor]:
        """The input tensor, in a list."""
        self._require_inputs("inputs")
        return self._sequence[0]._inbound_nodes[0].output_tensors if self._graph is None else self._graph.inputs

    @property
    def outputs(self) -> list[KerasTensor]:
        """The output tensor, in a list."""
        self._require_inputs("outputs")
        return self._graph.outputs if self._graph is not None else self.inputs

    def _require_inputs(self, what: str) -> None:
        if not self._sequence or not isinstance(self._sequence[0], InputLayer):
            raise AttributeError(f"Sequential model '{self.name}' has no defined {what} yet.")

    def _require_graph(self, what: str) -> None:
        if self._graph is None:
            raise AttributeError(f"Sequential model '{self.name}' has no defined {what} yet.")

    def get_config(self) -> dict[str, Any]:
        from pyneural.serialization import serialize_keras_object

        config = {
            "name": self.name,
            "trainable": self._trainable,
            "dtype": serialize_policy(self.dtype_policy),
            "layers": [serialize_keras_object(layer) for layer in self._sequence],
        }
        if self._graph is not None:
            config["build_input_shape"] = self._sequence[0].batch_shape
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict | None = None) -> Sequential:
        from pyneural.serialization import deserialize_keras_object

        model = cls(name=config.get("name"), trainable=config.get("trainable", True))
        for entry in config["layers"]:
            model.add(deserialize_keras_object(entry, custom_objects), rebuild=False)
        model._rebuild()
        shape = config.get("build_input_shape")
        if shape and not model.built:
            model.build(tuple(shape))
        return model

    def get_build_config(self) -> dict[str, Any] | None:
        """None: the configuration itself holds the shape."""
        return None
