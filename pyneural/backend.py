"""What programs reach through `keras.backend` (often as `K`)."""

from pyneural.config import backend, epsilon, floatx, image_data_format, set_epsilon, set_floatx, set_image_data_format
from pyneural.utils.seed import clear_session

__all__ = [
    "backend",
    "clear_session",
    "epsilon",
    "floatx",
    "image_data_format",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
]
