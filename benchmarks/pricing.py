"""The `predict` of spaceflights without Kedro: its own functions and its model, for servers that know no projects."""

import pickle
import runpy
from pathlib import Path
from typing import Any

from pandas import DataFrame, to_datetime

FEATURES = ["engines", "seats", "crew", "rating", "fleet_size", "stars"]
OFFER_TYPES = {"engine": "category", "seats": "Int64"}

Offers = list[dict[str, Any]]


def offer_frame(rows: Offers) -> DataFrame:
    """Make of records what the project's file of offers gives."""
    offers = DataFrame(rows).astype(OFFER_TYPES)
    return offers.assign(valid_until=to_datetime(offers["valid_until"]))


class Pricer:
    """The latest baseline model of the trained project in ``folder``, loaded once."""

    def __init__(self, folder: Path) -> None:
        # By its path: the package around it imports Kedro.
        (nodes,) = folder.glob("src/*/pipelines/predict/nodes.py")
        functions = runpy.run_path(str(nodes))
        self._prepare, self._predict = functions["prepare"], functions["predict"]
        model = max((folder / "data/06_models/baseline/regressor.pkl").glob("*/regressor.pkl"))
        self._regressor = pickle.loads(model.read_bytes())

    def __call__(self, rows: Offers) -> Offers:
        """Return the id and the price of each offer."""
        offers = offer_frame(rows)
        prices = self._predict(self._regressor, self._prepare(offers, FEATURES), offers)
        return prices.to_dict("records")

    def price_all(self, requests: list[Offers]) -> list[Offers]:
        """Return the prices of several requests, computed as one."""
        prices = iter(self([offer for offers in requests for offer in offers]))
        return [[next(prices) for _ in offers] for offers in requests]
