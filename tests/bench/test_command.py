"""`pyneural bench` on tiny selections, in a process of its own."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest

from pyneural.bench import plots, tables
from pyneural.bench.limits import Limits
from pyneural.bench.results import Point, Training
from tests.bench.test_limits import made_up

ROOT = pathlib.Path(__file__).parents[2]
TINY = ("--device", "cpu", "--quick", "--seconds", "0.001", "--threads", "1")


def pyneural(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pyneural", *arguments]
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)


def test_everything(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("matplotlib")
    report, picture = tmp_path / "report.json", tmp_path / "roofline.png"
    done = pyneural("bench", *TINY, "--json", str(report), "--plot", str(picture))
    assert done.returncode == 0, done.stderr
    for text in (
        "Bandwidth",
        "L1",
        "Kernels on 1 thread",
        "matmul 512x512x512 NN",
        "Training on 1 thread",
        "selfie_cnn",
    ):
        assert text in done.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")
    values = json.loads(report.read_text())
    assert set(values) == {"machine", "limits", "kernels", "models"}
    limits = Limits.from_dict(values["limits"])
    assert limits.threads == (1,)
    for kernel in values["kernels"]:
        point = Point(**{name: kernel[name] for name in Point.__dataclass_fields__})
        assert point.seconds > 0
        assert point.to_dict(limits) == kernel
    for model in values["models"]:
        assert model["samples_per_second"] == model["batch"] / model["seconds"] > 0
        assert model["flops"] > 0


def test_a_part() -> None:
    done = pyneural("bench", *TINY, "--suite", "kernels", "--only", "1x784")
    assert done.returncode == 0, done.stderr
    assert "matmul 1x784x512 NN" in done.stdout
    assert "512x512x512" not in done.stdout
    assert "Bandwidth" not in done.stdout
    assert "Training" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "COMMAND"),
        (("fly",), "invalid choice: 'fly'"),
        (("bench", "--suite", "kernels,cars"), "'cars' is not a suite; expected some of limits,kernels,models"),
        (("bench", "--threads", "0"), "--threads: expected numbers from 1 to 256"),
        (("bench", "--threads", "two"), "received 'two'"),
        (("bench", "--seconds", "-1"), "--seconds: expected a positive number"),
        (("bench", "--suite", "kernels", "--only", "nothing"), "No kernel or model of the suite has 'nothing'"),
        (("bench", "--json", "/no/such/folder/x.json"), "There is no folder /no/such/folder"),
    ],
)
def test_mistakes_end_in_one_clear_line(arguments: tuple[str, ...], message: str) -> None:
    done = pyneural(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout


def test_help_and_version() -> None:
    assert "bench" in pyneural("--help").stdout
    assert "--quick" in pyneural("bench", "--help").stdout
    assert pyneural("--version").stdout.startswith("pyneural ")


def test_the_command_loads_no_engine_before_it_is_needed() -> None:
    code = (
        "import sys\nfrom pyneural.cli import main\ntry:\n    main(['bench', '--help'])\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('numpy', 'pyneural._core', 'matplotlib', 'rich') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_plot_without_matplotlib_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pyneural-nn\[plots\]"):
        plots.require_matplotlib()


def test_points_against_limits() -> None:
    limits = made_up()
    computing = Point("a", "matmul", 1, seconds=20.0, flops=1000.0, bytes=5.0)
    assert (computing.bound(limits), computing.share(limits)) == ("compute", 0.5)
    copying = Point("b", "pool", 2, seconds=10.0, flops=0.0, bytes=90.0)
    assert (copying.bound(limits), copying.share(limits)) == ("L2", 90 / 30 / 10)
    step = Training("c", 1, batch=4, seconds=2.0, kernel_seconds=1.6, flops=50.0)
    assert step.share_of_peak(limits) == 0.25
    assert step.overhead == pytest.approx(0.25)


def test_plain_tables(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    tables.show(*tables.kernels_table([Point("a", "matmul", 1, 20.0, 1000.0, 5.0)], made_up()))
    lines = [line for line in capsys.readouterr().out.splitlines() if line]
    assert lines[0] == "Kernels on 1 thread"
    assert lines[1].split() == ["kernel", "time", "GFLOP/s", "GB/s", "bound", "by", "of", "the", "limit"]
    assert lines[3].split()[:2] == ["a", "20.0"]
    assert "50% ████" in lines[3]


def test_numbers() -> None:
    assert [tables.number(value) for value in (0.0123, 1.5, 12.34, 123.4, 1234.5)] == [
        "0.0123", "1.50", "12.3", "123", "1,234",
    ]  # fmt: skip
    assert [tables.duration(value) for value in (2.0, 0.012, 34e-6, 5e-8)] == [
        "2.00 s",
        "12.0 ms",
        "34.0 us",
        "50.0 ns",
    ]
    assert [tables.size(value) for value in (48 << 10, 32 << 20, 3 << 30)] == ["48 KB", "32 MB", "3 GB"]
    assert tables.share(0.5) == " 50% ████    "


@pytest.mark.parametrize("count", [0, 3, plots.MAX_LISTED, 3 * plots.MAX_LISTED])
def test_a_roofline_of_any_number_of_kernels(tmp_path: pathlib.Path, count: int) -> None:
    pytest.importorskip("matplotlib")
    points = [Point(f"kernel {i}", f"family {i % 9}", 2, 1.0, flops=1.0 + i, bytes=1.0 + i % 4) for i in range(count)]
    points += [Point("copying", "pool", 2, 1.0, 0.0, 9.0), Point("on one thread", "matmul", 1, 1.0, 9.0, 9.0)]
    plots.roofline(points, made_up(), tmp_path / "roofline.png", threads=2)
    assert (tmp_path / "roofline.png").stat().st_size > 10_000
