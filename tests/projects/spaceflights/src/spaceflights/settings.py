"""How this project is run."""

from kedro.config import OmegaConfigLoader

from .hooks import CatalogAudit, RunTimer

HOOKS = (RunTimer(), CatalogAudit())

CONFIG_LOADER_CLASS = OmegaConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "custom_resolvers": {"percent": lambda value: value / 100},
}
