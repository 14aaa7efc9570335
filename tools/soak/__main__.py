"""``python -m soak``: soak a server on SQLite, then one on PostgreSQL, and report."""

import argparse
import secrets
import sys

import anyio

from kedro_asgi.server.access.tokens import make_token
from soak.leg import Plan, soak
from soak.report import json_line, table

_STORES = ("sqlite", "postgresql")


def main() -> int:
    """Return 0 if every promise was kept on every store."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60, help="how long in all; judging takes longer")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="repeats the decisions of a soak")
    parser.add_argument("--store", choices=_STORES, action="append", help="only this store")
    parser.add_argument("--callers", type=int, default=8)
    parser.add_argument("--keep", action="store_true", help="keep log and store, also if all was well")
    options = parser.parse_args()
    stores = options.store or _STORES
    reports = []
    for store in stores:
        plan = Plan(
            store=store,
            seed=options.seed,
            minutes=options.minutes / len(stores),
            token=make_token() if store == "postgresql" else None,
            callers=options.callers,
            keeps_folder=options.keep,
        )
        print(f"soak: {store}, seed {options.seed}, {plan.minutes:g} minutes", flush=True)
        reports.append(anyio.run(soak, plan))
        print(table(reports[-1]), flush=True)
    for report in reports:
        print(json_line(report), flush=True)
    return 0 if all(report.is_good for report in reports) else 1


if __name__ == "__main__":
    sys.exit(main())
