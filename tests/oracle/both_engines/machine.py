"""Runs jobs on one engine: ``python -m both_engines.machine <engine> <jobs.json> <target folder>``.

Forks for each job, so that no job sees the state of another; two run at a time. Each writes ``<number>.json``: a list
with one outcome for each case.
"""

import atexit
import gc
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from both_engines import recording
from both_engines.asking import ask, serving
from both_engines.cases import Ask, Case, Job, Run, Script
from both_engines.dialect import written
from both_engines.encoding import Encoder, tree
from both_engines.hosts import HOSTS, Host
from both_engines.scripting import Opened, loaded, run_script

_AT_A_TIME = 2
_TIMEOUT_SECONDS = 240
NOTHING: dict[str, Any] = {"value": None, "files": {}, "hooks": [], "logs": [], "warnings": [], "seconds": 0.0}


def main(engine: str, jobs_file: str, target: str) -> None:
    folder = Path(target)
    host = HOSTS[engine](folder)
    # The children's garbage collectors skip the objects that exist now, so that their memory stays shared.
    gc.freeze()
    jobs = msgspec.json.decode(Path(jobs_file).read_bytes(), type=list[Job])
    running: set[int] = set()
    for number, job in enumerate(jobs):
        if len(running) == _AT_A_TIME:
            running.discard(os.wait()[0])
        running.add(_fork(host, job, folder, number))
    for _ in running:
        os.wait()


def _fork(host: Host, job: Job, folder: Path, number: int) -> int:
    if pid := os.fork():
        return pid
    status = 1
    try:
        signal.alarm(_TIMEOUT_SECONDS)
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        outcomes = _work(host, job, folder / str(number))
        (folder / f"{number}.json").write_text(json.dumps(outcomes))
        # Run the handlers of a normal exit: they shut down pools, whose processes would stay otherwise.
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        status = 0
    except BaseException:
        failure = {"error": "the machine failed", "message": traceback.format_exc()}
        (folder / f"{number}.json").write_text(json.dumps([{**NOTHING, **failure}] * len(job.cases)))
    finally:
        os._exit(status)


def _work(host: Host, job: Job, folder: Path) -> list[dict[str, Any]]:
    folder.mkdir()
    os.chdir(folder)
    os.environ.update(job.environ)
    for path, text in written(job.files, package=job.package, engine=host.name).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    recording.record_logs()
    project = Opened(host, folder, job.package)
    with ExitStack() as stack:
        client = None
        if isinstance(job.cases[0].call, Ask):
            client = stack.enter_context(serving(host, folder))
        return [_outcome(host, case, project, client) for case in job.cases]


def _outcome(host: Host, case: Case, project: Opened, client: Any) -> dict[str, Any]:
    recording.RECORDS.clear()
    started = time.monotonic()
    before = tree(project.path)
    encoder = Encoder(project.path)
    with recording.recorded_warnings() as warned, _told(host, encoder) as end:
        if isinstance(case.call, Ask):
            answer = ask(client, case.call)
            end |= {**answer, "value": encoder.value(answer["value"]), "message": _text(encoder, answer["message"])}
        else:
            end["value"] = encoder.value(_do(host, case.call, project))
    return {
        **end,
        "files": encoder.files(before),
        "hooks": [encoder.text(call) for call in recording.hook_calls(project.package)],
        "logs": [[level, encoder.text(text)] for level, text in recording.messages()],
        "warnings": sorted([kind, encoder.text(text)] for kind, text in warned),
        "seconds": time.monotonic() - started,
    }


@contextmanager
def _told(host: Host, encoder: Encoder) -> Iterator[dict[str, Any]]:
    end: dict[str, Any] = {"value": None, "error": None, "message": None}
    try:
        yield end
    except BaseException as error:
        end |= {"error": host.error_type(error), "message": encoder.text(str(error))}


def _text(encoder: Encoder, text: str | None) -> str | None:
    return None if text is None else encoder.text(text)


def exported(package: Any) -> dict[str, Any]:
    """Return the public names of a package, which may import some of them only when they are read."""
    return {name: getattr(package, name) for name in package.__all__}


def _do(host: Host, call: Run | Script, project: Opened) -> Any:
    match call:
        case Run():
            create = project.single if call.session == "single" else project.service
            runner = eval(call.runner, exported(host.runner)) if call.runner else None
            session = create(**call.create)
            with session:
                # Load before the session ends and while the runner lives: the results end with them.
                return loaded(session.run(**call.arguments, runner=runner))
        case Script():
            return run_script(host, call.body, project)


if __name__ == "__main__":
    main(*sys.argv[1:])
