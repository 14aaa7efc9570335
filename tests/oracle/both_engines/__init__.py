"""The same project on both engines: cases as data, a machine that works through them, and the comparison.

A project is written in Kedro's words; `dialect` turns its imports into ours. `machine` runs in a process of its own,
one for each engine, and forks for each case, since project state is process-global in Kedro.
"""
