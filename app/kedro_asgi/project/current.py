"""The project of this process: ``settings`` and ``pipelines``, under the names that projects import from Kedro."""

from collections.abc import Iterator, Mapping
from typing import Any

from kedro_asgi.config import ConfigLoader
from kedro_asgi.io import DataCatalog
from kedro_asgi.pipeline import Pipeline
from kedro_asgi.project.bootstrap import current_project, loaded_project
from kedro_asgi.project.project import Project
from kedro_asgi.settings import Settings

_DEFAULT_CLASSES = {"CONFIG_LOADER_CLASS": ConfigLoader, "DATA_CATALOG_CLASS": DataCatalog}


def _project() -> Project | None:
    return current_project() or loaded_project()


class CurrentSettings:
    """The settings of the project that this process configured or loaded last, by their names in ``settings.py``.

    Without a project they have their defaults. ``None`` in place of a class of contexts or session stores means ours.
    """

    def __getattr__(self, name: str) -> Any:
        project = _project()
        settings = Settings() if project is None else project.settings
        if name in settings.extras:
            return settings.extras[name]
        if not name.isupper() or name.lower() not in settings.__struct_fields__:
            raise AttributeError(f"'settings.py' has no setting '{name}'.")
        value = getattr(settings, name.lower())
        return _DEFAULT_CLASSES.get(name) if value is None else value

    def get(self, name: str, default: Any = None) -> Any:
        """Return a setting, or ``default`` if there is none of that name."""
        return getattr(self, name.upper(), default)


class CurrentPipelines(Mapping[str, Pipeline]):
    """The registered pipelines of the project that this process configured or loaded last; none without a project."""

    def __getitem__(self, name: str) -> Pipeline:
        return self._registered()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._registered())

    def __len__(self) -> int:
        return len(self._registered())

    def __repr__(self) -> str:
        return repr(dict(self._registered()))

    @staticmethod
    def _registered() -> Mapping[str, Pipeline]:
        project = _project()
        return {} if project is None else project.pipelines.load()


settings = CurrentSettings()
pipelines = CurrentPipelines()
