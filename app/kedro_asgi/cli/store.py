"""``kedro-asgi store``: back up, check, shrink and partition the store of runs, and delete a run from it."""

import shlex
from math import isnan
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import click

from kedro_asgi.cli.error_messages import interruptible, one_line_errors
from kedro_asgi.cli.options import Size, project_folder
from kedro_asgi.cli.tables import columns
from kedro_asgi.dispatch.stores import file_of, open_store, project_store
from kedro_asgi.dispatch.stores.examination import StoreReport, examine
from kedro_asgi.dispatch.stores.maintenance import MaintainedStore, delete_run, open_maintained, partition_store
from kedro_asgi.dispatch.stores.retention import RetentionLimits
from kedro_asgi.encoding import encode_json
from kedro_asgi.errors.wording import one_line
from kedro_asgi.limits import MAX_KEEP_DAYS, MAX_KEEP_RUNS

_STATES = {
    "alive": "of a server that is alive",
    "missing": "of a server that has ended, or has lost its lock for a moment; other servers find out",
    "dead": "of a server that has ended; another server takes them over",
    "none": "of no server; any server takes them over",
}


def _store_command(command: Any) -> Any:
    """Add the options that name a store."""
    command = click.option(
        "--project", "project_path", type=click.Path(path_type=Path), help="Project whose store is meant."
    )(command)
    return click.option(
        "--store",
        "url",
        envvar="KEDRO_SERVER_STORE",
        help="Store of runs: a path or a URL; the default is the file in the project.",
    )(command)


def _open(url: str | None, project_path: Path | None) -> MaintainedStore:
    return open_maintained(_address(url, project_path))


def _address(url: str | None, project_path: Path | None) -> str:
    return url or project_store(project_folder(project_path))


@click.group()
def store() -> None:
    """Back up, check, shrink and partition the store of runs, also while servers use it."""


@store.command()
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path))
@_store_command
def backup(target: Path, url: str | None, project_path: Path | None) -> None:
    """Copy a SQLite store to FILE, while servers use it.

    FILE is replaced as a whole when the copy is verified and on disk. It holds every run that was accepted before.
    """
    # Opening a store needs nothing of this.
    from kedro_asgi.dispatch.stores.backup import back_up

    with interruptible(), one_line_errors():
        address = _address(url, project_path)
        if (path := file_of(address)) is None:
            open_store(address)
            raise click.ClickException(_pg_dump(address, target))
        open_maintained(address)
        made = back_up(path, target)
    click.echo(f"{made.path}: {made.runs} runs, {made.size_bytes} bytes, verified.")


@store.command()
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@_store_command
def check(as_json: bool, url: str | None, project_path: Path | None) -> None:
    """Read all that is in the store; the exit code is 1 if something is wrong with it."""
    with interruptible(), one_line_errors():
        report = examine(_open(url, project_path))
    click.echo(encode_json(report, indent=2).decode() if as_json else _text(report))
    if not report.is_sound:
        raise click.exceptions.Exit(1)


@store.command()
@click.option(
    "--keep-days",
    type=click.FloatRange(min=0, min_open=True, max=MAX_KEEP_DAYS),
    envvar="KEDRO_SERVER_KEEP_DAYS",
    help="Delete runs that are older.",
)
@click.option(
    "--keep-runs",
    type=click.IntRange(min=0, max=MAX_KEEP_RUNS),
    envvar="KEDRO_SERVER_KEEP_RUNS",
    help="Number of newest runs to keep; the others are deleted.",
)
@click.option(
    "--keep-bytes",
    type=Size(),
    envvar="KEDRO_SERVER_KEEP_BYTES",
    help="Delete the oldest while the store holds more, such as 10GiB.",
)
@_store_command
def vacuum(
    keep_days: float | None, keep_runs: int | None, keep_bytes: str | None, url: str | None, project_path: Path | None
) -> None:
    """Delete the ended runs beyond the limits, and give free space back to the system.

    No run is deleted unless an option, or the variable of a server for it, sets a limit. Servers may go on; a SQLite
    file becomes as small as possible only while no server uses it.
    """
    # Opening a store needs nothing of this.
    from kedro_asgi.dispatch.stores.retention import vacuum as vacuum_store

    if keep_days is not None and isnan(keep_days):
        # It is neither below nor above a range.
        raise click.BadParameter("'nan' is not a number of days.", param_hint="'--keep-days'")
    limits = RetentionLimits(days=keep_days, runs=keep_runs, size_bytes=None if keep_bytes is None else int(keep_bytes))
    with interruptible(), one_line_errors():
        found = _open(url, project_path)
        done = vacuum_store(found, limits)
    deleted = f"{done.deleted_runs} runs deleted"
    click.echo(f"{found.name}: {deleted}, {done.bytes_before} bytes before, {done.bytes_after} bytes now.")
    if done.limitation is not None:
        click.echo(f"{done.limitation[0].upper()}{done.limitation[1:]}.", err=True)


@store.command()
@click.argument("run_id")
@_store_command
def delete(run_id: str, url: str | None, project_path: Path | None) -> None:
    """Delete the ended run RUN_ID, with its events, outputs and idempotency key."""
    with interruptible(), one_line_errors():
        delete_run(_open(url, project_path), run_id)
    click.echo(f"Run '{one_line(run_id)}' is deleted.")


@store.command()
@_store_command
def partition(url: str | None, project_path: Path | None) -> None:
    """Give each coming day of a PostgreSQL store partitions of its own, which servers drop when the day is old.

    For stores of many runs: days are dropped as a whole, in place of deleting run after run. What the store holds stays
    where it is. Servers wait for some seconds while the tables are read; a partitioned store stays as it is.
    """
    with interruptible(), one_line_errors():
        found = _open(url, project_path)
        is_new = partition_store(found)
    click.echo(
        f"{found.name}: {'each day has partitions from tomorrow on' if is_new else 'it is partitioned already'}."
    )


def _pg_dump(url: str, target: Path) -> str:
    """Return how PostgreSQL makes a backup; other users of the machine see the arguments of commands."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    query = urlencode([(name, value) for name, value in parse_qsl(parts.query) if "password" not in name], safe="/")
    address = urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}{at}{host}", query=query))
    command = shlex.join(["pg_dump", "--format=custom", "--schema=kedro_asgi", f"--file={target}", address])
    return (
        f"PostgreSQL makes its own backups, while servers go on: {command}\n"
        "The password, if there is one, comes from the variable PGPASSWORD or the file ~/.pgpass."
    )


def _text(report: StoreReport) -> str:
    version = (
        f"{report.version}"
        if report.version == report.known_version
        else (f"{report.version}; the next server that starts upgrades it to {report.known_version}")
    )
    runs = ", ".join(f"{count} {status}" for status, count in report.runs.items()) or "none"
    rows = [
        ("version", version),
        ("bytes", report.size_bytes),
        ("runs", runs),
        ("event batches", report.event_batches),
        ("outputs", report.outputs),
        ("keys", report.idempotency_keys),
    ]
    if not report.is_integrity_checked:
        rows.append(("files", "not checked; pg_amcheck does that"))
    return "\n".join([columns(("STORE", report.store), rows), *_lines(report)])


def _lines(report: StoreReport) -> list[str]:
    owners = [
        f"Not ended: {owner.runs} {_STATES[owner.state]}{f' ({owner.worker})' if owner.worker else ''}."
        for owner in report.owners
    ]
    problems = [
        f"PROBLEM {found.kind}{f' {found.run_id}' if found.run_id else ''}: {one_line(found.message)}"
        for found in report.problems
    ]
    left = report.problem_count - len(problems)
    return [*owners, *problems, *([f"{left} further problems are not shown."] if left else []), _verdict(report)]


def _verdict(report: StoreReport) -> str:
    return "The store is sound." if report.is_sound else f"Problems: {report.problem_count}."
