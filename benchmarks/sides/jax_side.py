"""JAX: jitted functions. The number of threads is that of the pinned processors."""

import jax
import jax.numpy as jnp
import jax_models
from common import random


def info():
    return {"jax": jax.__version__}


def set_threads(threads):
    """XLA's pool has as many threads as the process may use processors."""


def prepare(case):
    """The variants that JAX has of a case: {name: callable}."""
    builder = BUILDERS.get(case["op"])
    return builder(case) if builder else None


def matmul(case):
    transpose_a, transpose_b = (letter == "T" for letter in case["layout"])
    m, k, n = case["m"], case["k"], case["n"]
    a = jax.device_put(random(k, m) if transpose_a else random(m, k))
    b = jax.device_put(random(n, k) if transpose_b else random(k, n))
    product = jax.jit(lambda a, b: (a.T if transpose_a else a) @ (b.T if transpose_b else b))
    return {"jit": lambda: product(a, b).block_until_ready()}


def conv2d(case):
    channels, size, kernel = case["channels"], case["size"], case["kernel"]
    filters = channels if case["depthwise"] else case["filters"]
    groups = channels if case["depthwise"] else 1
    x = jax.device_put(random(case["batch"], size, size, channels))
    weight = jax.device_put(random(kernel, kernel, channels // groups, filters))

    def forward(x, weight):
        return jax.lax.conv_general_dilated(
            x,
            weight,
            (case["stride"],) * 2,
            case["padding"].upper(),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=groups,
        )

    if case["what"] == "forward":
        run = jax.jit(forward)
        return {"jit": lambda: run(x, weight).block_until_ready()}
    grad = jax.device_put(random(*jax.eval_shape(forward, x, weight).shape))
    place = 0 if case["what"] == "input" else 1
    backward = jax.jit(lambda x, weight, grad: jax.vjp(forward, x, weight)[1](grad)[place])
    return {"jit": lambda: backward(x, weight, grad).block_until_ready()}


UNARY = {
    "relu": jax.nn.relu,
    "exp": jnp.exp,
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),
    "erf": jax.scipy.special.erf,
    "softmax": jax.nn.softmax,
}
BINARY = {"add": jnp.add, "multiply": jnp.multiply}


def pointwise(case):
    op = jax.jit(UNARY.get(case["op"]) or BINARY[case["op"]])
    inputs = [jax.device_put(random(*case["shape"])) for _ in range(1 if case["op"] in UNARY else 2)]
    return {"jit": lambda: op(*inputs).block_until_ready()}


BUILDERS = {
    "matmul": matmul,
    "conv2d": conv2d,
    **dict.fromkeys((*UNARY, *BINARY), pointwise),
    **jax_models.BUILDERS,
}
