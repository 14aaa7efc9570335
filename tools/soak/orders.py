"""The orders of callers: a pipeline with a number of its own, and how such a run must end."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Literal

import msgspec

Status = Literal["success", "failure", "cancelled", "timed_out"]

_LONG_SECONDS = 3600
_BLOCK_CHARACTERS = (10, 5_000, 300_000, 3_000_000)
_DELAYS_SECONDS = (0.05, 0.5, 3.0)
# A batch that fails is executed again in halves, down to each order alone, and may be compared with its orders before.
_MOST_BATCHES = 12


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A run to ask for; ``body`` is that of ``POST /runs`` without its labels.

    ``status`` is how it ends if nothing disturbs it, ``attempts`` how often its nodes may be executed then.
    ``answer_size`` belongs to its answer where the number alone does not tell it.
    """

    number: int
    pipeline: str
    body: dict[str, Any]
    status: Status = "success"
    attempts: int = 1
    answer_size: int = 0

    @property
    def labels(self) -> dict[str, str]:
        """The labels by which the run is found again."""
        return {"number": str(self.number), "pipeline": self.pipeline}

    def answer(self) -> Any:
        """Return the output ``answer`` of a run that succeeds; ``None`` if it has none."""
        return _ANSWERS[self.pipeline.removesuffix("_process")](self.number, self.answer_size)


def short_order(random: Random, number: int) -> Order:
    """Return an order that ends by itself within moments."""
    kinds = ("double", "compute", "predict", "repeat", "chunks", "sleep", "measure")
    kind = random.choices(kinds, weights=(6, 4, 3, 1, 2, 2, 1))[0]
    order = _order(random, kind, number)
    if kind == "sleep":
        return _with(order, params={"number": number, "seconds": round(random.uniform(0.01, 0.6), 3)})
    if kind == "measure":
        size = random.choice(_BLOCK_CHARACTERS)
        return msgspec.structs.replace(_with(order, inputs={"block": "x" * size}), answer_size=size)
    return order


def failing_order(random: Random, number: int) -> Order:
    """Return an order whose node raises each time."""
    return msgspec.structs.replace(_order(random, "fail", number), status="failure")


def flaky_order(random: Random, number: int) -> Order:
    """Return an order whose node raises twice, and which is tried again."""
    retries = {"retries": 3, "delay_seconds": random.choice(_DELAYS_SECONDS), "errors": ["ConnectionError"]}
    order = _with(_order(random, "flaky", number), retries={random.choice(("node", "run")): retries})
    return msgspec.structs.replace(order, attempts=4)


def endless_order(random: Random, number: int) -> Order:
    """Return an order that its caller has to cancel."""
    order = _with(_order(random, "await", number), params={"number": number, "seconds": _LONG_SECONDS})
    return msgspec.structs.replace(order, status="cancelled")


def late_order(random: Random, number: int) -> Order:
    """Return an order that exceeds its time."""
    order = _with(endless_order(random, number), timeout_seconds=round(random.uniform(0.2, 2), 2))
    return msgspec.structs.replace(order, status="timed_out")


def training_order(random: Random, number: int) -> Order:
    """Return an order that saves the artifact, as it is already."""
    order = _order(random, "train", number)
    return msgspec.structs.replace(order, body={name: body for name, body in order.body.items() if name != "outputs"})


def crashing_order(random: Random, number: int) -> Order:
    """Return an order that ends its process."""
    return msgspec.structs.replace(_order(random, "crash", number), pipeline="crash_process", status="failure")


def total_order(random: Random, number: int) -> Order:
    """Return an order for the pipeline with types."""
    order = _order(random, "total", number)
    rows = [{"n": number + row} for row in range(random.randint(0, 30))]
    return msgspec.structs.replace(_with(order, inputs={"rows": rows}), answer_size=len(rows))


def rows_order(random: Random, number: int, *, pipeline: str | None = None) -> Order:
    """Return an order whose rows are joined with those of others; some have a row that fails."""
    size = random.randint(1, 30)
    bad_row = random.randrange(size) if random.random() < 0.1 else None
    rows = [{"number": number, "row": row, "is_bad": row == bad_row} for row in range(size)]
    order = _order(random, "rows", number)
    body = {name: value for name, value in order.body.items() if name != "params"} | {"inputs": {"rows": rows}}
    if pipeline is not None:
        body["pipeline_names"] = [pipeline]
    return msgspec.structs.replace(
        order,
        pipeline=pipeline or order.pipeline,
        body=body,
        status="success" if bad_row is None else "failure",
        attempts=_MOST_BATCHES,
        answer_size=size,
    )


def stream_order(random: Random, number: int, *, parts: int) -> Order:
    """Return an order whose generator yields that many chunks; some fail after the last one."""
    fails = random.random() < 0.1
    order = _stream(random, number, parts=parts, fails=fails)
    return msgspec.structs.replace(order, status="failure" if fails else "success", answer_size=parts)


def endless_stream_order(random: Random, number: int) -> Order:
    """Return an order whose generator goes on until it is closed."""
    return msgspec.structs.replace(_stream(random, number, parts=10**9, seconds=0.02), status="cancelled")


def chunk(number: int, part: int) -> Any:
    """Return the chunk ``part`` of a stream, which is its answer, too, if it is the last one."""
    return {"number": number, "part": part, "text": "x" * 2_000}


def _order(random: Random, kind: str, number: int) -> Order:
    pipeline = f"{kind}_process" if kind == "crash" or random.random() < 0.4 else kind
    body: dict[str, Any] = {"pipeline_names": [pipeline], "params": {"number": number}, "outputs": ["answer"]}
    if random.random() < 0.4:
        body["on_interrupt"] = "rerun"
    return Order(number=number, pipeline=pipeline, body=body)


def _stream(random: Random, number: int, **params: Any) -> Order:
    order = _with(_order(random, "stream", number), params={"number": number, **params})
    # Only direct runs are streamed, and the server repeats none of them.
    return msgspec.structs.replace(order, body={**order.body, "on_interrupt": "mark"})


def _with(order: Order, **fields: Any) -> Order:
    return msgspec.structs.replace(order, body={**order.body, **fields})


def _computed(number: int) -> int:
    value = number
    for step in range(60_000):
        value = (value * 31 + step) % 1_000_003
    return value


def _unknown(number: int, size: int) -> None:
    return None


_ANSWERS: dict[str, Callable[[int, int], Any]] = {
    "double": lambda number, size: {"number": number, "double": 2 * number},
    "compute": lambda number, size: {"number": number, "value": _computed(number)},
    "predict": lambda number, size: {"number": number, "predicted": 3 * number},
    "repeat": lambda number, size: [number] * 20_000,
    "chunks": lambda number, size: {"number": number, "part": 3},
    "sleep": lambda number, size: {"number": number},
    "flaky": lambda number, size: {"number": number},
    "measure": lambda number, size: {"number": number, "length": size},
    "total": lambda number, size: {"number": number, "total": sum(number + row for row in range(size))},
    "stream": lambda number, size: chunk(number, size - 1),
    "rows": lambda number, size: [{"number": number, "row": row, "double": 2 * number} for row in range(size)],
    "train": _unknown,
    "fail": _unknown,
    "await": _unknown,
    "crash": _unknown,
}

ORDERS: Sequence[tuple[int, Callable[[Random, int], Order]]] = (
    (30, short_order),
    (3, failing_order),
    (4, flaky_order),
    (3, late_order),
    (1, training_order),
    (4, total_order),
    (4, rows_order),
)


def random_order(random: Random, number: int) -> Order:
    """Return an order of any kind that needs no further request of its caller."""
    (maker,) = random.choices([maker for _, maker in ORDERS], weights=[weight for weight, _ in ORDERS])
    return maker(random, number)
