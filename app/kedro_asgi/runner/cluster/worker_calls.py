"""Calls of functions on a worker of the cluster, whose results go back to the process of the run."""

from collections.abc import Generator
from contextlib import closing
from types import GeneratorType
from typing import Any

from kedro_asgi.errors import UnserialisableDataError
from kedro_asgi.pipeline import Node
from kedro_asgi.runner.cluster.connection import Connection
from kedro_asgi.runner.cluster.inbox import Inbox
from kedro_asgi.runner.cluster.pickling import check_picklable, dumps
from kedro_asgi.runner.cluster.requests import FunctionCallRequest
from kedro_asgi.runner.messages import NEXT_CHUNK, GeneratorChunk, Response, encode
from kedro_asgi.runner.remote_datasets import RemoteDataset
from kedro_asgi.runner.task import call_node


def call_function(request: FunctionCallRequest, connection: Connection) -> bytes:
    """Call the function of a node and return the response; a generator makes a chunk when it is asked for one."""
    node = request.node
    inputs = {name: data.load() if isinstance(data, RemoteDataset) else data for name, data in request.inputs.items()}
    if not (node.is_async or node.is_generator):
        return _encoded(node, Response(result=call_node(node, inputs)))
    inbox = Inbox(connection)
    with inbox.open():
        result = call_node(node, inputs)
        if isinstance(result, GeneratorType) and node.is_generator:
            with closing(result):
                _send_chunks(node, result, connection, inbox)
            return encode(Response())
        return _encoded(node, Response(result=result))


def _send_chunks(node: Node, chunks: Generator[Any, None, None], connection: Connection, inbox: Inbox) -> None:
    for chunk in chunks:
        connection.send(_encoded(node, GeneratorChunk(value=chunk)))
        if inbox.next() != NEXT_CHUNK:
            return


def _encoded(node: Node, message: GeneratorChunk | Response) -> bytes:
    """Return a message with outputs as bytes; raises `UnserialisableDataError` with the name of the first bad one."""
    try:
        return dumps(message)
    except Exception as failure:  # values may raise anything when they are pickled
        value = message.value if isinstance(message, GeneratorChunk) else message.result
        for name, data in node.unpack(value).items():
            check_output(name, data, node.name)
        raise UnserialisableDataError(node.name, type(value), node.name) from failure


def check_output(name: str, data: Any, node: str) -> None:
    """Raise `UnserialisableDataError` for an output that cannot leave its process."""
    try:
        check_picklable(data)
    except Exception as error:  # values may raise anything when they are pickled
        raise UnserialisableDataError(name, type(data), node) from error
