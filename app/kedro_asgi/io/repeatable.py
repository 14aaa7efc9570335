"""Whether a node can load and save the same datasets a second time within a run."""

from msgspec import UNSET

from kedro_asgi.io.cached_dataset import CachedDataset
from kedro_asgi.io.memory_dataset import MemoryDataset
from kedro_asgi.io.one_shot import find_one_shot


def can_load_again(dataset: object) -> bool:
    """Tell whether ``dataset`` loads what it loaded before: not if it keeps an iterator, a reader or an open file."""
    match dataset:
        case CachedDataset():
            return can_load_again(dataset._cache)
        case MemoryDataset():
            return dataset.held is UNSET or find_one_shot(dataset.held) is None
    return True


def can_save_again(dataset: object) -> bool:
    """Tell whether ``dataset`` takes another save in this run: not if it is versioned and has one.

    Kedro's versioned datasets have the same two attributes as ours.
    """
    dataset = dataset._dataset if isinstance(dataset, CachedDataset) else dataset
    get_save_path = getattr(dataset, "_get_save_path", None)
    if not getattr(dataset, "_version", None) or get_save_path is None:
        return True
    try:
        get_save_path()
    except Exception:  # it refuses the path that exists; a storage may fail in any way
        return False
    return True
