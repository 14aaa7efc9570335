"""The context of a run: configuration, parameters and catalog."""

from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import msgspec
import pluggy

from kedro_asgi.catalogs import MakeCatalog, create_catalog
from kedro_asgi.config import LoadedConfig
from kedro_asgi.errors import KedroContextError as KedroContextError
from kedro_asgi.hooks import implemented
from kedro_asgi.io import DataCatalogWithCatalogCommandsMixin
from kedro_asgi.io.copying import copy_parameters, deep_copy
from kedro_asgi.runs import RuntimeParams
from kedro_asgi.session.configuration import LoaderConfiguration, RunConfiguration
from kedro_asgi.validation import Validate, ValidatedParameters, unchecked


class _SeenParameters(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Parameters that a hook may have changed, and the ones that they were made of."""

    raw: Mapping[str, Any]
    params: dict[str, Any]


class KedroContext:
    """The context of one run; hooks may add attributes, change ``params`` and what ``config_loader`` says.

    ``params`` are this context's own; a catalog gets them as they are when it is made, and each ``catalog`` is new. A
    context that is made by itself reads its ``config_loader``; a session lets it `adopt` the compiled configuration.
    """

    def __init__(
        self,
        project_path: str | Path,
        config_loader: MutableMapping[str, Any],
        env: str | None,
        package_name: str,
        hook_manager: pluggy.PluginManager,
        runtime_params: Mapping[str, Any] | None = None,
    ) -> None:
        self.package_name = package_name
        # Widely used plugins read it under this name.
        self._package_name = package_name
        self.project_path = (project_path if isinstance(project_path, Path) else Path(project_path)).absolute()
        self.config_loader = config_loader
        self.env = env
        self._hook_manager = hook_manager
        self._runtime = RuntimeParams(
            values=deep_copy(dict(runtime_params or {})), literal=False, restrict_type_selection=False
        )
        self._make_catalog: MakeCatalog = DataCatalogWithCatalogCommandsMixin
        self._adopted: RunConfiguration | None = None
        self._validate: Validate = unchecked
        self._dataset_validation = True
        self._seen: _SeenParameters | None = None

    def adopt(
        self,
        configuration: RunConfiguration,
        runtime: RuntimeParams,
        *,
        make_catalog: MakeCatalog,
        validate: Validate,
        dataset_validation: bool,
    ) -> None:
        """Take parameters and catalog from ``configuration``, whose loader is this context's.

        ``validate`` puts models in place of parameters where nodes ask for them; ``dataset_validation`` is the setting
        of that name.
        """
        self._adopted = configuration
        self._runtime = runtime
        self._make_catalog = make_catalog
        self._validate = validate
        self._dataset_validation = dataset_validation

    @property
    def params(self) -> dict[str, Any]:
        """The parameters of this run, validated; raises `ParameterValidationError`.

        Changes of them last (PAR-19), unless a hook puts other parameters into ``config_loader`` later.
        """
        raw = self._configuration().parameters()
        if self._seen is None or self._seen.raw is not raw:
            self._seen = _SeenParameters(raw=raw, params=dict(copy_parameters(self._validate(raw).whole)))
        return self._seen.params

    @property
    def catalog(self) -> Any:
        """A new catalog of this run."""
        return self.create_catalog()

    def create_catalog(self, *, save_version: str | None = None, load_versions: Mapping[str, str] | None = None) -> Any:
        """Build a catalog with the parameters in it and call ``after_catalog_created``."""
        return create_catalog(
            self._make_catalog,
            self._configuration().resolver(),
            self._runtime,
            parameters=self._parameters,
            is_validated=self._dataset_validation,
            save_version=save_version,
            load_versions=load_versions,
            created=implemented(self._hook_manager, "after_catalog_created"),
        )

    def _get_catalog(
        self, save_version: str | None = None, load_versions: Mapping[str, str] | None = None, **_: Any
    ) -> Any:
        """Do what the method of this name does in Kedro; widely used plugins call it."""
        return self.create_catalog(save_version=save_version, load_versions=load_versions)

    def _get_config_credentials(self) -> dict[str, Any]:
        """Do what the method of this name does in Kedro; widely used plugins call it."""
        return self._configuration().resolver().credentials(self._runtime)

    def _parameters(self) -> ValidatedParameters:
        """Return parameters that all runs share, unless a hook may have changed them or a subclass makes its own."""
        if type(self).params is not KedroContext.params:
            return unchecked(self.params)
        if self._seen is None:
            return self._validate(self._configuration().parameters())
        return self._validate(copy_parameters(self.params))

    def _configuration(self) -> RunConfiguration:
        loaded = LoadedConfig(loader=self.config_loader)
        return self._adopted or LoaderConfiguration(loaded, self.project_path, self._runtime)
