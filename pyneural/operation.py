"""Operations and nodes: what the functional API records when a layer or an op is called on KerasTensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyneural import tree
from pyneural.keras_tensor import KerasTensor, infer_outputs
from pyneural.naming import auto_name, to_snake_case


class Node:
    """One call of an operation on KerasTensors.

    Args:
        operation: What was called.
        args: Positional arguments of the call; may hold KerasTensors anywhere.
        kwargs: Keyword arguments of the call.
        outputs: KerasTensors that the call returned, in any structure.
    """

    def __init__(self, operation: Operation, args: tuple, kwargs: dict, outputs: Any):
        self.operation = operation
        self.args = args
        self.kwargs = kwargs
        self.outputs = outputs
        self.input_tensors = [x for x in tree.flatten([list(args), kwargs]) if isinstance(x, KerasTensor)]
        self.output_tensors = [x for x in tree.flatten(outputs) if isinstance(x, KerasTensor)]
        index = len(operation._inbound_nodes)
        operation._inbound_nodes.append(self)
        for i, output in enumerate(self.output_tensors):
            output._keras_history = (operation, index, i)

    @property
    def is_input(self) -> bool:
        """Whether the node belongs to an `InputLayer`."""
        return not self.input_tensors


class Operation:
    """Base of everything that can be a step of a functional model."""

    def __init__(self, name: str | None = None):
        if name is None:
            name = auto_name(to_snake_case(type(self).__name__))
        if not isinstance(name, str) or "/" in name:
            raise ValueError(
                "Argument `name` must be a string and cannot contain character `/`. "
                f"Received: name={name} (of type {type(name)})"
            )
        self.name = name
        self._inbound_nodes: list[Node] = []

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """What a call on KerasTensors returns.

        Args:
            *args: Arguments of the call, KerasTensors among them.
            **kwargs: Keyword arguments of the call.

        Returns:
            KerasTensors in the structure of the outputs.
        """
        return infer_outputs(self.call, args, kwargs)

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Records a call on KerasTensors and returns its outputs, KerasTensors too."""
        outputs = self.compute_output_spec(*args, **kwargs)
        # An operation may hand its input on; but a tensor belongs to one node: what is handed on gets one of its own.
        inputs = {id(x) for x in tree.flatten([list(args), kwargs])}
        outputs = tree.map_structure(lambda x: KerasTensor(x.shape, x.dtype) if id(x) in inputs else x, outputs)
        Node(self, args, kwargs, outputs)
        return outputs

    def _node_tensors(self, attribute: str, which: str) -> Any:
        if not self._inbound_nodes:
            raise AttributeError(f"The layer {self.name} has never been called and thus has no defined {which}.")
        if len(self._inbound_nodes) > 1:
            raise ValueError(
                f"The layer {self.name!r} has multiple inbound nodes, hence the notion of 'layer {which}' "
                "is ill-defined. Use the KerasTensors of the call in question instead."
            )
        node = self._inbound_nodes[0]
        if attribute == "input_tensors":
            tensors = node.input_tensors or node.output_tensors
            return tensors[0] if len(tensors) == 1 else tensors
        return node.outputs

    @property
    def input(self) -> Any:
        """KerasTensor(s) of the only call of this operation in the functional API."""
        return self._node_tensors("input_tensors", "input")

    @property
    def output(self) -> Any:
        """KerasTensor(s) that the only call of this operation returned."""
        return self._node_tensors("output_tensors", "output")


class OpCall(Operation):
    """A function of `ops` as a step of a functional model.

    Args:
        function: The function.
        name: Name of the step; made from the function's if None.
        **arguments: Keyword arguments of each call.
    """

    def __init__(self, function: Callable, name: str | None = None, **arguments: Any):
        super().__init__(name or auto_name(function.__name__))
        self.call = function
        self.arguments = arguments

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the function; on KerasTensors the call is recorded."""
        if any(isinstance(x, KerasTensor) for x in tree.flatten([list(args), kwargs])):
            return self.symbolic_call(*args, **kwargs)
        return self.call(*args, **{**self.arguments, **kwargs})

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """What a call on KerasTensors returns."""
        return infer_outputs(self.call, args, {**self.arguments, **kwargs})

    @property
    def class_name(self) -> str:
        """The op's name in configurations: `Relu` for `relu`."""
        return "".join(part.capitalize() for part in self.call.__name__.split("_"))

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this step again."""
        from pyneural.serialization import serialize_keras_object

        return {"name": self.name, **serialize_keras_object(self.arguments)}
