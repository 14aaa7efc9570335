"""Hooks."""

from oracle_projects.hook.changes import CHANGES
from oracle_projects.hook.sequences import SEQUENCES

PROJECTS = (SEQUENCES, CHANGES)
