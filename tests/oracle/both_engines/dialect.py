"""Turns a project that imports Kedro into the same project that imports ours."""

import re
import textwrap

from both_engines.cases import Files

_MODULES = {
    "kedro.framework.session": "kedro_asgi.session",
    "kedro.framework.session.store": "kedro_asgi.session",
    "kedro.framework.context": "kedro_asgi.session",
    "kedro.framework.startup": "kedro_asgi.project",
    "kedro.framework.project": "kedro_asgi.project",
    "kedro.framework.hooks": "kedro_asgi.hooks",
    "kedro.utils": "kedro_asgi.project",
    "kedro.pipeline": "kedro_asgi.pipeline",
    "kedro.io": "kedro_asgi.io",
    "kedro.io.core": "kedro_asgi.io",
    "kedro.runner": "kedro_asgi.runner",
    "kedro.config": "kedro_asgi.config",
    "kedro.server.http_server": "kedro_asgi.server",
}
_IMPORT = re.compile(r"^(\s*from )(kedro(?:\.\w+)+)( import )", re.MULTILINE)
_NAMES = {"OmegaConfigLoader": "ConfigLoader"}


def ours(source: str) -> str:
    """Return Python source with the imports of Kedro replaced; raises ``KeyError`` for one that has no counterpart."""
    source = _IMPORT.sub(lambda found: found[1] + _MODULES[found[2]] + found[3], source)
    for theirs, mine in _NAMES.items():
        source = re.sub(rf"\b{theirs}\b", mine, source)
    return source


def written(files: Files, *, package: str, engine: str) -> dict[str, str]:
    """Return the files of a project for ``engine``, with its imports and the package's name."""
    texts = {}
    for path, text in files.items():
        if text is None:
            continue
        text = textwrap.dedent(text)
        if engine == "kedro_asgi" and path.endswith(".py"):
            text = ours(text)
        texts[path.replace("{package}", package)] = text.replace("{package}", package)
    return texts
