"""Prices of offers."""

from typing import Any

import pandas as pd


def prepare(offers: pd.DataFrame, features: list[str]) -> pd.DataFrame:
    """The columns that the regressor was trained on; a rating may be missing."""
    return offers[features].fillna({"rating": 0.75})


def predict(regressor: Any, features: pd.DataFrame, offers: pd.DataFrame) -> pd.DataFrame:
    """A price for each offer."""
    prices = regressor.predict(features)
    return pd.DataFrame({"offer_id": offers["offer_id"], "price": prices.round(2)})
