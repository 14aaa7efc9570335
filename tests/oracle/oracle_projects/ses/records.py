"""The record that a session stores of itself (SES-12 to SES-17)."""

from oracle_projects.ses.cases import session

RECORDS = (
    session(
        "SES-13",
        "a record",
        """
        session = project.single(env="local", runtime_params={"a": 5})
        store = session.store
        return [
            sorted(store),
            store["session_id"] == session.session_id,
            store["project_path"],
            store["env"],
            store["runtime_params"],
            type(store["username"]).__name__,
        ]
        """,
    ),
    session("SES-13", "a record of nothing in particular", "return sorted(project.single().store)"),
    session(
        "SES-13",
        "a record in a repository",
        """
        import subprocess

        run = lambda *a: subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b", *a],
            cwd=project.path,
            check=True,
            capture_output=True,
        )
        run("init"), run("add", "conf"), run("commit", "-m", "x")
        first = project.single().store["git"]
        run("add", "."), run("commit", "-m", "y")
        second = project.single().store["git"]
        return [
            sorted(first),
            first["dirty"],
            len(first["commit_sha"]),
            first["commit_sha"] != second["commit_sha"],
        ]
        """,
        compare=("value", "error"),
    ),
    session(
        "SES-14",
        "a copy of the record",
        """
        session = project.single()
        session.store['x'] = 1
        return 'x' in session.store
        """,
    ),
    session(
        "SES-12",
        "the id is the time",
        """
        import re
        return bool(re.match(r'\\d{4}-\\d\\d-\\d\\dT\\d\\d\\.\\d\\d\\.\\d\\d\\.\\d{3}Z', project.single().session_id))
        """,
    ),
    session(
        "SES-17",
        "an exception in the record",
        """
        try:
            with project.single() as session:
                session.run(pipeline_names=["fail"])
        except ValueError:
            told = session.store["exception"]
            return [
                told["type"],
                told["value"],
                type(told["traceback"]).__name__,
                all(type(line) is str for line in told["traceback"]),
            ]
        """,
    ),
    session(
        "SES-17",
        "the type of an exception with its module",
        """
        from kedro.io import DatasetError
        try:
            with project.single() as session:
                raise DatasetError('x')
        except DatasetError:
            return session.store['exception']['type'].rpartition('.')[2]
        """,
    ),
    *(
        session(
            "SES-17",
            f"when the record is saved ({arguments or 'default'})",
            f"""
            import importlib
            with project.single({arguments}) as session:
                session.run()
            session.close()
            kept = importlib.import_module('{{package}}.kept').KEPT
            return [len(kept), [sorted(k) for k in kept]]
            """,
            files={
                "src/{package}/settings.py": """
                from kedro.framework.session.store import BaseSessionStore
                from {package}.kept import kept
                SESSION_STORE_CLASS = kept(BaseSessionStore)
                """
            },
        )
        for arguments in ("", "save_on_close=False")
    ),
    session(
        "SES-15",
        "arguments of a store",
        "return [project.single().store['colour'], str(project.single().store['where'])]",
        files={
            "src/{package}/settings.py": """
            from kedro.framework.session.store import BaseSessionStore
            class Store(BaseSessionStore):
                def __init__(self, path, session_id, colour):
                    super().__init__(path, session_id)
                    self['colour'], self['where'] = colour, path
            SESSION_STORE_CLASS = Store
            SESSION_STORE_ARGS = {'colour': 'green'}
            """
        },
    ),
    session(
        "SES-15",
        "a store that reads",
        """
        store = project.single().store
        return [store['old'], store['session_id'] != 'old']
        """,
        files={
            "src/{package}/settings.py": """
            from kedro.framework.session.store import BaseSessionStore
            class Store(BaseSessionStore):
                def read(self): return {'old': 1, 'session_id': 'old'}
            SESSION_STORE_CLASS = Store
            """
        },
    ),
    session(
        "SES-16",
        "wrong arguments of a store",
        "project.single()",
        files={"src/{package}/settings.py": "SESSION_STORE_ARGS = {'nope': 1}"},
        says=("Store config must only contain arguments valid for the constructor of",),
    ),
    session(
        "SES-16",
        "a store that fails",
        "project.single()",
        files={
            "src/{package}/settings.py": """
            from kedro.framework.session.store import BaseSessionStore
            class Store(BaseSessionStore):
                def read(self): raise OSError('no disk')
            SESSION_STORE_CLASS = Store
            """
        },
        says=("Failed to instantiate session store of type",),
    ),
)
