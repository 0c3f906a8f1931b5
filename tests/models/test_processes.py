"""Threads, forks and signals around training."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import pyneural as keras
from pyneural import layers

pytestmark = pytest.mark.cpu

X = np.random.default_rng(0).normal(size=(256, 16)).astype("float32")


def trained(units=32):
    model = keras.Sequential([keras.Input((16,)), layers.Dense(units, activation="relu"), layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(X, X.sum(1), verbose=0)
    return model


def test_predict_from_several_threads():
    model = trained()
    sizes = [1, 7, 32, 100, 256]
    expected = {n: model.predict(X[:n], verbose=0) for n in sizes}
    fresh = keras.models.clone_model(model)
    fresh.set_weights(model.get_weights())
    wrong = []

    def work(offset):
        for i in range(30):
            n = sizes[(i + offset) % len(sizes)]
            if not np.array_equal(fresh.predict(X[:n], verbose=0), expected[n]):
                wrong.append(n)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_predict_while_another_thread_trains():
    model = trained()
    stop = threading.Event()
    seen = []

    def work():
        while not stop.is_set():
            seen.append(bool(np.isfinite(model.predict(X[:8], verbose=0)).all()))

    thread = threading.Thread(target=work)
    thread.start()
    model.fit(X, X.sum(1), epochs=30, verbose=0)
    stop.set()
    thread.join()
    assert seen
    assert all(seen)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_training_and_predicting_after_fork(many_threads):
    many_threads(2)
    model = trained()
    expected = model.predict(X, verbose=0)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            same = np.array_equal(model.predict(X, verbose=0), expected)
            loss = model.fit(X, X.sum(1), verbose=0).history["loss"][0]
            code = 0 if same and np.isfinite(loss) else 2
        finally:
            os._exit(code)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            assert os.waitstatus_to_exitcode(status) == 0
            return
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    pytest.fail("the child hangs")


_INTERRUPTED = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background may ignore it
import numpy as np, pyneural as keras
x = np.random.default_rng(0).normal(size=(4096, 64)).astype("float32")
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(x, x.sum(1), verbose=0)
print("ready", flush=True)
try:
    model.fit(x, x.sum(1), epochs=100000, verbose=0)
except KeyboardInterrupt:
    finite = all(np.isfinite(w).all() for w in model.get_weights())
    model.fit(x, x.sum(1), verbose=0)
    print("stopped", finite, model.predict(x[:1], verbose=0).shape, flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGINT")
def test_interrupt_stops_and_leaves_a_usable_model():
    child = subprocess.Popen([sys.executable, "-c", _INTERRUPTED], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.3)
        child.send_signal(signal.SIGINT)
        assert child.stdout.readline() == "stopped True (1, 1)\n"
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def test_training_uses_no_python_per_batch():
    calls = []
    model = trained()
    original = type(model).__call__

    def counting(self, *args, **kwargs):
        calls.append(1)
        return original(self, *args, **kwargs)

    model.fit(X, X.sum(1), batch_size=8, verbose=0)
    type(model).__call__ = counting
    try:
        model.fit(X, X.sum(1), batch_size=8, epochs=5, verbose=0)
    finally:
        type(model).__call__ = original
    assert calls == []
