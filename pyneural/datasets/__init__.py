"""Data sets to try things on."""

from pyneural.datasets import digits, fashion_mnist, mnist, mnist_5k

__all__ = ["digits", "fashion_mnist", "mnist", "mnist_5k"]
