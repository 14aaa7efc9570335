"""Write the raw tables of this project into ``data/01_raw``: synthetic, and the same every time."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

ENGINES = {"plasma": 1.0, "quantum": 1.6, "nuclear": 1.25}
COUNTRIES = ("Chile", "Kenya", "Norway", "Vietnam", "Malta")


def main(project: Path) -> None:
    """Write all tables of the project in folder ``project``."""
    random = np.random.default_rng(20261121)
    folder = project / "data" / "01_raw"
    folder.mkdir(parents=True, exist_ok=True)
    companies = make_companies(random, 40)
    shuttles = make_shuttles(random, companies, 260)
    reviews = make_reviews(random, shuttles, 900)
    companies.to_csv(folder / "companies.csv", index=False)
    shuttles.to_excel(folder / "shuttles.xlsx", sheet_name="fleet", index=False)
    reviews.to_parquet(folder / "reviews.parquet")
    make_offers(random, 6).to_csv(folder / "offers.csv", index=False)


def make_companies(random: np.random.Generator, count: int) -> pd.DataFrame:
    """Operators; some have no rating, and some never said how many shuttles they have."""
    rating = random.integers(45, 101, count)
    fleet = random.integers(1, 60, count).astype(float)
    days = random.integers(0, 9000, count)
    return pd.DataFrame(
        {
            "company_id": np.arange(1001, 1001 + count),
            "country": random.choice(COUNTRIES, count),
            "rating": [None if n % 9 == 4 else f"{value}%" for n, value in enumerate(rating)],
            "fleet_size": np.where(np.arange(count) % 11 == 7, np.nan, fleet),
            "certified": random.choice(["yes", "no"], count, p=[0.7, 0.3]),
            "founded_on": (pd.Timestamp("2000-01-01") + pd.to_timedelta(days, "D")).strftime("%Y-%m-%d"),
        }
    )


def make_shuttles(random: np.random.Generator, companies: pd.DataFrame, count: int) -> pd.DataFrame:
    """The fleet, as it is kept in a spreadsheet: prices are text with a currency."""
    engine = random.choice(list(ENGINES), count)
    seats = random.integers(2, 40, count)
    engines = random.integers(1, 7, count)
    crew = random.integers(1, 9, count)
    factor = np.array([ENGINES[name] for name in engine])
    price = (420 + 85 * seats + 130 * engines + 60 * crew) * factor + random.normal(0, 90, count)
    return pd.DataFrame(
        {
            "shuttle_id": np.arange(1, count + 1),
            "company_id": random.choice(companies["company_id"], count),
            "engine": engine,
            "engines": engines,
            "seats": seats,
            "crew": crew,
            "inspected": random.choice(["t", "f"], count, p=[0.8, 0.2]),
            "price": [f"${max(value, 99):,.2f}" for value in price],
        }
    )


def make_reviews(random: np.random.Generator, shuttles: pd.DataFrame, count: int) -> pd.DataFrame:
    """What passengers said, at a moment of theirs; stars may be missing."""
    stars = random.integers(1, 6, count).astype(float)
    minutes = random.integers(0, 2_000_000, count)
    return pd.DataFrame(
        {
            "review_id": np.arange(count),
            "shuttle_id": random.choice(shuttles["shuttle_id"], count),
            "stars": np.where(random.random(count) < 0.06, np.nan, stars),
            "written_at": pd.Timestamp("2022-01-01", tz="UTC") + pd.to_timedelta(minutes, "min"),
            "channel": pd.Categorical(random.choice(["app", "desk", "web"], count)),
        }
    )


def make_offers(random: np.random.Generator, count: int) -> pd.DataFrame:
    """Flights that nobody has priced yet."""
    return pd.DataFrame(
        {
            "offer_id": np.arange(1, count + 1),
            "engine": random.choice(list(ENGINES), count),
            "engines": random.integers(1, 7, count),
            "seats": random.integers(2, 40, count),
            "crew": random.integers(1, 9, count),
            "rating": np.round(random.uniform(0.5, 1, count), 2),
            "fleet_size": random.integers(1, 60, count),
            "stars": np.round(random.uniform(1, 5, count), 1),
            "valid_until": pd.date_range("2026-12-01", periods=count).strftime("%Y-%m-%d"),
        }
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1])
