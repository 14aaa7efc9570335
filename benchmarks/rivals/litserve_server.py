"""The prices of offers, served by LitServe: ``python -m litserve_server --port PORT``."""

import argparse
from typing import Any

import litserve
from settings import IS_BATCHED, MAX_ROWS, MAX_WAIT_SECONDS, WORKERS, load_pricer


class Prices(litserve.LitAPI):
    """One model a worker process. A type of requests or answers would have each of them checked, so there is none."""

    def setup(self, device: str) -> None:
        self._price = load_pricer()

    def decode_request(self, request):
        return request["offers"]

    def predict(self, offers: Any) -> Any:
        """Price the offers of one request or, batched, of a list of them."""
        return self._price.price_all(offers) if IS_BATCHED else self._price(offers)

    def encode_response(self, output):
        return output


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    batching = {"max_batch_size": MAX_ROWS, "batch_timeout": MAX_WAIT_SECONDS} if IS_BATCHED else {}
    server = litserve.LitServer(
        Prices(**batching), accelerator="cpu", workers_per_device=WORKERS, timeout=60, fast_queue=True
    )
    server.run(host="127.0.0.1", port=port, generate_client_file=False, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
