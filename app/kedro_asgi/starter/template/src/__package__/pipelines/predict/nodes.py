"""The steps from measurements in the request to species in the answer."""

from reprlib import repr as shorten
from typing import Any, TypedDict

from ...classifier import FEATURES, Model, most_likely, probabilities

TOO_LARGE = 1_000_000


class Prediction(TypedDict):
    """The species that the model predicts for one penguin, and how likely each species is."""

    species: str
    probabilities: dict[str, float]


def check(features: Any) -> list[list[float]]:
    """Return the measurements of each penguin in the request, or say which row and column is wrong."""
    if not isinstance(features, list):
        raise ValueError(f"'features' must be a list of objects, one per penguin, not {shorten(features)}.")
    return [_measurements(row, index) for index, row in enumerate(features)]


def predict(model: Model, measurements: list[list[float]]) -> list[Prediction]:
    """Return the most likely species of each penguin, in the order of the request."""
    return [_prediction(model, row) for row in measurements]


def _measurements(row: Any, index: int) -> list[float]:
    """Return the measurements of one row in the model's order; other columns are ignored."""
    if not isinstance(row, dict):
        raise ValueError(f"Row {index} (counting from 0) must be an object, not {shorten(row)}.")
    return [_measurement(row, column, index) for column in FEATURES]


def _measurement(row: dict[str, Any], column: str, index: int) -> float:
    """Return one measurement as a float."""
    where = f"Row {index} (counting from 0), column '{column}'"
    if column not in row:
        raise ValueError(f"{where} is missing.")
    value = row[column]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{where} must be a number, not {shorten(value)}.")
    if not 0 < value < TOO_LARGE:
        raise ValueError(f"{where} must be above 0 and below {TOO_LARGE}, not {shorten(value)}.")
    return float(value)


def _prediction(model: Model, measurements: list[float]) -> Prediction:
    chances = probabilities(model, measurements)
    return {"species": most_likely(chances), "probabilities": chances}
