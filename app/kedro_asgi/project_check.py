"""Find what is wrong in a project before any run does: broken modules of pipelines, typing errors in the catalog."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from kedro_asgi.errors import InterpolationError, KedroAsgiError
from kedro_asgi.errors.wording import close_matches, suggestion
from kedro_asgi.failures import failure_sentence
from kedro_asgi.io import CatalogResolver
from kedro_asgi.pipeline import Pipeline
from kedro_asgi.plan import Planner
from kedro_asgi.reserved_names import is_parameter
from kedro_asgi.runs import NO_PARAMS


class ProjectProblems(msgspec.Struct, frozen=True, kw_only=True):
    """The pipelines and datasets that cannot be used, by name, each with the reason in one line.

    ``is_any_runnable`` is false where no pipeline is left that a run could execute.
    """

    pipelines: Mapping[str, str] = {}
    datasets: Mapping[str, str] = {}
    is_any_runnable: bool = True

    def lines(self) -> list[str]:
        """Return a line for each problem, for people."""
        kinds = (("pipeline", self.pipelines), ("dataset", self.datasets))
        return [f"{kind} '{name}': {problem}" for kind, found in kinds for name, problem in found.items()]


def find_problems(planner: Planner) -> ProjectProblems:
    """Check the pipelines of the project, and the catalog entries that they use; constructs no dataset.

    It checks no values that only a run brings, and none that a project's own configuration loader returns. Raises the
    errors that every run would raise.
    """
    registered = planner.project.pipelines.load().values()
    broken = {name: failure_sentence(error) for name, error in planner.project.pipelines.broken().items()}
    return ProjectProblems(
        pipelines=broken,
        datasets={} if planner.custom_loader is not None else dict(_dataset_problems(planner.resolver, registered)),
        is_any_runnable=not broken or any(pipeline.nodes for pipeline in registered),
    )


def _dataset_problems(resolver: CatalogResolver, pipelines: Iterable[Pipeline]) -> Iterator[tuple[str, str]]:
    used = {name for pipeline in pipelines for name in pipeline.datasets() if not is_parameter(name)}
    inputs = {name for pipeline in pipelines for name in pipeline.inputs()}
    unused = [name for name in resolver.names() if name not in used]
    for name in sorted(used):
        problem = _entry_problem(resolver, name)
        if problem is None and name in inputs and not resolver.matches(name):
            problem = _missing_entry(name, unused)
        if problem is not None:
            yield name, problem


def _entry_problem(resolver: CatalogResolver, name: str) -> str | None:
    builder = resolver.builder(name)
    try:
        if builder is not None:
            builder.check_constructor(NO_PARAMS)
    except InterpolationError:
        # A run may bring the value.
        return None
    except KedroAsgiError as error:
        return failure_sentence(error)
    return None


def _missing_entry(name: str, unused: Iterable[str]) -> str | None:
    """A run may bring an input that has no entry, so only one whose name resembles an unused entry is a problem."""
    matches = close_matches(name, unused)
    return f"The catalog has no entry of this name, which no node produces.{suggestion(matches)}" if matches else None
