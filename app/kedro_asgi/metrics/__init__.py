"""The counts and figures of a process, their sum over processes, and their form for Prometheus."""
