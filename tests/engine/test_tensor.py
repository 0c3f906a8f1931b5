"""Tensors and variables at the border to NumPy."""

import numpy as np
import pytest

from pyneural import _core

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_round_trip_keeps_dtype_shape_and_values(dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    tensor = _core.tensor(array)
    assert tensor.dtype == dtype
    assert tensor.shape == (2, 3)
    np.testing.assert_array_equal(tensor.numpy(), array)


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,), (2, 1, 3)])
def test_any_shape(shape):
    array = np.ones(shape, "float32")
    assert _core.tensor(array).shape == shape
    assert np.asarray(_core.tensor(array)).shape == shape


def test_python_numbers_take_the_default_types():
    assert _core.tensor(1.5).dtype == "float32"
    assert _core.tensor(3).dtype == "int32"
    assert _core.tensor(2**40).dtype == "int64"
    assert _core.tensor(True).dtype == "bool"
    assert _core.tensor([1.0, 2.0]).dtype == "float32"
    assert _core.tensor(1, dtype="float64").dtype == "float64"


def test_a_tensor_owns_its_data():
    array = np.zeros(3, "float32")
    tensor = _core.tensor(array)
    array[:] = 1
    assert tensor.numpy().sum() == 0


def test_numpy_view_is_read_only():
    view = _core.tensor([1.0, 2.0]).numpy()
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 5


def test_a_view_of_a_borrowed_array_is_a_copy():
    array = np.zeros((2, 3), "float32")
    tensor = _core.reshape(array, (3, 2))
    array[:] = 1
    assert tensor.numpy().sum() == 0


def test_non_contiguous_and_foreign_byte_order():
    array = np.arange(12, dtype="float32").reshape(3, 4).T[::-1]
    np.testing.assert_array_equal(_core.tensor(array).numpy(), array)
    swapped = np.arange(3, dtype=">f4")
    np.testing.assert_array_equal(_core.tensor(swapped).numpy(), [0, 1, 2])


@pytest.mark.parametrize("bad", ["text", {"a": 1}, np.array(["x"]), np.array([1j]), object()])
def test_what_is_no_array_is_a_type_error(bad):
    with pytest.raises((TypeError, ValueError)):
        _core.tensor(bad)


@pytest.mark.parametrize(
    "key",
    [0, -1, slice(1, 3), slice(None, None, -1), (0, 1), (slice(None), 2), (Ellipsis, 0), (None, 1),
     (1, None, slice(0, 2)), (slice(3, 0, -2), Ellipsis), slice(5, 2), (slice(None), slice(1, None, 2))],
)  # fmt: skip
def test_indexing_follows_numpy(key):
    array = np.arange(24, dtype="float32").reshape(4, 3, 2)
    np.testing.assert_array_equal(np.asarray(_core.tensor(array)[key]), array[key])


def test_indexing_by_a_tensor_takes_rows():
    array = np.arange(12, dtype="float32").reshape(4, 3)
    np.testing.assert_array_equal(np.asarray(_core.tensor(array)[np.array([2, 0])]), array[[2, 0]])


def test_index_out_of_range():
    with pytest.raises(IndexError, match="out of range"):
        _core.tensor([1.0, 2.0])[2]
    with pytest.raises(IndexError, match="Too many"):
        _core.tensor([1.0])[0, 0]


def test_operators_mix_with_numbers_and_arrays():
    x = _core.tensor([1.0, 2.0])
    for result in (x + 1, 1 + x, np.ones(2, "float32") + x, x + np.ones(2, "float32")):
        assert isinstance(result, _core.Tensor)
        assert result.dtype == "float32"
        np.testing.assert_array_equal(result.numpy(), [2, 3])
    np.testing.assert_array_equal((2 - x).numpy(), [1, 0])
    np.testing.assert_array_equal((x > 1).numpy(), [False, True])
    np.testing.assert_allclose((x**2 / 4).numpy(), [0.25, 1])


def test_scalars_convert():
    assert float(_core.tensor(2.5)) == 2.5
    assert int(_core.tensor(3)) == 3
    assert bool(_core.tensor(True))
    assert list(range(4))[_core.tensor(2)] == 2
    with pytest.raises(ValueError, match="truth value"):
        bool(_core.tensor([1.0, 2.0]))


def test_variable_reads_keep_their_value():
    v = _core.Variable(np.zeros(3, "float32"))
    before = v.value
    view = v.value.numpy()
    v.assign(np.ones(3, "float32"))
    np.testing.assert_array_equal(before.numpy(), 0)
    np.testing.assert_array_equal(view, 0)
    np.testing.assert_array_equal(v.numpy(), 1)
    v.assign_add(2)
    v.assign_sub([1.0, 1.0, 1.0])
    np.testing.assert_array_equal(v.numpy(), 2)


def test_assigning_another_shape_is_an_error():
    with pytest.raises(ValueError, match=r"shape \(3,\).*shape \(2,\)"):
        _core.Variable(np.zeros(3, "float32")).assign(np.zeros(2, "float32"))


def test_flattened_variables_are_windows_on_one_buffer():
    a, b = _core.Variable(np.arange(3, dtype="float32")), _core.Variable(np.full((2, 2), 7, "float32"))
    old = a.value
    flat = _core.flatten_variables([a, b])
    np.testing.assert_array_equal(a.numpy(), [0, 1, 2])
    np.testing.assert_array_equal(b.numpy(), 7)
    assert flat.size == 32  # two slots of 64 bytes
    flat.assign(flat.value * 2)
    np.testing.assert_array_equal(a.numpy(), [0, 2, 4])
    np.testing.assert_array_equal(b.numpy(), 14)
    np.testing.assert_array_equal(old.numpy(), [0, 1, 2])
    packed = _core.pack_like(flat, [_core.tensor([1.0, 2.0, 3.0]), _core.tensor(np.ones((2, 2), "float32"))]).numpy()
    np.testing.assert_array_equal(packed[:3], [1, 2, 3])
    assert packed[3:16].sum() == 0
    assert packed[16:].sum() == 4


def test_flattening_twice_moves_the_windows():
    a, b = _core.Variable(np.ones(2, "float32")), _core.Variable(np.ones(2, "float32"))
    first = _core.flatten_variables([a, b])
    second = _core.flatten_variables([b])
    second.assign(second.value * 3)
    np.testing.assert_array_equal(b.numpy(), 3)
    first.assign(first.value * 5)
    np.testing.assert_array_equal(a.numpy(), 5)
    np.testing.assert_array_equal(b.numpy(), 3)
