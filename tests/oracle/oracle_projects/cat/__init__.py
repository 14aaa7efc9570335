"""Datasets and catalogs."""

from both_engines.cases import Project

from oracle_projects.cat.api import API
from oracle_projects.cat.classes import CLASSES
from oracle_projects.cat.custom import SOURCE
from oracle_projects.cat.entries import CREDENTIALS, ENTRIES
from oracle_projects.cat.memory import MEMORY
from oracle_projects.cat.patterns import PATTERNS
from oracle_projects.cat.runs import RUNS
from oracle_projects.cat.versions import VERSIONS

CATALOG = Project(
    name="cat",
    files={"custom.py": SOURCE},
    cases=(*ENTRIES, *CREDENTIALS, *PATTERNS, *VERSIONS, *MEMORY, *CLASSES, *API),
)

PROJECTS = (CATALOG, RUNS)
