"""Runners."""

from oracle_projects.run.project import RUNS
from oracle_projects.run.runners import RUNNERS

PROJECTS = (RUNS, RUNNERS)
