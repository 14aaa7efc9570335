"""Where is a fleet of servers over PostgreSQL full, from 10 to 1,000 servers, 10⁷ runs a day and 10⁶ followers?

The costs are those that measure_fleet.py has measured. Runs are followed one by one through servers and database in a
window of the busiest hour, with what is scheduled at a full minute; a whole day would only repeat that. What goes on
all the time, as looks for cancels, is a share of the database's cores. Takes less than two minutes.
"""

import argparse
from pathlib import Path

import msgspec
from fleet.costs import Costs, read_costs
from fleet.pages import fill_costs, fill_sweep
from fleet.pictures import draw_pictures
from fleet.sweep import Sweep, sweep
from harness import write
from measure_fleet import COSTS
from servers import HERE

RESULTS = HERE / "fleet" / "sweep.json"
DOCS = HERE.parent / "docs"


def main() -> None:
    """Simulate, and write figures and pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--costs", type=Path, default=COSTS, help="file of measured costs")
    parser.add_argument("--seconds", type=float, default=60.0, help="window of the busiest hour that is simulated")
    parser.add_argument("--into", type=Path, default=RESULTS, help="file of the figures")
    parser.add_argument("--docs", type=Path, default=DOCS, help="folder with scaling.md, and pictures/")
    arguments = parser.parse_args()
    simulate_fleets(read_costs(arguments.costs), seconds=arguments.seconds, into=arguments.into, docs=arguments.docs)


def simulate_fleets(costs: Costs, *, seconds: float, into: Path, docs: Path) -> None:
    """Simulate all deployments; write the figures, the tables of the page, and its pictures."""
    found = sweep(costs, seconds=seconds)
    into.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
    _print(found)
    fill_costs(docs / "scaling.md", costs)
    fill_sweep(docs / "scaling.md", found)
    pictures = draw_pictures(found, docs / "pictures")
    print(f"Wrote {', '.join(pictures)} and tables of {docs / 'scaling.md'}.")


def _print(found: Sweep) -> None:
    write(
        "fleet_deployments", "10⁷ runs a day in its busiest hour", [msgspec.structs.asdict(one) for one in found.peaks]
    )
    write("fleet_limits", "what is full, and when", [msgspec.structs.asdict(one) for one in found.limits])
    write("fleet_database", "cores of a database by what they do", [msgspec.structs.asdict(one) for one in found.cores])


if __name__ == "__main__":
    main()
