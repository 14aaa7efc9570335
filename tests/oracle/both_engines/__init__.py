"""The same project on both engines: cases as data, a machine that runs them, and the comparison.

Projects import from Kedro; `dialect` replaces these imports by ours. `machine` is a process for one engine. It forks
for each case, since Kedro keeps a project's state for the whole process.
"""
