import stat
from pathlib import Path

from kedro_asgi.atomic_file import write_atomically


def test_a_new_file_has_the_given_mode_and_an_old_one_keeps_its_own(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "file"
    write_atomically(file, b"1", mode=0o600)
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (b"1", 0o600)
    file.chmod(0o640)
    write_atomically(file, b"2")
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (b"2", 0o640)
    assert list(file.parent.iterdir()) == [file]
