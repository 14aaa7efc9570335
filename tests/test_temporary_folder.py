"""Folders for temporary files: gone after the processes that use them, however those end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kedro_asgi.metrics.snapshots import Snapshot
from kedro_asgi.metrics.worker_folder import WorkerFolder
from kedro_asgi.temporary_folder import TemporaryFolder

HOLD = (
    "from kedro_asgi.temporary_folder import TemporaryFolder; f = TemporaryFolder(); print(f.path, flush=True); input()"
)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which all temporary files are made."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_is_removed_when_it_is_closed(temporary: Path) -> None:
    folder = TemporaryFolder()
    (folder.path / "file").touch()
    folder.close()
    folder.close()
    assert list(temporary.iterdir()) == []


def test_the_folder_of_a_killed_process_is_removed_by_the_next_one(temporary: Path) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", HOLD], stdin=pipe, stdout=pipe, text=True) as process:
        left = Path(process.stdout.readline().strip())
        first = TemporaryFolder()
        assert left.is_dir(), "its process lives"
        process.kill()
    second = TemporaryFolder()
    assert set(temporary.iterdir()) == {first.path, second.path}
    first.close()
    second.close()


def test_a_folder_in_which_a_worker_holds_a_lock_stays(temporary: Path) -> None:
    """The supervisor of the workers was killed, and they drain."""
    with subprocess.Popen([sys.executable, "-c", HOLD], stdin=-1, stdout=-1, text=True) as process:
        left = Path(process.stdout.readline().strip())
        process.kill()
    worker = WorkerFolder(left / "metrics")
    worker.publish(Snapshot(totals={}, gauges={}), sequence=1)
    TemporaryFolder().close()
    assert left.is_dir()
    worker._release()
    TemporaryFolder().close()
    assert not left.exists()


def test_what_is_no_such_folder_stays(temporary: Path) -> None:
    (temporary / "kedro-asgi-other").mkdir()
    (temporary / "kedro-asgi-file").touch()
    (temporary / "kedro-asgi-link").symlink_to("nowhere")
    TemporaryFolder().close()
    assert len(list(temporary.iterdir())) == 3


def test_a_forked_process_leaves_the_folder_alone(temporary: Path) -> None:
    folder = TemporaryFolder()
    if (child := os.fork()) == 0:
        folder.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert folder.path.is_dir()
    folder.close()
