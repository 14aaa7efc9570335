"""Run ids: sortable by time, never twice (DESIGN: run ids)."""

import multiprocessing
import re
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

from kedro_asgi.runs import RunIds

FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d\.\d{3}Z-[0-9a-f]{14}")


def mint(count: int) -> list[str]:
    ids = RunIds()
    return [ids.next() for _ in range(count)]


def test_an_id_begins_with_kedros_timestamp() -> None:
    assert FORM.fullmatch(RunIds().next())


def test_ids_sort_in_the_order_in_which_they_were_minted() -> None:
    ids = mint(5000)
    assert ids == sorted(set(ids))


def test_threads_share_a_source() -> None:
    ids = RunIds()
    with ThreadPoolExecutor(8) as pool:
        minted = list(pool.map(lambda _: ids.next(), range(20_000)))
    assert len(set(minted)) == 20_000


def test_sources_and_processes_never_mint_the_same() -> None:
    with ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("spawn")) as pool:
        batches = list(pool.map(mint, [5000] * 4))
    minted = [run_id for batch in (*batches, mint(5000), mint(5000)) for run_id in batch]
    assert len(set(minted)) == 30_000


def test_a_forked_copy_mints_its_own(tmp_path) -> None:
    ids = RunIds()
    ids.next()
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    children = [context.Process(target=lambda: queue.put([ids.next() for _ in range(500)])) for _ in range(3)]
    for child in children:
        child.start()
    minted = [run_id for _ in children for run_id in queue.get()] + [ids.next() for _ in range(500)]
    for child in children:
        child.join()
    assert len(set(minted)) == 2000
