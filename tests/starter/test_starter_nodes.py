"""The nodes of the starter project."""

import csv
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

Rows = list[dict[str, Any]]

GENTOO = {"bill_length_mm": 50.0, "bill_depth_mm": 15.0, "flipper_length_mm": 222, "body_mass_g": 5500}
ADELIE = {"bill_length_mm": 39.0, "bill_depth_mm": 18.5, "flipper_length_mm": 186, "body_mass_g": 3700}


@pytest.fixture
def train(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("pipelines.train.nodes")


@pytest.fixture
def predict(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("pipelines.predict.nodes")


@pytest.fixture
def penguins(starter: Path) -> list[dict[str, str]]:
    with (starter / "data/01_raw/penguins.csv").open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


@pytest.fixture
def options(starter: Path) -> dict[str, Any]:
    options: dict[str, Any] = yaml.safe_load((starter / "conf/base/parameters.yml").read_text(encoding="utf-8"))
    return options


@pytest.fixture
def model(train: ModuleType, penguins: Rows, options: dict[str, Any]) -> dict[str, Any]:
    """Return a model after a round trip through JSON, as the catalog returns it."""
    measured, _ = train.clean(penguins)
    train_set, _ = train.split(measured, options["split"])
    model: dict[str, Any] = json.loads(json.dumps(train.fit(train_set, options["fit"])))
    return model


def test_clean_drops_the_rows_without_measurements_and_counts_them(train: ModuleType, penguins: Rows) -> None:
    measured, dropped = train.clean(penguins)
    assert (len(measured), dropped) == (342, 2)
    assert measured[0] == {"species": "Adelie", "measurements": [39.1, 18.7, 181.0, 3750.0]}


def test_clean_keeps_a_row_that_lacks_only_what_the_model_does_not_use(train: ModuleType) -> None:
    row = {name: str(value) for name, value in ADELIE.items()} | {"species": "Adelie", "sex": "NA"}
    assert train.clean([row]) == ([{"species": "Adelie", "measurements": [39.0, 18.5, 186.0, 3700.0]}], 0)


def test_split_gives_each_row_to_one_side(train: ModuleType, penguins: Rows) -> None:
    measured, _ = train.clean(penguins)
    train_set, test_set = train.split(measured, {"seed": 1, "test_fraction": 0.25})
    assert Counter(map(repr, train_set + test_set)) == Counter(map(repr, measured))


def test_split_holds_back_the_same_share_of_each_species(train: ModuleType, penguins: Rows) -> None:
    measured, _ = train.clean(penguins)
    _, test_set = train.split(measured, {"seed": 1, "test_fraction": 0.25})
    assert Counter(row["species"] for row in test_set) == {"Adelie": 38, "Chinstrap": 17, "Gentoo": 31}


def test_split_follows_its_seed(train: ModuleType, penguins: Rows) -> None:
    measured, _ = train.clean(penguins)
    one, again, two = (train.split(measured, {"seed": seed, "test_fraction": 0.25}) for seed in (1, 1, 2))
    assert one == again
    assert one != two


def test_split_does_not_change_its_input(train: ModuleType, penguins: Rows) -> None:
    measured, _ = train.clean(penguins)
    before = list(measured)
    train.split(measured, {"seed": 1, "test_fraction": 0.25})
    assert measured == before


@pytest.mark.parametrize("fraction", [0.001, 0.999])
def test_split_never_empties_a_side(train: ModuleType, penguins: Rows, fraction: float) -> None:
    measured, _ = train.clean(penguins)
    for side in train.split(measured, {"seed": 1, "test_fraction": fraction}):
        assert {row["species"] for row in side} == {"Adelie", "Chinstrap", "Gentoo"}


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 25])
def test_split_refuses_a_fraction_outside_0_and_1(train: ModuleType, fraction: float) -> None:
    with pytest.raises(ValueError, match=r"'split\.test_fraction' must lie between 0 and 1"):
        train.split([], {"seed": 1, "test_fraction": fraction})


@pytest.mark.parametrize("seed", [None, 0, 1])
def test_the_model_is_right_on_95_of_100_held_out_rows(
    train: ModuleType, penguins: Rows, options: dict[str, Any], seed: int | None
) -> None:
    split = options["split"] if seed is None else {**options["split"], "seed": seed}
    measured, dropped = train.clean(penguins)
    train_set, test_set = train.split(measured, split)
    metrics = train.evaluate(train.fit(train_set, options["fit"]), train_set, test_set, dropped)
    assert metrics["accuracy"] >= 0.95
    assert min(metrics["recall"].values()) >= 0.8


def test_the_metrics_add_up(train: ModuleType, penguins: Rows, options: dict[str, Any], model: dict[str, Any]) -> None:
    measured, dropped = train.clean(penguins)
    train_set, test_set = train.split(measured, options["split"])
    metrics = train.evaluate(model, train_set, test_set, dropped)
    confusion, rows = metrics["confusion"], metrics["rows"]
    assert rows["train"] + rows["test"] + rows["dropped"] == len(penguins)
    assert sum(sum(guesses.values()) for guesses in confusion.values()) == rows["test"]
    assert metrics["accuracy"] == sum(confusion[name][name] for name in confusion) / rows["test"]
    assert metrics == json.loads(json.dumps(metrics))


def test_the_same_rows_give_the_same_model(
    train: ModuleType, penguins: Rows, options: dict[str, Any], model: dict[str, Any]
) -> None:
    train_set, _ = train.split(train.clean(penguins)[0], options["split"])
    assert train.fit(train_set, options["fit"]) == model


def test_training_that_diverges_raises(train: ModuleType, penguins: Rows) -> None:
    measured, _ = train.clean(penguins)
    with pytest.raises(ValueError, match="Training diverged"):
        train.fit(measured, {"learning_rate": 100.0, "epochs": 250, "l2": 10.0})


def test_predict_names_the_species_of_each_row_in_order(predict: ModuleType, model: dict[str, Any]) -> None:
    predictions = predict.predict(model, predict.check([GENTOO, ADELIE]))
    assert [prediction["species"] for prediction in predictions] == ["Gentoo", "Adelie"]
    for prediction in predictions:
        chances = prediction["probabilities"]
        assert sorted(chances) == ["Adelie", "Chinstrap", "Gentoo"]
        assert sum(chances.values()) == pytest.approx(1)
        assert max(chances, key=chances.__getitem__) == prediction["species"]


def test_predict_ignores_columns_that_it_does_not_need(predict: ModuleType) -> None:
    assert predict.check([{**ADELIE, "island": "Dream"}]) == predict.check([ADELIE])


def test_no_penguins_give_no_predictions(predict: ModuleType, model: dict[str, Any]) -> None:
    assert predict.predict(model, predict.check([])) == []


@pytest.mark.parametrize("extreme", [1e-300, 999_999])
def test_extreme_measurements_still_give_probabilities(
    predict: ModuleType, model: dict[str, Any], extreme: float
) -> None:
    [prediction] = predict.predict(model, predict.check([dict.fromkeys(ADELIE, extreme)]))
    assert sum(prediction["probabilities"].values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (None, "'features' must be a list of objects, one per penguin, not None."),
        (ADELIE, "'features' must be a list of objects"),
        ("Adelie", "'features' must be a list of objects"),
        ([ADELIE, 5], "Row 1 (counting from 0) must be an object, not 5."),
        ([ADELIE, [39.0]], "Row 1 (counting from 0) must be an object"),
        ([ADELIE, {}], "Row 1 (counting from 0), column 'bill_length_mm' is missing."),
    ],
)
def test_a_request_of_the_wrong_shape_is_refused(predict: ModuleType, features: object, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        predict.check(features)
    assert message in str(caught.value)


@pytest.mark.parametrize("value", ["18.7", "NA", None, True, [18.7], {"mm": 18.7}])
def test_a_measurement_that_is_no_number_is_refused(predict: ModuleType, value: object) -> None:
    with pytest.raises(ValueError) as caught:
        predict.check([ADELIE, {**ADELIE, "bill_depth_mm": value}])
    assert str(caught.value) == (f"Row 1 (counting from 0), column 'bill_depth_mm' must be a number, not {value!r}.")


@pytest.mark.parametrize(
    "value",
    [0, -18.7, float("nan"), float("inf"), 1_000_000, 10**400],
    ids=["zero", "negative", "nan", "inf", "limit", "beyond floats"],
)
def test_a_measurement_out_of_range_is_refused(predict: ModuleType, value: float) -> None:
    with pytest.raises(ValueError, match=r"^Row 0 .*column 'body_mass_g' must be above 0 and below 1000000"):
        predict.check([{**ADELIE, "body_mass_g": value}])
