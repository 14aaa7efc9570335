"""The rules of batching that no project sets."""

from random import Random

import msgspec


class BatchingRules(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """When a batch does not wait for another one, and how batches are compared with runs alone.

    A batch that takes longer than ``beside_after_seconds`` does not keep the next one from beginning beside it.
    ``spot_check_share`` is how often a member of a batch is compared with its run alone after there is proof.
    """

    beside_after_seconds: float = 1.0
    spot_check_share: float = 1 / 256
    # Not the module's own generator: nodes and tests that seed it expect no other thread to draw from it.
    random: Random = msgspec.field(default_factory=Random)
