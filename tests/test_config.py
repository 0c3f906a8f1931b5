"""Settings, dtypes, names, nested structures."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
import pytest

import pyneural as keras
from pyneural import config, dtypes, naming, tree


def test_floatx():
    assert config.floatx() == "float32"
    try:
        config.set_floatx("float64")
        assert keras.ops.zeros(2).dtype == "float64"
        assert keras.ops.convert_to_tensor(1.5).dtype == "float64"
        assert keras.layers.Dense(2)(np.ones((1, 2))).dtype == "float64"
        assert config.dtype_policy().name == "float64"
        config.set_dtype_policy("float32")
        assert config.floatx() == "float32"
    finally:
        config.set_floatx("float32")
    with pytest.raises(ValueError, match="Unknown `floatx` value: int"):
        config.set_floatx("int")
    with pytest.raises(ValueError, match="cannot be computed with"):
        config.set_floatx("float16")


def test_other_settings():
    assert config.epsilon() == 1e-7
    config.set_epsilon(1e-6)
    assert config.epsilon() == 1e-6
    config.set_epsilon(1e-7)
    config.set_image_data_format("channels_first")
    try:
        assert keras.layers.Conv2D(2, 1)(np.ones((1, 3, 4, 5), "float32")).shape == (1, 2, 4, 5)
    finally:
        config.set_image_data_format("channels_last")
    assert config.image_data_format() == "channels_last"
    with pytest.raises(ValueError, match=r"`data_format`.*foo"):
        config.set_image_data_format("foo")
    config.disable_interactive_logging()
    assert not config.is_interactive_logging_enabled()
    config.enable_interactive_logging()
    assert config.is_interactive_logging_enabled()
    assert config.backend() == "pyneural"
    assert config.simd_level() in config.simd_levels()
    before = config.num_threads()
    config.set_num_threads(1)
    assert config.num_threads() == 1
    config.set_num_threads(before)


def test_matmul_precision():
    assert config.matmul_precision() == "float32"
    with pytest.raises(ValueError, match="Unknown precision 'half'"):
        config.set_matmul_precision("half")
    config.set_matmul_precision("tf32")
    try:
        assert config.matmul_precision() == "tf32"
    finally:
        config.set_matmul_precision("float32")


def test_dtypes():
    for value, expected in (
        (None, "float32"),
        (float, "float32"),
        (int, "int32"),
        (bool, "bool"),
        (np.float64, "float64"),
        (np.dtype("int8"), "int8"),
        (np.bool_, "bool"),
        ("bfloat16", "bfloat16"),
    ):
        assert dtypes.standardize_dtype(value) == expected
    with pytest.raises(ValueError, match="Invalid dtype: complex64"):
        dtypes.standardize_dtype("complex64")
    policy = dtypes.get_policy({"class_name": "DTypePolicy", "config": {"name": "float64"}})
    assert policy == dtypes.get_policy(np.float64) == dtypes.get_policy(policy) == keras.DTypePolicy("float64")
    assert hash(policy) == hash("float64")
    assert (policy.compute_dtype, policy.variable_dtype) == ("float64", "float64")
    assert repr(policy) == '<DTypePolicy "float64">'
    assert keras.DTypePolicy.from_config(policy.get_config()) == policy
    assert dtypes.get_policy(None).name == "float32"
    with pytest.raises(ValueError, match="Cannot convert 'foo'"):
        keras.DTypePolicy("foo")


def test_names():
    assert naming.to_snake_case("MaxPooling2D") == "max_pooling2d"
    naming.reset_names()
    assert [naming.auto_name("a") for _ in range(3)] == ["a", "a_1", "a_2"]
    assert naming.current_path() == ""
    with keras.name_scope("x"), keras.name_scope("y"):
        assert naming.current_path() == "x/y"
        assert keras.Variable(1.0, name="v").path == "x/y/v"
    owner = object()
    with keras.name_scope("x", owner), keras.name_scope("x", owner):
        assert naming.current_path() == "x"
    with pytest.raises(ValueError, match="cannot contain"):
        keras.name_scope("a/b")


def test_tree():
    pair = namedtuple("pair", "x y")
    value = {"b": [1, (2, 3)], "a": pair(4, None)}
    assert tree.flatten(value) == [4, None, 1, 2, 3]
    doubled = tree.map_structure(lambda x: x and 2 * x, value)
    assert doubled == {"b": [2, (4, 6)], "a": pair(8, None)}
    assert list(doubled) == ["b", "a"]
    assert tree.map_structure(lambda x, y: x + y, [1, (2,)], [3, (4,)]) == [4, (6,)]
    assert tree.pack_as(value, list("pqrst")) == {"b": ["r", ("s", "t")], "a": pair("p", "q")}
    assert tree.flatten({1: "x", "a": "y"}) == ["x", "y"]
    assert tree.is_nested([])
    assert not tree.is_nested(1)


def test_module():
    assert keras.version() == keras.__version__
    assert "layers" in dir(keras)
    with pytest.raises(AttributeError, match="no attribute 'foo'"):
        _ = keras.foo
