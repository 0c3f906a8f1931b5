"""Devices: names, errors, moves, exchange with other libraries. What needs a GPU also runs on an emulated one."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import numpy as np
import pytest

import pyneural as pn
from pyneural import _core
from tests.gpu import needs_gpu

emulated = any("Emulated" in gpu["name"] for gpu in _core.cuda_devices())


@pytest.mark.parametrize("name", ["", "tpu", "cuda:", "cuda:x", "cuda:-1", "cuda:00000", "CPU", "cpu:1"])
def test_unknown_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="Expected 'cpu', 'cuda', 'cuda:<number>' or 'auto'"), pn.device(name):
        pass


def test_device_that_is_not_there_gives_the_reason() -> None:
    before = _core.current_device()
    reason = "this machine has|no CUDA kernels|no NVIDIA driver|too old|found no GPU"
    with pytest.raises(RuntimeError, match=f"No device 'cuda:999': .*({reason})"), pn.device("cuda:999"):
        pass
    assert _core.current_device() == before


def test_scopes_nest() -> None:
    before = _core.current_device()
    with pn.device("cpu") as outer:
        with pn.device("auto") as inner:
            assert pn.Variable([1.0]).device == inner
        assert outer == _core.current_device() == pn.Variable([1.0]).device == "cpu"
    assert _core.current_device() == before


def test_devices_are_listed() -> None:
    cpu, *gpus = pn.config.list_devices()
    assert cpu["device"] == "cpu"
    assert cpu["name"]
    assert cpu["memory_bytes"] > 1e8
    for number, gpu in enumerate(gpus):
        assert gpu["device"] == f"cuda:{number}"
        assert gpu["name"]
        assert 0 < gpu["free_bytes"] <= gpu["memory_bytes"]


@pytest.mark.skipif(not emulated, reason="drivers are missing only in emulation")
@pytest.mark.parametrize(
    ("driver", "reason"),
    [
        ("missing", "no NVIDIA driver was found on this machine"),
        ("too_old", r"driver is too old: it supports CUDA \d+\.\d, needed is \d+\.\d or newer"),
        ("no_device", "the driver found no GPU"),
    ],
)
def test_bad_drivers_are_named(driver: str, reason: str) -> None:
    program = "import pyneural as pn; print(len(pn.config.list_devices())); pn.device('cuda').__enter__()"
    environment = {**os.environ, "PYNEURAL_EMULATION_DRIVER": driver, "PYNEURAL_DEVICE": "cpu"}
    result = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert result.stdout == "1\n"
    last = result.stderr.splitlines()[-1]
    assert last.startswith("RuntimeError: No device 'cuda:0': ")
    assert re.search(reason, last), last


@needs_gpu
def test_ops_run_where_their_operands_are() -> None:
    with pn.device("cuda"):
        x = pn.ops.convert_to_tensor(np.ones((2, 3), "float32"))
    with pn.device("cpu"):
        y = x + np.float32(1) * np.ones(3, "float32")
        z = pn.ops.ones((2, 3)) + 1
        assert y.device == x.device == "cuda:0"
        assert z.device == "cpu"
        assert (y + z).device == "cuda:0"
    np.testing.assert_array_equal(np.asarray(y), np.full((2, 3), 2.0))


@needs_gpu
def test_variables_move_with_their_flat_buffer() -> None:
    with pn.device("cpu"):
        a, b = pn.Variable(np.arange(3.0), dtype="float32"), pn.Variable(np.ones((2, 2)), dtype="float32")
    before = a.value
    flat = _core.flatten_variables([a, b])
    a.move_to("cuda")
    assert a.device == b.device == flat.device == "cuda:0"
    assert before.device == "cpu"
    b.assign(np.full((2, 2), 5.0))
    np.testing.assert_array_equal(np.asarray(flat)[16:20], np.full(4, 5.0))
    flat.move_to("cpu")
    assert a.device == "cpu"
    np.testing.assert_array_equal(np.asarray(a), np.arange(3.0))
    np.testing.assert_array_equal(np.asarray(before), np.arange(3.0))


@needs_gpu
def test_model_moves_with_the_state_of_its_optimizer() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(48, 4)).astype("float32"), rng.normal(size=(48, 1)).astype("float32")
    losses = []
    for stops in (["cpu", "cpu"], ["cuda", "cpu"], ["cpu", "cuda:0"]):
        pn.utils.set_random_seed(3)
        with pn.device("cpu"):
            model = pn.Sequential([pn.Input((4,)), pn.layers.Dense(8, activation="tanh"), pn.layers.Dense(1)])
            model.compile(pn.optimizers.Adam(0.01), "mse", metrics=["mae"])
        history = []
        for stop in stops:
            assert model.to(stop) is model
            assert {v.device for v in model.weights} == {_core.resolve_device(stop)} == {model.device}
            history += model.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0).history["loss"]
            assert {v.device for v in model.optimizer.variables} == {model.device}
        losses.append(history)
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)
    np.testing.assert_allclose(losses[2], losses[0], rtol=1e-5)


@needs_gpu
def test_plan_refuses_variables_on_two_devices() -> None:
    with pn.device("cpu"):
        a = pn.Variable([1.0])
    with pn.device("cuda"):
        b = pn.Variable([1.0])
    with _core.Trace() as trace, pytest.raises(ValueError, match=r"different devices, (cpu and cuda:0|cuda:0 and cpu)"):
        trace.compile([a.value + b.value])


class Foreign:
    """An array of another library, as far as DLPack shows."""

    def __init__(self, tensor, **options):
        self._tensor, self._options = tensor, options

    def __dlpack_device__(self):
        return self._tensor.__dlpack_device__()

    def __dlpack__(self, stream=None):
        return self._tensor.__dlpack__(stream=stream, **self._options)


class Interface:
    """The same for the CUDA array interface."""

    def __init__(self, tensor, **changes):
        self.__cuda_array_interface__ = {**tensor.__cuda_array_interface__, **changes}
        self._held = tensor


@needs_gpu
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int32", "int64", "uint8", "bool"])
@pytest.mark.parametrize("wrap", [Foreign, lambda t: Foreign(t, max_version=(1, 0)), Interface])
def test_arrays_of_other_libraries_stay_on_the_gpu(wrap, dtype: str) -> None:
    values = np.arange(6).reshape(2, 3).astype(dtype)
    with pn.device("cuda"):
        tensor = _core.tensor(values)
    taken = _core.reshape(wrap(tensor), (3, 2))
    assert taken.device == "cuda:0"
    assert taken.dtype == dtype
    del tensor
    np.testing.assert_array_equal(np.asarray(taken), values.reshape(3, 2))


@needs_gpu
def test_foreign_arrays_must_be_contiguous() -> None:
    with pn.device("cuda"):
        tensor = _core.tensor(np.ones((2, 3), "float32"))
    with pytest.raises(ValueError, match="C-contiguous"):
        _core.reshape(Interface(tensor, strides=(4, 8)), (6,))
    with pytest.raises(TypeError, match="<c8"):
        _core.reshape(Interface(tensor, typestr="<c8"), (6,))


def test_cpu_tensors_have_no_cuda_interface() -> None:
    with pn.device("cpu"):
        tensor = _core.tensor([1.0])
    assert not hasattr(tensor, "__cuda_array_interface__")
    assert tensor.__dlpack_device__() == (1, 0)
    np.testing.assert_array_equal(np.from_dlpack(tensor), [1.0])


@pytest.mark.skipif(not emulated, reason="a GPU with little memory is emulated")
def test_out_of_memory_says_what_was_asked_for_and_training_goes_on() -> None:
    program = """
import numpy as np, pyneural as pn
x = np.zeros((64, 4), "float32")
def fit(units):
    model = pn.Sequential([pn.Input((4,)), pn.layers.Dense(units), pn.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x, x[:, :1], batch_size=64, epochs=1, verbose=0)
try:
    fit(4_000_000)
except MemoryError as error:
    print(error)
fit(16)
print("done")
"""
    environment = {**os.environ, "PYNEURAL_DEVICE": "cuda", "PYNEURAL_EMULATION_MEMORY": str(100 << 20)}
    result = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    first, last = result.stdout.splitlines()
    assert re.fullmatch(
        r"Out of memory on cuda:0: [\d.]+ MB could not be allocated, [\d.]+ of 104\.9 MB are free\.", first
    )
    assert last == "done"
