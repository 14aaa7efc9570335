"""Every error of kedro-asgi: one tree, a class per situation.

Classes that stand for an error of Kedro carry Kedro's name. Where Kedro raises a builtin error, ours derives
from that builtin and names it in ``kedro_type``, so that ``except ValueError`` and the ``type`` on the wire
are the same on both engines.
"""

import signal
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from yaml import YAMLError


class KedroAsgiError(Exception):
    """Root of all errors that kedro-asgi raises itself."""

    kedro_type: ClassVar[str | None] = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Cross into another process as it is: a class that is made of facts cannot be made of its sentence."""
        return _restore, (type(self), self.args, self.__dict__)


def _restore(kind: type[KedroAsgiError], args: tuple[Any, ...], facts: dict[str, Any]) -> KedroAsgiError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(facts)
    return error


def error_type(error: BaseException) -> str:
    """Return the name under which Kedro reports ``error``: its class' qualified name, without the module."""
    return getattr(type(error), "kedro_type", None) or type(error).__qualname__


def describe_error(error: BaseException) -> tuple[str, str]:
    """Return the type and the message of ``error``; where its text cannot be had, those of what kept it (SRV-29)."""
    try:
        return error_type(error), str(error)
    except Exception as secondary:
        return error_type(secondary), str(secondary)


def close_matches(name: str, known: Iterable[str]) -> list[str]:
    """Return up to three of ``known`` that ``name`` may have been meant to be, best first (SES-8)."""
    return get_close_matches(name, list(known))


def shortened(text: str, length: int) -> str:
    """Return ``text`` in at most ``length`` characters."""
    return text if len(text) <= length else f"{text[: length - 3]}..."


# --- projects (PRJ) ---


class ProjectError(KedroAsgiError, RuntimeError):
    """A project cannot be read: its ``pyproject.toml``, its source folder or its package is at fault."""

    kedro_type = "RuntimeError"


class ProjectVersionError(KedroAsgiError, ValueError):
    """A project was made for another major version of Kedro (PRJ-7)."""

    kedro_type = "ValueError"


class SourcePathError(KedroAsgiError, ValueError):
    """``source_dir`` leads out of the project (PRJ-9)."""

    kedro_type = "ValueError"

    def __init__(self, source_dir: Path, project_path: Path) -> None:
        self.source_dir = source_dir
        self.project_path = project_path
        super().__init__(f"Source path '{source_dir}' has to be relative to your project root '{project_path}'.")


class SourceNotFoundError(KedroAsgiError, NotADirectoryError):
    """``source_dir`` does not exist (PRJ-9)."""

    kedro_type = "NotADirectoryError"

    def __init__(self, source_dir: Path) -> None:
        self.source_dir = source_dir
        super().__init__(f"Source path '{source_dir}' cannot be found.")


class PackageNotConfiguredError(KedroAsgiError, ValueError):
    """No project was named and none was configured before (PRJ-20)."""

    kedro_type = "ValueError"

    def __init__(self, place: Path | None = None) -> None:
        self.place = place
        where = f" There is no Kedro project at '{place}'." if place is not None else ""
        super().__init__(
            f"Package name not found. Make sure you have configured the project using 'bootstrap_project'.{where}"
        )


class PackageConflictError(KedroAsgiError, RuntimeError):
    """Two projects in one process share a package name; Python can import only one of them."""

    def __init__(self, package_name: str, imported_from: str, wanted: Path) -> None:
        self.package_name = package_name
        super().__init__(
            f"Package '{package_name}' of the project at '{wanted}' is already imported from "
            f"'{imported_from}'. Projects that share a process need different package names."
        )


class SettingsError(KedroAsgiError, ValueError):
    """A value in ``settings.py`` cannot be used (PRJ-16, PRJ-18)."""

    kedro_type = "ValidationError"


class SettingTypeError(SettingsError, TypeError):
    """A value in ``settings.py`` is of another type than it has to be (PRJ-18)."""

    kedro_type = "TypeError"


class RegistryError(KedroAsgiError, TypeError):
    """``register_pipelines`` returned something else than pipelines by name (PRJ-25)."""

    kedro_type = "TypeError"

    def __init__(self, package_name: str, reason: str) -> None:
        self.package_name = package_name
        super().__init__(f"'register_pipelines' of '{package_name}.pipeline_registry' {reason}.")


class DiscoveryError(KedroAsgiError, RuntimeError):
    """`find_pipelines` was called before any project was configured (PRJ-28)."""

    kedro_type = "RuntimeError"


class PipelineNotFoundError(KedroAsgiError, ValueError):
    """No pipeline of that name is registered (SES-8)."""

    kedro_type = "ValueError"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name = name
        self.matches = close_matches(name, known)
        hint = "\n".join(["Did you mean one of these instead?", *(f"    {m}" for m in self.matches)])
        super().__init__(
            f"Failed to find the pipeline named '{name}'. It needs to be generated and returned by the "
            f"'register_pipelines' function. {hint if self.matches else ''}"
        )


class BridgeError(KedroAsgiError):
    """Something of a Kedro project has no counterpart here."""


class KedroVersionError(BridgeError):
    """The installed Kedro is none that the bridge knows."""

    def __init__(self, installed: str, oldest: str, newest: str) -> None:
        super().__init__(
            f"This project uses Kedro {installed}, but Kedro {oldest} to {newest} are supported: "
            "upgrade it (`pip install -U kedro`)."
        )


# --- configuration (CFG) ---


class ConfigError(KedroAsgiError):
    """Root of everything that can be wrong with a project's configuration."""


def fresh_error(error: ConfigError) -> ConfigError:
    """Return a copy to raise: a kept error that is raised again would collect the tracebacks of all its raisers."""
    copy = type(error).__new__(type(error), *error.args)
    copy.__dict__.update(error.__dict__)
    return copy


class MissingConfigException(ConfigError):
    """Every file of a kind of configuration is missing (CFG-14)."""


class MissingEnvironmentError(MissingConfigException):
    """The folder of an environment, or the whole source, is missing (CFG-4)."""

    kedro_type = "MissingConfigException"

    def __init__(self, location: str) -> None:
        self.location = location
        super().__init__(f"Given configuration path either does not exist or is not a valid directory: {location}")


class BadConfigException(ConfigError):
    """A configuration file has the wrong shape."""


class ConfigShapeError(BadConfigException, AttributeError):
    """A configuration file is no mapping, or has a top-level key that cannot name anything (CFG-18, CFG-19)."""

    kedro_type = "AttributeError"


class KeyValidationError(BadConfigException, ValueError):
    """A mapping in a configuration file has a key that is no text, number or boolean (CFG-19)."""


class ConfigEncodingError(BadConfigException, ValueError):
    """A configuration file is not UTF-8 (CFG-17)."""

    kedro_type = "UnicodeDecodeError"


class DuplicateKeysError(BadConfigException, ValueError):
    """Two files of one environment define the same key (CFG-22, CFG-23)."""

    kedro_type = "ValueError"


class InvalidEnvError(ConfigError, ValueError):
    """The name of an environment could lead out of the configuration folder (Q-8)."""

    kedro_type = "ValueError"

    def __init__(self, env: str) -> None:
        self.env = env
        super().__init__(
            f"Invalid env value '{env}': must contain only letters, digits, dots, hyphens, and underscores, "
            "and name a folder of its own."
        )


class MergeStrategyError(ConfigError, ValueError):
    """``merge_strategy`` names something else than ``destructive`` or ``soft`` (CFG-29)."""

    kedro_type = "ValueError"

    def __init__(self, strategy: str) -> None:
        self.strategy = strategy
        super().__init__(f"Merging strategy {strategy} not supported. Use 'destructive' or 'soft'.")


class UnknownConfigKeyError(ConfigError, KeyError):
    """No file patterns are known for a configuration key (CFG-13)."""

    kedro_type = "KeyError"

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"No config patterns were found for '{key}' in your config loader")


class ConfigSourceError(ConfigError, ValueError):
    """A configuration source is of a kind that cannot be read (Q-9)."""


class YamlError(BadConfigException, YAMLError):
    """A configuration file is not in the YAML dialect of CFG-16. ``line`` and ``column`` count from 1."""

    def __init__(self, problem: str, *, file: str, line: int, column: int) -> None:
        self.problem = problem
        self.file = file
        self.line = line
        self.column = column
        super().__init__(f"Invalid YAML or JSON file {file}, unable to read line {line}, position {column}: {problem}")


class ParserError(YamlError):
    """A configuration file is not well-formed YAML or JSON (CFG-18)."""


class ComposerError(YamlError):
    """A configuration file holds several documents, or an alias of nothing (CFG-18)."""


class ConstructorError(YamlError):
    """A configuration file repeats a key, or holds a value that has no place in a configuration (CFG-18)."""


class InterpolationError(ConfigError):
    """Root of what can be wrong with an interpolated string. ``full_key`` and ``file`` say where it stands."""

    def __init__(self, problem: str, *, full_key: str = "", file: str = "", line: int = 0) -> None:
        self.problem = problem
        self.full_key = full_key
        self.file = file
        self.line = line
        where = f"\n    full_key: {full_key}" if full_key else ""
        super().__init__(problem + where + (f"\n    file: {file}, line {line}" if file else ""))


class GrammarParseError(InterpolationError):
    """An interpolated string cannot be parsed (CFG-42)."""


class InterpolationResolutionError(InterpolationError, ValueError):
    """An interpolated string has no value (CFG-42), or must not have this one (CFG-56)."""


class InterpolationKeyError(InterpolationResolutionError):
    """A reference names a key that does not exist (CFG-42)."""


class InterpolationToMissingValueError(InterpolationResolutionError):
    """A reference leads to ``???`` (CFG-20)."""


class UnsupportedInterpolationType(InterpolationResolutionError):
    """An interpolated string calls a resolver that does not exist here (CFG-42, CFG-49, CFG-51)."""


class ParamsSyntaxError(ConfigError, ValueError):
    """Runtime parameters were not written as ``key=value`` pairs (SRV-50)."""

    kedro_type = "ValueError"

    def __init__(self, item: str, problem: str = "") -> None:
        self.item = item
        shown = item if len(item) <= 100 else f"{item[:100]}..."
        super().__init__(
            f"Invalid 'params' value: '{shown}'. Expected comma-separated key=value pairs"
            + (f" ({problem})." if problem else ", for example 'model.lr=0.01,seed=5'.")
        )


# --- datasets and the catalog (CAT) ---


class DatasetError(KedroAsgiError):
    """A dataset cannot be made, loaded or saved."""


class DatasetNotFoundError(DatasetError):
    """A name stands for no dataset."""


class VersionNotFoundError(DatasetError):
    """A versioned dataset has no version to load (CAT-34)."""


class VersionAlreadyExistsError(DatasetError):
    """A catalog holds datasets of another save version (CAT-39)."""


class DatasetConfigError(DatasetError):
    """An entry of the catalog does not say how to make a dataset (CAT-4, CAT-8)."""

    kedro_type = "DatasetError"

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"An exception occurred when parsing config for dataset '{name}':\n{reason}")


class DatasetTypeError(DatasetError):
    """A ``type`` leads to no class that could be a dataset (CAT-8); ``is_absent`` if nothing has that name."""

    kedro_type = "DatasetError"

    def __init__(self, reason: str, *, is_absent: bool = False) -> None:
        self.is_absent = is_absent
        super().__init__(reason)


class DatasetPatternError(DatasetError):
    """A dataset factory pattern, or the set of them, makes no sense (CAT-18, CAT-20, CAT-21)."""

    kedro_type = "DatasetError"


class StrayBraceError(DatasetPatternError, ValueError):
    """A text of a pattern's body has a brace that belongs to no placeholder (CAT-22)."""

    kedro_type = "ValueError"

    def __init__(self, brace: str, text: str) -> None:
        self.text = text
        super().__init__(f"Single '{brace}' encountered in format string '{text}'")


class CredentialsNotFoundError(DatasetError, KeyError):
    """An entry asks for credentials that the project does not have (CAT-15, Q-44)."""

    kedro_type = "KeyError"

    def __init__(self, name: str) -> None:
        self.name = name
        self.message = f"Unable to find credentials '{name}': no credentials file of this environment has that key."
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


class DatasetFailedError(DatasetError):
    """Code of a dataset raised while it was asked to ``doing`` (CAT-50)."""

    kedro_type = "DatasetError"

    def __init__(self, doing: str, dataset: str, reason: str) -> None:
        self.doing = doing
        self.dataset = dataset
        super().__init__(f"Failed {doing} dataset {dataset}.\n{reason}")


class TableError(KedroAsgiError, ValueError):
    """Values make no table, or a table makes no records."""

    kedro_type = "ValueError"


class VersionStringError(DatasetError):
    """A version is no single path component, so it could lead out of its dataset (CAT-35)."""

    kedro_type = "DatasetError"

    def __init__(self, version: str) -> None:
        self.version = version
        super().__init__(
            f"Version string '{version}' is not allowed. It becomes the name of a folder, so it must not be empty, "
            "'.' or '..', nor contain a slash, a backslash or a null character."
        )


# --- validation of parameters and of data (PAR-11 to PAR-20, CAT-67 to CAT-71) ---


class ParameterValidationError(KedroAsgiError):
    """Parameters are not what the nodes that run ask for (PAR-15); ``failures`` says why, parameter by parameter."""

    def __init__(self, failures: Mapping[str, str]) -> None:
        self.failures = dict(failures)
        listed = "\n".join(f"- Parameter '{name}': {reason}" for name, reason in self.failures.items())
        super().__init__(f"Parameter validation failed:\n{listed}")


class ModelInstantiationError(ParameterValidationError):
    """One parameter cannot become the model that a node asks for (PAR-13)."""

    def __init__(self, parameter: str, reason: str) -> None:
        self.failures = {parameter: reason}
        KedroAsgiError.__init__(self, reason)


class CheckFailure(msgspec.Struct, frozen=True):
    """One check that data did not pass: how often, and some of the values that failed."""

    message: str
    check: str | None = None
    column: str | None = None
    failure_count: int = 1
    failure_examples: list[Any] = []

    def __str__(self) -> str:
        cases = "1 case" if self.failure_count == 1 else f"{self.failure_count} cases"
        examples = ", ".join(shortened(str(example), 40) for example in self.failure_examples[:5])
        where = f"{self.column}: " if self.column else ""
        return f"{where}{self.check or self.message} — {cases}" + (f" (e.g. {examples})" if examples else "")


class DataValidationError(DatasetError):
    """Data is not what the validator of its dataset asks for (CAT-69).

    ``mode`` is ``load``, ``save`` or ``api``; ``failures`` are told where the validator tells its checks apart.
    """

    def __init__(
        self,
        message: str,
        *,
        dataset_name: str | None = None,
        mode: str | None = None,
        validator: str | None = None,
        failures: Iterable[CheckFailure] | None = None,
        error_type: str | None = None,
    ) -> None:
        self.message = message
        self.dataset_name = dataset_name
        self.mode = mode
        self.validator = validator
        self.failures = list(failures or ())
        self.error_type = error_type
        super().__init__("\n".join(filter(None, [self._subject(), self._source(), self._reason()])))

    def _subject(self) -> str:
        if self.dataset_name is None:
            return self.message
        return f"Validation failed for dataset '{self.dataset_name}'" + (f" on {self.mode}" if self.mode else "")

    def _source(self) -> str:
        return f"(validator: {self.validator})" if self.validator else ""

    def _reason(self) -> str:
        if not self.failures:
            return "" if self.dataset_name is None else self.message
        cases = sum(failure.failure_count for failure in self.failures)
        listed = [f"  - {failure}" for failure in self.failures]
        return "\n".join([f"{len(self.failures)} check(s) failed — {cases} failure case(s):", *listed])


class ValidationConfigurationError(DatasetError):
    """A ``validator`` is declared wrongly, or leads to nothing that can validate (CAT-70, CAT-71)."""


class ValidatorDeclarationError(ValidationConfigurationError):
    """An entry of the catalog does not say how to validate its data (CAT-70)."""

    kedro_type = "ValidationConfigurationError"

    def __init__(self, dataset_name: str, problem: str) -> None:
        self.dataset_name = dataset_name
        super().__init__(f"Invalid validator declaration for dataset '{dataset_name}': {problem}.")


class ValidatorTargetError(ValidationConfigurationError):
    """The ``class`` of a validator leads to nothing that can validate, or takes other options (CAT-71)."""

    kedro_type = "ValidationConfigurationError"

    def __init__(self, class_path: str, problem: str) -> None:
        self.class_path = class_path
        super().__init__(problem)


# --- nodes and pipelines (PIP) ---


def _braced(names: Iterable[str]) -> str:
    """Print names as Python prints a set of them, but sorted."""
    return f"{{{', '.join(repr(name) for name in sorted(names))}}}"


class NodeDefinitionError(KedroAsgiError, ValueError):
    """A node has no function, no datasets, or a wrong kind of either (PIP-3)."""

    kedro_type = "ValueError"

    def __init__(self, problem: str) -> None:
        super().__init__(f"Invalid Node definition: {problem}\nFormat should be: node(function, inputs, outputs)")


class NodeSignatureError(KedroAsgiError, TypeError):
    """A function does not take the inputs that its node has for it (PIP-4)."""

    kedro_type = "TypeError"

    def __init__(self, function: str, parameters: Iterable[str], inputs: object) -> None:
        self.function = function
        self.parameters = list(parameters)
        super().__init__(f"Inputs of '{function}' function expected {self.parameters}, but got {inputs}")


class NodeNameError(KedroAsgiError, ValueError):
    """The name or a tag of a node has characters that it must not have (PIP-8, PIP-9); ``kind`` says which."""

    kedro_type = "ValueError"

    def __init__(self, kind: str, value: str) -> None:
        self.kind = kind
        self.value = value
        super().__init__(f"{value!r} is not a valid node {kind}. Only letters, digits, '_', '-' and '.' are allowed.")


class UnnamedNodeError(KedroAsgiError, AttributeError):
    """A node was given no name, and its function has none to derive one from (PIP-13)."""

    kedro_type = "AttributeError"

    def __init__(self, function: object) -> None:
        super().__init__(f"'{type(function).__name__}' object has no attribute '__name__', so its node needs a 'name'.")


class NodeOutputsNotUniqueError(KedroAsgiError, ValueError):
    """A node names one of its outputs twice (PIP-5)."""

    kedro_type = "ValueError"

    def __init__(self, node: str, names: Iterable[str]) -> None:
        self.names = frozenset(names)
        super().__init__(
            f"Node {node} cannot be made due to duplicate output(s) {_braced(self.names)}.\n"
            "Node outputs must be unique."
        )


class NodeLoopError(KedroAsgiError, ValueError):
    """A node reads a dataset that it writes (PIP-6)."""

    kedro_type = "ValueError"

    def __init__(self, node: str, names: Iterable[str]) -> None:
        self.names = frozenset(names)
        super().__init__(
            f"Node {node} cannot be made.\nA node cannot have the same inputs and outputs even if they are "
            f"transcoded: {_braced(self.names)}"
        )


class TranscodingError(KedroAsgiError, ValueError):
    """A dataset name has more than one ``@`` (PIP-7)."""

    kedro_type = "ValueError"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"Expected maximum 1 transcoding separator, found {name.count('@')} instead: '{name}'.")


class MixedTranscodingError(KedroAsgiError, ValueError):
    """A pipeline uses a dataset both with and without ``@`` (PIP-26)."""

    kedro_type = "ValueError"

    def __init__(self, names: Iterable[str]) -> None:
        self.names = sorted(names)
        super().__init__(
            "The following datasets are used with transcoding, but were referenced without the separator: "
            f"{', '.join(self.names)}.\nAdd '@' and a format to each of their uses, or to none."
        )


class NodeInputsError(KedroAsgiError, ValueError):
    """A node is run with other inputs than those it declares (PIP-18)."""

    kedro_type = "ValueError"

    def __init__(self, node: str, expected: str, given: Iterable[str]) -> None:
        self.given = sorted(given)
        super().__init__(node, expected, self.given)

    def __str__(self) -> str:
        node, expected, given = self.args
        return f"Node {node} expected {expected}, but got the following {len(given)} input(s) instead: {given}."


class NodeInputsTypeError(KedroAsgiError, ValueError):
    """A node is run with something that does not map names to data (PIP-18)."""

    kedro_type = "ValueError"

    def __init__(self, inputs: object) -> None:
        super().__init__(f"Node.run() expects a dictionary or None, but got {type(inputs)} instead")


class NodeOutputsError(KedroAsgiError, ValueError):
    """A function returned something that does not fit the outputs of its node (PIP-19)."""

    kedro_type = "ValueError"

    def __init__(self, node: str, problem: str) -> None:
        super().__init__(node, problem)

    def __str__(self) -> str:
        node, problem = self.args
        return f"The outputs of node {node} cannot be saved.\n{problem}"


class AsyncNodeError(KedroAsgiError, TypeError):
    """An ``async def`` node is run from Python that does not await it."""

    kedro_type = "TypeError"

    def __init__(self, node: str) -> None:
        super().__init__(
            f"The function of node {node} is async: run the node in a session or with a runner, "
            "or await node.call(inputs) and give the result to node.unpack()."
        )


class MissingNodesError(KedroAsgiError, ValueError):
    """A pipeline is made of ``None`` (PIP-22)."""

    kedro_type = "ValueError"

    def __init__(self) -> None:
        super().__init__("'nodes' argument of 'Pipeline' is None. Give it a list, which may be empty.")


class NotANodeError(KedroAsgiError, AttributeError):
    """A pipeline is made of something that is neither a node nor a pipeline (PIP-22)."""

    kedro_type = "AttributeError"

    def __init__(self, item: object) -> None:
        super().__init__(
            f"'{type(item).__name__}' object has no attribute 'nodes': a pipeline is made of nodes and pipelines, "
            f"and {item!r} is neither."
        )


class NodeNotUniqueError(KedroAsgiError, ValueError):
    """Nodes of one pipeline share a name (PIP-23); ``names`` groups the repeated ones by where they come from."""

    kedro_type = "ValueError"

    def __init__(self, names: Mapping[str, Iterable[str]]) -> None:
        self.names = {origin: sorted(set(repeated)) for origin, repeated in names.items()}
        groups = [
            "\n".join([f"{origin}:", *(f"  - {name}" for name in repeated)]) for origin, repeated in self.names.items()
        ]
        super().__init__(
            "Pipeline nodes must have unique names. The following node names appear more than once:\n\n"
            + "\n".join(groups)
            + "\n\nA name of its own tells a node apart: node(..., name='...')."
        )


class OutputNotUniqueError(KedroAsgiError):
    """Two nodes produce the same dataset (PIP-24)."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = sorted(names)
        super().__init__(f"Output(s) {self.names} are returned by more than one nodes.")


class ConfirmNotUniqueError(KedroAsgiError):
    """Two nodes confirm the same dataset (PIP-24)."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = sorted(names)
        super().__init__(f"{self.names} datasets are confirmed by more than one node.")


class CircularDependencyError(KedroAsgiError):
    """Nodes wait for each other (PIP-25); ``names`` lists one circle of them."""

    def __init__(self, nodes: Mapping[str, object]) -> None:
        self.names = list(nodes)
        super().__init__(
            f"Circular dependencies exist among the following {len(nodes)} item(s): {list(nodes.values())}"
        )


class PipelineError(KedroAsgiError):
    """A modular pipeline maps names that it does not have, or must not map (PIP-48)."""


class UnknownMappingError(PipelineError):
    """A modular pipeline maps names that none of its nodes uses (PIP-49)."""

    kedro_type = "PipelineError"

    def __init__(self, names: Iterable[str], known: Iterable[str]) -> None:
        self.names = sorted(names)
        known = sorted(known)
        self.matches = list(dict.fromkeys(match for name in self.names for match in close_matches(name, known)))
        listed = ", ".join(self.names)
        problem = (
            f"{listed} does not exist in the pipeline."
            if len(self.names) == 1
            else f"The following datasets and/or parameters do not exist in the pipeline: {listed}."
        )
        hint = f" - did you mean one of these instead: {', '.join(self.matches)}" if self.matches else ""
        super().__init__(f"Failed to map datasets and/or parameters onto the nodes provided: {problem}{hint}")


class GroupingError(KedroAsgiError, ValueError):
    """Nodes cannot be grouped by that (PIP-35)."""

    kedro_type = "ValueError"

    def __init__(self, group_by: object) -> None:
        super().__init__(f"Unsupported group_by strategy: {group_by}")


class SelectionError(KedroAsgiError, ValueError):
    """A pipeline is cut by something that it does not have (PIP-36 to PIP-44)."""

    kedro_type = "ValueError"


class NodeNotFoundError(SelectionError):
    """A pipeline has no nodes of these names (PIP-36); ``matches`` are full names of nodes in namespaces."""

    def __init__(self, names: Iterable[str], known: Iterable[str]) -> None:
        self.names = list(names)
        endings = tuple(f".{name}" for name in self.names)
        self.matches = [name for name in known if name.endswith(endings)]
        hint = f" Did you mean: {self.matches}?" if self.matches else ""
        super().__init__(f"Pipeline does not contain nodes named {self.names}.{hint}")


class DatasetNotInPipelineError(SelectionError):
    """A pipeline has no datasets of these names (PIP-38)."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = sorted(names)
        super().__init__(f"Pipeline does not contain datasets named {self.names}")


class NamespaceNotFoundError(SelectionError):
    """A pipeline has no nodes in these namespaces (PIP-41)."""

    def __init__(self, namespaces: Iterable[str]) -> None:
        self.namespaces = list(namespaces)
        super().__init__(f"Pipeline does not contain nodes with the following namespaces: {self.namespaces}")


class EmptyPipelineError(SelectionError):
    """Nothing is left of a pipeline (PIP-44)."""

    def __init__(self) -> None:
        super().__init__(
            "Pipeline contains no nodes after applying all provided filters. "
            "Please ensure that at least one pipeline with nodes has been defined."
        )


# --- runs and sessions (RUN, SES) ---


class UnmetInputsError(KedroAsgiError, ValueError):
    """Free inputs of a pipeline are in no catalog (RUN-8)."""

    kedro_type = "ValueError"

    def __init__(self, names: Iterable[str], catalog_type: str) -> None:
        self.names = frozenset(names)
        listed = ", ".join(repr(name) for name in sorted(self.names))
        super().__init__(f"Pipeline input(s) {{{listed}}} not found in the {catalog_type}")


class KedroSessionError(KedroAsgiError):
    """A session is used in a way that it does not allow (SES-9, SES-19)."""


class AsyncGeneratorNodeError(KedroAsgiError, ValueError):
    """A generator node cannot have its outputs saved all at a time (RUN-22)."""

    kedro_type = "ValueError"

    def __init__(self, node: str) -> None:
        self.node = node
        super().__init__(
            "Async data loading and saving does not work with nodes wrapping generator functions. "
            f"Run node '{node}' without 'is_async'."
        )


class UnpicklableNodesError(KedroAsgiError, AttributeError):
    """Functions of nodes cannot be sent to another process (RUN-37)."""

    kedro_type = "AttributeError"

    def __init__(self, nodes: Iterable[str]) -> None:
        self.nodes = list(nodes)
        super().__init__(
            f"The following nodes cannot be serialised: [{', '.join(self.nodes)}]. A function that runs in another "
            "process must be importable: defined at the top of a module, and no lambda."
        )


class SingleProcessDatasetsError(KedroAsgiError, AttributeError):
    """Datasets that would have to go to other processes cannot (RUN-36)."""

    kedro_type = "AttributeError"

    def __init__(self, datasets: Iterable[str]) -> None:
        self.datasets = list(datasets)
        super().__init__(
            f"The following datasets cannot be used with multiprocessing: {self.datasets}. Their classes cannot be "
            "pickled, or say themselves that they are for one process (_SINGLE_PROCESS)."
        )


class UnserialisableDataError(DatasetError):
    """An input or an output of a node cannot be sent to or from another process (RUN-41, CAT-46)."""

    kedro_type = "DatasetError"

    def __init__(self, dataset: str, kind: type, node: str) -> None:
        self.dataset, self.node = dataset, node
        super().__init__(
            f"{dataset}: {kind} cannot be serialised, so node '{node}' cannot run in another process. ParallelRunner "
            "implicit memory datasets can only be used with serialisable data."
        )


class RemoteNodeError(KedroAsgiError):
    """A node in another process raised an error that cannot be sent here; it is told by name (RUN-40)."""

    def __init__(self, error: BaseException) -> None:
        self.error_type = error_type(error)
        super().__init__(
            f"{self.error_type}: {error} (an error of this class cannot be sent between processes: it takes other "
            "arguments than the ones it hands to Exception)"
        )


class NotCallableThereError(KedroAsgiError, AttributeError):
    """A node, or data for it, cannot be imported in another process."""

    kedro_type = "AttributeError"

    def __init__(self, error: Exception) -> None:
        super().__init__(
            f"{error_type(error)}: {error} (a function that runs in another process, and the classes of its inputs, "
            "must be importable there: not from a notebook, nor from a script's own body)"
        )


class UnreadableAnswerError(DatasetError):
    """What a node in another process returned cannot be read here."""

    kedro_type = "DatasetError"

    def __init__(self, node: str, error: Exception) -> None:
        self.node = node
        super().__init__(
            f"What node '{node}' returned in another process cannot be read in this one: {error_type(error)}: {error}"
        )


class WorkerDiedError(KedroAsgiError, RuntimeError):
    """A worker process ended while it ran a node: killed, out of memory, or by a call that ends processes.

    ``exit_code`` is negative for a signal; ``None`` if it is unknown.
    """

    kedro_type = "BrokenProcessPool"

    def __init__(self, node: str, *, exit_code: int | None, was_ready: bool) -> None:
        self.node, self.exit_code = node, exit_code
        hint = (
            ""
            if was_ready or exit_code != 1
            else " It had not answered yet: if a script of yours starts the run, the script must do so below "
            "'if __name__ == \"__main__\":', since worker processes import it."
        )
        super().__init__(
            f"A worker process ended abruptly while node '{node}' was running: {_ending(exit_code)}.{hint}"
        )


def _ending(exit_code: int | None) -> str:
    if exit_code is None:
        return "why is not known"
    if exit_code >= 0:
        return f"it left with exit code {exit_code}"
    name = _signal_name(-exit_code)
    return f"it was ended by {name}{', as happens where memory runs out' if name == 'SIGKILL' else ''}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class HookResultError(KedroAsgiError, TypeError):
    """A ``before_node_run`` hook returned something that is no mapping of inputs (HOOK-11)."""

    kedro_type = "TypeError"

    def __init__(self, answer: object) -> None:
        super().__init__(
            "'before_node_run' must return either None or a dictionary mapping dataset names to updated values, "
            f"got '{type(answer).__name__}' instead."
        )


class PluginError(KedroAsgiError, ImportError):
    """The hooks of an installed distribution cannot be imported (HOOK-9)."""

    kedro_type = "ImportError"

    def __init__(self, distribution: str, target: str, cause: Exception) -> None:
        self.distribution = distribution
        super().__init__(
            f"The hooks of plugin '{distribution}' cannot be imported from '{target}': "
            f"{type(cause).__name__}: {cause}. Name it in DISABLE_HOOKS_FOR_PLUGINS of settings.py to do without."
        )


class LoaderCheckError(KedroAsgiError, ValueError):
    """A value of a caller reaches where none may, in configuration that the project's own loader reads (Q-19)."""

    kedro_type = "InterpolationResolutionError"


class RunnerInstanceError(KedroSessionError):
    """A session was given a runner's class, or its name, where an instance belongs (SES-9)."""

    kedro_type = "KedroSessionError"

    def __init__(self, session_type: str) -> None:
        super().__init__(
            f"{session_type} expect an instance of Runner instead of a class."
            "Have you forgotten the `()` at the end of the statement?"
        )


class SessionUsedError(KedroSessionError):
    """A `KedroSession` has had its one run (SES-19)."""

    kedro_type = "KedroSessionError"

    def __init__(self, session_type: str) -> None:
        super().__init__(
            f"A run has already been completed as part of the active {session_type}. "
            f"{session_type} has a 1-1 mapping with runs: create a new one for the next run."
        )


class StoreError(KedroAsgiError, ValueError):
    """A session store cannot be made of ``SESSION_STORE_CLASS`` and ``SESSION_STORE_ARGS`` (SES-16)."""

    kedro_type = "ValueError"


class RunnerNotAllowedError(KedroAsgiError, ValueError):
    """A request names a runner from a module outside the allowlist (SRV-25)."""

    kedro_type = "ValueError"

    def __init__(self, module: str) -> None:
        self.module = module
        super().__init__(
            f"Runner module '{module}' is not allowed. Only 'kedro.runner', the project package, or modules "
            "listed in 'RUNNER_MODULE_ALLOWLIST' via settings.py are permitted."
        )


class UnknownRunnerError(KedroAsgiError, AttributeError):
    """A request names a runner that does not exist (SRV-26)."""

    kedro_type = "AttributeError"

    def __init__(self, module: str, name: str) -> None:
        super().__init__(f"module '{module}' has no attribute '{name}'")


class NotARunnerError(KedroAsgiError, ValueError):
    """A request names something that is no runner (SRV-25)."""

    kedro_type = "ValueError"

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(
            f"Runner '{path}' is not a subclass of AbstractRunner. Only AbstractRunner subclasses are permitted."
        )


class UnknownDatasetsError(DatasetNotFoundError):
    """``inputs`` or ``outputs`` of a run name datasets that its pipeline does not use."""

    kedro_type = "DatasetNotFoundError"

    def __init__(self, argument: str, names: Iterable[str], known: Iterable[str]) -> None:
        self.argument = argument
        self.names = sorted(names)
        known = sorted(known)
        matches = [match for name in self.names for match in close_matches(name, known)]
        hint = f" Did you mean {', '.join(map(repr, matches))}?" if matches else ""
        super().__init__(f"'{argument}' names dataset(s) {self.names} that this run does not use.{hint}")


class ProducedInputError(DatasetError):
    """``inputs`` of a run name a dataset that one of its own nodes produces."""

    kedro_type = "DatasetError"

    def __init__(self, name: str, node: str) -> None:
        self.name = name
        self.node = node
        super().__init__(
            f"'inputs' names dataset '{name}', which node '{node}' of this run produces. "
            f"Start behind it with from_inputs=['{name}'], or leave it out."
        )


class InputTableError(DatasetError):
    """``inputs`` of a run hold something in place of a dataset that cannot become the frame that it stands for."""

    kedro_type = "DatasetError"

    def __init__(self, name: str, library: str, reason: str) -> None:
        self.name = name
        self.library = library
        self.reason = reason
        super().__init__(f"Input '{name}' cannot become a table of {library}: {reason}")


class UnknownPreloadError(KedroAsgiError, ValueError):
    """``preload`` names or matches no dataset of the catalog."""

    kedro_type = "ValueError"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name = name
        self.matches = close_matches(name, known)
        hint = f" Did you mean {', '.join(map(repr, self.matches))}?" if self.matches else ""
        super().__init__(f"'preload' names '{name}', but the catalog has no such dataset.{hint}")


class PreloadError(DatasetError):
    """A dataset that is to be shared by all runs cannot be loaded."""

    kedro_type = "DatasetError"

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"Cannot preload '{name}': {reason}")


class UnencodableOutputError(KedroAsgiError, TypeError):
    """A dataset that a request asked for cannot be written as JSON."""

    kedro_type = "TypeError"

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        super().__init__(f"Output '{name}' cannot be encoded as JSON: {reason}")


# --- runs as resources (dispatch) ---


class RunStoppedError(KedroAsgiError):
    """A run was stopped before its end; raised within the run, between its nodes or in what a node awaits."""

    status: ClassVar[str] = "cancelled"


class RunCancelledError(RunStoppedError):
    """A run was cancelled."""

    def __init__(self, reason: str = "The run was cancelled.") -> None:
        super().__init__(reason)


class RunTimedOutError(RunStoppedError):
    """A run took longer than it was given."""

    status = "timed_out"

    def __init__(self, timeout_seconds: float) -> None:
        self.timeout_seconds = timeout_seconds
        super().__init__(f"The run took longer than {timeout_seconds:g} seconds.")


class RunInterruptedError(RunStoppedError):
    """A run's server died under it."""

    status = "interrupted"

    def __init__(self, reason: str = "The server that had the run ended before the run did.") -> None:
        super().__init__(reason)


class DispatchError(KedroAsgiError):
    """Root of what keeps a run from being accepted, found or answered for."""


class QueueFullError(DispatchError):
    """As many runs as are allowed are running and waiting; try again after ``retry_after_seconds``."""

    def __init__(self, *, running: int, queued: int, retry_after_seconds: int) -> None:
        self.running = running
        self.queued = queued
        self.retry_after_seconds = retry_after_seconds
        super().__init__(f"{running} runs are running and {queued} are waiting: no further one is accepted now.")


class DrainingError(DispatchError):
    """The server is about to end and accepts no run."""

    def __init__(self) -> None:
        super().__init__("The server is shutting down and accepts no further runs.")


class NoThreadError(DispatchError):
    """A run could not begin, since the system lets the process start no further thread."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"There is no thread for the run: {reason}. The system limits how many this process may have.")


class RoomOpenError(DispatchError):
    """A room of runs is opened for a block, and is open already."""

    def __init__(self) -> None:
        super().__init__(
            "The room of runs is open already: for another block, or for a call that needed it, until its event loop "
            "ends. Enter the block first, or make another Dispatcher."
        )


class StoreUnavailableError(DispatchError):
    """The store of runs cannot be read or written now, so nothing can be promised."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"The store of runs is not available: {reason}")


class StoreVersionError(DispatchError):
    """A store was written by a newer version of kedro-asgi."""

    def __init__(self, store: str, found: int, known: int) -> None:
        self.found = found
        self.known = known
        super().__init__(
            f"The store of runs {store} has schema version {found}, and this version of kedro-asgi knows {known}. "
            "Upgrade kedro-asgi, or name another store."
        )


class PolicyError(DispatchError, ValueError):
    """What a room of runs is to allow makes no sense."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"The policy of runs cannot be used: {problem}")


class StoreUrlError(DispatchError, ValueError):
    """The URL of a store cannot be used."""

    def __init__(self, url: str, problem: str) -> None:
        super().__init__(f"The store '{url}' cannot be used: {problem}")


class RunNotFoundError(DispatchError, LookupError):
    """No run of that id is known; it may be so old that it was forgotten."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        super().__init__(f"There is no run '{run_id}'.")


class OutputNotFoundError(DispatchError, LookupError):
    """A run keeps no output of that name."""

    def __init__(self, run_id: str, name: str, kept: Iterable[str]) -> None:
        self.run_id = run_id
        self.name = name
        self.kept = tuple(kept)
        hint = f"It keeps {', '.join(map(repr, self.kept))}." if self.kept else "It keeps none."
        super().__init__(f"Run '{run_id}' keeps no output '{name}'. {hint}")


class RunNotEndedError(DispatchError):
    """An output was asked for before its run ended."""

    def __init__(self, run_id: str, status: str) -> None:
        self.run_id = run_id
        self.status = status
        super().__init__(f"Run '{run_id}' is {status}: it has no outputs yet.")


class KeyReusedError(DispatchError):
    """An idempotency key came again with another order."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"The idempotency key '{key}' was used for another run. Use a new key for a new run.")


class UnstorableOrderError(DispatchError, TypeError):
    """An order holds a value of a wrong type or without a JSON form, so it could not outlive this process."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The run cannot be stored: {reason}")


# --- server and client (SRV) ---


class ServerSettingsError(KedroAsgiError):
    """The server was given no project, or one that does not exist (SRV-3)."""


# --- the starter project ---


class LoggingConfigError(KedroAsgiError, ValueError):
    """A project's logging configuration cannot be used (PRJ-37, PRJ-38)."""

    kedro_type = "ValueError"

    def __init__(self, file: Path, problem: str) -> None:
        self.file = file
        super().__init__(f"Logging configuration '{file}': {problem}")


class StarterError(KedroAsgiError, ValueError):
    """A new project cannot be written: its name or its folder cannot be used."""


class ClientError(KedroAsgiError):
    """Root of what the client raises."""


class ServerUnreachableError(ClientError):
    """No answer came: no connection, a broken one, or none in time."""

    def __init__(self, base_url: str, reason: str) -> None:
        self.base_url = base_url
        super().__init__(f"No answer from {base_url}: {reason}")


class ServerStatusError(ClientError):
    """The server refused, with an HTTP status other than 200."""

    def __init__(self, status_code: int, body: str) -> None:
        self.status_code = status_code
        self.body = body
        said = "a web page; is it a kedro-asgi server?" if body.lstrip().startswith("<") else body[:500]
        super().__init__(f"The server answered {status_code}: {said}")


class InvalidRequestError(ServerStatusError):
    """The server does not take a request of this shape (422)."""

    def __init__(self, body: str) -> None:
        super().__init__(422, body)


class ProblemError(ServerStatusError):
    """The server refused and said why; ``type`` is stable, ``retry_after_seconds`` says when to come back."""

    def __init__(self, status_code: int, type_: str, detail: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(status_code, detail)
        self.type = type_
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds


class UnencodableRequestError(ClientError, TypeError):
    """A request holds a value that JSON does not know; nothing was sent."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The request cannot be encoded as JSON: {reason}")


class InvalidAnswerError(ClientError):
    """What answered is not a kedro-asgi server, or one of another kind."""

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        super().__init__(f"The answer of {url} cannot be read: {reason}")


class ProjectFailedError(ClientError):
    """The server's project cannot be shown; ``type`` and ``message`` are the server's error."""

    def __init__(self, type_: str, message: str) -> None:
        self.type = type_
        self.message = message
        super().__init__(f"{type_}: {message}")


class RunFailedError(ProjectFailedError):
    """A run failed on the server; ``type`` and ``message`` are the run's error."""

    def __init__(self, run_id: str, type_: str, message: str) -> None:
        self.run_id = run_id
        super().__init__(type_, message)
