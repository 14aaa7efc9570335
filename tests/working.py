"""A project whose pipelines add, sleep, wait, fail, log and count, or wait for a file that a test creates."""

WORK = """
import logging, time
from pathlib import Path
import anyio
from kedro_asgi.pipeline import Pipeline, node

def add(x, y):
    return x + y

def double(x):
    return 2 * x

def sleep(seconds):
    logging.getLogger("project").warning("sleeping for %s", seconds)
    time.sleep(seconds)
    return seconds

async def wait(seconds):
    await anyio.sleep(seconds)
    return seconds

def hold(gate):
    deadline = time.monotonic() + 90
    while not Path("{folder}", gate).exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return gate

def boom(x):
    raise ValueError("boom at s3://user:secret@bucket")

def lines(count):
    for number in range(int(count)):
        logging.getLogger("project").warning("line %s", number)
    return count

def items(count):
    yield from range(int(count))

def count(x):
    with open("{folder}/started", "a") as file:
        file.write(f"{x}\\n")
    return x

def register_pipelines():
    calc = Pipeline([node(add, ["params:a", "params:b"], "s", name="add"), node(double, "s", "d", name="double")])
    slow = Pipeline(
        [
            node(sleep, "params:seconds", "first", name="one"),
            node(sleep, "first", "second", name="two"),
            node(sleep, "second", "third", name="three"),
        ]
    )
    return {
        "__default__": calc,
        "calc": calc,
        "slow": slow,
        "sleep": Pipeline([node(sleep, "params:seconds", "slept", name="sleep")]),
        "wait": Pipeline([node(wait, "params:seconds", "waited", name="wait")]),
        # The first node waits until a test creates the file that the parameter names.
        "held": Pipeline(
            [node(hold, "params:gate", "first", name="one"), node(str.upper, "first", "second", name="two")]
        ),
        "boom": Pipeline([node(boom, "params:a", "never", name="boom")]),
        "lines": Pipeline([node(lines, "params:count", "counted", name="lines")]),
        "items": Pipeline([node(items, "params:count", "item", name="items")]),
        "count": Pipeline([node(count, "params:a", "counted", name="count")]),
    }
"""

CATALOG = """
first:
  type: json.JSONDataset
  filepath: data/first.json
"""

PARAMETERS = "a: 1\nb: 2\nseconds: 0.2\ncount: 3\ngate: opened\n"
