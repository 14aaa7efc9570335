"""Softmax regression in plain Python: short enough to read, good enough to tell penguins apart."""

import math
from collections.abc import Iterable
from statistics import fmean, pstdev
from typing import TypedDict

FEATURES = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")


class Penguin(TypedDict):
    """A penguin of known species; ``measurements`` are in the order of ``FEATURES``."""

    species: str
    measurements: list[float]


class FitOptions(TypedDict):
    """How to train: ``fit`` in ``parameters.yml``."""

    learning_rate: float
    epochs: int
    l2: float


class Model(TypedDict):
    """A trained classifier, made of what JSON can hold: one weight per species and feature."""

    features: list[str]
    mean: list[float]
    scale: list[float]
    species: list[str]
    bias: list[float]
    weights: list[list[float]]


def learn(penguins: list[Penguin], options: FitOptions) -> Model:
    """Return a model fitted to ``penguins`` by gradient descent."""
    model = _untrained(penguins)
    inputs = [_standardise(model, penguin["measurements"]) for penguin in penguins]
    species = [penguin["species"] for penguin in penguins]
    for _ in range(options["epochs"]):
        _descend(model, inputs, species, options)
    if not all(math.isfinite(number) for row in model["weights"] for number in row):
        raise ValueError("Training diverged: choose a smaller 'fit.learning_rate' or 'fit.l2'.")
    return model


def probabilities(model: Model, measurements: list[float]) -> dict[str, float]:
    """Return how likely each species is for one penguin; the numbers add up to 1."""
    shares = _softmax(model, _standardise(model, measurements))
    return dict(zip(model["species"], shares, strict=True))


def most_likely(chances: dict[str, float]) -> str:
    """Return the species with the highest probability."""
    return max(chances, key=chances.__getitem__)


def _untrained(penguins: list[Penguin]) -> Model:
    """Return a model that knows the range of every feature, but nothing about species yet."""
    columns = list(zip(*(penguin["measurements"] for penguin in penguins), strict=True))
    species = sorted({penguin["species"] for penguin in penguins})
    return {
        "features": list(FEATURES),
        "mean": [fmean(column) for column in columns],
        "scale": [pstdev(column) or 1.0 for column in columns],
        "species": species,
        "bias": [0.0 for _ in species],
        "weights": [[0.0 for _ in FEATURES] for _ in species],
    }


def _standardise(model: Model, measurements: list[float]) -> list[float]:
    """Return measurements as distances from the mean, in standard deviations."""
    columns = zip(measurements, model["mean"], model["scale"], strict=True)
    return [(value - mean) / scale for value, mean, scale in columns]


def _softmax(model: Model, inputs: list[float]) -> list[float]:
    """Return the probability of each species for one penguin's standardised measurements."""
    scores = [bias + _dot(weights, inputs) for bias, weights in zip(model["bias"], model["weights"], strict=True)]
    highest = max(scores)
    powers = [math.exp(score - highest) for score in scores]
    total = sum(powers)
    return [power / total for power in powers]


def _descend(model: Model, inputs: list[list[float]], species: list[str], options: FitOptions) -> None:
    """Move the model one step downhill, away from the mistakes that it makes on average."""
    shares = [_softmax(model, row) for row in inputs]
    columns = list(zip(*inputs, strict=True))
    rate, l2 = options["learning_rate"], options["l2"]
    for k, name in enumerate(model["species"]):
        mistakes = [share[k] - (true == name) for share, true in zip(shares, species, strict=True)]
        slopes = [_dot(mistakes, column) / len(mistakes) for column in columns]
        weights = zip(model["weights"][k], slopes, strict=True)
        model["weights"][k] = [weight - rate * (slope + l2 * weight) for weight, slope in weights]
        model["bias"][k] -= rate * fmean(mistakes)


def _dot(left: Iterable[float], right: Iterable[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))
