"""Tables, files and pictures of made-up results."""

import json

import pytest

pytest.importorskip("rich")

from rich.console import Console

from benchmarks.harness import pictures, report
from benchmarks.harness.turns import OURS, Comparison
from tests.bench.test_limits import made_up


def comparison(index: int = 0, ratio: float = 2.0, **case) -> Comparison:
    sizes = {"op": "matmul", "name": f"case {index}", "flops": 2e6, "bytes": 1e4, **case}
    result = Comparison(sizes, threads=1, seconds={OURS: 1e-5, "numpy": 1e-5 * ratio})
    result.ratios, result.spreads = {"numpy": ratio}, {"numpy": (0.9 * ratio, 1.1 * ratio)}
    result.variants = {OURS: "plan", "numpy": "out="}
    return result


def text_of(table) -> str:
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(table)
    return console.export_text()


def test_a_row_has_time_rate_share_and_ratios():
    text = text_of(report.comparison_table("Products", [comparison()], 1, made_up()))
    assert "Products, one thread" in text
    assert "case 0" in text
    assert "10 us" in text
    assert "200 GF/s" in text
    assert "NumPy" in text
    assert "2.00 1.80-2.20" in text


def test_a_case_that_we_cannot_do_shows_why():
    broken = Comparison({"name": "broken"}, threads=1, errors={OURS: "ValueError: no"})
    assert "ValueError: no" in text_of(report.comparison_table("Products", [broken], 1, made_up()))


def test_the_summary_names_what_is_behind():
    lines = report.summary([comparison(0, 4.0), comparison(1, 1.0), comparison(2, 0.5)])
    assert lines[0] == "NumPy: geometric mean 1.26 over 3 cases"
    assert lines[1] == "best peer: geometric mean 1.26, least 0.50"
    assert lines[2:] == ["  behind: case 2 0.50"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(2.5, "2.5 s"), (0.0123, "12.3 ms"), (1e-6, "1 us"), (4.56e-7, "456 ns")]
)
def test_times_have_a_fitting_unit(seconds, text):
    assert report.time_text(seconds) == text


def test_json_has_a_line_for_each_result(tmp_path):
    path = tmp_path / "folder" / "products.json"
    rows = [comparison(i).as_dict() for i in range(3)]
    report.write_json(path, {"suite": "products", "machine": {"processor": "a"}}, rows)
    read = json.loads(path.read_text())
    assert read["suite"] == "products"
    assert [row["case"]["name"] for row in read["results"]] == ["case 0", "case 1", "case 2"]
    assert read["results"][0]["spreads"]["numpy"] == [1.8, 2.2]
    assert sum('"case 1"' in line for line in path.read_text().splitlines()) == 1


def test_json_without_results(tmp_path):
    report.write_json(tmp_path / "none.json", {"suite": "none"}, [])
    assert json.loads((tmp_path / "none.json").read_text()) == {"suite": "none", "results": []}


@pytest.mark.parametrize("count", [2, 40])
def test_pictures_of_ratios(tmp_path, count):
    rows = [comparison(i, 0.5 + 0.1 * i) for i in range(count)]
    pictures.ratios(rows, "Products", "a note", tmp_path / "ratios.png")
    pictures.roofline(rows, made_up(), 1, tmp_path / "roofline.png")
    for name in ("ratios.png", "roofline.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_nothing_is_drawn_without_peers(tmp_path):
    pictures.ratios([Comparison({"name": "alone"}, 1, {OURS: 1.0})], "Products", "", tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()
