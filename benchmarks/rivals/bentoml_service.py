"""The prices of offers, served by BentoML: ``bentoml serve bentoml_service:Prices``."""

from typing import Any

import bentoml
from settings import IS_BATCHED, MAX_ROWS, WORKERS, load_pricer

# BentoML refuses requests that wait for longer than `max_latency_ms`; its dispatcher itself finds out how long to wait.
_BATCHING: dict[str, Any] = {"batchable": True, "batch_dim": 0, "max_batch_size": MAX_ROWS, "max_latency_ms": 1000}


@bentoml.service(workers=WORKERS, traffic={"timeout": 60}, logging={"access": {"enabled": False}})
class Prices:
    """One model a worker process."""

    def __init__(self) -> None:
        self._price = load_pricer()

    @bentoml.api(**(_BATCHING if IS_BATCHED else {}))
    def predict(self, offers: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Price the offers of one request or, batched, of several."""
        return self._price(offers)
