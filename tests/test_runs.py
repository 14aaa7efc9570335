"""The arguments of a run as a value, and run ids: sortable by time, never twice."""

import multiprocessing
import os
import re
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from kedro_asgi.run_arguments import RunArguments
from kedro_asgi.run_ids import RunIds, is_run_id
from kedro_asgi.runs import RunSpec, Slice

FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d\.\d{3}Z-[0-9a-f]{14}")


def test_arguments_become_a_spec() -> None:
    spec = RunSpec.of(["a", "b"], tags="one", from_nodes=None, inputs={"x": 1}, outputs=iter(["y"]), is_async=True)
    assert spec == RunSpec(
        slice=Slice(pipeline_names=("a", "b"), tags=("one",)), inputs={"x": 1}, outputs=("y",), is_async=True
    )


def test_none_stands_for_the_default_of_an_argument() -> None:
    nothing: RunArguments = {"tags": None, "load_versions": None, "inputs": None}
    assert RunSpec.of(None, **nothing) == RunSpec()


def test_each_argument_of_a_run_is_a_field_of_its_spec() -> None:
    assert RunArguments.__annotations__.keys() <= {*Slice.__struct_fields__, *RunSpec.__struct_fields__}


def test_parameters_have_two_names() -> None:
    assert RunSpec.of(params={"a": 1}) == RunSpec.of(runtime_params={"a": 1}) == RunSpec(runtime_params={"a": 1})
    assert RunSpec.of(params={"a": 1}, runtime_params=None) == RunSpec(runtime_params={"a": 1})
    with pytest.raises(TypeError, match="'params' and 'runtime_params' are the same"):
        RunSpec.of(params={"a": 1}, runtime_params={"a": 2})


def test_an_unknown_argument_is_refused() -> None:
    with pytest.raises(TypeError, match="nonsense"):
        RunSpec.of(nonsense=1)


def mint(count: int) -> list[str]:
    ids = RunIds()
    return [ids.next() for _ in range(count)]


def test_an_id_begins_with_kedros_timestamp() -> None:
    assert FORM.fullmatch(RunIds().next())


def test_ids_sort_in_the_order_in_which_they_were_minted() -> None:
    ids = mint(5000)
    assert ids == sorted(set(ids))


def test_ids_sort_also_when_the_clock_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time_ns", lambda: 1_700_000_000_000_000_000)
    ids = mint(0x10000 + 2)
    assert ids == sorted(set(ids))
    assert [run_id[20:29] for run_id in (ids[0], ids[-1])] == ["000Z-0000", "001Z-0001"]


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


FORKING = """
import os
from kedro_asgi.run_ids import RunIds
from kedro_asgi.run_arguments import RunArguments
from kedro_asgi.runs import RunSpec, Slice

ids = RunIds()
ids.next()
os.fork()
os.fork()
for _ in range(500):
    os.write(1, f"{ids.next()}\\n".encode())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_a_forked_copy_mints_its_own() -> None:
    """In a process that has one thread: others are not to be forked."""
    done = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, check=True)
    assert len(set(done.stdout.splitlines())) == 2000


def test_an_id_of_a_run_has_the_digits_of_ascii_only() -> None:
    run_id = RunIds().next()
    assert is_run_id(run_id)
    assert not is_run_id(run_id.replace("2", "\N{ARABIC-INDIC DIGIT TWO}"))
