"""All weights of one dtype in one buffer, and their optimizer state in buffers of the same layout."""

from __future__ import annotations

from collections.abc import Callable

from pyneural import _core


class FlatGroup:
    """Variables that one fused update handles together.

    Args:
        variables: variables of one dtype.
        slots: the state of each, by name.
        weight_decay: their weight decay.
    """

    def __init__(self, variables: list, slots: list[dict], weight_decay: float):
        self.variables = variables
        self.weight_decay = weight_decay
        self.flat = _core.flatten_variables(variables)
        self.slots = {name: _core.flatten_variables([s[name] for s in slots]) for name in slots[0]}
        for variable in variables:
            variable.flat_owner = self

    def is_current(self) -> bool:
        """False once another optimizer has moved a variable into its own buffer."""
        return all(variable.flat_owner is self for variable in self.variables)

    @staticmethod
    def partition(variables: list, slots: list[dict], decay_of: Callable) -> list[FlatGroup]:
        """Groups of equal dtype and weight decay, in order of first appearance."""
        members: dict[tuple, list[int]] = {}
        for i, variable in enumerate(variables):
            members.setdefault((variable.dtype, decay_of(variable)), []).append(i)
        return [
            FlatGroup([variables[i] for i in indices], [slots[i] for i in indices], weight_decay)
            for (_, weight_decay), indices in members.items()
        ]
