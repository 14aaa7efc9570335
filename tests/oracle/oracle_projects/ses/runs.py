"""Runs of sessions (SES-7 to SES-30)."""

from oracle_projects.ses.cases import session

ONE_RUN = (
    session(
        "SES-19",
        "a second run",
        """
        session = project.single()
        session.run()
        session.run(pipeline_names=['nope'])
        """,
        says=(
            "A run has already been completed as part of the active KedroSession.",
            " KedroSession has a 1-1 mapping with runs",
        ),
    ),
    session(
        "SES-19",
        "a failed run does not count",
        """
        session = project.single()
        return [
            project.raised(session.run, pipeline_names=["fail"]),
            project.raised(session.run, pipeline_names=["nope"]),
            project.run(session),
            project.raised(session.run)["error"],
        ]
        """,
    ),
    session(
        "SES-25",
        "any number of runs, also after close",
        """
        session = project.service()
        first = project.run(session, runtime_params={'a': 5})
        session.close()
        return [first, project.run(session), project.raised(session.run, pipeline_names=['fail']), project.run(session)]
        """,
    ),
    session(
        "SES-26",
        "earlier results stay",
        """
        session = project.service()
        first = session.run(runtime_params={'a': 5})
        second = session.run()
        return [first['d'].load(), second['d'].load()]
        """,
    ),
    session(
        "SES-18",
        "the former name of the argument",
        "return project.run(project.single(), pipeline_name='calc')",
    ),
    *(
        session(
            "SES-9",
            f"a runner that is {what}",
            f"""
            from kedro.runner import SequentialRunner
            project.{kind}().run(runner={what})
            """,
        )
        for kind, what in (("single", "SequentialRunner"), ("service", "'SequentialRunner'"))
    ),
    session(
        "SES-9",
        "a wrong runner is found after the filters",
        "project.service().run(runner='x', tags=['zz'])",
        says=("Pipeline contains no nodes after applying all provided filters",),
    ),
    session("SES-8", "an unknown pipeline", "project.service().run(pipeline_names=['zzz'])"),
    session(
        "SES-8", "an unknown pipeline that is close to a known one", "project.service().run(pipeline_names=['calcc'])"
    ),
    session("SES-7", "pipelines in conflict", "project.service().run(pipeline_names=['calc', 'nothing', 'nope'])"),
    session("SES-11", "what a run returns", "return {k: type(v).__name__ for k, v in project.single().run().items()}"),
    session("SES-30", "a run id of any form", "return project.run(project.service(), run_id='any thing')"),
)
