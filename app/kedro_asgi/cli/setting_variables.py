"""Settings of a command as the variables that its processes read."""

import os

Setting = str | int | list[str] | None


def set_variables(**settings: Setting) -> None:
    """Set the variable ``KEDRO_SERVER_…`` of each name; ``None`` leaves a variable unchanged."""
    for name, value in settings.items():
        if value is not None:
            os.environ[f"KEDRO_SERVER_{name.upper()}"] = ",".join(value) if isinstance(value, list) else str(value)
