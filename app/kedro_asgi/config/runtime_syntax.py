"""Runtime parameters as they are written on a command line and in a query (SRV-49, SRV-50)."""

from typing import Any

from kedro_asgi.config.yaml_loader import parse_value
from kedro_asgi.errors import ParamsSyntaxError


def parse_params(text: str) -> dict[str, Any]:
    """Return what ``a=1,model.lr=0.01`` says; raises `ParamsSyntaxError`, a ``ValueError``.

    Values are YAML; dots in keys nest; later keys win.
    """
    params: dict[str, Any] = {}
    for item in filter(None, map(str.strip, text.split(","))):
        key, equals, value = item.partition("=")
        names = key.strip().split(".")
        if not equals or not all(names):
            raise ParamsSyntaxError(item)
        _put(params, names, _value(item, value))
    return params


def _value(item: str, text: str) -> Any:
    try:
        return parse_value(text)
    except ValueError as error:
        raise ParamsSyntaxError(item, str(error)) from None


def _put(params: dict[str, Any], names: list[str], value: Any) -> None:
    for name in names[:-1]:
        inner = params.get(name)
        if not isinstance(inner, dict):
            inner = params[name] = {}
        params = inner
    params[names[-1]] = value
