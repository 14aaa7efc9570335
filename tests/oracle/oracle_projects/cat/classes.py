"""Dataset classes of a project (CAT-48 to CAT-52)."""

from oracle_projects.cat.cases import AT, catalog

CLASSES = (
    catalog(
        "CAT-48",
        "former names of methods",
        "x: {type: custom.Old, filepath: x.txt}",
        """
        before = catalog.exists('x')
        catalog.save('x', 'hi')
        return [before, catalog.exists('x'), catalog.load('x')]
        """,
    ),
    catalog(
        "CAT-52",
        "how a dataset is shown",
        "x: {type: custom.Old, filepath: x.txt, secret: 's3://u:p@b/k?t=1'}",
        "return repr(catalog['x'])",
    ),
    catalog(
        "CAT-50 CAT-56",
        "errors are wrapped and named",
        "x: {type: custom.Bad}",
        """
        return [
            project.raised(call, *arguments)
            for call, *arguments in [
                (catalog.load, "x"),
                (catalog.save, "x", 1),
                (catalog.exists, "x"),
                (catalog.release, "x"),
                (catalog["x"].load,),
                (catalog["x"].save, 1),
            ]
        ]
        """,
    ),
    *(
        catalog(
            "CAT-50",
            f"{error} of load and save",
            f"x: {{type: custom.Bad, error: {error}}}",
            "return [project.raised(catalog.save, 'x', 1)['error'], project.raised(catalog.load, 'x')['error']]",
        )
        for error in ("FileNotFoundError", "NotADirectoryError", "PermissionError", "TypeError")
    ),
    catalog(
        "CAT-50",
        "the cause is kept",
        "x: {type: custom.Bad}",
        """
        try:
            catalog.load('x')
        except Exception as error:
            return project.tell(error)
        """,
    ),
    catalog(
        "CAT-51",
        "a class that cannot tell what exists",
        "x: {type: custom.Mute}",
        "return catalog.exists('x')",
        logs=("'exists\\(\\)' not implemented.*",),
    ),
    catalog(
        "CAT-57",
        "confirm",
        "x: {type: custom.Old, filepath: x}\nm: {type: MemoryDataset}",
        """
        catalog.confirm('x')
        return [catalog['x'].confirmed, project.raised(catalog.confirm, 'm'), project.raised(catalog.confirm, 'zz')]
        """,
        logs=("Confirming dataset.*",),
    ),
    catalog(
        "CAT-30",
        "a versioned class of a project",
        "x: {type: custom.Lines, filepath: x.txt, versioned: true}",
        """
        catalog.save('x', ['a', 'b'])
        return [catalog.load('x'), catalog.exists('x'), repr(catalog['x'])]
        """,
        arguments=AT,
    ),
    catalog(
        "CAT-34",
        "a versioned class without versions",
        "x: {type: custom.Lines, filepath: x.txt, versioned: true}",
        "return [catalog.exists('x'), project.raised(catalog.load, 'x')['error']]",
    ),
    catalog(
        "CAT-30",
        "a versioned class used without versions",
        "x: {type: custom.Lines, filepath: x.txt}",
        """
        catalog.save('x', ['a'])
        return [catalog.load('x'), repr(catalog['x'])]
        """,
    ),
    catalog(
        "CAT-48",
        "a class by its from_config",
        "{}",
        """
        made = AbstractDataset.from_config('x', {'type': 'custom.Shown', 'a': 1})
        return made.load()
        """,
    ),
)
