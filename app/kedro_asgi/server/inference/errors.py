"""Why a request of the Open Inference Protocol cannot be answered."""


class InferenceError(Exception):
    """A request of the protocol fails with this message; ``run_id`` is the run that has failed, if there was one."""

    def __init__(self, message: str, *, status: int = 400, run_id: str | None = None) -> None:
        self.message = message
        self.status = status
        self.run_id = run_id
        super().__init__(message)
