"""The record of a `KedroSession` where the machine does not know a fact, and the log lines of its store."""

import getpass
import logging
from pathlib import Path

import pytest

from kedro_asgi.session import BaseSessionStore, KedroSession


def test_a_record_does_without_a_user_and_a_repository(
    tiny: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> str:
        raise RuntimeError("no such user")

    monkeypatch.setattr(getpass, "getuser", fail)
    monkeypatch.setenv("GIT_DIR", str(tiny / "nowhere"))
    with caplog.at_level(logging.DEBUG, logger="kedro_asgi.session"):
        record = KedroSession.create(project_path=tiny).store
    assert not {"username", "git"} & record.keys()
    assert "Unable to get username. Full exception: no such user" in caplog.messages
    [entry] = [entry for entry in caplog.records if entry.getMessage() == f"Unable to git describe {tiny}"]
    assert entry.exc_info


def test_a_store_that_keeps_nothing_says_so(caplog: pytest.LogCaptureFixture) -> None:
    class Forgetful(BaseSessionStore):
        """A store without methods of its own."""

    with caplog.at_level(logging.DEBUG, logger="kedro_asgi.session.store"):
        store = Forgetful("folder", "one")
        store.save()
    assert (store, store._path, store._session_id) == ({}, "folder", "one")
    assert [message.split(".")[0] for message in caplog.messages] == [
        "'read()' not implemented for 'Forgetful'",
        "'save()' not implemented for 'Forgetful'",
    ]


def test_a_store_of_the_project_gets_the_folder_as_text(make_project) -> None:
    store = """
    from kedro_asgi.session import BaseSessionStore
    class Store(BaseSessionStore):
        def read(self):
            return {"folder": self._path + "/" + self._session_id}
    """
    project = make_project(
        settings="from .stores import Store as SESSION_STORE_CLASS\n", files={"src/{package}/stores.py": store}
    )
    session = KedroSession.create(project_path=project)
    assert session.store["folder"] == f"{project.as_posix()}/sessions/{session.session_id}"
