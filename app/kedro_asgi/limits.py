"""The ranges of what a caller may ask of the run service, over HTTP or in Python."""

from typing import Annotated

from msgspec import Meta

MAX_TIMEOUT_SECONDS = 365 * 86400
"""The longest time limit of a run: a year."""
MAX_LABELS = 50
"""How many labels a run may have, and how many of them a list may be filtered by."""
MAX_LABEL_NAME, MAX_LABEL_VALUE = 255, 1024
"""How many characters a label may have in its name and in its value."""
MAX_WAIT_SECONDS = 600
"""How long a request may wait for the end of a run."""
MAX_PAGE_RUNS = 1000
"""How many runs a page may hold."""
MAX_EVENT_NUMBER = 10**18 - 1
"""The highest number that an event can have."""
MAX_KEY_LENGTH = 255
"""How many characters an idempotency key may have."""
MAX_KEEP_RUNS = 10**9
"""How many runs a store may be told to keep."""
MAX_KEEP_DAYS = 36_500
"""The most days for which ended runs are kept."""
MAX_RETRIES = 100
"""How often a node or a run may be tried again."""
MAX_DELAY_SECONDS = 86400
"""The longest wait before another attempt: a day."""

# ASCII, so that the pattern means the same in Python and in JSON Schema.
DOTTED_NAME = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$"
"""The name of a class, with or without its module."""

TimeoutSeconds = Annotated[float, Meta(gt=0, le=MAX_TIMEOUT_SECONDS)]
# In a filter, ``name=value``, the first ``=`` ends the name.
LabelName = Annotated[str, Meta(min_length=1, max_length=MAX_LABEL_NAME, pattern="^[^=]*$")]
LabelValue = Annotated[str, Meta(max_length=MAX_LABEL_VALUE)]
Labels = Annotated[dict[LabelName, LabelValue], Meta(max_length=MAX_LABELS)]
Key = Annotated[str, Meta(min_length=1, max_length=MAX_KEY_LENGTH)]
PageLimit = Annotated[int, Meta(ge=1, le=MAX_PAGE_RUNS)]
EventNumber = Annotated[int, Meta(ge=0, le=MAX_EVENT_NUMBER)]
