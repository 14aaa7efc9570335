"""The code of a node as a cell: its inputs, what its function uses, the function and its call."""

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from types import FunctionType

import msgspec

from kedro_asgi.errors import NodeCodeError, NodeNotFoundError
from kedro_asgi.pipeline import Node, Pipeline


class _Definition(msgspec.Struct, frozen=True, kw_only=True):
    """A statement of a module that binds ``names``, with the names that it uses."""

    text: str
    names: frozenset[str]
    used: frozenset[str]
    is_import: bool = False


def find_node(name: str, pipelines: Mapping[str, Pipeline]) -> Node:
    """Return the node of that full name; raises `NodeNotFoundError`."""
    nodes = {node.name: node for pipeline in pipelines.values() for node in pipeline.nodes}
    if name not in nodes:
        raise NodeNotFoundError([name], nodes)
    return nodes[name]


def write_node_code(node: Node) -> str:
    """Return a cell that does what ``node`` does with the datasets of ``catalog``, but saves nothing.

    Raises `NodeCodeError` for a lambda, a partial, or a function that is no definition of a module.
    """
    function = _function(node)
    definitions = _definitions(node, function)
    imports = [found.text for found in definitions if found.is_import]
    code = [found.text for found in definitions if not found.is_import]
    variables = _variables(node, taken={function.__name__})
    loads = [f"{variable} = catalog.load({name!r})" for variable, name in variables.items()]
    parts = ["\n".join(["# The inputs of the node, as the catalog loads them.", *loads]) if loads else ""]
    parts += ["\n".join(imports), *code, _call(node, function, list(variables))]
    return "\n\n".join(part for part in parts if part)


def _function(node: Node) -> FunctionType:
    function = inspect.unwrap(node.func)
    if not isinstance(function, FunctionType):
        raise NodeCodeError(node.name, f"it calls a {type(node.func).__name__}, not a function.")
    if function.__qualname__ != function.__name__ or not function.__name__.isidentifier():
        raise NodeCodeError(node.name, f"'{function.__qualname__}' is not defined at the top of a module.")
    return function


def _definitions(node: Node, function: FunctionType) -> list[_Definition]:
    """Return the definition of ``function`` and those that it uses, in the order of its module."""
    module = sys.modules.get(function.__module__)
    try:
        found = list(_parse(inspect.getsource(module or function), package=getattr(module, "__package__", "") or ""))
    except (OSError, TypeError, SyntaxError) as error:
        raise NodeCodeError(node.name, f"its file cannot be read: {error}") from error
    needed: set[str] = set()
    waiting = [function.__name__]
    while waiting:
        name = waiting.pop()
        needed.add(name)
        waiting += [used for each in found if name in each.names for used in each.used - needed]
    return [each for each in found if each.names & needed]


def _parse(source: str, *, package: str) -> Iterator[_Definition]:
    for statement in ast.parse(source).body:
        names = frozenset(_bound(statement))
        match statement:
            case ast.ImportFrom(level=level) if level:
                yield _Definition(text=_absolute(statement, package), names=names, used=frozenset(), is_import=True)
            case ast.Import() | ast.ImportFrom():
                text = ast.get_source_segment(source, statement) or ""
                yield _Definition(text=text, names=names, used=frozenset(), is_import=True)
            case _ if names:
                yield _Definition(text=_text(source, statement), names=names, used=frozenset(_used(statement)))


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement of a module binds."""
    match statement:
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in aliases)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case _:
            stored = (each for each in ast.walk(statement) if isinstance(each, ast.Name))
            yield from (each.id for each in stored if isinstance(each.ctx, ast.Store))


def _used(statement: ast.stmt) -> Iterator[str]:
    yield from (each.id for each in ast.walk(statement) if isinstance(each, ast.Name))


def _text(source: str, statement: ast.stmt) -> str:
    """Return the lines of a statement, with its decorators."""
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(each.lineno for each in decorators)])
    return "\n".join(source.splitlines()[first - 1 : statement.end_lineno])


def _absolute(statement: ast.ImportFrom, package: str) -> str:
    """Return an import as a notebook, which is in no package, can do it."""
    parents = package.split(".")
    base = parents[: len(parents) - statement.level + 1]
    module = ".".join([*base, statement.module] if statement.module else base)
    return ast.unparse(ast.ImportFrom(module=module, names=statement.names, level=0))


def _variables(node: Node, *, taken: set[str]) -> dict[str, str]:
    """Return the variables of the function's call in order, each with its dataset."""
    if node.keywords:
        return node.keywords
    pairs = node.arguments
    if len(pairs) != len(node.inputs):
        pairs = [(name, name) for name in node.inputs]
    variables: dict[str, str] = {}
    for parameter, dataset in pairs:
        variables[_unique(parameter, {*variables, *taken})] = dataset
    return variables


def _unique(name: str, taken: Iterable[str]) -> str:
    """Return an identifier like ``name`` that is not ``taken``."""
    plain = "".join(character if character.isidentifier() or character.isdigit() else "_" for character in name)
    plain = plain if plain.isidentifier() else f"_{plain}"
    names = (plain if n == 1 else f"{plain}_{n}" for n in range(1, sys.maxsize))
    return next(found for found in names if found not in set(taken))


def _call(node: Node, function: FunctionType, variables: list[str]) -> str:
    arguments = [f"{name}={name}" for name in variables] if node.keywords else variables
    call = f"{function.__name__}({', '.join(arguments)})"
    return f"await {call}" if inspect.iscoroutinefunction(function) else call
