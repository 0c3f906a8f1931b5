"""One seed for everything."""

from __future__ import annotations

from typing import Any


def set_random_seed(seed: Any) -> None:
    """Seeds Python, NumPy and all draws without a seed of their own: the same program gives the same bits again.

    Args:
        seed: an integer in [0, 2**32).

    Raises:
        ValueError: anything else.
    """
    import random

    import numpy as np

    from pyneural.random import reset_global_seed_generator

    if isinstance(seed, bool) or not hasattr(seed, "__index__") or not 0 <= int(seed) < 2**32:
        raise ValueError(f"Expected `seed` argument to be an integer in [0, 2**32). Received: seed={seed}")
    random.seed(int(seed))
    np.random.seed(int(seed))  # noqa: NPY002 (programs use it, too)
    reset_global_seed_generator()


def clear_session(free_memory: bool = True) -> None:
    """Lets automatic names start over.

    Args:
        free_memory: accepted for compatibility: models that nothing refers to are freed by themselves.
    """
    from pyneural.naming import reset_names

    reset_names()
