"""The command line, and where the peers' interpreters come from."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("rich")

from benchmarks.harness import command, peers
from benchmarks.harness.machine import processors
from benchmarks.harness.suites import QUICK_KERNELS, SUITES


def test_all_suites_and_peers_but_the_compiled_one_by_default():
    options = command.parse([])
    assert options.suite == [*SUITES, *command.SPECIAL]
    others = ("torch_compile", *peers.ONLY_ON_GPU)
    assert options.peers == [peer for peer in peers.PEERS if peer not in others]
    assert options.threads == sorted({1, len(processors())})
    assert "torch_compile" in command.parse(["--compile"]).peers


@pytest.mark.parametrize(
    "arguments",
    [
        ["--suite", "cars"],
        ["--peers", "nobody"],
        ["--threads", "0"],
        ["--threads", "9999"],
        ["--python", "torch=/none"],
    ],
)
def test_wrong_arguments_are_refused(capsys, arguments):
    with pytest.raises(SystemExit):
        command.parse(list(arguments))
    assert arguments[0] in capsys.readouterr().err


def test_a_named_interpreter_serves_its_peers():
    options = command.parse(["--python", f"torch,jax={sys.executable}"])
    assert peers.python_of("torch", options.named) == Path(sys.executable)
    assert peers.python_of("torch_compile", options.named) == Path(sys.executable)  # the same environment
    assert peers.python_of("keras_jax", options.named) == Path(sys.executable)
    assert peers.python_of("numpy", {}) == Path(sys.executable)


def test_a_peer_that_is_not_installed_has_no_interpreter(monkeypatch, tmp_path):
    monkeypatch.setattr(peers, "ENVIRONMENTS", tmp_path)
    assert peers.python_of("torch", {}) is None


def test_every_environment_has_its_requirements():
    environments = {environment for _, environment in peers.PEERS.values() if environment}
    assert {path.stem for path in peers.REQUIREMENTS.glob("*.txt")} == environments


def test_a_quick_run_takes_cases_from_everywhere():
    suite = SUITES["matmul"]
    chosen = suite.chosen("", quick=True)
    assert len(chosen) == QUICK_KERNELS
    assert chosen[0] == suite.cases()[0]
    assert all("4096" in case["name"] for case in suite.chosen("4096", quick=False))
