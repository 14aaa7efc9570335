"""Finds out before a run begins that it could not."""

from kedro_asgi.errors import KedroAsgiError, PipelineNotFoundError
from kedro_asgi.errors.wording import one_line, suggestion
from kedro_asgi.failures import failure_sentence
from kedro_asgi.plan import Planner
from kedro_asgi.runner.lookup import find_runner
from kedro_asgi.runs import RunSpec


def run_problem(planner: Planner, spec: RunSpec) -> str | None:
    """Return what ``spec`` names that does not exist, as a sentence: a pipeline, a node, a dataset, a runner.

    Reads no configuration. The project's registry can be loaded. A pipeline that cannot be imported is a problem of the
    project, and not of ``spec``.
    """
    project = planner.project
    try:
        planner.plan(spec.slice).checked_inputs(spec)
        if spec.runner is not None:
            allowlist = project.settings.runner_module_allowlist
            find_runner(spec.runner, package_name=project.package_name, allowlist=allowlist)
    except PipelineNotFoundError as error:
        return None if error.problem else f"there is no pipeline '{error.name}'.{suggestion(error.matches)}"
    except KedroAsgiError as error:
        return one_line(str(error))
    except Exception as error:  # a module of the project that has the runner may raise anything
        return failure_sentence(error)
    return None
