"""Data in memory (CAT-42 to CAT-47)."""

from oracle_projects.cat.cases import AT, LOAD, catalog

MEMORY = (
    catalog(
        "CAT-42",
        "copies on save and on load",
        "{}",
        """
        data = [1, [2]]
        catalog['x'] = MemoryDataset(data)
        data[1].append(3)
        first = catalog.load('x')
        first.append(9)
        return catalog.load('x')
        """,
    ),
    *(
        catalog(
            "CAT-42",
            f"the mode {mode}",
            "{}",
            f"""
            data = [1, [2]]
            dataset = MemoryDataset(copy_mode={mode})
            dataset.save(data)
            found = dataset.load()
            return [found is data, found[1] is data[1], found]
            """,
        )
        for mode in ("None", "'deepcopy'", "'copy'", "'assign'")
    ),
    catalog(
        "CAT-42",
        "an unknown mode",
        "x: {type: MemoryDataset, copy_mode: bad}",
        "catalog.save('x', 1)",
        says=("Invalid copy mode: bad.",),
    ),
    catalog(
        "CAT-42",
        "modes of frames and arrays",
        "{}",
        """
        import pandas as pd
        import numpy as np

        class DataFrame:
            pass

        frame, array, own, series = pd.DataFrame({"a": [[1]]}), np.array([[1]]), DataFrame(), pd.Series([[1]])
        found = []
        for data in (frame, array, own, series):
            set_ = MemoryDataset(data)
            got = set_.load()
            found.append([got is data, type(got).__name__])
        return [
            found,
            MemoryDataset(frame).load()["a"][0] is frame["a"][0],
            MemoryDataset(series).load()[0] is series[0],
        ]
        """,
    ),
    catalog(
        "CAT-43",
        "before anything was saved",
        "x: {type: MemoryDataset}",
        "return [catalog.exists('x'), project.raised(catalog.load, 'x')]",
    ),
    catalog(
        "CAT-43",
        "release and none",
        "x: {type: MemoryDataset, data: 1}",
        """
        catalog.save('x', 2)
        before = catalog.exists('x')
        catalog.release('x')
        return [before, catalog.exists('x'), MemoryDataset(None).load(), MemoryDataset(None).exists()]
        """,
    ),
    catalog(
        "CAT-44",
        "what cannot be copied",
        "x: {type: MemoryDataset}",
        "catalog.save('x', (i for i in []))",
        says=("x: Failed while saving data to dataset", "cannot pickle 'generator' object"),
    ),
    catalog(
        "CAT-49",
        "none cannot be saved",
        "x: {type: MemoryDataset}\ny: {type: json.JSONDataset, filepath: y.json}",
        """
        return [project.raised(catalog.save, n, None) for n in "xy"] + [
            project.raised(catalog[n].save, None) for n in "xy"
        ]
        """,
    ),
    catalog(
        "CAT-45",
        "a cached dataset",
        "x: {type: CachedDataset, dataset: {type: json.JSONDataset, filepath: x.json}}",
        """
        catalog.save('x', [1])
        project.write('x.json', '[2]')
        first = catalog.load('x')
        catalog.release('x')
        return [first, catalog.load('x'), catalog.exists('x')]
        """,
    ),
    catalog(
        "CAT-45",
        "a cached dataset with versions",
        "x: {type: CachedDataset, versioned: true, dataset: {type: json.JSONDataset, filepath: x.json}}",
        """
        catalog.save('x', [1])
        return catalog.load('x')
        """,
        arguments=AT,
    ),
    catalog(
        "CAT-45",
        "a cached dataset with versions inside",
        "x: {type: CachedDataset, dataset: {type: json.JSONDataset, filepath: x.json, versioned: true}}",
        LOAD,
        says=(
            "Cached datasets should specify that they are versioned in the 'CachedDataset',",
            "not in the wrapped dataset.",
        ),
    ),
    catalog(
        "CAT-45",
        "a cached dataset of nothing",
        "x: {type: CachedDataset, dataset: 5}",
        LOAD,
        says=("The argument type of 'dataset' should be either a dict/YAML",),
    ),
    catalog(
        "CAT-47",
        "what is ephemeral",
        "x: {type: json.JSONDataset, filepath: x.json}",
        "return [MemoryDataset()._EPHEMERAL, catalog['x']._EPHEMERAL]",
    ),
)
