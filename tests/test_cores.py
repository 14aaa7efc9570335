import os
from pathlib import Path

import click
import pytest

from kedro_asgi.cli.options import WorkerCount
from kedro_asgi.cores import CORES, available_cores


@pytest.fixture
def sixteen_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "process_cpu_count", lambda: 16, raising=False)


@pytest.mark.parametrize(
    ("limit", "cores"),
    [("200000 100000", 2), ("150000 100000", 2), ("50000 100000", 1), ("max 100000", 16), ("3200000 100000", 16)],
)
def test_the_limit_of_a_container_counts(tmp_path: Path, sixteen_cores: None, limit: str, cores: int) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/\n")
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/cpu.max").write_text(f"{limit}\n")
    assert available_cores(tmp_path) == cores


def test_the_least_of_nested_limits_counts(tmp_path: Path, sixteen_cores: None) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/pods/server.service\n")
    group = tmp_path / "sys/fs/cgroup/pods/server.service"
    group.mkdir(parents=True)
    (group / "cpu.max").write_text("800000 100000\n")
    (group.parent / "cpu.max").write_text("400000 100000\n")
    assert available_cores(tmp_path) == 4


def test_the_older_form_of_limits_counts(tmp_path: Path, sixteen_cores: None) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("5:cpuset:/\n4:cpu,cpuacct:/docker/1f\n0::/\n")
    folder = tmp_path / "sys/fs/cgroup/cpu"
    folder.mkdir(parents=True)
    (folder / "cpu.cfs_quota_us").write_text("300000\n")
    (folder / "cpu.cfs_period_us").write_text("100000\n")
    assert available_cores(tmp_path) == 3
    (folder / "cpu.cfs_quota_us").write_text("-1\n")
    assert available_cores(tmp_path) == 16


def test_a_process_uses_the_cores_that_it_is_bound_to() -> None:
    assert 1 <= available_cores() <= (os.cpu_count() or 1)
    assert WorkerCount().convert("AUTO", None, None) == CORES


@pytest.mark.parametrize("value", ["0", "many", "-1", "1.5"])
def test_other_values_are_refused(value: str) -> None:
    with pytest.raises(click.BadParameter):
        WorkerCount().convert(value, None, None)
