"""The families of metrics of a run service, and of its batches: one table."""

from kedro_asgi.metrics.families import counter, gauge, histogram

_RUN_BOUNDS = (0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
_QUEUE_BOUNDS = (0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 10.0, 30.0, 60.0, 300.0, 900.0)
_WRITE_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
_WAIT_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)

_ENDED = "Runs that have ended, by pipeline and status; also those that ended before they started."
_RETRIED = "Failed attempts that were followed by another; those of nodes count when their run ends."
_LOST_RUNS = "Records of ended runs that were given up, since the store failed for too long."
_LOST_EVENTS = "Events that readers lost because they were too slow; they count when the reader leaves."
_NOTIFIED = "Attempts to tell a webhook of the end of a run: delivered, retried (another follows) or failed for good."
_SAVED = "Time that the runs of batches would have taken alone, without the time that the batches took."
_WAITING_IN_STORE = "Promised runs that wait for a free slot of any process that shares the store."
_UNBATCHED = "Runs of batched pipelines that cannot be part of a batch, by what is different about them."

ENDED = counter("runs_ended", _ENDED, "pipeline", "status")
RUN_SECONDS = histogram(
    "run_seconds",
    "Time from the start of a run to its end, with all its attempts.",
    "pipeline",
    "status",
    bounds=_RUN_BOUNDS,
)
QUEUE_SECONDS = histogram(
    "run_queue_seconds", "Time from the request for a run to the start of the run.", bounds=_QUEUE_BOUNDS
)
REFUSED = counter("runs_refused", "Runs that were refused, by the class of the error.", "reason")
RETRIED = counter("attempts_retried", _RETRIED, "of")
CRASHED = counter("run_process_crashes", "Runs that ended the process in which they were executed.")
LOST_RUNS = counter("runs_unwritten_lost", _LOST_RUNS)
LOST_EVENTS = counter("events_lost", _LOST_EVENTS)
WRITE_SECONDS = histogram(
    "store_write_seconds", "Time that a transaction with the states of runs took.", bounds=_WRITE_BOUNDS
)
WRITE_FAILURES = counter("store_write_failures", "Attempts to write to the store that failed.")
NOTIFIED = counter("notification_attempts", _NOTIFIED, "webhook", "outcome")

BATCH_RUNS = histogram(
    "batch_runs", "Runs that a batch has executed as one.", "pipeline", bounds=(1, 2, 4, 8, 16, 32, 64, 128, 256)
)
BATCH_ROWS = histogram("batch_rows", "Rows of a batch.", "pipeline", bounds=(1, 4, 16, 64, 128, 256, 512, 1024, 4096))
BATCH_WAIT_SECONDS = histogram(
    "batch_wait_seconds", "Time from a run's admission to the start of its batch.", "pipeline", bounds=_WAIT_BOUNDS
)
SECONDS_SAVED = counter("batch_seconds_saved", _SAVED, "pipeline")
FAILED_BATCHES = counter("batches_failed", "Batches that were executed again in parts, after an error.", "pipeline")
UNBATCHED = counter("unbatched_runs", _UNBATCHED, "pipeline", "reason")

GAUGES = (
    gauge("runs_running", "Slots that are taken."),
    gauge("runs_stopping", "Running runs that were asked to stop."),
    gauge("runs_queued", "Runs that wait for a slot."),
    gauge("runs_waiting_for_attempt", "Runs that wait for the time of their next attempt."),
    gauge("runs_queued_bytes", "Memory that the orders of waiting runs take."),
    gauge("runs_concurrency_limit", "Slots that there are."),
    gauge("run_processes", "Processes that execute runs, or will."),
    gauge("run_processes_open", "Processes for runs that have opened the project."),
    gauge("dask_tasks", "Runs that the Dask cluster has."),
    gauge("event_readers", "Callers that follow events."),
    gauge("store_pending_writes", "Messages and runs that wait until they are written to the store."),
    gauge("draining", "Worker processes that accept no more runs."),
    gauge("store_up", "1 if all workers can write to the store.", merge="min"),
    gauge("dask_scheduler_up", "1 if all workers reach the Dask scheduler.", merge="min"),
    # All workers see the same ones, so they are not added up.
    gauge("dask_workers", "Workers of the Dask cluster.", merge="min"),
    gauge("dask_threads", "Threads of the Dask cluster's workers.", merge="min"),
    gauge("notifications_pending", "Notifications in the store that are to be delivered.", merge="min"),
    gauge("runs_waiting_in_store", _WAITING_IN_STORE, merge="min"),
)

RUNS = (
    ENDED,
    RUN_SECONDS,
    QUEUE_SECONDS,
    REFUSED,
    RETRIED,
    CRASHED,
    LOST_RUNS,
    LOST_EVENTS,
    WRITE_SECONDS,
    WRITE_FAILURES,
    NOTIFIED,
    *GAUGES,
)
BATCHES = (BATCH_RUNS, BATCH_ROWS, BATCH_WAIT_SECONDS, SECONDS_SAVED, FAILED_BATCHES, UNBATCHED)
