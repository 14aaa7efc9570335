"""Nodes and pipelines."""

from both_engines.cases import Project

from oracle_projects.pip.nodes import NODES
from oracle_projects.pip.pipelines import PIPELINES, SELECTION
from oracle_projects.pip.reuse import REUSE
from oracle_projects.pip.slices import SLICES

RULES = Project(name="pip", files={}, cases=(*NODES, *PIPELINES, *SELECTION, *REUSE))

PROJECTS = (RULES, SLICES)
