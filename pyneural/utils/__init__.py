"""Helpers around training."""

from pyneural.config import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
from pyneural.serialization import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from pyneural.trainer.data import pack as pack_x_y_sample_weight
from pyneural.trainer.data import unpack_x_y_sample_weight
from pyneural.utils.arrays import normalize, pad_sequences, split_dataset, to_categorical
from pyneural.utils.files import get_file
from pyneural.utils.progbar import Progbar
from pyneural.utils.py_dataset import PyDataset
from pyneural.utils.seed import clear_session, set_random_seed

Sequence = PyDataset

__all__ = [
    "CustomObjectScope",
    "Progbar",
    "PyDataset",
    "Sequence",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "is_interactive_logging_enabled",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "register_keras_serializable",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "to_categorical",
    "unpack_x_y_sample_weight",
]
