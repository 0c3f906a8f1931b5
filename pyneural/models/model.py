"""Model: a layer that can be trained, saved and summarised."""

from __future__ import annotations

from typing import Any

from pyneural import _core, tree
from pyneural.keras_tensor import KerasTensor
from pyneural.layers.call_spec import parameters
from pyneural.layers.input_layer import standardize_shape
from pyneural.layers.layer import Layer
from pyneural.models.graph import Graph
from pyneural.trainer.trainer import Trainer


class Model(Trainer, Layer):
    """Layers grouped into an object with training and inference.

    Either `Model(inputs, outputs)` from the tensors of the functional API, or a subclass that creates its layers in
    `__init__` and calls them in `call(inputs, training=None)`.

    Args:
        inputs: KerasTensor(s) from `Input`; a list or dict for several.
        outputs: KerasTensor(s) that depend on them; a list or dict for several.
        **kwargs: `name`, `trainable`, `dtype`.
    """

    _untracked = frozenset(
        (
            "_graph",
            "_compile_config",
            "_compile_loss",
            "_compile_metrics",
            "_loss_tracker",
            "_plans",
            "_predictor",
            "optimizer",
            "history",
            "loss",
        )
    )
    _graph: Graph | None = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is Model and _is_functional(args, kwargs):
            from pyneural.models.functional import Functional

            cls = Functional
        model = super().__new__(cls, *args, **kwargs)
        object.__setattr__(model, "_home", _core.current_device())
        return model

    def __init__(self, *args: Any, **kwargs: Any):
        functional = _is_functional(args, kwargs)
        inputs = outputs = None
        if functional:
            rest = list(args)
            inputs = rest.pop(0) if rest else kwargs.pop("inputs")
            outputs = rest.pop(0) if rest else kwargs.pop("outputs")
            if rest:
                kwargs["name"] = rest.pop(0)
        elif args:
            raise TypeError(
                f"{type(self).__name__}.__init__() takes `inputs` and `outputs`, or keyword arguments only. "
                f"Received: {args}"
            )
        Trainer.__init__(self)
        if functional:
            graph = Graph(inputs, outputs)
        Layer.__init__(self, **kwargs)
        if functional:
            self._set_graph(graph)

    def _set_graph(self, graph: Graph) -> None:
        self._graph = graph
        self.built = True

    # Structure -------------------------------------------------------------------------------------------------------

    @property
    def _layers(self) -> list[Layer]:
        tracked = super()._layers
        if self._graph is None:
            return tracked
        layers = self._graph.layers
        known = {id(layer) for layer in layers}
        return layers + [layer for layer in tracked if id(layer) not in known]

    @property
    def layers(self) -> list[Layer]:
        """The layers directly in this model."""
        return list(self._layers)

    @property
    def operations(self) -> list:
        """The layers and ops of a functional model."""
        return list(self._graph.operations) if self._graph else self.layers

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name or position.

        Raises:
            ValueError: If there is none.
        """
        if index is not None and name is not None:
            raise ValueError(f"Provide only a layer name or a layer index. Received: index={index}, name={name}.")
        layers = self.layers
        if index is not None:
            if len(layers) <= index:
                raise ValueError(
                    f"Was asked to retrieve layer at index {index} but model only has {len(layers)} layers."
                )
            return layers[index]
        if name is None:
            raise ValueError("Provide either a layer name or layer index at `get_layer`.")
        for layer in layers:
            if layer.name == name:
                return layer
        raise ValueError(f"No such layer: {name}. Existing layers are: {[layer.name for layer in layers]}.")

    @property
    def inputs(self) -> list[KerasTensor] | None:
        """The input tensors of a functional model; None for a subclass."""
        return self._graph.inputs if self._graph else None

    @property
    def outputs(self) -> list[KerasTensor] | None:
        """The output tensors of a functional model; None for a subclass."""
        return self._graph.outputs if self._graph else None

    @property
    def input(self) -> Any:
        """The input tensors in the structure in which the model takes them."""
        return self._graph.inputs_struct if self._graph else super().input

    @property
    def output(self) -> Any:
        """The output tensors in the structure in which the model returns them."""
        return self._graph.outputs_struct if self._graph else super().output

    @property
    def input_names(self) -> list[str] | None:
        """Names of the inputs: keys by which they may be passed as a dict."""
        return [layer.name for layer in self._graph.input_layers] if self._graph else None

    @property
    def output_names(self) -> list[str] | None:
        """Names of the layers whose outputs the model returns."""
        return [self._graph.reference(x)[0] for x in self._graph.outputs] if self._graph else None

    @property
    def input_shape(self) -> Any:
        """Shape(s) of the inputs, None where unknown."""
        self._require_graph("input shape")
        return tree.map_structure(lambda x: x.shape, self._graph.inputs_struct)

    @property
    def output_shape(self) -> Any:
        """Shape(s) of the outputs, None where unknown."""
        self._require_graph("output shape")
        return tree.map_structure(lambda x: x.shape, self._graph.outputs_struct)

    def _require_graph(self, what: str) -> None:
        if self._graph is None:
            raise AttributeError(f"Model '{self.name}' has no defined {what} yet.")

    # Calls -----------------------------------------------------------------------------------------------------------

    def build(self, input_shape: Any = None) -> None:
        """Creates all weights, for inputs of the given shape(s) with the batch (None where unknown).

        Args:
            input_shape: A shape, or a list or dict of shapes.

        Raises:
            ValueError: If the model cannot be called on such inputs.
        """
        if self._graph is not None or input_shape is None:
            return
        self.compute_output_spec(_symbols(input_shape, self.compute_dtype))

    def _build_for_call(self, spec: Any, args: tuple, kwargs: dict) -> None:
        # The call itself creates the weights: remember the shapes only.
        from pyneural.layers.build import shapes_of_inputs

        if type(self).build is Model.build:
            self._build_shapes = shapes_of_inputs(self, spec, args, kwargs) or None
            self.built = True
        else:
            super()._build_for_call(spec, args, kwargs)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Computes the outputs from the inputs."""
        if self._graph is not None:
            from pyneural.models.functional import run_graph

            return run_graph(self, self._graph, inputs)
        raise NotImplementedError(f"Model {type(self).__name__} does not have a `call()` method implemented.")

    # Configuration ---------------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        if self._graph is None or not is_made_of_tensors(type(self)):
            return super().get_config()
        from pyneural.models.functional_config import graph_config

        return {"name": self.name, "trainable": self._trainable, **graph_config(self._graph)}

    get_config.notes_arguments = True  # type: ignore[attr-defined]

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict | None = None) -> Any:
        from pyneural.models.functional_config import is_graph_config, tensors_from_config
        from pyneural.serialization import CustomObjectScope

        with CustomObjectScope(custom_objects):
            if not (is_graph_config(config) and is_made_of_tensors(cls)):
                return super().from_config(config)
            inputs, outputs = tensors_from_config(config)
        return cls(inputs, outputs, name=config.get("name"), trainable=config.get("trainable", True))

    # Files -----------------------------------------------------------------------------------------------------------

    def save(self, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
        """Saves the model: its configuration, weights and the state of its training.

        Args:
            filepath: Path that ends in `.keras`.
            overwrite: Whether an existing file may be replaced.
            zipped: Accepted for compatibility.
            **kwargs: Further options of `saving.save_model`.
        """
        from pyneural import saving

        saving.save_model(self, filepath, overwrite=overwrite, **kwargs)

    def save_weights(self, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
        """Saves the weights.

        Args:
            filepath: Path that ends in `.weights.h5`.
            overwrite: Whether an existing file may be replaced.
            **kwargs: Further options of `saving.save_weights`.
        """
        from pyneural import saving

        saving.save_weights(self, filepath, overwrite=overwrite, **kwargs)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Reads weights that `save_weights` or `save` wrote.

        Args:
            filepath: The file.
            skip_mismatch: Whether layers whose weights do not fit are left out.
            **kwargs: Further options of `saving.load_weights`.
        """
        from pyneural import saving

        saving.load_weights(self, filepath, skip_mismatch=skip_mismatch, **kwargs)

    def __reduce__(self) -> tuple:
        """`copy.deepcopy` and `pickle` go through the saved form; custom classes travel beside it."""
        from pyneural.saving.model_file import model_from_bytes, model_to_bytes
        from pyneural.serialization import noting_custom_objects

        with noting_custom_objects() as custom_objects:
            data = model_to_bytes(self)
        return model_from_bytes, (data, custom_objects)

    def to_json(self, **kwargs: Any) -> str:
        """The configuration of the model as JSON text; see `models.model_from_json`."""
        import json

        from pyneural.serialization import serialize_keras_object

        return json.dumps(serialize_keras_object(self), **kwargs)

    def summary(
        self,
        line_length: int | None = None,
        positions: list[float] | None = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: tuple[str, str] | None = None,
    ) -> None:
        """Prints a table of the layers.

        Args:
            line_length: Width of the table in characters.
            positions: Where the columns end, as fractions of the width (or in characters).
            print_fn: Function that takes the text; `print` if None.
            expand_nested: Whether the layers of nested models are listed too.
            show_trainable: Whether a column says which layers are trainable.
            layer_range: First and last layer to list: names or regular expressions.
        """
        from pyneural.models.summary import summarize

        text = summarize(self, line_length, positions, expand_nested, show_trainable, layer_range)
        (print_fn or print)(text)


def is_made_of_tensors(cls: type) -> bool:
    """Whether the constructor takes `inputs` and `outputs`; others make their graph themselves."""
    return cls.__init__ is Model.__init__ or parameters(cls.__init__).positional[:2] == ("inputs", "outputs")


def _is_functional(args: tuple, kwargs: dict) -> bool:
    return len(args) >= 2 or (len(args) == 1 and "outputs" in kwargs) or ("inputs" in kwargs and "outputs" in kwargs)


def _symbols(shape: Any, dtype: str) -> Any:
    if isinstance(shape, dict):
        return {key: _symbols(item, dtype) for key, item in shape.items()}
    if shape and all(isinstance(item, (list, tuple)) for item in shape):
        return [_symbols(item, dtype) for item in shape]
    return KerasTensor(standardize_shape(shape), dtype)
