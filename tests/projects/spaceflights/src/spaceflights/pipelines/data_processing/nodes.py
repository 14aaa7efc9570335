"""From raw tables to the one that models are made of."""

import pandas as pd


def clean_companies(companies: pd.DataFrame) -> pd.DataFrame:
    """Percentages become shares, yes and no become booleans, and a missing rating the median one."""
    rating = companies["rating"].str.rstrip("%").astype(float) / 100
    return companies.assign(
        rating=rating.fillna(rating.median()),
        fleet_size=companies["fleet_size"].fillna(1),
        certified=companies["certified"].eq("yes"),
        founded_year=companies["founded_on"].dt.year,
    ).drop(columns="founded_on")


def clean_shuttles(shuttles: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Prices become numbers; shuttles that nobody has inspected are left out, and counted."""
    inspected = shuttles["inspected"].eq("t")
    price = shuttles["price"].str.replace("[$,]", "", regex=True).astype(float)
    cleaned = shuttles.assign(price=price, engine=shuttles["engine"].astype("category"))
    return cleaned[inspected].drop(columns="inspected").reset_index(drop=True), int((~inspected).sum())


def summarise_reviews(reviews: pd.DataFrame, at_least: int) -> pd.DataFrame:
    """The mean of the stars of each shuttle that has enough reviews, and the time of the last."""
    groups = reviews.dropna(subset=["stars"]).groupby("shuttle_id")
    summary = groups.agg(stars=("stars", "mean"), reviews=("stars", "size"), last_review=("written_at", "max"))
    return summary[summary["reviews"] >= at_least].reset_index()


def join_tables(shuttles: pd.DataFrame, companies: pd.DataFrame, reviews: pd.DataFrame) -> pd.DataFrame:
    """One row a shuttle, with all that is known of it."""
    return shuttles.merge(companies, on="company_id").merge(reviews, on="shuttle_id").sort_values("shuttle_id")


def describe_columns(columns: dict[str, str], left_out: int) -> dict[str, object]:
    """What the table holds."""
    return {"columns": columns, "uninspected_shuttles_left_out": left_out}
