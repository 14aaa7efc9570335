"""The syntax of runtime parameters on a command line and in a query."""

from kedro_asgi.config.yaml_loader import parse_value
from kedro_asgi.configuration_tree import ConfigMapping, ConfigValue
from kedro_asgi.errors import ParamsSyntaxError


def parse_params(text: str) -> ConfigMapping:
    """Return the values of a text such as ``a=1,model.lr=0.01``; raises `ParamsSyntaxError`, a ``ValueError``.

    Values are YAML; dots in keys nest; later keys win.
    """
    params: ConfigMapping = {}
    for item in filter(None, map(str.strip, text.split(","))):
        key, equals, value = item.partition("=")
        names = key.strip().split(".")
        if not equals or not all(names):
            raise ParamsSyntaxError(item)
        _put(params, names, _value(item, value))
    return params


def _value(item: str, text: str) -> ConfigValue:
    try:
        return parse_value(text)
    except ValueError as error:
        raise ParamsSyntaxError(item, str(error)) from None


def _put(params: ConfigMapping, names: list[str], value: ConfigValue) -> None:
    for name in names[:-1]:
        inner = params.get(name)
        if not isinstance(inner, dict):
            inner = params[name] = {}
        params = inner
    params[names[-1]] = value
