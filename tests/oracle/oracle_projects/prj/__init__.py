"""Projects."""

from both_engines.cases import Project, project_files

from oracle_projects.prj.cases import REGISTRY, TINY
from oracle_projects.prj.metadata import DISCOVERY, METADATA
from oracle_projects.prj.registry import REGISTRIES
from oracle_projects.prj.settings import SETTINGS
from oracle_projects.prj.template import TEMPLATE

PROJECT = Project(
    name="prj",
    files=project_files(REGISTRY, TINY),
    cases=(*METADATA, *DISCOVERY, *SETTINGS, *REGISTRIES),
    varied={"a": (1, 2, 3), "b": (10, 20)},
)

PROJECTS = (PROJECT, TEMPLATE)
