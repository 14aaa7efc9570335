"""What does a run cost without HTTP, compared with Kedro's sessions, Hamilton's drivers and plain calls?

A chain of nodes that each add one. Each side is in a process of its own.
"""

from contextlib import ExitStack
from functools import partial

from harness import Case, add_ratios, merge_rows, read_options, take_turns, write
from in_process_sides import ASYNC_SIDES, SIDES
from workers import worker

_OURS, _HAMILTON = "kedro-asgi KedroServiceSession", "Hamilton Driver"
# Sides that read the project for every run.
_SLOW = ("Kedro KedroServiceSession", "Kedro KedroSession", "kedro-asgi KedroSession")


def main() -> None:
    """Run the benchmark."""
    options = read_options(__doc__)
    repeats = options.pick(quick=300, full=1000)
    with ExitStack() as stack:
        cases = []
        for length in options.pick(quick=(2,), full=(2, 100)):
            for side in (*SIDES, *ASYNC_SIDES):
                ask = stack.enter_context(worker("in_process_sides", side=side, length=length))
                times = options.pick(quick=3, full=9) if side in _SLOW else max(repeats * 2 // length, 10)
                cases.append(Case(side=side, conditions={"nodes": length}, measure=partial(ask, repeats=times)))
        measured = take_turns(cases, rounds=options.pick(quick=3, full=15))
    rows = merge_rows(
        add_ratios(measured, _OURS, "run_us", label="kedro_asgi"),
        add_ratios(measured, _HAMILTON, "run_us", label="hamilton"),
    )
    write("in_process", "a run without HTTP", rows)


if __name__ == "__main__":
    main()
