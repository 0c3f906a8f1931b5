"""What is measured on a GPU, in float32 and in TF32 where products can use it."""

from __future__ import annotations

from benchmarks.harness.suites import Suite
from pyneural.bench import cases, models

PRECISIONS = ("float32", "tf32")  # on all sides alike
CUBES = (512, 1024, 2048, 4096, 8192)
BATCH = 128  # of dense layers and small models
IMAGES = 32  # of a step of ResNet-50
# (size, channels, filters, kernel, stride) of the convolutions of ResNet-50, each once.
RESNET50 = (
    (224, 3, 64, 7, 2), (56, 64, 64, 1, 1), (56, 64, 64, 3, 1), (56, 64, 256, 1, 1), (56, 256, 64, 1, 1),
    (56, 256, 128, 1, 1), (56, 128, 128, 3, 2), (28, 128, 512, 1, 1), (28, 512, 128, 1, 1), (28, 128, 128, 3, 1),
    (56, 256, 512, 1, 2), (28, 512, 256, 1, 1), (28, 256, 256, 3, 2), (14, 256, 1024, 1, 1), (14, 1024, 256, 1, 1),
    (14, 256, 256, 3, 1), (28, 512, 1024, 1, 2), (14, 1024, 512, 1, 1), (14, 512, 512, 3, 2), (7, 512, 2048, 1, 1),
    (7, 2048, 512, 1, 1), (7, 512, 512, 3, 1), (14, 1024, 2048, 1, 2),
)  # fmt: skip
# {model: (batch, steps)}; an epoch takes a GPU some milliseconds at least, so that what `fit` does around it is little.
TRAININGS = {
    "mlp_784_100_10": (BATCH, 400),
    "mlp_784_256_256_10": (BATCH, 400),
    "mlp_32_64_64_10": (BATCH, 400),
    "mnist_cnn": (BATCH, 100),
    "selfie_cnn": (BATCH, 200),
    "vgg": (256, 10),
}
ON_CPU_TOO = ("vgg",)


def in_precision(some: list[dict], precision: str) -> list[dict]:
    """The cases with that precision, which their names end with unless it is float32."""
    mark = "" if precision == "float32" else f" {precision}"
    return [{**case, "precision": precision, "name": case["name"] + mark} for case in some]


def in_each_precision(some: list[dict]) -> list[dict]:
    """Every case in float32, then in TF32."""
    return [case for precision in PRECISIONS for case in in_precision(some, precision)]


def matmuls() -> list[dict]:
    """Cubes, and the products of dense layers at batch 128: forward and both gradients; cubes in BF16, too."""
    cubes = [cases.matmul(size, size, size) for size in CUBES]
    found = [*cubes]
    found += [cases.matmul(size, size, size, layout) for size in (1024, 4096) for layout in ("TN", "NT")]
    for inputs, units in cases.DENSE:
        found.append(cases.matmul(BATCH, inputs, units))
        found.append(cases.matmul(inputs, BATCH, units, "TN"))
        found.append(cases.matmul(BATCH, units, inputs, "NT"))
    # Ours rounds float32 to BF16 as it reads; PyTorch gets arrays of BF16.
    unique = {case["name"]: case for case in found}
    return in_each_precision(list(unique.values())) + in_precision(cubes, "bf16")


def conv2ds() -> list[dict]:
    """The convolutions of ResNet-50 and their gradients; the first layer needs none of its input."""
    found = []
    for size, channels, filters, kernel, stride in RESNET50:
        for what in ("forward", "kernel") if channels == 3 else ("forward", "input", "kernel"):
            found.append(
                cases.conv2d(IMAGES, size, channels, filters, kernel, stride=stride, padding="same", what=what)
            )
    return in_each_precision(found)


def pointwises() -> list[dict]:
    """What is bound by memory: of a size that lies in the L2 cache, and in memory."""
    pointwise = cases.pointwise
    found = []
    for elements in (1 << 20, 1 << 26):
        found += [pointwise(op, 2, elements) for op in ("relu", "exp", "gelu", "dropout")]
        found += [pointwise("add", 3, elements), pointwise("relu_gradient", 4, elements)]
        found += [pointwise("add_row", 2, elements // 1024, 1024)]
        found += [pointwise(op, 1, elements // 1024, 1024) for op in cases.SUMS]
        found += [pointwise(op, 2, elements // 1024, 1024) for op in ("softmax", "log_softmax", "cross_entropy")]
        found += [
            pointwise(op, cases.NORMS[op], elements // 1024, 1024) for op in ("layer_norm", "layer_norm_gradient")
        ]
        found += [
            pointwise(op, cases.NORMS[op], elements >> 16, 32, 32, 64) for op in ("batch_norm", "batch_norm_gradient")
        ]
        found += [pointwise("channels_first", 2, elements >> 16, 32, 32, 64)]
    for weights in cases.WEIGHTS:
        found += [pointwise("sgd", 3, weights), pointwise("momentum", 5, weights), pointwise("adam", 7, weights)]
    for what in ("forward", "gradient"):
        found += [cases.pool2d(256, 32, 64, "max", what=what), cases.pool2d(IMAGES, 112, 64, "max", 3, 2, "same", what)]
    return found


def trainings() -> list[dict]:
    """The models with the batches of a GPU; the largest one on the CPU, too."""
    found = []
    for case in models.trainings():
        if case["name"] in TRAININGS:
            batch, steps = TRAININGS[case["name"]]
            name = f"{case['name']} b{batch}"
            found.append(
                {**case, "name": name, "batch": batch, "steps": steps, "against_cpu": case["name"] in ON_CPU_TOO}
            )
    return in_each_precision(found)


KERNEL_PEERS = ("torch", "torch_graphs")
GPU_SUITES = {
    suite.name: suite
    for suite in (
        Suite("matmul", "Matrix products", matmuls, KERNEL_PEERS, 0.01, 5),
        Suite("conv2d", "Convolutions of ResNet-50 and their gradients", conv2ds, KERNEL_PEERS, 0.01, 5),
        Suite("pointwise", "Kernels that are bound by memory", pointwises, KERNEL_PEERS, 0.01, 5),
        Suite(
            "train",
            "Training: `fit`, a step",
            trainings,
            ("torch", "torch_compile", "torch_graphs", "pyneural_cpu"),
            0.2,
            5,
        ),
    )
}
