"""Errors of training."""

from __future__ import annotations

from pyneural import _core


class NotFiniteLossError(_core.NotFiniteError, ValueError):
    """The loss or a gradient is NaN or infinite. The weights are as they were before that batch.

    Attributes:
        epoch: the epoch, from 0; None outside `fit`.
        batch: the batch within the epoch, from 0.
    """

    def __init__(self, message: str, epoch: int | None = None, batch: int | None = None):
        super().__init__(message)
        self.epoch = epoch
        self.batch = batch


def not_finite_loss(epoch: int | None, batch: int) -> NotFiniteLossError:
    """The error for a batch whose loss or gradients are not finite."""
    where = f"in batch {batch + 1}" + (f" of epoch {epoch + 1}" if epoch is not None else "")
    return NotFiniteLossError(
        f"The loss or a gradient became NaN or infinite {where}. The weights have been left as they were before that "
        "batch. Likely causes: a learning rate that is too high, inputs that are not scaled, or a division or "
        "logarithm in a custom layer or loss. The callback `TerminateOnNaN` stops training instead of raising this "
        "error; `compile(..., check_finite=False)` turns the check off.",
        epoch,
        batch,
    )
