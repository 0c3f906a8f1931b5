"""What `pyneural bench` measures: a selection of bench/cases.py and bench/models.py that takes about a minute."""

from __future__ import annotations

from pyneural.bench import cases, models

QUICK_MODELS = ("mlp_784_100_10", "selfie_cnn")
NORMS = ("batch_norm", "batch_norm_gradient")


def kernels() -> list[dict]:
    """Kernels of every kind: large and small, forward and backward."""
    return [
        *(cases.matmul(size, size, size) for size in (64, 256, 512, 1024)),
        *(cases.matmul(512, 512, 512, layout) for layout in ("TN", "NT")),
        cases.matmul(128, 784, 512),
        cases.matmul(784, 128, 512, "TN"),
        cases.matmul(128, 512, 784, "NT"),
        cases.matmul(32, 784, 100),
        cases.matmul(128, 64, 10),
        cases.matmul(1, 784, 512),
        cases.matmul(1, 4096, 4096),
        *_with_gradients(128, 28, 1, 32, 3),
        *_with_gradients(128, 26, 32, 64, 3),
        *_with_gradients(32, 20, 32, 32, 2, padding="same"),
        *_with_gradients(64, 32, 64, 64, 3, padding="same"),
        *_with_gradients(8, 56, 64, 64, 1),
        *_with_gradients(64, 32, 16, 32, 3, stride=2, padding="same"),
        *_with_gradients(8, 28, 128, 0, 3, padding="same", depthwise=True),
        *(cases.pointwise("relu", 2, elements) for elements in (4 << 10, 64 << 10, 2 << 20, 16 << 20)),
        *(cases.pointwise(op, 2, 64 << 10) for op in ("sigmoid", "tanh", "gelu")),
        cases.pointwise("add", 3, 64 << 10),
        *(cases.pool2d(64, 32, 64, "max", what=what) for what in ("forward", "gradient")),
        cases.pointwise("softmax", 2, 128, 1000),
        cases.pointwise("cross_entropy", 2, 128, 1000),
        *(cases.pointwise(op, cases.NORMS[op], 64, 32, 32, 16) for op in NORMS),
        *(cases.pointwise("adam", 7, weights) for weights in (40_000, 1_200_000)),
    ]


def quick_kernels() -> list[dict]:
    """A few of them."""
    return [
        cases.matmul(512, 512, 512),
        cases.matmul(128, 784, 512),
        cases.matmul(1, 784, 512),
        *_with_gradients(128, 28, 1, 32, 3),
        *_with_gradients(128, 26, 32, 64, 3),
        cases.pointwise("relu", 2, 64 << 10),
        cases.pointwise("adam", 7, 40_000),
    ]


def trainings() -> list[dict]:
    """All models that are trained."""
    return models.trainings()


def quick_trainings() -> list[dict]:
    """A few of them."""
    return [case for case in models.trainings() if case["name"] in QUICK_MODELS]


def _with_gradients(*sizes: int, **options) -> list[dict]:
    """A convolution and its gradients; the first layer of a network needs none of its input."""
    wanted = ("forward", "kernel") if sizes[2] <= 3 else ("forward", "input", "kernel")
    return [cases.conv2d(*sizes, **options, what=what) for what in wanted]
