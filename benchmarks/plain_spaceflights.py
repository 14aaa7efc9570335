"""The floor: the spaceflights project as a plain script, the same functions and dataset calls in a row.

As a script would have it: no hooks, no checks, no copies between functions, datasets made where they are used.
"""

import json
import os
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio.to_thread
from kedro.io import Version
from kedro_datasets.json import JSONDataset
from kedro_datasets.matplotlib import MatplotlibDataset
from kedro_datasets.pandas import CSVDataset, ExcelDataset, ParquetDataset
from kedro_datasets.partitions import PartitionedDataset
from kedro_datasets.pickle import PickleDataset
from kedro_datasets.plotly import JSONDataset as PlotlyDataset
from kedro_datasets.text import TextDataset
from pricing import FEATURES, OFFER_TYPES, offer_frame
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

PACKAGE = "bench_spaceflights"
_CANDIDATE = {"kind": "forest", "arguments": {"n_estimators": 12, "max_depth": 6, "random_state": 5}}
_VARIANTS: dict[str, dict[str, Any]] = {"baseline": {"kind": "linear"}, "candidate": _CANDIDATE}


class Script:
    """The pipelines of the project in ``folder``, each as one function."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        sys.path.insert(0, str(folder / "src"))
        self._processing = self._nodes("data_processing")
        self._modelling = self._nodes("modelling")
        self._reporting = self._nodes("reporting")
        self._predict = self._nodes("predict")
        self._datasets = import_module(f"{PACKAGE}.datasets")

    def load_regressor(self, data: str | Path = "data/06_models") -> Any:
        """Load the latest baseline model."""
        return PickleDataset(filepath=self._at(data, "baseline/regressor.pkl"), version=Version(None, None)).load()

    def load_offers(self) -> Any:
        """Load the offers as the catalog does."""
        load_args = {"dtype": OFFER_TYPES, "parse_dates": ["valid_until"]}
        return CSVDataset(filepath=self._at("data/01_raw", "offers.csv"), load_args=load_args).load()

    def predict(self, regressor: Any = None, rows: Any = None) -> Any:
        """Price the offers, with the model and the offers on disk unless others are given."""
        offers = None if rows is None else offer_frame(rows)
        return self._price(
            self.load_regressor if regressor is None else lambda: regressor,
            self.load_offers if offers is None else lambda: offers,
        )

    def _price(self, load_regressor: Callable[[], Any], load_offers: Callable[[], Any]) -> Any:
        # Both nodes load the offers: the calls are those of the pipeline.
        features = self._predict.prepare(load_offers(), FEATURES)
        return self._predict.predict(load_regressor(), features, load_offers())

    def full(self, who: str, version: str) -> Any:
        """Run everything, and write to ``data/runs/<who>``."""
        data = Path("data/runs") / who
        self._process(data)
        metrics, errors = self._model(data, version)
        self._report(data, version, metrics, errors)
        return self._price(partial(self.load_regressor, data), self.load_offers)

    def _process(self, data: Path) -> None:
        nodes = self._processing
        raw = "data/01_raw"
        companies = CSVDataset(filepath=self._at(raw, "companies.csv"), load_args={"parse_dates": ["founded_on"]})
        excel = {"engine": "openpyxl", "sheet_name": "fleet"}
        cleaned = {name: self._parquet(data, f"clean_{name}") for name in ("companies", "shuttles", "reviews")}
        cleaned["companies"].save(nodes.clean_companies(companies.load()))
        fleet = ExcelDataset(filepath=self._at(raw, "shuttles.xlsx"), load_args=excel).load()
        shuttles, left_out = nodes.clean_shuttles(fleet)
        cleaned["shuttles"].save(shuttles)
        reviews = ParquetDataset(filepath=self._at(raw, "reviews.parquet")).load()
        cleaned["reviews"].save(nodes.summarise_reviews(reviews, 2))
        tables = (cleaned[name].load() for name in ("shuttles", "companies", "reviews"))
        self._parquet(data, "model_table").save(nodes.join_tables(*tables))
        columns = self._datasets.ParquetColumnsDataset(filepath=self._at(data, "model_table.parquet")).load()
        described = nodes.describe_columns(columns, left_out)
        JSONDataset(filepath=self._at(data, "data_dictionary.json")).save(described)

    def _model(self, data: Path, version: str) -> tuple[dict[str, Any], dict[str, Any]]:
        nodes = self._modelling
        table = self._parquet(data, "model_table").load()
        x_train, x_test, y_train, y_test = nodes.split(table, FEATURES, {"test_share": 0.25, "seed": 11})
        metrics, errors = {}, {}
        for name, options in _VARIANTS.items():
            at = partial(self._at, data / name)
            regressor = PickleDataset(filepath=at("regressor.pkl"), version=Version(None, version))
            regressor.save(nodes.fit(x_train, y_train, options))
            found, errors[name] = nodes.evaluate(regressor.load(), x_test, y_test)
            saved = JSONDataset(filepath=at("metrics.json"), version=Version(None, version))
            saved.save(found)
            metrics[name] = saved.load()
        return metrics, errors

    def _report(self, data: Path, version: str, metrics: dict[str, Any], errors: dict[str, Any]) -> None:
        nodes, at = self._reporting, partial(self._at, data)
        table = self._parquet(data, "model_table")
        PlotlyDataset(filepath=at("price_by_engine.json")).save(nodes.plot_prices(table.load(), "USD"))
        residuals = MatplotlibDataset(filepath=at("residuals.png"), save_args={"format": "png", "dpi": 60})
        residuals.save(nodes.plot_residuals(errors["baseline"], errors["candidate"]))
        prices = PartitionedDataset(path=at("price_list"), dataset="pandas.CSVDataset", filename_suffix=".csv")
        prices.save(nodes.list_prices(table.load()))
        report, text = nodes.write_report(metrics["baseline"], metrics["candidate"], "USD")
        sealed = self._datasets.SignedJSONDataset
        key = {"key": "only-for-tests"}
        sealed(filepath=at("report.json"), credentials=key, version=Version(None, version)).save(report)
        TextDataset(filepath=at("report.txt")).save(text)

    def _parquet(self, data: Path, name: str) -> Any:
        return ParquetDataset(filepath=self._at(data, f"{name}.parquet"))

    def _at(self, data: str | Path, name: str) -> str:
        return str(self._folder / data / name)

    def _nodes(self, pipeline: str) -> ModuleType:
        return import_module(f"{PACKAGE}.pipelines.{pipeline}.nodes")


def create() -> Starlette:
    """Return a bare route around the script, for ``uvicorn --factory``: one worker-thread hop a request.

    ``BENCH_KEEPS_MODEL`` makes it load the model once.
    """
    script = Script(Path(os.environ["KEDRO_PROJECT_PATH"]))
    kept = script.load_regressor() if os.environ.get("BENCH_KEEPS_MODEL") else None

    async def run(request: Request) -> JSONResponse:
        body = json.loads(await request.body())
        who, rows = body.get("params", {}).get("who"), body.get("inputs", {}).get("offers")
        work = partial(script.predict, kept, rows) if who is None else partial(script.full, who, who)
        await anyio.to_thread.run_sync(work)
        return JSONResponse({"status": "success"})

    return Starlette(routes=[Route("/run", run, methods=["POST"])])
