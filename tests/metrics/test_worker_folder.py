"""Workers that add up what they count, in a folder."""

import os
import shutil
from pathlib import Path

import pytest

from kedro_asgi.metrics.snapshots import Snapshot, added
from kedro_asgi.metrics.worker_folder import WorkerFolder


def counted(runs: float, *, waiting: float = 0.0, cpu_seconds: float = 0.0) -> Snapshot:
    return Snapshot(totals={"runs": {("a", "b"): [runs]}}, gauges={"waiting": waiting}, cpu_seconds=cpu_seconds)


def total(folder: WorkerFolder) -> float:
    return added(found.snapshot.totals for found in folder.read())["runs"][("a", "b")][0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "metrics"


def test_each_worker_sees_what_all_have_counted(folder: Path) -> None:
    one, two = WorkerFolder(folder), WorkerFolder(folder)
    one.publish(counted(2, waiting=1), sequence=0)
    two.publish(counted(3), sequence=0)
    assert total(one) == total(two) == 5
    assert [(found.worker, found.pid) for found in one.read()] == [("0", os.getpid()), ("1", os.getpid())]


def test_the_successor_of_a_dead_worker_goes_on_with_its_counts(folder: Path) -> None:
    for runs in (2, 3):
        worker = WorkerFolder(folder)
        worker.publish(counted(runs, waiting=7, cpu_seconds=1.5), sequence=0)
        # As the kernel does when a process ends.
        worker._release()
    assert [path.name for path in sorted(folder.glob("*.counts"))] == ["worker-0.counts"]
    other = WorkerFolder(folder)
    [dead] = other.read()
    assert (dead.pid, dead.snapshot.cpu_seconds) == (None, 3.0)
    other.publish(counted(0, waiting=1), sequence=0)
    [alive] = other.read()
    assert (total(other), alive.snapshot.gauges, alive.snapshot.cpu_seconds) == (5, {"waiting": 1.0}, 3.0)


def test_an_older_snapshot_does_not_replace_a_newer_one(folder: Path) -> None:
    worker = WorkerFolder(folder)
    worker.publish(counted(5), sequence=1)
    worker.publish(counted(4), sequence=0)
    assert total(worker) == 5


def test_a_write_that_fails_leaves_nothing_behind(folder: Path) -> None:
    worker = WorkerFolder(folder)
    worker.publish(counted(1), sequence=0)
    counts = folder / "worker-0.counts"
    counts.unlink()
    counts.mkdir()
    with pytest.raises(OSError):
        worker.publish(counted(2), sequence=1)
    assert {path.name for path in folder.iterdir()} == {"worker-0.counts", "worker-0.lock"}


def test_a_forked_child_does_not_keep_its_dead_parent_alive(folder: Path) -> None:
    worker = WorkerFolder(folder)
    worker.publish(counted(1), sequence=0)
    (is_ready, ready), (may_end, end) = os.pipe(), os.pipe()
    if (child := os.fork()) == 0:
        os.close(end)
        os.write(ready, b".")
        os.read(may_end, 1)
        os._exit(0)
    os.read(is_ready, 1)
    worker._release()
    assert [found.pid for found in WorkerFolder(folder).read()] == [None]
    os.close(end)
    assert os.waitpid(child, 0)[1] == 0
    for descriptor in (is_ready, ready, may_end):
        os.close(descriptor)


def test_a_file_of_another_version_is_ignored(folder: Path) -> None:
    WorkerFolder(folder).publish(counted(1), sequence=0)
    (folder / "worker-0.counts").write_bytes(b"\x81\xa1x\x01")
    worker = WorkerFolder(folder)
    worker.publish(counted(2), sequence=0)
    assert total(worker) == 2


def test_workers_go_on_in_a_folder_that_somebody_has_emptied(folder: Path) -> None:
    one, two = WorkerFolder(folder), WorkerFolder(folder)
    for sequence in (0, 1):
        two.publish(counted(3), sequence=sequence)
        one.publish(counted(2), sequence=sequence)
        assert (total(one), total(two), len(one.read())) == (5, 5, 2)
        shutil.rmtree(folder)
    one.publish(counted(4), sequence=2)
    assert total(one) == 4


def test_series_with_other_buckets_are_left_out() -> None:
    assert added([{"h": {(): [1.0, 2.0]}}, {"h": {(): [1.0, 2.0, 3.0]}}]) == {"h": {(): [1.0, 2.0]}}
