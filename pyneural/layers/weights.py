"""The part of a layer that lists, reads and writes its weights."""

from __future__ import annotations

from typing import Any

from pyneural import _core


class LayerWeights:
    """Mixed into `Layer`: weights, variables, freezing, reading and writing."""

    @property
    def _trainable_variables(self) -> list:
        return self._tracker.of("trainable")

    @property
    def _non_trainable_variables(self) -> list:
        return self._tracker.of("non_trainable")

    @property
    def _layers(self) -> list:
        """Sub-layers, in the order in which they became attributes."""
        return self._tracker.of("layer")

    @property
    def _metrics(self) -> list:
        """Metrics that are attributes."""
        return self._tracker.of("metric")

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list:
        """This layer and its sub-layers, theirs included, each once."""
        found: dict[int, Any] = {id(self): self} if include_self else {}
        pending = list(reversed(self._layers))
        while pending:
            layer = pending.pop()
            if id(layer) not in found and layer is not self:
                found[id(layer)] = layer
                if recursive:
                    pending.extend(reversed(layer._layers))
        return list(found.values())

    @property
    def weights(self) -> list:
        """All weights: trainable ones before the others in each layer; own ones before those of sub-layers."""
        found: dict[int, Any] = {}
        for layer in self._flatten_layers():
            for variable in layer._trainable_variables + layer._non_trainable_variables:
                found.setdefault(id(variable), variable)
        return list(found.values())

    @property
    def variables(self) -> list:
        """All weights and the states of seed generators."""
        found: dict[int, Any] = {}
        for layer in self._flatten_layers():
            seeds = [seed.state for seed in layer._tracker.of("seed")]
            for variable in layer._trainable_variables + layer._non_trainable_variables + seeds:
                found.setdefault(id(variable), variable)
        return list(found.values())

    def _any_variable(self) -> Any:
        """One of `variables`, or None: found without a list of all."""
        pending, seen = [self], {id(self)}
        while pending:
            layer = pending.pop()
            for kind in ("trainable", "non_trainable"):
                for variable in layer._tracker.of(kind):
                    return variable
            for seed in layer._tracker.of("seed"):
                return seed.state
            pending.extend(inner for inner in layer._layers if id(inner) not in seen)
            seen.update(map(id, pending))
        return None

    @property
    def trainable_weights(self) -> list:
        """The weights that training changes."""
        return [v for v in self.weights if v.trainable] if self._trainable else []

    @property
    def non_trainable_weights(self) -> list:
        """The weights that training does not change."""
        return [v for v in self.weights if not v.trainable] if self._trainable else self.weights

    @property
    def trainable_variables(self) -> list:
        """The variables that training changes."""
        return [v for v in self.variables if v.trainable] if self._trainable else []

    @property
    def non_trainable_variables(self) -> list:
        """The variables that training does not change."""
        return [v for v in self.variables if not v.trainable] if self._trainable else self.variables

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights; setting it freezes or unfreezes all sub-layers too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        value = bool(value)
        self._trainable = value
        for variable in self._trainable_variables:
            variable.trainable = value
        for layer in self._layers:
            layer.trainable = value

    def count_params(self) -> int:
        """The number of numbers in the weights.

        Raises:
            ValueError: If the layer is not built.
        """
        if not self.built:
            raise ValueError(
                f"You tried to call `count_params` on layer '{self.name}', but the layer isn't built. You can build it "
                "manually via: `layer.build(input_shape)`."
            )
        return sum(v.size for v in self.weights)

    def get_weights(self) -> list:
        """The values of the weights as NumPy arrays."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: list) -> None:
        """Sets the values of the weights.

        Args:
            weights: Arrays in the order and of the shapes that `get_weights` returns.

        Raises:
            ValueError: If their number or a shape is wrong; then no weight is changed.
        """
        variables = self.weights
        if len(variables) != len(weights):
            raise ValueError(
                f"You called `set_weights(weights)` on layer '{self.name}' with a weight list of length "
                f"{len(weights)}, but the layer was expecting {len(variables)} weights."
            )
        values = [_core.tensor(w) for w in weights]
        for variable, value in zip(variables, values):
            if tuple(variable.shape) != tuple(value.shape):
                raise ValueError(
                    f"Layer {self.name} weight shape {tuple(variable.shape)} is not compatible with provided weight "
                    f"shape {tuple(value.shape)}."
                )
        for variable, value in zip(variables, values):
            variable.assign(value)

    def save_own_variables(self, store: Any) -> None:
        """Writes the layer's own variables (not those of sub-layers) into a mapping, as "0", "1", ..."""
        for i, variable in enumerate(self._own_variables()):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Reads what `save_own_variables` wrote.

        Raises:
            ValueError: If the number of variables is wrong.
        """
        variables = self._own_variables()
        if len(store.keys()) != len(variables):
            if variables or self.built:
                raise ValueError(
                    f"Layer '{self.name}' expected {len(variables)} variables, but received {len(store.keys())} "
                    f"variables during loading. Expected: {[v.name for v in variables]}"
                )
            raise ValueError(
                f"Layer '{self.name}' was never built and thus it doesn't have any variables. However the weights file "
                f"lists {len(store.keys())} variables for this layer. In most cases, this error indicates that the "
                "layer needs to be built before its weights are loaded."
            )
        for i, variable in enumerate(variables):
            variable.assign(store[str(i)])

    def _own_variables(self) -> list:
        return self._trainable_variables + self._non_trainable_variables
