"""The losses given to `compile`, one per output, and their weighted sum."""

from __future__ import annotations

from typing import Any

from pyneural import losses, ops
from pyneural.losses import crossentropy
from pyneural.metrics.reduction import Mean
from pyneural.trainer.outputs import is_binary_or_sparse_categorical, list_for_outputs, list_outputs


class CompileLoss:
    """The sum of the losses of all outputs.

    Args:
        loss: one loss for all outputs, or a list or dict with one per output (None for no loss).
        loss_weights: a number, or a list or dict with one per output.
        output_names: names of the model's outputs, if it has any.
    """

    def __init__(self, loss: Any, loss_weights: Any = None, output_names: list[str] | None = None):
        if loss_weights is not None and not isinstance(loss_weights, (list, tuple, dict, float, int)):
            raise ValueError(
                "Expected `loss_weights` argument to be a float (single output case) or a list, tuple, or dict "
                f"(multiple output case). Received instead: loss_weights={loss_weights} of type {type(loss_weights)}"
            )
        self._user_loss = loss
        self._user_weights = loss_weights
        self._output_names = output_names
        self.built = False
        self.losses: list = []
        self._weights: list = []
        self._trackers: list = []

    @property
    def metrics(self) -> list:
        """The mean loss of each output, if there are several."""
        return [tracker for tracker in self._trackers if tracker is not None]

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Creates the losses, now that the outputs and their shapes are known."""
        preds, names = list_outputs(y_pred, self._output_names)
        self._names = names
        trues = list_for_outputs(y_true, names, "y")
        chosen = self._per_output(self._user_loss, names, "loss")
        self.losses = [_get_loss(loss, t, p) for loss, t, p in zip(chosen, trues, preds)]
        if all(loss is None for loss in self.losses):
            raise ValueError("At least one of the `loss` entries must not be None.")
        self._weights = [1.0] * len(names)
        if self._user_weights is not None:
            weights = self._per_output(self._user_weights, names, "loss_weights")
            self._weights = [1.0 if weight is None else float(weight) for weight in weights]
        self._trackers = [None] * len(names)
        if len(names) > 1:
            for i, (name, loss) in enumerate(zip(names, self.losses)):
                if loss is not None:
                    self._trackers[i] = Mean(name=f"{name}_loss" if name else f"output_{i}_loss")
        self.built = True

    def _per_output(self, given: Any, names: list, what: str) -> list:
        if isinstance(given, dict):
            unknown = [key for key in given if key not in names]
            if unknown and not (len(given) == len(names) and None in names):
                raise ValueError(f"Expected keys {names} in {what} dict, but found {what}.keys()={list(given.keys())}")
            return [given[key] for key in sorted(given)] if unknown else [given.get(name) for name in names]
        if isinstance(given, (list, tuple)):
            if len(given) != len(names):
                raise ValueError(
                    f"For a model with multiple outputs, when providing the `{what}` argument as a list, it should "
                    f"have as many entries as the model has outputs. Received:\n{what}={given}\nof length "
                    f"{len(given)}, whereas the model has {len(names)} outputs."
                )
            return list(given)
        return [given] * len(names)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The weighted sum of the losses, a scalar.

        Raises:
            ValueError: the shapes of targets and predictions do not fit; the message names the output.
        """
        if not self.built:
            self.build(y_true, y_pred)
        preds, names = list_outputs(y_pred, self._output_names)
        trues = list_for_outputs(y_true, names, "y")
        weights = list_for_outputs(sample_weight, names, "sample_weight")
        total = None
        for i, loss in enumerate(self.losses):
            if loss is None:
                continue
            if trues[i] is None:
                raise ValueError(f"Output {names[i] or i} has a loss, but no targets were given for it.")
            try:
                value = loss(trues[i], preds[i], weights[i])
            except ValueError as error:
                where = f"Output '{names[i]}' of the model: " if names[i] else ""
                raise ValueError(f"{where}{error}") from error
            if tuple(value.shape) != ():
                value = ops.mean(value)
            if self._trackers[i] is not None:
                self._trackers[i].update_state(value, sample_weight=float(preds[i].shape[0]))
            if self._weights[i] != 1.0:
                value = value * self._weights[i]
            total = value if total is None else total + value
        return total

    def label_ranges(self, y_pred: Any) -> list:
        """For each output what its targets may be: ("classes", n, ignored), ("unit",) or None."""
        preds, _ = list_outputs(y_pred, self._output_names)
        ranges: list = []
        for loss, pred in zip(self.losses, preds):
            fn = getattr(loss, "fn", None)
            options = getattr(loss, "_fn_kwargs", {})
            if fn is crossentropy.sparse_categorical_crossentropy:
                axis = options.get("axis", -1)
                ranges.append(("classes", pred.shape[axis], options.get("ignore_class")))
            elif fn in (crossentropy.binary_crossentropy, crossentropy.categorical_crossentropy):
                ranges.append(("unit",))
            else:
                ranges.append(None)
        return ranges

    def wants_probabilities(self) -> list[bool]:
        """For each output whether its loss takes the predictions as probabilities."""
        cross_entropies = (
            crossentropy.binary_crossentropy,
            crossentropy.categorical_crossentropy,
            crossentropy.sparse_categorical_crossentropy,
        )
        return [
            getattr(loss, "fn", None) in cross_entropies and not loss._fn_kwargs.get("from_logits", False)
            for loss in self.losses
        ]


def _get_loss(identifier: Any, y_true: Any, y_pred: Any) -> Any:
    if identifier is None:
        return None
    if str(identifier).lower() in ("crossentropy", "ce"):
        binary, sparse = is_binary_or_sparse_categorical(y_true, y_pred)
        if binary:
            found = losses.binary_crossentropy
        else:
            found = losses.sparse_categorical_crossentropy if sparse else losses.categorical_crossentropy
    else:
        found = losses.get(identifier)
    if isinstance(found, losses.Loss):
        return found
    name = identifier if isinstance(identifier, str) else getattr(found, "__name__", type(found).__name__)
    return losses.LossFunctionWrapper(found, name=name)
