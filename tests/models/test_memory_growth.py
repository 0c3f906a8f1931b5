"""Doing the same again and again does not take more and more memory."""

import pathlib
import subprocess
import sys

import pytest

STATUS = pathlib.Path("/proc/self/statm")
CYCLES = ["fit", "predict", "build-compile-fit"]

SCRIPT = """
import gc, sys
import numpy as np
import pyneural as keras

warm_up, cycles, what = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
x = np.random.default_rng(0).random((8, 6), dtype=np.float32)
y = np.arange(8) % 3


def build():
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1024, activation="relu"), keras.layers.Dense(3)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    return model


def build_compile_fit():
    build().fit(x, y, batch_size=4, verbose=0)


def resident_bytes():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


model = build()
run = {
    "fit": lambda: model.fit(x, y, batch_size=4, verbose=0),
    "predict": lambda: model.predict(x, batch_size=4),
    "build-compile-fit": build_compile_fit,
}[what]
for _ in range(warm_up):
    run()
before = resident_bytes()
for _ in range(cycles):
    run()
print(resident_bytes() - before)
"""

pytestmark = pytest.mark.skipif(not STATUS.exists(), reason="reads memory from /proc")


def growth(what: str, warm_up: int, cycles: int) -> int:
    """Bytes of resident memory that so many cycles add, in a process of their own."""
    command = [sys.executable, "-c", SCRIPT, str(warm_up), str(cycles), what]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.parametrize("what", CYCLES)
def test_no_cycle_keeps_its_arrays(what):
    # 20 kB for each cycle, where the weights alone take 40 kB: the allocator has not settled yet.
    assert growth(what, warm_up=100, cycles=300) < 6e6


@pytest.mark.slow
@pytest.mark.parametrize("what", CYCLES)
def test_ten_thousand_cycles_keep_nothing(what):
    # 50 bytes for each cycle: less than any object of Python's.
    assert growth(what, warm_up=2000, cycles=10_000) < 5e5
