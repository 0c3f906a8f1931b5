"""Every example runs, with less training than for docs/examples.md, and still shows what it is there to show."""

from __future__ import annotations

import importlib
import pathlib
import types

import pytest

pytestmark = pytest.mark.cpu

EXAMPLES = pathlib.Path(__file__).parents[1] / "examples"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path):
    """Loads an example as a module; its pictures go to a temporary folder."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.chdir(tmp_path)

    def load(name: str) -> types.ModuleType:
        return importlib.import_module(name)

    return load


def test_three_models(example, tmp_path: pathlib.Path) -> None:
    accuracy = example("three_models").main(epochs=3)
    assert accuracy["convolutional"] > accuracy["softmax regression"] > 0.8
    assert (tmp_path / "output" / "three_models.png").stat().st_size > 10_000


def test_xor_and_its_gradient_by_hand(example, capsys: pytest.CaptureFixture) -> None:
    assert example("xor").main() < 0.1
    lines = [line for line in capsys.readouterr().out.splitlines() if "by tape and by hand" in line]
    assert len(lines) == 4
    assert all(float(line.split()[-1]) < 1e-6 for line in lines)


def test_from_scratch(example) -> None:
    assert example("from_scratch").main(epochs=2) > 0.85


def test_custom_parts(example) -> None:
    below = example("custom_parts").main(epochs=10)
    assert below[0] < 0.3 < below[1] < 0.7 < below[2]


def test_selfie(example) -> None:
    assert example("selfie").main(epochs=3, count=1500) > 0.7


def test_transfer_learning(example) -> None:
    accuracy = example("transfer_learning").main(epochs=2)
    assert accuracy["with the frozen convolutions"] > 0.6


def test_demo(example, tmp_path: pathlib.Path) -> None:
    assert example("demo").main(["--dataset", "5k", "--epochs", "2"]) > 0.9
    written = {path.name for path in (tmp_path / "output").iterdir()}
    assert written >= {"learning_curves.png", "misclassified.png", "history.csv", "digits.keras"}
