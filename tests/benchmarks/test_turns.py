"""Sides in processes of their own, in turns."""

import os
import sys
from pathlib import Path

import pytest

from benchmarks.harness.machine import processors
from benchmarks.harness.turns import OURS, SideError, Worker, compare, environment_of, quartiles

SIDES = Path(__file__).parent / "sides"


@pytest.fixture
def start(monkeypatch):
    """Starts workers of the made-up side; they end with the test."""
    monkeypatch.setenv("PYTHONPATH", str(SIDES), prepend=os.pathsep)
    workers = []

    def start(name):
        workers.append(Worker("made_up", sys.executable, 1, processors()[-1:]))
        workers[-1].side = name
        return workers[-1]

    yield start
    for worker in workers:
        worker.close()


def test_the_ratio_is_the_peers_time_over_ours(start):
    ours, peer = start(OURS), start("peer")
    peer.ask = slower(peer.ask)
    result = compare({"op": "sleep", "seconds": 0.002}, [ours, peer], threads=1, turn_seconds=0.004, rounds=3)
    # A sleep may be longer than asked for, on a busy machine.
    assert result.seconds[OURS] >= 0.002
    assert result.variants == {OURS: "in batches", "peer": "in batches"}  # the faster one, by the unit
    assert result.ratios["peer"] > 1
    low, high = result.spreads["peer"]
    assert low <= result.ratios["peer"] <= high
    assert result.best == result.ratios["peer"]


@pytest.mark.parametrize("name", ["OPENBLAS_CORETYPE", "MKL_ENABLE_INSTRUCTIONS", "ONEDNN_MAX_CPU_ISA"])
def test_no_side_is_held_back(monkeypatch, name):
    monkeypatch.setenv(name, "AVX2")
    assert name in os.environ
    assert name not in environment_of("numpy")


def slower(ask):
    """The same side, its times ten times as long."""

    def asked(**request):
        answer = ask(**request)
        return {key: 10 * value if key == "seconds" else value for key, value in answer.items()}

    return asked


def test_a_side_that_fails_is_left_out_with_its_error(start):
    ours, peer = start(OURS), start("peer")
    for op, error in (("fails", "ValueError: cannot do that"), ("dies", "out of memory")):
        result = compare({"op": op, "seconds": 0.001}, [peer], threads=1, turn_seconds=0.001, rounds=1)
        assert result.errors == {"peer": error}
        assert result.ratios == {}
    # The process that died is not asked again.
    result = compare({"op": "sleep", "seconds": 0.001}, [ours, peer], threads=1, turn_seconds=0.001, rounds=1)
    assert list(result.seconds) == [OURS]


def test_a_side_without_such_an_op_is_left_out(start):
    result = compare({"op": "unknown"}, [start(OURS)], threads=1, turn_seconds=0.001, rounds=1)
    assert result.seconds == {}
    assert result.errors == {}


def test_a_side_whose_library_is_missing_says_so():
    with pytest.raises(SideError, match="No module named 'nothing_side'"):
        Worker("nothing", sys.executable, 1, processors()[-1:])


def test_quartiles():
    assert quartiles([1.0, 2.0, 3.0, 4.0, 5.0]) == (2.0, 4.0)
    assert quartiles([7.0]) == (7.0, 7.0)
