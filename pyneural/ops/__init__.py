"""NumPy-like and neural-network functions of tensors.

They take tensors, variables, arrays, lists and numbers, run at once, are recorded by `GradientTape`, become part of a
traced function or training step, and of a functional model when called on the tensors that `Input` returns.
"""

from pyneural.ops.losses import *  # noqa: F403
from pyneural.ops.math import *  # noqa: F403
from pyneural.ops.nn import *  # noqa: F403
from pyneural.ops.shape import *  # noqa: F403
