"""tools/gpu_check.py: what it makes of outcomes, limits of time; slow: all of it on the emulated device."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

import gpu_check
import gpu_environment
import gpu_parts
import gpu_process

ROOT = Path(__file__).parents[2]


def test_architectures():
    capabilities = ("7.5", "8.0", "8.9", "9.0", "12.0")
    found = [gpu_parts.architecture(capability) for capability in capabilities]
    assert found == ["75-real", "80-real", "89-real", "90a-real", "120a-real"]


def test_a_command_is_stopped_with_all_that_it_started(monkeypatch, tmp_path):
    monkeypatch.setattr(gpu_process, "GRACE", 0.5)
    begin = time.monotonic()
    done = gpu_process.run(["sh", "-c", "echo begun; sleep 60 & wait"], tmp_path / "log", 1.0)
    assert time.monotonic() - begin < 30
    assert done.status is None
    assert done.last_lines() == ["begun"]
    assert gpu_process.run(["sh", "-c", "exit 3"], None, 10).status == 3
    assert gpu_process.run(["/no/such/program"], None, 10).status == 127


@pytest.mark.parametrize("parallel", [False, True])
def test_tests_are_counted_also_of_a_run_that_was_stopped(parallel):
    line = "[gw1] [ 50%] {0} {1}" if parallel else "{1} {0}   [ 50%]"
    outcomes = [("PASSED", "tests/a.py::b[x y]"), ("FAILED", "tests/a.py::c"), ("SKIPPED", "tests/a.py::d")]
    text = "\n".join(line.format(*outcome) for outcome in outcomes)
    found = gpu_parts._counted(gpu_process.Done(None, text))
    assert found["counts"] == {"passed": 1, "failed": 1, "skipped": 1}
    assert found["failures"] == ["tests/a.py::c"]
    assert not found["ok"]
    assert found["summary"].endswith("stopped at the time limit")
    assert gpu_parts._counted(gpu_process.Done(0, ""))["ok"] is False


def test_a_part_that_fails_does_not_keep_the_next_from_running(monkeypatch, tmp_path):
    def fails(context):
        raise OSError("no space left")

    monkeypatch.setattr(gpu_check, "PARTS", {"one": fails, "two": lambda context: {"ok": True, "summary": "fine"}})
    monkeypatch.setattr(gpu_environment, "make", lambda *_: Path(sys.executable))
    arguments = ["--emulated", "--output", str(tmp_path)]
    assert gpu_check.main([*arguments, "--only", "one,two"]) == 1
    written = json.loads((tmp_path / "gpu_check.json").read_text())
    assert written["parts"]["one"]["problem"] == "OSError: no space left"
    assert written["parts"]["two"]["summary"] == "fine"
    assert gpu_check.main([*arguments, "--only", "two"]) == 0
    assert set(json.loads((tmp_path / "gpu_check.json").read_text())["parts"]) == {"one", "two"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--only", "cars"], "--only: 'cars' is none of build"), (["--wheels", "/none"], "there is no folder /none")],
)
def test_mistakes(capsys, arguments, message):
    with pytest.raises(SystemExit):
        gpu_check.parse(arguments)
    assert message in capsys.readouterr().err


def test_without_a_gpu_it_says_so(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(SystemExit, match=r"nvidia-smi.* was not found"):
        gpu_check.find_gpu()


@pytest.mark.slow
def test_all_parts_on_the_emulated_device(tmp_path):
    command = [sys.executable, "tools/gpu_check.py", "--emulated", "--output", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    report = json.loads((tmp_path / "gpu_check.json").read_text())
    assert done.returncode == 0, report
    assert set(report["parts"]) == set(gpu_parts.PARTS)
    assert report["parts"]["tests"]["counts"]["passed"] > 0
    for suite in gpu_parts.TINY_CASES:
        assert report["parts"]["benchmarks"][suite]["table"][0]["seconds"] > 0
