"""Errors of configuration files, environments, interpolation and runtime parameters."""

import yaml

from kedro_asgi.errors.base import KedroAsgiError, ReportedAsBase
from kedro_asgi.errors.wording import shortened


class ConfigError(KedroAsgiError):
    """Root of all errors in a project's configuration."""


class MissingConfigException(ConfigError):
    """The project has no file for a configuration key."""


class MissingEnvironmentError(ReportedAsBase, MissingConfigException):
    """The folder of an environment, or the whole source, is missing."""

    def __init__(self, location: str) -> None:
        self.location = location
        super().__init__(f"Given configuration path either does not exist or is not a valid directory: {location}")


class BadConfigException(ConfigError):
    """A configuration file has the wrong shape."""


class ConfigShapeError(ReportedAsBase, BadConfigException, AttributeError):
    """A configuration file holds no mapping, or a top-level key that is no text."""


class KeyValidationError(BadConfigException, ValueError):
    """A key in a configuration file is neither text nor a number nor a boolean."""


class ConfigEncodingError(BadConfigException, ValueError):
    """A configuration file is not UTF-8."""

    kedro_type = "UnicodeDecodeError"


class DuplicateKeysError(ReportedAsBase, BadConfigException, ValueError):
    """Two files of one environment define the same key."""


class InvalidEnvError(ReportedAsBase, ConfigError, ValueError):
    """The name of an environment could lead out of the configuration folder (Q-8)."""

    def __init__(self, env: str) -> None:
        self.env = env
        super().__init__(
            f"Invalid env value '{env}': must contain only letters, digits, dots, hyphens, and underscores, "
            "but neither '..' nor dots alone."
        )


class MergeStrategyError(ReportedAsBase, ConfigError, ValueError):
    """``merge_strategy`` is neither ``destructive`` nor ``soft``."""

    def __init__(self, strategy: str) -> None:
        self.strategy = strategy
        super().__init__(f"Merging strategy {strategy} not supported. Use 'destructive' or 'soft'.")


class UnknownConfigKeyError(ReportedAsBase, ConfigError, KeyError):
    """The configuration loader has no file patterns for a key."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"No config patterns were found for '{key}' in your config loader")


class FilePatternError(ReportedAsBase, ConfigError, ValueError):
    """A pattern of ``config_patterns`` has ``**`` within a name."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        super().__init__(f"Invalid pattern '{pattern}' for configuration files: '**' must stand alone between slashes.")


class ConfigSourceError(ConfigError, ValueError):
    """A configuration source cannot be read."""


class YamlError(BadConfigException, yaml.MarkedYAMLError):
    """A configuration file is not valid YAML here (CFG-16). ``line`` and ``column`` count from 1.

    ``problem_mark`` is the place as PyYAML gives it, where they count from 0.
    """

    def __init__(self, problem: str, *, file: str, line: int, column: int) -> None:
        mark = yaml.Mark(file, 0, line - 1, column - 1, None, 0)
        yaml.MarkedYAMLError.__init__(self, problem=problem, problem_mark=mark)
        self.file, self.line, self.column = file, line, column
        place = f"line {line}, position {column}"
        super().__init__(f"Invalid YAML or JSON file {file}, unable to read {place}. ({problem})")

    def __str__(self) -> str:
        # PyYAML's errors make a text from their marks.
        return "".join(self.args[:1])


class ParserError(YamlError, yaml.parser.ParserError):
    """A configuration file is not well-formed YAML or JSON."""


class ReaderError(ParserError, yaml.reader.ReaderError):
    """A configuration file holds characters that YAML does not allow."""


class ComposerError(YamlError, yaml.composer.ComposerError):
    """A configuration file holds several documents, or an alias without an anchor."""


class ConstructorError(YamlError, yaml.constructor.ConstructorError):
    """A configuration file repeats a key, or holds a value of an unsupported type."""


class InterpolationError(ConfigError):
    """Root of all errors in interpolated strings; ``full_key``, ``file`` and ``line`` locate the string."""

    def __init__(self, problem: str, *, full_key: str = "", file: str = "", line: int = 0) -> None:
        self.problem, self.full_key, self.file, self.line = problem, full_key, file, line
        where = f"\n    full_key: {full_key}" if full_key else ""
        super().__init__(problem + where + (f"\n    file: {file}, line {line}" if file else ""))


class GrammarParseError(InterpolationError):
    """An interpolated string cannot be parsed."""


class InterpolationResolutionError(InterpolationError, ValueError):
    """An interpolated string has no value, or a value that is not allowed there (CFG-56)."""


class InterpolationKeyError(InterpolationResolutionError):
    """An interpolated string refers to a key that does not exist."""


class InterpolationToMissingValueError(InterpolationResolutionError):
    """An interpolated string refers to the value ``???``."""


class UnsupportedInterpolationType(InterpolationResolutionError):
    """An interpolated string calls a resolver that does not exist."""


class CallerValueError(KedroAsgiError, ValueError):
    """With the project's own configuration loader, a caller's value reaches a place where none is allowed (Q-19)."""

    kedro_type = "InterpolationResolutionError"


class ParamsSyntaxError(ReportedAsBase, ConfigError, ValueError):
    """Runtime parameters were not written as ``key=value`` pairs."""

    def __init__(self, item: str, problem: str = "") -> None:
        self.item = item
        shown = shortened(item, 100)
        super().__init__(
            f"Invalid 'params' value: '{shown}'. Expected comma-separated key=value pairs"
            + (f" ({problem})." if problem else ", for example 'model.lr=0.01,seed=5'.")
        )
