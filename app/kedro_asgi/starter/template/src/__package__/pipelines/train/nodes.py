"""The steps from the raw table to a measured model."""

from collections import Counter
from random import Random
from typing import Any, TypedDict

from ...classifier import FEATURES, FitOptions, Model, Penguin, learn, most_likely, probabilities


class SplitOptions(TypedDict):
    """How to hold rows back for the test: ``split`` in ``parameters.yml``."""

    seed: int
    test_fraction: float


def clean(penguins: list[dict[str, str]]) -> tuple[list[Penguin], int]:
    """Return the rows that have all measurements, as numbers, and how many rows were dropped."""
    measured = [_measured(row) for row in penguins if _is_complete(row)]
    return measured, len(penguins) - len(measured)


def split(measured: list[Penguin], options: SplitOptions) -> tuple[list[Penguin], list[Penguin]]:
    """Return the rows to learn from and the rows to test on; the same seed gives the same rows.

    Each species gives the same share of its rows to the test, and keeps one on either side if it has two.
    """
    fraction = options["test_fraction"]
    if not 0 < fraction < 1:
        raise ValueError(f"'split.test_fraction' must lie between 0 and 1, not {fraction}.")
    random = Random(options["seed"])
    train_set, test_set = [], []
    for group in _by_species(measured):
        random.shuffle(group)
        held_out = min(max(round(len(group) * fraction), 1), len(group) - 1)
        test_set += group[:held_out]
        train_set += group[held_out:]
    return train_set, test_set


def fit(train_set: list[Penguin], options: FitOptions) -> Model:
    """Return a model trained on the rows to learn from."""
    return learn(train_set, options)


def evaluate(model: Model, train_set: list[Penguin], test_set: list[Penguin], dropped: int) -> dict[str, Any]:
    """Return how well the model does on the rows that it has never seen."""
    confusion = _confusion(model, test_set)
    correct = {species: guesses[species] for species, guesses in confusion.items()}
    actual = {species: sum(guesses.values()) for species, guesses in confusion.items()}
    return {
        "accuracy": sum(correct.values()) / len(test_set),
        "recall": {species: correct[species] / count for species, count in actual.items() if count},
        "confusion": confusion,
        "rows": {"train": len(train_set), "test": len(test_set), "dropped": dropped},
    }


def _is_complete(row: dict[str, str]) -> bool:
    """Tell whether all measurements of a row were recorded."""
    return all(row[feature] != "NA" for feature in FEATURES)


def _measured(row: dict[str, str]) -> Penguin:
    """Return what the model needs of a row: the species, and the measurements as numbers."""
    return {"species": row["species"], "measurements": [float(row[feature]) for feature in FEATURES]}


def _by_species(penguins: list[Penguin]) -> list[list[Penguin]]:
    """Return the rows of each species, in the order of their names."""
    names = sorted({penguin["species"] for penguin in penguins})
    return [[penguin for penguin in penguins if penguin["species"] == name] for name in names]


def _confusion(model: Model, penguins: list[Penguin]) -> dict[str, dict[str, int]]:
    """Return, for each actual species, how often the model named each species."""
    pairs = Counter(
        (penguin["species"], most_likely(probabilities(model, penguin["measurements"]))) for penguin in penguins
    )
    names = model["species"]
    return {actual: {guess: pairs[actual, guess] for guess in names} for actual in names}
