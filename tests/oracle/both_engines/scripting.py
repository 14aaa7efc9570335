"""The project that a case's script gets, and short ways of using it."""

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from both_engines.encoding import Encoder
from both_engines.hosts import Host


class Opened:
    """A project in a folder, on one engine."""

    def __init__(self, host: Host, path: Path, package: str) -> None:
        self.path = path
        self.package = package
        self._host = host
        self._encoder = Encoder(path)

    def bootstrap(self) -> Any:
        """Bootstrap the project and return its metadata."""
        return self._host.project.bootstrap_project(self.path)

    def service(self, **create: Any) -> Any:
        """Return a session for many runs."""
        self.bootstrap()
        return self._host.session.KedroServiceSession.create(**{"project_path": self.path, **create})

    def single(self, **create: Any) -> Any:
        """Return a session for one run."""
        self.bootstrap()
        return self._host.session.KedroSession.create(**{"project_path": self.path, **create})

    def run(self, session: Any, **arguments: Any) -> dict[str, Any]:
        """Run and return the data of the free outputs."""
        return loaded(session.run(**arguments))

    def raised(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> dict[str, Any]:
        """Call and return the value, or type and message of the error."""
        try:
            return {"value": self._encoder.value(function(*arguments, **named))}
        except Exception as error:
            return {"error": self._host.error_type(error), "message": self._encoder.text(str(error))}

    def write(self, path: str, text: str) -> None:
        """Write a file below the project's folder."""
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def tell(self, error: BaseException) -> list[Any]:
        """Return the types of an error and of its causes."""
        chain = []
        link: BaseException | None = error
        while link is not None:
            chain.append(self._host.error_type(link))
            link = link.__cause__
        return chain


def loaded(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of datasets."""
    return {name: dataset.load() for name, dataset in sorted(result.items())}


def run_script(host: Host, body: str, project: Opened) -> Any:
    """Run the body of a function of ``project`` and return what it returns."""
    text = textwrap.indent(textwrap.dedent(body), "    ").replace("{package}", project.package)
    scope: dict[str, Any] = {"__name__": "__script__"}
    exec(compile(host.source(f"def case(project):\n{text}\n"), "<script>", "exec"), scope)
    return scope["case"](project)
