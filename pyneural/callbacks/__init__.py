"""Callbacks: hooks into training."""

from pyneural.callbacks.callback import Callback, CallbackList
from pyneural.callbacks.early_stopping import EarlyStopping
from pyneural.callbacks.history import History
from pyneural.callbacks.learning_rate import LearningRateScheduler, ReduceLROnPlateau
from pyneural.callbacks.model_checkpoint import ModelCheckpoint
from pyneural.callbacks.progbar_logger import ProgbarLogger
from pyneural.callbacks.simple import CSVLogger, LambdaCallback, TerminateOnNaN

__all__ = [
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
]
