"""A pipeline as a model of the protocol: its datasets, and the names by which tensors stand for them."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from kedro_asgi.errors.wording import close_matches, quoted, suggestion
from kedro_asgi.server.inference.datasets import DatasetFacts, dataset_facts
from kedro_asgi.server.inference.errors import InferenceError
from kedro_asgi.signatures import Json, PipelineSignature

_MANY = 20


class TensorTarget(msgspec.Struct, frozen=True):
    """The dataset, or the column of it, that a tensor stands for."""

    dataset: DatasetFacts
    column: str | None = None


class Model(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The datasets of a pipeline; ``defaults`` are the outputs of a request that asks for none.

    The columns of ``table``, an input, and of ``answer``, an output, need no prefix.
    """

    name: str
    inputs: Mapping[str, DatasetFacts]
    outputs: Mapping[str, DatasetFacts]
    defaults: tuple[str, ...]
    params: Json
    table: DatasetFacts | None
    answer: DatasetFacts | None

    @classmethod
    def of(cls, name: str, signature: PipelineSignature) -> "Model":
        """Return the model of a pipeline."""
        inputs = dataset_facts(signature.inputs, signature.definitions)
        outputs = dataset_facts(signature.results, signature.definitions)
        answers = signature.default_outputs or tuple(outputs)
        return cls(
            name=name,
            inputs=inputs,
            outputs=outputs,
            defaults=signature.default_outputs,
            params=signature.params,
            table=_only_table(list(inputs.values())),
            answer=outputs[answers[0]] if len(answers) == 1 else None,
        )

    def input_target(self, name: str, *, is_frame: bool) -> TensorTarget:
        """Return what input ``name`` stands for; raises `InferenceError`.

        A request that ``is_frame`` may have a column with the name of its table.
        """
        found, table = _target(name, self.inputs), self.table
        if is_frame and table is not None and (found is None or found == TensorTarget(table)):
            return TensorTarget(table, name)
        return found or self._column(name, table) or self._refuse("input", name, self.inputs)

    def output_target(self, name: str) -> TensorTarget:
        """Return what output ``name`` stands for; raises `InferenceError`."""
        found = _target(name, self.outputs) or self._column(name, self.answer)
        return found or self._refuse("output", name, self.outputs)

    def _column(self, name: str, table: DatasetFacts | None) -> TensorTarget | None:
        if table is None or not table.may_have_columns:
            return None
        return None if table.is_closed and name not in table.columns else TensorTarget(table, name)

    def _refuse(self, kind: str, name: str, datasets: Mapping[str, DatasetFacts]) -> TensorTarget:
        known = list(tensor_names(datasets.values()))
        has = f"has {quoted(known[:_MANY])}" if known else "has none"
        hint = suggestion(close_matches(name, known))
        raise InferenceError(f"'{name}' is no {kind} of pipeline '{self.name}', which {has}.{hint}")


def _only_table(inputs: Sequence[DatasetFacts]) -> DatasetFacts | None:
    """Return the only table, or the only input, among those that are required; else the only table."""
    required = [found for found in inputs if found.is_required]
    for candidates in (required, inputs):
        tables = [found for found in candidates if found.is_table]
        if tables:
            return tables[0] if len(tables) == 1 else None
    return required[0] if len(required) == 1 and required[0].is_anything else None


def tensor_names(datasets: Iterable[DatasetFacts]) -> Iterable[str]:
    """Yield the names that always stand for datasets and for their declared columns."""
    for dataset in datasets:
        yield dataset.name
        yield from (f"{dataset.name}.{column}" for column in dataset.columns)


def _target(name: str, datasets: Mapping[str, DatasetFacts]) -> TensorTarget | None:
    """Return what a name stands for that begins with that of a dataset, the longest one."""
    if name in datasets:
        return TensorTarget(datasets[name])
    owners = [found for found in datasets.values() if found.may_have_columns and name.startswith(f"{found.name}.")]
    if not owners:
        return None
    owner = max(owners, key=lambda found: len(found.name))
    return TensorTarget(owner, name.removeprefix(f"{owner.name}."))
