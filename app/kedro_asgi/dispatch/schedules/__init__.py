"""Schedules of runs: when they are due, and one run a tick over all workers; imported only where there are any."""
