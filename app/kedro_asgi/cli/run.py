"""``kedro-asgi run``: run pipelines once, in this process."""

import logging
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import click
import yaml

from kedro_asgi.cli.console_handlers import filtered_console, is_warning
from kedro_asgi.cli.error_messages import interruptible, one_line_errors
from kedro_asgi.cli.logging_setup import configure_run_logging
from kedro_asgi.cli.options import (
    Inputs,
    Params,
    Versions,
    conf_source_option,
    env_option,
    names_option,
    project_argument,
)
from kedro_asgi.cli.run_summary import resume_hint
from kedro_asgi.cli.session_run import run_and_show
from kedro_asgi.errors.wording import class_path
from kedro_asgi.limits import MAX_DELAY_SECONDS, MAX_RETRIES
from kedro_asgi.project import Project, bootstrap_project
from kedro_asgi.retries import Retries, RetryPolicy
from kedro_asgi.runner.lookup import load_runner
from kedro_asgi.session import KedroSession

_log = logging.getLogger(__name__)
_ARGUMENTS = f"{__name__}.arguments"


def _read_config(context: click.Context, parameter: click.Parameter, path: Path | None) -> None:
    """Set the defaults of all other options from the ``run`` section of a YAML file."""
    if path is None:
        return
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        section = {_parameter_name(context, key): value for key, value in document["run"].items()}
    except (OSError, yaml.YAMLError, TypeError, KeyError, AttributeError) as error:
        raise click.BadParameter(f"'{path}' cannot be read as YAML with a 'run' section: {error}") from error
    context.default_map = {**(context.default_map or {}), **section}


def _session_class(project: Project) -> type[KedroSession]:
    """Return the project's session class if it derives from ours; one that derives from Kedro's would run on Kedro."""
    configured = project.settings.session_class
    if configured is None or issubclass(configured, KedroSession):
        return configured or KedroSession
    if not configured.__module__.startswith(("kedro.", "kedro_asgi.")):
        _log.warning(
            "SESSION_CLASS '%s' is not used, since it does not derive from kedro_asgi.session.KedroSession.",
            class_path(configured),
        )
    return KedroSession


def _parameter_name(context: click.Context, key: str) -> str:
    """Return the parameter for a key of the file, which may be the name of an option, such as ``load-versions``."""
    flag = f"--{key.replace('_', '-')}"
    names = (found.name for found in context.command.params if flag in found.opts)
    return next(names, None) or key


def _retries(node: int | None, run: int | None, *, delay_seconds: float) -> dict[str, Retries]:
    """Return the argument of a session for what the user asks for; a session class of the project may not know it."""
    if node is None and run is None:
        return {}

    def policy(count: int | None) -> RetryPolicy | None:
        longest = max(delay_seconds, 60.0)
        if count is None:
            return None
        return RetryPolicy(retries=count, delay_seconds=delay_seconds, max_delay_seconds=longest)

    return {"retries": Retries(node=policy(node), run=policy(run))}


class _RunCommand(click.Command):
    """Keeps the arguments as the user typed them."""

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        context.meta[_ARGUMENTS] = tuple(arguments)
        return super().parse_args(context, arguments)


@click.command(cls=_RunCommand)
@project_argument
@names_option("--from-inputs", help="Start at the nodes that load these datasets.")
@names_option("--to-outputs", help="Stop at the nodes that save these datasets.")
@names_option("--from-nodes", help="Start at these nodes.")
@names_option("--to-nodes", help="Stop at these nodes.")
@names_option("-n", "--nodes", "node_names", help="Run only these nodes.")
@names_option("-t", "--tags", help="Run only nodes with at least one of these tags.")
@names_option("-ns", "--namespaces", help="Run only nodes in these namespaces.")
@names_option(
    "-p", "--pipelines", "--pipeline", "pipeline_names", help="Run these pipelines; the default is __default__."
)
@click.option(
    "-lv", "--load-versions", type=Versions(), default=dict, help="Versions of datasets to load: dataset:version,…"
)
@click.option("--params", type=Params(), default=dict, help="Runtime parameters: key=value,nested.key=value")
@click.option(
    "--inputs", type=Inputs(), default=dict, help="JSON file of datasets and their values, or '-' for standard input."
)
@click.option("-r", "--runner", default="SequentialRunner", help="Runner class: a name or a dotted path.")
@click.option("--runner-params", type=Params(), default=dict, help="Arguments of the runner: key=value,…")
@click.option("--async", "is_async", is_flag=True, help="Load and save the datasets of a node in parallel.")
@click.option("--only-missing-outputs", is_flag=True, help="Skip nodes whose outputs already exist.")
@click.option(
    "--retries", "node_retries", type=click.IntRange(0, MAX_RETRIES), help="Number of retries of each failed node."
)
@click.option(
    "--run-retries",
    type=click.IntRange(0, MAX_RETRIES),
    help="Number of retries of the failed run, from its start.",
)
@click.option(
    "--retry-delay",
    type=click.FloatRange(0, MAX_DELAY_SECONDS),
    default=1.0,
    show_default=True,
    help="Seconds before the first retry; each further one waits twice as long, up to a minute.",
)
@click.option("-q", "--quiet", "is_quiet", is_flag=True, help="Show only warnings, errors and what nodes print.")
@click.option("--traceback", is_flag=True, help="Show the traceback of a failure.")
@click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    is_eager=True,
    expose_value=False,
    callback=_read_config,
    help="YAML file whose 'run' section sets these options.",
)
@env_option
@conf_source_option
def run(
    project_path: Path,
    env: str | None,
    conf_source: str | None,
    params: dict[str, Any],
    runner: str,
    runner_params: dict[str, Any],
    is_async: bool,
    node_retries: int | None,
    run_retries: int | None,
    retry_delay: float,
    is_quiet: bool,
    traceback: bool,
    **options: Any,
) -> None:
    """Run pipelines of the project at PATH once; the default is the project around the working directory.

    On a terminal, a live tree shows the nodes (extra 'cli'); elsewhere, one line tells of each. Ctrl+C ends the run
    with exit code 130.
    """
    options |= _retries(node_retries, run_retries, delay_seconds=retry_delay)
    context = click.get_current_context()
    advice = partial(resume_hint, command=context.command_path, arguments=context.meta[_ARGUMENTS])
    with interruptible(advice=advice), one_line_errors(with_traceback=traceback, advice=advice):
        project = bootstrap_project(project_path)
        configure_run_logging(project, project_path)
        instance = load_runner(runner)(**{"is_async": is_async, **runner_params})
        with filtered_console(is_warning) if is_quiet else nullcontext():
            create = _session_class(project).create
            with create(project_path=project_path, env=env, conf_source=conf_source, runtime_params=params) as session:
                result = run_and_show(session, runner=instance, is_quiet=is_quiet, arguments=options)
    if not is_quiet:
        click.echo(f"Run {session.session_id} succeeded. Outputs: {', '.join(sorted(result)) or 'none'}")
