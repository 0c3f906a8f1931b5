"""Model and weights files: round trips, Keras's layout, crashes, and files that are not what they claim to be."""

import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile

import h5py
import numpy as np
import pytest

import pyneural as keras
from pyneural import layers

X = np.linspace(-1, 1, 32, dtype="float32").reshape(8, 4)
Y = X[:, :2] * 2


def trained(epochs=2):
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(6, activation="relu", kernel_regularizer=keras.regularizers.L2(0.01)),
            layers.BatchNormalization(),
            layers.Dropout(0.25, seed=3),
            layers.Dense(2, name="out"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
    model.fit(X, Y, epochs=epochs, batch_size=3, verbose=0)
    return model


class Branches(keras.Model):
    def __init__(self):
        super().__init__()
        self.first = layers.Dense(3)
        self.blocks = [layers.Dense(3), layers.Dense(2)]

    def call(self, x):
        x = self.first(x)
        for block in self.blocks:
            x = block(x)
        return x


def test_weights_are_laid_out_as_by_keras(tmp_path):
    path = tmp_path / "a.weights.h5"
    trained().save_weights(path)
    with h5py.File(path) as file:
        assert set(file) == {"layers", "optimizer", "vars"}
        assert {"dense", "batch_normalization", "dropout", "dense_1"} == set(file["layers"])
        assert [file[f"layers/dense/vars/{i}"].shape for i in range(2)] == [(4, 6), (6,)]
        assert file["layers/dense_1/vars"].attrs["name"] == "out"
        assert file["optimizer/vars/2"].shape == file["optimizer/vars/3"].shape == (4, 6)
    branches = Branches()
    branches(X)
    branches.save_weights(path)
    with h5py.File(path) as file:
        assert {"first", "blocks", "vars"} == set(file)
        assert {"dense", "dense_1"} == set(file["blocks"])


def test_weights_of_keras_can_be_read(tmp_path):
    path = tmp_path / "keras.weights.h5"
    with h5py.File(path, "w") as file:  # as Keras writes it, without the optimizer and with an empty group per layer
        for group, shapes in {"dense": [(4, 3), (3,)], "dropout": [], "dense_1": [(3, 1), (1,)]}.items():
            variables = file.create_group(f"layers/{group}/vars")
            for i, shape in enumerate(shapes):
                variables[str(i)] = np.full(shape, i + 0.5, "float32")
        file.create_group("vars")
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dropout(0.1), layers.Dense(1)])
    model.load_weights(path)
    np.testing.assert_allclose(model.predict(np.ones((1, 4)), verbose=0), [[0.5 * 3 * 3.5 + 1.5]])


def test_training_goes_on_as_if_nothing_had_happened(tmp_path):
    model = trained()
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
    options = {"epochs": 3, "batch_size": 3, "shuffle": False, "verbose": 0}
    assert loaded.fit(X, Y, **options).history == model.fit(X, Y, **options).history
    for a, b in zip(model.get_weights(), loaded.get_weights()):
        np.testing.assert_array_equal(a, b)
    plain = keras.models.load_model(tmp_path / "m.keras", compile=False)
    assert not plain.compiled


def test_file_holds_what_keras_expects(tmp_path):
    path = tmp_path / "m.keras"
    trained().save(path)
    with zipfile.ZipFile(path) as archive:
        assert set(archive.namelist()) == {"metadata.json", "config.json", "model.weights.h5"}
        config = json.loads(archive.read("config.json"))
    assert config["module"] == "keras"
    assert config["class_name"] == "Sequential"
    assert config["compile_config"]["loss"] == "mse"
    assert config["compile_config"]["optimizer"]["class_name"] == "Adam"


def test_custom_objects(tmp_path):
    class Twice(layers.Layer):
        def call(self, x):
            return x * 2.0

    model = keras.Sequential([keras.Input((4,)), Twice(), layers.Dense(1)])
    model.save(tmp_path / "m.keras")
    with pytest.raises(TypeError, match="Could not locate class 'Twice'"):
        keras.models.load_model(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras", custom_objects={"Twice": Twice})
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))


def test_errors(tmp_path):
    model = trained()
    with pytest.raises(ValueError, match=r"must end in `.weights.h5`"):
        model.save_weights(tmp_path / "a.h5")
    with pytest.raises(ValueError, match="Invalid filepath extension"):
        model.save(tmp_path / "a.h5")
    with pytest.raises(ValueError, match="has not been built yet"):
        keras.Sequential([layers.Dense(1)]).save_weights(tmp_path / "a.weights.h5")
    model.save(tmp_path / "a.keras")
    with pytest.raises(FileExistsError):
        model.save(tmp_path / "a.keras", overwrite=False)
    with pytest.raises(FileNotFoundError):
        keras.models.load_model(tmp_path / "b.keras")
    other = keras.Sequential([keras.Input((4,)), layers.Dense(7), layers.Dense(2)])
    model.save_weights(tmp_path / "a.weights.h5")
    before = other.get_weights()
    with pytest.raises(ValueError, match="shape"):
        other.load_weights(tmp_path / "a.weights.h5")
    for old, new in zip(before, other.get_weights()):
        np.testing.assert_array_equal(old, new)
    with pytest.warns(UserWarning, match="skipped"):
        other.load_weights(tmp_path / "a.weights.h5", skip_mismatch=True)


_SAVE_FOREVER = """
import sys, numpy as np, pyneural as keras
model = keras.Sequential([keras.Input((256,)), keras.layers.Dense(512), keras.layers.Dense(256)])
model.save(sys.argv[1])
print("ready", flush=True)
while True:
    model.save(sys.argv[1])
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_killed_save_leaves_a_whole_file(tmp_path):
    path = tmp_path / "m.keras"
    rng = np.random.default_rng(0)
    for _ in range(4):
        child = subprocess.Popen([sys.executable, "-c", _SAVE_FOREVER, str(path)], stdout=subprocess.PIPE)
        assert child.stdout.readline() == b"ready\n"
        time.sleep(rng.uniform(0, 0.05))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        assert keras.models.load_model(path).predict(np.ones((1, 256)), verbose=0).shape == (1, 256)


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    model = trained()
    path = tmp_path / "a.weights.h5"
    model.save_weights(path)
    old = path.read_bytes()

    def fail(*unused):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space left"):
        model.save_weights(path)
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]


def _outside(tmp_path):
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["data"] = np.full((4, 6), 42, "float32")
    return secret


def _external_link(group, tmp_path):
    group["0"] = h5py.ExternalLink(str(_outside(tmp_path)), "data")


def _soft_link(group, tmp_path):
    group["0"] = h5py.SoftLink("/layers/dense/vars/1")


def _virtual(group, tmp_path):
    layout = h5py.VirtualLayout((4, 6), "float32")
    layout[:] = h5py.VirtualSource(str(_outside(tmp_path)), "data", (4, 6))
    group.create_virtual_dataset("0", layout)


def _external_data(group, tmp_path):
    raw = tmp_path / "raw.bin"
    raw.write_bytes(b"\0" * 96)
    group.create_dataset("0", (4, 6), "float32", external=[(str(raw), 0, 96)])


def _huge(group, tmp_path):
    group.create_dataset("0", (1 << 20, 1 << 20), "float32", chunks=(1024, 1024), compression="gzip")


def _text(group, tmp_path):
    group["0"] = "text"


def _group(group, tmp_path):
    group.create_group("0")


@pytest.mark.parametrize("plant", [_external_link, _soft_link, _virtual, _external_data, _huge, _text, _group])
def test_weights_come_from_the_file_itself(tmp_path, plant):
    model = trained()
    path = tmp_path / "a.weights.h5"
    model.save_weights(path)
    with h5py.File(path, "a") as file:
        del file["layers/dense/vars/0"]
        plant(file["layers/dense/vars"], tmp_path)
    before = model.get_weights()
    with pytest.raises(ValueError):  # noqa: PT011 (several messages)
        model.load_weights(path)
    for old, new in zip(before, model.get_weights()):
        np.testing.assert_array_equal(old, new)


def _rewritten(path, **members):
    """The model file with some of its members replaced."""
    with zipfile.ZipFile(path) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    found.update({name.replace("_json", ".json"): data for name, data in members.items()})
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in found.items():
            if data is not None:
                archive.writestr(name, data)
    path.write_bytes(out.getvalue())


@pytest.mark.parametrize(
    "config",
    [
        b"",
        b"[]",
        b"{",
        b'{"module": "os", "class_name": "system", "config": "true"}',
        b'{"module": "builtins", "class_name": "function", "config": "eval"}',
        b'{"class_name": "Dense", "config": {"units": 3}}',
        b'{"module": "keras.layers", "class_name": "__class__", "config": {}}',
        b'{"class_name": "__lambda__", "config": {"value": "AAAA"}}',
        b"[" * 100_000,
        b'{"class_name": "Sequential", "module": "keras", "config": {"layers": [{"class_name": "Dense"}]}}',
    ],
)
def test_malformed_configurations(tmp_path, config):
    path = tmp_path / "m.keras"
    trained().save(path)
    _rewritten(path, config_json=config)
    with pytest.raises((ValueError, TypeError)):
        keras.models.load_model(path)


def test_a_small_file_cannot_ask_for_much_memory(tmp_path):
    path = tmp_path / "m.keras"
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        config = archive.read("config.json")
    _rewritten(path, config_json=config.replace(b'"units": 3', b'"units": 300000000'))
    with pytest.raises(ValueError, match="more than its file has weights for"):
        keras.models.load_model(path)


def test_zip_bomb_and_missing_members(tmp_path):
    path = tmp_path / "m.keras"
    trained().save(path)
    _rewritten(path, config_json=b" " * (80 << 20))
    with pytest.raises(ValueError, match="more than the"):
        keras.models.load_model(path)
    _rewritten(path, config_json=None)
    with pytest.raises(ValueError, match=r"has no config\.json"):
        keras.models.load_model(path)


def test_random_damage_is_an_error_or_harmless(tmp_path):
    model = trained()
    weights, archive = tmp_path / "a.weights.h5", tmp_path / "m.keras"
    model.save_weights(weights)
    model.save(archive)
    rng = np.random.default_rng(7)
    for path, load in ((weights, model.load_weights), (archive, keras.models.load_model)):
        whole = path.read_bytes()
        for trial in range(60):
            data = bytearray(whole)
            if trial % 3 == 0:
                data = data[: rng.integers(len(data))]
            else:
                for _ in range(int(rng.integers(1, 20))):
                    data[rng.integers(len(data))] = rng.integers(256)
            path.write_bytes(data)
            try:
                load(path)
            except (ValueError, TypeError, FileNotFoundError, UnicodeDecodeError):
                continue
