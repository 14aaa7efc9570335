"""Retries: how often a node or a run is tried again after an error, after which errors, and when."""

import random
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated, Self

import msgspec
from msgspec import Meta

from kedro_asgi.limits import DOTTED_NAME, MAX_DELAY_SECONDS, MAX_RETRIES
from kedro_asgi.reserved_names import DEFAULT_PIPELINE

_MAX_CAUSES = 8
# Not the module's own generator: nodes and tests that seed it expect no other thread to draw from it.
_RANDOM = random.SystemRandom()

Delay = Annotated[float, Meta(ge=0, le=MAX_DELAY_SECONDS)]
ErrorName = Annotated[str, Meta(min_length=1, max_length=255, pattern=DOTTED_NAME)]


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How often something is tried again, at most ``retries`` times, and how long it waits before each attempt.

    The first wait takes ``delay_seconds``; each further one takes ``backoff`` times as long, at most
    ``max_delay_seconds``. ``jitter`` is the part of a wait by which chance makes it longer or shorter. ``errors`` names
    the classes of errors, with or without their module; their subclasses count, and so does an error that one of them
    caused (``raise … from``).
    """

    retries: Annotated[int, Meta(ge=0, le=MAX_RETRIES)]
    delay_seconds: Delay = 1.0
    backoff: Annotated[float, Meta(ge=1, le=100)] = 2.0
    max_delay_seconds: Delay = 60.0
    jitter: Annotated[float, Meta(ge=0, le=1)] = 0.1
    errors: Annotated[tuple[ErrorName, ...], Meta(min_length=1, max_length=100)] = ("Exception",)

    def wait_seconds(self, attempt: int) -> float:
        """Return how long to wait after the failed attempt of that number, which counts from 1."""
        # A large power is infinite, and the maximum still holds.
        factor = self.backoff ** min(attempt - 1, MAX_RETRIES)
        seconds = min(self.delay_seconds * factor, self.max_delay_seconds)
        return min(seconds * (1 + self.jitter * _RANDOM.uniform(-1, 1)), MAX_DELAY_SECONDS)

    def allows(self, error: Exception, attempt: int) -> bool:
        """Whether there may be another attempt after ``error``, which ended the attempt of that number."""
        return attempt <= self.retries and any(
            _is_named(type(found), name) for found in _with_causes(error) for name in self.errors
        )


class Retries(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The retries of each node, and those of the run as a whole."""

    node: RetryPolicy | None = None
    run: RetryPolicy | None = None


class ProjectRetries(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The retries that a project configures: by pipeline, by tag of a node, and for all others."""

    default: Retries = Retries()
    pipelines: Mapping[str, Retries] = {}
    tags: Mapping[str, RetryPolicy] = {}


class EffectiveRetries(msgspec.Struct, frozen=True, kw_only=True):
    """The retries that hold for one run; ``tags`` come before ``node``."""

    run: RetryPolicy | None = None
    node: RetryPolicy | None = None
    tags: Mapping[str, RetryPolicy] = {}

    @classmethod
    def of(cls, asked: Retries | None, project: ProjectRetries | None, pipeline_names: Sequence[str]) -> Self:
        """Return what holds: what the caller asked for, else what the project says of the pipelines, else its default.

        Of several pipelines, the first that says something counts.
        """
        asked, project = asked or Retries(), project or ProjectRetries()
        named = [found for name in pipeline_names or (DEFAULT_PIPELINE,) if (found := project.pipelines.get(name))]
        candidates = [asked, *named, project.default]
        return cls(
            run=next((found.run for found in candidates if found.run is not None), None),
            node=next((found.node for found in candidates if found.node is not None), None),
            tags=project.tags if asked.node is None else {},
        )

    def of_node(self, tags: Collection[str]) -> RetryPolicy | None:
        """Return the policy for a node with these tags; of several that have one, the first in the project counts."""
        return next((policy for tag, policy in self.tags.items() if tag in tags), self.node)


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    """Yield ``error`` and what caused it: a dataset that cannot be loaded raises an error of its own."""
    found: BaseException | None = error
    for _ in range(_MAX_CAUSES):
        if found is None:
            return
        yield found
        found = found.__cause__


def _is_named(kind: type[BaseException], name: str) -> bool:
    """Whether a class, or one of its bases, has that name: bare, or dotted as it is defined or can be imported."""
    module, _, attribute = name.rpartition(".")
    if not module:
        return any(base.__name__ == name for base in kind.__mro__)
    # Only what is imported can have been raised.
    exported = getattr(sys.modules.get(module), attribute, None)
    if isinstance(exported, type) and issubclass(kind, exported):
        return True
    return any(f"{base.__module__}.{base.__qualname__}" == name for base in kind.__mro__)
