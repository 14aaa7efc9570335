"""The prices of offers, served by Ray Serve: ``python -m ray_server --port PORT``."""

import argparse
import signal
import sys
import threading
from typing import Any

import ray
from ray import serve
from settings import IS_BATCHED, MAX_ROWS, MAX_WAIT_SECONDS, WORKERS, load_pricer
from starlette.requests import Request

Offers = list[dict[str, Any]]


@serve.deployment(num_replicas=WORKERS, max_ongoing_requests=MAX_ROWS)
class Prices:
    """One model a replica."""

    def __init__(self) -> None:
        self._price = load_pricer()

    async def __call__(self, request: Request) -> Offers:
        """Price the offers of a request, alone or with others."""
        offers = (await request.json())["offers"]
        return await self._price_with_others(offers) if IS_BATCHED else self._price(offers)

    @serve.batch(max_batch_size=MAX_ROWS, batch_wait_timeout_s=MAX_WAIT_SECONDS)
    async def _price_with_others(self, requests: list[Offers]) -> list[Offers]:
        return self._price.price_all(requests)


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    is_over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_over.set())
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
    logs = {"log_level": "WARNING", "enable_access_log": False}
    serve.start(http_options={"host": "127.0.0.1", "port": port}, logging_config=logs)
    serve.run(Prices.options(logging_config=logs).bind(), route_prefix="/predict")
    is_over.wait()
    serve.shutdown()
    ray.shutdown()
    sys.exit()


if __name__ == "__main__":
    main()
