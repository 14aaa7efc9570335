"""Configuration."""

from both_engines.cases import Project

from oracle_projects.cfg.files import LAYOUT, PARSING, PATTERNS
from oracle_projects.cfg.guard import CACHING, GUARD
from oracle_projects.cfg.interpolation import GRAMMAR, RESOLVERS
from oracle_projects.cfg.merging import COMBINING, RUNTIME
from oracle_projects.cfg.runs import ENVIRONMENTS

CONFIG = Project(
    name="cfg",
    files={"conf/base/parameters.yml": "", "conf/base/catalog.yml": "", "conf/local/.gitkeep": ""},
    cases=(*LAYOUT, *PATTERNS, *PARSING, *COMBINING, *RUNTIME, *GRAMMAR, *RESOLVERS, *GUARD, *CACHING),
)

PROJECTS = (CONFIG, ENVIRONMENTS)
