"""The suites of a GPU, our side on it (an emulated one as well), and what is written of them."""

import json
import sys

import pytest

pytest.importorskip("rich")

from benchmarks import tables
from benchmarks.harness import command, gpu_suites, peers, report
from benchmarks.harness.gpu_suites import GPU_SUITES, PRECISIONS
from benchmarks.harness.machine import processors
from benchmarks.harness.turns import OURS, OURS_ON_CPU, Worker, compare, environment_of
from pyneural import _core
from pyneural.bench import cases, kernels, models
from tests.bench.test_gpu import made_up_gpu
from tests.gpu import needs_gpu

TINY = {**models.trainings()[0], "inputs": (3,), "layers": [("dense", 2, "sigmoid")], "batch": 2, "steps": 2}


@pytest.fixture
def ours():
    worker = Worker(OURS, sys.executable, 0, processors(), device="cuda:0")
    yield worker
    worker.close()


def test_every_case_of_the_suites_is_known():
    for name, suite in GPU_SUITES.items():
        some = suite.cases()
        names = [case["name"] for case in some]
        assert len(set(names)) == len(names)
        assert {case["op"] for case in some} <= {*kernels.BUILDERS, "train"}
        assert set(suite.peers) <= set(peers.GPU_PEERS)
        if name != "pointwise":  # what computes no products knows no precision
            assert list(dict.fromkeys(case["precision"] for case in some))[:2] == list(PRECISIONS)
    assert {case["name"] for case in gpu_suites.trainings() if case["against_cpu"]} == {"vgg b256", "vgg b256 tf32"}


def test_resnet_50_has_its_work():
    """3.8 to 4.1 billion multiply-adds an image; the layers here stand for 53 of them."""
    blocks = {56: 3, 28: 4, 14: 6, 7: 3}
    assert sum(blocks.values()) * 3 + 1 + 4 == 53
    forward = [case for case in gpu_suites.conv2ds() if case["what"] == "forward" and case["precision"] == "float32"]
    assert len(forward) == len(gpu_suites.RESNET50)
    per_image = sum(case["flops"] for case in forward) / 2 / gpu_suites.IMAGES
    assert 1.5e9 < per_image < 4.1e9


def test_environments_of_the_sides():
    assert environment_of(OURS, "cuda:0")["PYNEURAL_DEVICE"] == "cuda:0"
    assert environment_of("torch", "cuda:0")["PYNEURAL_DEVICE"] == "cuda:0"
    assert environment_of(OURS_ON_CPU, "cuda:0")["PYNEURAL_DEVICE"] == "cpu"
    assert environment_of(OURS)["PYNEURAL_DEVICE"] == "cpu"


@needs_gpu
@pytest.mark.parametrize(
    "case",
    [
        {**cases.matmul(8, 8, 8), "precision": "tf32"},
        {**cases.matmul(8, 8, 8), "precision": "float32"},
        cases.pointwise("relu", 2, 64),
        {**TINY, "precision": "float32"},
    ],
    ids=lambda case: case["name"] + case.get("precision", ""),
)
def test_our_side_on_a_gpu(ours, case):
    result = compare(case, [ours], threads=1, turn_seconds=0.001, rounds=2)
    assert not result.errors
    assert result.seconds[OURS] > 0


@needs_gpu
def test_a_suite_is_measured_and_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PYNEURAL_EMULATION_MEMORY", str(16 << 20))
    pytest.importorskip("matplotlib")
    small = made_up_gpu()
    monkeypatch.setattr("pyneural.bench.limits.measure", lambda *_: small)
    monkeypatch.setattr(gpu_suites, "CUBES", (8,))
    arguments = ["--device", "cuda", "--suite", "matmul", "--peers", "torch_graphs", "--only", "8x8x8", "--rounds", "1"]
    monkeypatch.setattr(peers, "ENVIRONMENTS", tmp_path)
    assert command.main([*arguments, "--turn", "0.001", "--output", str(tmp_path)]) == 0
    written = json.loads((tmp_path / "matmul.json").read_text())
    assert written["machine"]["gpu"] == _core.cuda_devices()[0]["name"]
    assert written["limits"]["device"] == "cuda:0"
    assert [row["case"]["precision"] for row in written["results"]] == [*PRECISIONS, "bf16"]
    assert (tmp_path / "matmul_roofline_tf32.png").exists()
    tables.main(tmp_path)
    assert f"### matmul, {written['machine']['gpu']} tf32" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--device", "cuda:999"], "--device: No device"), (["--device", "tpu"], "--device: Unknown device")],
)
def test_a_device_that_is_not_there_is_refused(capsys, arguments, message):
    with pytest.raises(SystemExit):
        command.parse(arguments)
    assert message in capsys.readouterr().err


@needs_gpu
def test_options_on_a_gpu(capsys):
    options = command.parse(["--device", "cuda"])
    assert (options.device, options.suite, options.threads) == ("cuda:0", list(GPU_SUITES), [1])
    assert options.peers == list(peers.GPU_PEERS)
    with pytest.raises(SystemExit):
        command.parse(["--device", "cuda", "--suite", "memory"])
    assert "on a GPU there are matmul" in capsys.readouterr().err


def test_shares_are_those_of_the_precision():
    case = {**cases.matmul(100, 100, 100), "bytes": 1.0}
    limits = made_up_gpu()
    assert report.rate_text({**case, "precision": "float32"}, 400.0, limits, 1).endswith(" 50%")
    assert report.rate_text({**case, "precision": "tf32"}, 40.0, limits, 1).endswith(" 50%")
    assert report.where_text(limits, 1) == "big abacus"
