"""The IPython extension ``kedro_asgi.ipython``: a project in a notebook."""

from kedro_asgi.ipython.completion import offer_names
from kedro_asgi.ipython.displays import show_objects
from kedro_asgi.ipython.magics import ProjectMagics
from kedro_asgi.ipython.shell import Shell
from kedro_asgi.ipython.tracebacks import fold_tracebacks


def load_ipython_extension(shell: Shell) -> None:
    """Register the magics, and open the project around the working directory if there is one (``%load_ext``)."""
    magics = ProjectMagics(shell)
    magics.register()
    offer_names(shell)
    show_objects(shell)
    fold_tracebacks(shell)
    magics.open_enclosing_project()
