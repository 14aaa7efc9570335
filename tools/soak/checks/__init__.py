"""The verdict: what has to be true when the load has ended."""
