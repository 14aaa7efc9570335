"""Whether the server still joins the rows of callers, as the project promises that it may."""

from soak.load.caller import Caller


async def check_batching(caller: Caller) -> list[str]:
    """Return the pipelines whose rows the answering process joins no more; count what it has joined."""
    problems = []
    for pipeline in (await caller.ask("GET", "/batching")).json()["pipelines"]:
        caller.ledger.counts["batches of the last process"] += pipeline["batches"]
        caller.ledger.counts["runs in batches of the last process"] += pipeline["runs"]
        for reason, runs in pipeline["unbatched"].items():
            caller.ledger.counts[f"runs in no batch, because of {reason}"] += runs
        if pipeline["state"] == "refused":
            problems.append(f"rows of {pipeline['pipeline']} are joined no more: {pipeline['problem']}")
    return problems
