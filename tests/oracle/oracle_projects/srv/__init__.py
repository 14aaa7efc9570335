"""The HTTP server."""

from oracle_projects.srv.broken import BROKEN
from oracle_projects.srv.environments import ENVIRONMENTS
from oracle_projects.srv.failures import ENDING, LAB
from oracle_projects.srv.rich import RICH
from oracle_projects.srv.tiny import TINY

PROJECTS = (ENVIRONMENTS, TINY, RICH, LAB, *ENDING, *BROKEN)
