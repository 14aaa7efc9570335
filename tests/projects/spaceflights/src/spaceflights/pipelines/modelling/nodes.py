"""Split, fit, evaluate."""

from typing import Any

import pandas as pd
from sklearn.base import RegressorMixin
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.metrics import max_error, mean_absolute_error, r2_score
from sklearn.model_selection import train_test_split

REGRESSORS = {"linear": LinearRegression, "forest": RandomForestRegressor}


def split(table: pd.DataFrame, features: list[str], options: dict[str, Any]) -> tuple[Any, ...]:
    """Return features and prices, for training and for testing."""
    return tuple(
        train_test_split(table[features], table["price"], test_size=options["test_share"], random_state=options["seed"])
    )


def fit(x_train: pd.DataFrame, y_train: pd.Series, options: dict[str, Any]) -> RegressorMixin:
    """Return a fitted regressor of the wanted kind."""
    return REGRESSORS[options["kind"]](**options.get("arguments", {})).fit(x_train, y_train)


def evaluate(regressor: RegressorMixin, x_test: pd.DataFrame, y_test: pd.Series) -> tuple[dict[str, float], pd.Series]:
    """Return how well the prices are predicted, and by how much each is missed."""
    predicted = regressor.predict(x_test)
    metrics = {
        "r2": float(r2_score(y_test, predicted)),
        "mean_absolute_error": float(mean_absolute_error(y_test, predicted)),
        "max_error": float(max_error(y_test, predicted)),
    }
    return metrics, (y_test - predicted).sort_index()
