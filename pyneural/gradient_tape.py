"""GradientTape: remembers what is computed, for gradients."""

from __future__ import annotations

import threading
from typing import Any

from pyneural import _core, tree

_local = threading.local()


def is_recording() -> bool:
    """Whether a tape of this thread is open."""
    return getattr(_local, "tapes", 0) > 0


class GradientTape:
    """Records ops while it is open, so that `gradient` can walk them back.

    Args:
        persistent: Whether `gradient` may be called more than once.
        watch_accessed_variables: Whether gradients with respect to any trainable variable can be asked for; if False,
            only with respect to what was passed to `watch`.
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True):
        self._persistent = persistent
        self._watch_all = watch_accessed_variables
        self._watched: list = []
        self._open = False
        self._used = False

    def __enter__(self) -> GradientTape:
        if self._open:
            raise ValueError("Tape is already recording.")
        _core.start_recording()
        _local.tapes = getattr(_local, "tapes", 0) + 1
        self._open = True
        return self

    def __exit__(self, *unused: Any) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._open:
            _core.stop_recording()
            _local.tapes -= 1
            self._open = False

    def watch(self, tensor: Any) -> None:
        """Lets gradients with respect to a tensor (or a structure of tensors) be asked for."""
        for leaf in tree.flatten(tensor):
            if not isinstance(leaf, (_core.Tensor, _core.Variable)):
                raise TypeError(
                    f"Only tensors and variables can be watched. Received: {leaf} (of type {type(leaf)}). Convert it "
                    "with `ops.convert_to_tensor` first."
                )
            if isinstance(leaf, _core.Tensor):
                _core.watch(leaf)
            self._watched.append(leaf)

    def gradient(
        self, target: Any, sources: Any, output_gradients: Any = None, unconnected_gradients: str = "none"
    ) -> Any:
        """The gradient of the sum of `target` with respect to each of `sources`.

        Args:
            target: Tensor, or a structure of tensors.
            sources: Tensor or variable, or a structure of them.
            output_gradients: Weights of the elements of `target`, in its structure; ones if None.
            unconnected_gradients: What stands where a source has no influence: `"none"` or `"zero"`.

        Returns:
            Tensors in the structure of `sources`.

        Raises:
            RuntimeError: If the tape is not persistent and was used before.
        """
        if self._used and not self._persistent:
            raise RuntimeError(
                "A non-persistent GradientTape can only be used to compute one set of gradients. "
                "Use `GradientTape(persistent=True)`."
            )
        if unconnected_gradients not in ("none", "zero"):
            raise ValueError(f"Unknown value for unconnected_gradients: {unconnected_gradients!r}")
        self._used = True
        if not self._persistent:
            self._stop()
        leaves = tree.flatten(sources)
        targets = tree.flatten(target)
        seeds = [] if output_gradients is None else tree.flatten(output_gradients)
        gradients = _core.gradients(targets, leaves, seeds)
        if not self._watch_all:
            watched = {id(x) for x in self._watched}
            gradients = [g if id(x) in watched else None for g, x in zip(gradients, leaves)]
        if unconnected_gradients == "zero":
            from pyneural.ops import zeros_like

            gradients = [zeros_like(x) if g is None else g for g, x in zip(gradients, leaves)]
        return tree.pack_as(sources, gradients)

    def reset(self) -> None:
        """Forgets the watched tensors and lets `gradient` be called again."""
        self._watched.clear()
        self._used = False
