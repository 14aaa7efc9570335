"""The datasets of one run by name: each is made on first use, and kept until the run ends."""

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from msgspec import UNSET

from kedro_asgi.errors import DatasetNotFoundError, VersionAlreadyExistsError
from kedro_asgi.io.artifact import Artifact, RunArtifacts
from kedro_asgi.io.catalog_config_resolver import CatalogResolver
from kedro_asgi.io.dataset_protocols import Dataset, can_load_and_save, is_dataset, versions_of, with_version
from kedro_asgi.io.injected_data import converted
from kedro_asgi.io.input_types import InputType
from kedro_asgi.io.load_versions import check_load_versions
from kedro_asgi.io.memory_dataset import MemoryDataset
from kedro_asgi.io.memory_slots import MemorySlots
from kedro_asgi.io.parameters import ParameterView
from kedro_asgi.io.received_frame_dataset import ReceivedFrameDataset
from kedro_asgi.io.version import Version, as_version, timestamp
from kedro_asgi.runs import NO_PARAMS, RuntimeParams
from kedro_asgi.tables.arrow_table import ArrowTable
from kedro_asgi.validation import DatasetCheck, ValidatorSpec

_log = logging.getLogger(__name__)


class DatasetMapping:
    """Finds or makes datasets by name, with a resolver that all runs share.

    The cost of a dataset does not depend on the size of the catalog. Thread-safe: each dataset is made once. A name is
    looked for among the datasets, then the parameters, then the entries, then the patterns (CAT-19).
    """

    _default_class: type[Dataset] = MemoryDataset
    # Whether data in memory may do without datasets; classes of projects may look at each dataset.
    _has_slots = False

    def __init_subclass__(cls, *, has_slots: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._has_slots = has_slots

    def __init__(
        self,
        datasets: Mapping[str, object] | None = None,
        config_resolver: CatalogResolver | None = None,
        load_versions: Mapping[str, str] | None = None,
        save_version: str | None = None,
        runtime: RuntimeParams = NO_PARAMS,
        validation_enabled: bool = True,
    ) -> None:
        self.validation_enabled = validation_enabled
        self._resolver = config_resolver or CatalogResolver({}, default_type=self._default_class.__name__)
        self._datasets: dict[str, Dataset] = {}
        self._slots = MemorySlots()
        self._checks: dict[str, DatasetCheck] = {}
        self._parameters: ParameterView | None = None
        self._load_versions = (
            {name: version for name, version in load_versions.items() if version} if load_versions else {}
        )
        self._save_version = save_version
        self._runtime = runtime
        self.kept: frozenset[str] = frozenset()
        """The names of datasets that are not released, so that they can be loaded when the run is over."""
        self._replaced: set[str] = set()
        self.artifacts: RunArtifacts | None = None
        # Re-entrant: the constructor of a dataset may look at the catalog.
        self._lock = threading.RLock()
        for name, value in (datasets or {}).items():
            if self._resolver.is_explicit(name):
                _log.warning("Dataset '%s' is given as an object; its entry in the catalog is not used.", name)
            self._put(name, value if can_load_and_save(value) else MemoryDataset(value))
        if load_versions:
            check_load_versions(self._load_versions, catalog=self, resolver=self._resolver)

    def __getstate__(self) -> dict[str, Any]:
        # A lock belongs to one process, and the resolvers of a configuration need not be picklable.
        state = {name: value for name, value in vars(self).items() if name != "_lock"}
        return {**state, "_resolver": self._resolver.resolved(self._runtime)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=threading.RLock())

    @property
    def config_resolver(self) -> CatalogResolver:
        """The entries and patterns behind this catalog."""
        return self._resolver

    @property
    def runtime(self) -> RuntimeParams:
        """The parameters of the run that this catalog belongs to."""
        return self._runtime

    @property
    def registered(self) -> Mapping[str, Dataset]:
        """The datasets that were made or added so far; read-only."""
        for name in tuple(self._slots):
            self.get(name)
        return self._datasets

    @property
    def save_version(self) -> str:
        """The version that every versioned dataset of this catalog saves (CAT-31)."""
        with self._lock:
            self._save_version = self._save_version or timestamp()
            return self._save_version

    def add_parameters(self, parameters: Mapping[str, object], models: Mapping[str, object] | None = None) -> None:
        """Offer ``parameters`` and ``params:…`` from now on, in place of datasets with these names.

        ``models`` holds the models that nodes ask for, by path. The catalog never changes the two mappings:
        every load gives a copy. A second call replaces the first.
        """
        view = self._parameters = ParameterView(parameters, models or {})
        if not (self._datasets or self._slots):
            return
        for name in [name for name in self.registered if view.find(name) is not UNSET]:
            del self._datasets[name]
            self._set_validator(name, None)

    def flat_parameters(self) -> dict[str, Any]:
        """Return a copy of all parameters under the names that nodes use, as hooks see them."""
        view = self._parameters
        return {} if view is None else ParameterView(*deepcopy((view.whole, view.models))).flat()

    def inject(self, name: str, data: object, *, expected: InputType | None = None) -> None:
        """Put ``data``, which may be ``None``, in place of the dataset ``name`` for this run.

        A plain value becomes a frame where the dataset loads frames, and what nodes expect where the dataset is in
        memory; raises `InputTableError` or `InputTypeError` if it cannot. Any other value is held as it is and copied
        by each load, so the caller must not change it during the run. The dataset's validator sees it when it is
        loaded.
        """
        builder = self._resolver.builder(name) if self._parameter(name) is UNSET else None
        self._set_validator(name, None if builder is None else builder.validator(self._runtime))
        dataset = self.registered.get(name)
        kind = ReceivedFrameDataset if type(data) is ArrowTable else MemoryDataset
        data = converted(name, data, dataset=dataset, builder=builder, runtime=self._runtime, expected=expected)
        self._datasets[name] = kind.adopt(data)
        self._mark_replaced(name)

    def missing(self, names: Iterable[str]) -> list[str]:
        """Return those ``names`` for which this catalog has nothing; makes no dataset."""
        return [name for name in names if name not in self]

    def prepare(self, names: tuple[str, ...], *, is_seen: bool = True) -> None:
        """Make the datasets ``names``, unknown ones in memory, before nodes ask for them; artifacts can wait.

        Where code of the project does not see this catalog, data in memory has slots in place of datasets.
        """
        for name in names if is_seen or not self._has_slots else self._without_slots(names):
            if self.artifacts is None or self.artifacts.value(name) is UNSET:
                self.get(name, fallback_to_runtime_pattern=True)

    def _without_slots(self, names: tuple[str, ...]) -> list[str]:
        """Give slots to parameters and to names without an entry; return the other names."""
        in_memory, others = self._resolver.split(names)
        slots, rest, parameters = MemorySlots(in_memory), [], self._parameters
        for name in others:
            value = UNSET if parameters is None else parameters.find(name)
            if value is UNSET:
                rest.append(name)
            else:
                if "." in name:
                    self._warn_of_ambiguous(name)
                slots[name] = value
        for name in self._datasets:
            slots.pop(name, None)
        slots.update(self._slots)
        self._slots = slots
        return rest

    def results(self, names: Iterable[str]) -> dict[str, Dataset]:
        """Return the datasets ``names`` that a run has saved; raises `DatasetNotFoundError`."""
        found, slots = {}, self._slots
        with self._lock:
            for name in names:
                found[name] = slots.move_to(name, self._datasets) if name in slots else self[name]
        return found

    def share(self, artifacts: Mapping[str, Artifact], *, confirms: Iterable[str] = ()) -> None:
        """Let loads return the values of ``artifacts`` where this run would load the same datasets.

        A dataset that a hook or a caller put into this catalog is not the same. The run loads what it ``confirms``.
        """
        same = {
            name: artifact
            for name, artifact in artifacts.items()
            if name not in self._replaced and artifact.is_of(self._resolver.builder(name), self._runtime)
        }
        self.artifacts = RunArtifacts(same, pinned=self._load_versions, confirms=confirms)

    def get(
        self, key: str, fallback_to_runtime_pattern: bool = False, version: Version | str | None = None
    ) -> Dataset | None:
        """Return a dataset, or ``None``; the fallback makes a dataset in memory for an unknown name.

        With a ``version``, or the name of one to load, return a copy that has it.
        """
        dataset = self._datasets.get(key)
        if dataset is None:
            dataset = self._made(key, fallback=fallback_to_runtime_pattern)
        return dataset if dataset is None or version is None else with_version(dataset, as_version(version))

    def keys(self) -> list[str]:
        """Return unused entries, then parameters, then all other datasets; no unused names that patterns match."""
        parameters, datasets = self._parameters.names() if self._parameters else [], self.registered
        later = set(parameters).union(datasets)
        unused = [name for name in self._resolver.names() if name not in later]
        return list(dict.fromkeys((*unused, *parameters, *datasets)))

    def _ipython_key_completions_(self) -> list[str]:
        """Return the names that a notebook offers after ``catalog[``."""
        return self.keys()

    def __getitem__(self, name: str) -> Dataset:
        dataset = self._datasets.get(name)
        return self._required(name) if dataset is None else dataset

    def __setitem__(self, name: str, value: object) -> None:
        if name in self:
            _log.warning("Replacing dataset '%s'", name)
        self._put(name, value if is_dataset(value) else MemoryDataset(value))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (
            name in self._datasets
            or name in self._slots
            or (self._parameters is not None and self._parameters.find(name) is not UNSET)
            or self._resolver.matches(name)
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def _required(self, name: str, version: str | None = None) -> Dataset:
        dataset = self.get(name, version=version)
        if dataset is None:
            raise DatasetNotFoundError(f"Dataset '{name}' not found in the catalog")
        return dataset

    def _made(self, name: str, *, fallback: bool) -> Dataset | None:
        """Make and register the dataset ``name``, unless another thread was first."""
        with self._lock:
            dataset = self._datasets.get(name)
            if dataset is None and name in self._slots:
                return self._slots.move_to(name, self._datasets)
            if dataset is None:
                dataset = self._new(name, fallback=fallback)
                if dataset is not None:
                    self._datasets[name] = dataset
            return dataset

    def _new(self, name: str, *, fallback: bool) -> Dataset | None:
        parameter = self._parameter(name)
        if parameter is not UNSET:
            self._warn_of_ambiguous(name)
            return MemoryDataset.adopt(parameter)
        builder = self._resolver.builder(name)
        if builder is None:
            return self._default_class() if fallback else None
        definition = builder.definition(self._runtime)
        if definition.validator is not None:
            self._set_validator(name, definition.validator)
        load_version, save_version = self._load_versions.get(name), self._save_version or self.save_version
        return definition.build(load_version=load_version, save_version=save_version)

    def _parameter(self, name: str) -> object:
        return UNSET if self._parameters is None else self._parameters.find(name)

    def _warn_of_ambiguous(self, name: str) -> None:
        if self._parameters is not None and self._parameters.is_ambiguous(name):
            _log.warning("Replacing dataset '%s': it is written with a dot and nested; the later one is used.", name)

    def _put(self, name: str, dataset: Any) -> None:
        load_version, save_version = versions_of(dataset)
        with self._lock:
            if save_version:
                self._agree_on(save_version, name)
            # The dataset's own version is the one that it loads (CAT-62).
            self._load_versions.pop(name, None)
            if load_version:
                self._load_versions[name] = load_version
            # The dataset that was put last comes last (CAT-59).
            self._datasets.pop(name, None)
            self._slots.pop(name, None)
            self._datasets[name] = dataset
            self._set_validator(name, None)
        self._mark_replaced(name)

    def _set_validator(self, name: str, spec: ValidatorSpec | None) -> None:
        if spec is None:
            self._checks.pop(name, None)
        else:
            self._checks[name] = DatasetCheck(name, spec)

    def _mark_replaced(self, name: str) -> None:
        """Note that a dataset was put in place of the entry ``name``, so the artifact of that name does not apply."""
        self._replaced.add(name)
        if self.artifacts is not None:
            self.artifacts.discard(name)

    def _agree_on(self, save_version: str, name: str) -> None:
        if self._save_version and self._save_version != save_version:
            raise VersionAlreadyExistsError(
                f"Cannot add a dataset `{name}` with `{save_version}` save version: all datasets of this "
                f"catalog save `{self._save_version}`."
            )
        self._save_version = save_version
