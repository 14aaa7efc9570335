"""The modules of a package that hold pipelines, by the layout of its folders."""

from importlib import import_module
from importlib.resources import files


def pipeline_modules(package_name: str) -> list[str]:
    """Return the names of the folders in ``<package>/pipelines``, sorted (Q-12)."""
    folder = files(package_name) / "pipelines"
    if not folder.is_dir():
        return []
    return sorted(
        entry.name
        for entry in folder.iterdir()
        if entry.is_dir() and entry.name != "__pycache__" and not entry.name.startswith(".")
    )


def import_error(package_name: str, name: str) -> Exception | None:
    """Return the error of importing the pipeline module ``name``, or ``None`` if it can be imported."""
    try:
        import_module(f"{package_name}.pipelines.{name}")
    except Exception as error:  # a module may raise anything while it is imported
        return error
    return None
