"""How many CPUs a container grants: control groups of both versions, made up in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyneural import _core

pytestmark = pytest.mark.cpu

PERIOD = 100_000


def quota(folder: Path, groups: str, files: dict[str, str]) -> float:
    """What the engine reads from made-up groups."""
    (folder / "self").write_text(groups)
    for name, text in files.items():
        path = folder / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return _core.quota_cpus(str(folder / "self"), str(folder / "root"))


def v1(group: str, microseconds: int) -> dict[str, str]:
    folder = "/".join(part for part in ("cpu", group) if part)
    return {f"{folder}/cpu.cfs_quota_us": str(microseconds), f"{folder}/cpu.cfs_period_us": str(PERIOD)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("100000 100000", 1), ("150000 100000", 1.5), ("20000 50000", 0.4), ("max 100000", 0), ("", 0)],
)
def test_version_2(tmp_path: Path, text: str, expected: float) -> None:
    assert quota(tmp_path, "0::/\n", {"cpu.max": text}) == expected


@pytest.mark.parametrize(("microseconds", "expected"), [(PERIOD, 1), (3 * PERIOD // 2, 1.5), (-1, 0)])
def test_version_1(tmp_path: Path, microseconds: int, expected: float) -> None:
    assert quota(tmp_path, "5:memory:/\n4:cpu,cpuacct:/\n0::/\n", v1("", microseconds)) == expected


def test_the_smallest_quota_of_nested_groups_counts(tmp_path: Path) -> None:
    files = {"cpu.max": "max 100000", "a/cpu.max": "200000 100000", "a/b/cpu.max": "400000 100000"}
    assert quota(tmp_path, "0::/a/b/c\n", files) == 2
    files = {**v1("", -1), **v1("a", 3 * PERIOD), **v1("a/b", PERIOD // 2)}
    assert quota(tmp_path, "7:cpuacct,cpu:/a/b\n", files) == 0.5


def test_groups_that_are_not_there_are_those_of_a_container(tmp_path: Path) -> None:
    assert quota(tmp_path, "4:cpu,cpuacct:/docker/0123\n", v1("", PERIOD)) == 1
    assert quota(tmp_path, "0::/../../user.slice\n", {"cpu.max": "300000 100000"}) == 3


def test_other_controllers_do_not_count(tmp_path: Path) -> None:
    """The group for cpuset or cpuacct may be another one than that for cpu."""
    files = {**v1("", -1), **v1("other", PERIOD)}
    assert quota(tmp_path, "3:cpuset:/other\n2:cpuacct:/other\n1:cpu:/\n", files) == 0


def test_nothing_there(tmp_path: Path) -> None:
    assert _core.quota_cpus(str(tmp_path / "none"), str(tmp_path)) == 0
    assert quota(tmp_path, "nonsense\n::\n1:cpu:no/slash\n", {}) == 0
    assert _core.quota_cpus() >= 0
