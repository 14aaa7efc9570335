"""The script that draws figures of plotly: the installed plotly brings it, and a project without figures needs none."""

from importlib.util import find_spec
from pathlib import Path


def find_plotly_script() -> Path | None:
    """Return the file of the installed plotly, which this does not import; reads folders."""
    found = find_spec("plotly")
    if found is None or found.origin is None:
        return None
    script = Path(found.origin).parent / "package_data" / "plotly.min.js"
    return script if script.is_file() else None
