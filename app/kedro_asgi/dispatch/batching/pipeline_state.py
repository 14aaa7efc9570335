"""The state of a batched pipeline, as callers see it."""

from kedro_asgi.batching_state import BatchedPipelineState
from kedro_asgi.dispatch.batching.batched_pipeline import BatchedPipeline
from kedro_asgi.dispatch.batching.metrics import BatchMetrics


def pipeline_state(pipeline: BatchedPipeline, metrics: BatchMetrics) -> BatchedPipelineState:
    """Return what is known of a pipeline."""
    labels = (pipeline.name,)
    family = metrics.runs.family
    sizes = metrics.runs.series.get(labels, [0.0] * family.size)
    waits = metrics.wait_seconds.series.get(labels, [0.0])
    batches, runs, waited = sum(sizes[:-1]), sizes[-1], sum(waits[:-1])
    bounds = (*(f"{bound:g}" for bound in family.bounds), "more")
    return BatchedPipelineState(
        pipeline=pipeline.name,
        state=pipeline.state,
        problem=pipeline.problem,
        options=pipeline.options,
        batches=int(batches),
        runs=int(runs),
        rows=int(metrics.rows.series.get(labels, [0.0])[-1]),
        runs_per_batch=round(runs / batches, 2) if batches else None,
        mean_wait_ms=round(waits[-1] / waited * 1000, 3) if waited else None,
        batches_by_runs={bound: int(count) for bound, count in zip(bounds, sizes, strict=False) if count},
        failed_batches=int(metrics.failed.series.get(labels, [0.0])[0]),
        unbatched={
            reason: int(count) for (name, reason), (count,) in metrics.unbatched.series.items() if name == pipeline.name
        },
        seconds_saved=round(metrics.seconds_saved.series.get(labels, [0.0])[0], 3),
    )
