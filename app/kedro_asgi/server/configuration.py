"""The settings of a server: from arguments, else from environment variables, else the defaults."""

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, Unpack

import msgspec

from kedro_asgi.batching_options import BatchingOptions, read_batching
from kedro_asgi.dask_options import DaskOptions, SchedulerAddress, SilenceSeconds, ValueBytes
from kedro_asgi.dispatch import ExecutorChoice, Policy
from kedro_asgi.dispatch.stores import project_store
from kedro_asgi.errors import ProjectError, ServerSettingsError
from kedro_asgi.errors.wording import close_matches, quoted, suggestion
from kedro_asgi.executor_kind import ExecutorKind
from kedro_asgi.log_lines import LogFormat
from kedro_asgi.server.access.configuration import AccessConfiguration, AccessOptions
from kedro_asgi.server.access.transport import Transport
from kedro_asgi.server.field_reading import VARIABLE_PREFIX, read_fields, read_names, variable_of
from kedro_asgi.session.reload_signal import RELOAD_SIGNAL_VARIABLE
from kedro_asgi.webhook_options import WebhookOptions

MEBIBYTE = 1024 * 1024
# A year: an event loop computes no later times.
MAX_SECONDS = 365 * 86400

WORKERS_VARIABLE = variable_of("workers")
"""How many processes the command line starts; a server itself does not read it."""

METRICS_HOST_VARIABLE = variable_of("metrics_host")
METRICS_PORT_VARIABLE = variable_of("metrics_port")
"""Where ``kedro-asgi worker`` answers scrapes and probes; a server itself reads neither."""

LOG_LEVEL_VARIABLE = variable_of("log_level")
"""The lowest level of the lines on the console, which the commands configure; a server itself does not read it."""

LOG_FORMAT_VARIABLE = variable_of("log_format")
METRICS_FOLDER_VARIABLE = variable_of("metrics_folder")
"""The folder in which the workers of a server share what they count."""

_PROJECT_PATH = "KEDRO_PROJECT_PATH"


class ServerOptions(AccessOptions, total=False):
    """The settings that a caller of `create_http_server` may give by name; ``None`` is no setting.

    Each is a field of `ServerConfiguration` or of `AccessConfiguration`.
    """

    max_body_bytes: int | None
    body_timeout_seconds: float | None
    preload: Iterable[str] | None
    store: str | Path | None
    policy: Policy | None
    executor: ExecutorKind | None
    batching: Mapping[str, BatchingOptions | Mapping[str, Any]] | None
    dask_scheduler: str | None
    dask_max_value_bytes: int | None
    dask_silence_seconds: float | None
    busy_status: int | None
    failure_status: int | None
    cancel_on_hang_up: bool | None
    drain_on_signals: bool | None
    dashboard: bool | None
    docs: bool | None
    viz: bool | None
    mcp: bool | None
    open_inference: bool | None
    otel: bool | None
    log_format: LogFormat | None
    metrics: bool | None
    metrics_folder: str | None
    public_url: str | None
    package_name: str | None


class ServerConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one server.

    ``package_name`` names an installed package whose configuration is at ``project_path``. ``max_body_bytes`` and
    ``body_timeout_seconds`` limit request bodies. With ``preload`` of ``None``, the project's options name the datasets
    to preload. ``store`` is the store of runs, and ``policy`` sets their limits. ``executor`` says where runs are
    executed; ``executors``, which the project's options set, says so for single pipelines. Settings ``dask_…`` replace
    those of ``dask``, the project's options for a Dask cluster. ``batching`` names the pipelines whose concurrent
    requests are joined to one run. The server refuses a run
    over the limits with ``busy_status``, and answers a failed run of ``/run`` with ``failure_status``.
    ``cancel_on_hang_up`` cancels a run of ``/run`` when its client disconnects. With ``drain_on_signals``, SIGTERM and
    SIGINT let runs end before the server ends. With ``dashboard``, the server has pages for browsers, and with ``docs``
    one that shows its OpenAPI document; with ``viz`` it answers the front end of kedro-viz, which shows code. With
    ``mcp``, agents call pipelines as tools, by the Model Context Protocol. With ``open_inference`` it answers clients
    of the Open Inference Protocol, below ``/v2``.
    ``notify``, which only the project's options set, names the webhooks that are told of the ends of runs, and
    ``public_url`` is the address under which their receivers reach the server. With
    ``otel`` it exports spans as variables ``OTEL_…`` say, unless the process has a tracer provider. A ``log_format`` of
    ``json`` gives requests an id, and their log lines facts. With ``metrics`` it counts runs and requests, for
    ``/metrics``; the worker processes of a server add up what they count if they share a ``metrics_folder``, which
    ``kedro-asgi serve`` gives to its workers. With ``opens_first``, which the supervisor of workers sets, the server
    opens the project before it listens. ``access`` says which callers may do what.
    """

    project_path: Path
    env: str | None = None
    conf_source: str | None = None
    max_body_bytes: Annotated[int, msgspec.Meta(ge=1)] = 16 * MEBIBYTE
    body_timeout_seconds: Annotated[float, msgspec.Meta(gt=0, le=MAX_SECONDS)] = 60.0
    preload: tuple[str, ...] | None = None
    store: str
    policy: Policy
    executor: ExecutorKind = "thread"
    executors: Mapping[str, ExecutorKind] = {}
    batching: Mapping[str, BatchingOptions] = {}
    dask: DaskOptions = DaskOptions()
    dask_scheduler: SchedulerAddress | None = None
    dask_max_value_bytes: ValueBytes | None = None
    dask_silence_seconds: SilenceSeconds | None = None
    access: AccessConfiguration = AccessConfiguration()
    busy_status: Literal[429, 503] = 429
    failure_status: Literal[200, 500] = 200
    cancel_on_hang_up: bool = False
    drain_on_signals: bool = False
    dashboard: bool = True
    docs: bool = True
    viz: bool = False
    mcp: bool = False
    open_inference: bool = True
    otel: bool = False
    log_format: LogFormat = "text"
    metrics: bool = True
    metrics_folder: str | None = None
    notify: Mapping[str, WebhookOptions] = {}
    public_url: str | None = None
    package_name: str | None = None
    opens_first: bool = False

    @property
    def executor_choice(self) -> ExecutorChoice:
        """Where runs are executed."""
        dask = self.dask
        if self.dask_scheduler is not None:
            dask = msgspec.structs.replace(dask, scheduler=self.dask_scheduler)
        if self.dask_max_value_bytes is not None:
            dask = msgspec.structs.replace(dask, max_value_bytes=self.dask_max_value_bytes)
        if self.dask_silence_seconds is not None:
            dask = msgspec.structs.replace(dask, silence_seconds=self.dask_silence_seconds)
        return ExecutorChoice(default=self.executor, by_pipeline=self.executors, dask=dask)

    @classmethod
    def read(
        cls,
        *,
        project_path: str | Path | None = None,
        env: str | None = None,
        conf_source: str | Path | None = None,
        environ: Mapping[str, str] = os.environ,
        **options: Unpack[ServerOptions],
    ) -> "ServerConfiguration":
        """Combine arguments and environment variables (SRV-2); raises `ServerSettingsError` or `PolicyError`."""
        if unknown := options.keys() - ServerOptions.__annotations__.keys():
            raise TypeError(f"A server has no option {quoted(sorted(unknown))}")
        given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
        source = conf_source if conf_source is not None else environ.get("KEDRO_SERVER_CONF_SOURCE")
        package_name = given.get("package_name") or environ.get("KEDRO_SERVER_PACKAGE_NAME") or None
        default = Path.cwd() if package_name else None
        path = _project_path(project_path if project_path is not None else environ.get(_PROJECT_PATH) or default)
        for name, value in _project_options(path).items():
            if variable_of(name) not in environ:
                given.setdefault(name, value)
        configuration = cls(
            project_path=path,
            env=env if env is not None else environ.get("KEDRO_SERVER_ENV"),
            conf_source=str(source) if source is not None else None,
            preload=read_names(given.get("preload", environ.get("KEDRO_SERVER_PRELOAD"))),
            store=str(given.get("store", environ.get("KEDRO_SERVER_STORE") or project_store(path))),
            policy=_policy(given, environ),
            access=AccessConfiguration.read(given, environ),
            executors=given.get("executors", {}),
            batching=_batching(given.get("batching", {})),
            dask=given.get("dask", DaskOptions()),
            notify=given.get("notify", {}),
            **read_fields(cls, {**given, "package_name": package_name}, environ, special=_SPECIAL_FIELDS),
        )
        configuration.executor_choice.check(configuration.policy)
        _check_public_url(configuration.public_url)
        return configuration


class ConnectionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of ``kedro-asgi serve`` for its connections, for each worker process.

    Over ``max_connections``, requests are answered 503. ``max_header_bytes`` and ``header_timeout_seconds`` limit the
    request line and headers together.
    """

    max_connections: Annotated[int, msgspec.Meta(ge=1)] = 1000
    max_header_bytes: Annotated[int, msgspec.Meta(ge=1024)] = 64 * 1024
    header_timeout_seconds: Annotated[float, msgspec.Meta(gt=0, le=MAX_SECONDS)] = 20.0

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> "ConnectionLimits":
        """Return the limits that environment variables set; raises `ServerSettingsError`."""
        return cls(**read_fields(cls, {}, environ))


def unknown_variables(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Return a line for each variable ``KEDRO_SERVER_…`` that nothing reads, with those that it may stand for."""
    structs = (ServerConfiguration, AccessConfiguration, Transport, ConnectionLimits, Policy)
    fields = {field for struct in structs for field in struct.__struct_fields__}
    special = {"project_path", "policy", "access", "auth", "executors", "dask", "hidden_values", "notify", "batching"}
    settable = fields - special
    of_commands = {WORKERS_VARIABLE, LOG_LEVEL_VARIABLE, METRICS_HOST_VARIABLE, METRICS_PORT_VARIABLE}
    known = {_PROJECT_PATH, *of_commands, RELOAD_SIGNAL_VARIABLE, *map(variable_of, settable)}
    unknown = sorted(name for name in environ if name.startswith(VARIABLE_PREFIX) and name not in known)
    return [f"Environment variable '{name}' is unknown.{suggestion(close_matches(name, known))}" for name in unknown]


def _batching(given: Mapping[str, Any]) -> dict[str, BatchingOptions]:
    try:
        return read_batching(given)
    except ValueError as error:
        raise ServerSettingsError(str(error)) from error


def _check_public_url(url: str | None) -> None:
    if url is not None and re.fullmatch(r"https?://[^\s?#]+", url) is None:
        problem = "an address begins with https:// or http://, and has no space, '?' or '#'"
        raise ServerSettingsError(f"'{variable_of('public_url')}' must not be {url!r}: {problem}")


def _project_path(given: str | Path | None) -> Path:
    if given is None or str(given) == "":
        raise ServerSettingsError(f"Environment variable '{_PROJECT_PATH}' is not set or passed as an argument.")
    path = Path(given).resolve()
    if not path.exists():
        raise ServerSettingsError(f"Project path '{path}' does not exist.")
    return path


def _project_options(project_path: Path) -> dict[str, Any]:
    """Return the settings that the project's options make; the start of the server reports a broken file."""
    from kedro_asgi.project.options import read_options

    with suppress(OSError, ValueError, ProjectError):
        options = read_options(project_path / "pyproject.toml")
        return {name: getattr(options, name) for name in _OPTION_FIELDS}
    return {}


def _policy(given: Mapping[str, Any], environ: Mapping[str, str]) -> Policy:
    """Return the limits, with the patterns of hidden values that the project adds."""
    policy = given.get("policy") or Policy(**read_fields(Policy, {}, environ, special=("hidden_values",)))
    patterns = (*policy.hidden_values, *given.get("hidden_values", ()))
    return msgspec.structs.replace(policy, hidden_values=patterns) if patterns else policy


# `ServerConfiguration.read` reads these fields itself.
_SPECIAL_FIELDS = (
    "project_path",
    "env",
    "conf_source",
    "preload",
    "store",
    "policy",
    "executors",
    "batching",
    "dask",
    "notify",
    "access",
)
# The options of a project that are settings of its server.
_OPTION_FIELDS = (
    "dashboard",
    "docs",
    "viz",
    "mcp",
    "open_inference",
    "executor",
    "executors",
    "dask",
    "hidden_values",
    "notify",
    "batching",
)
