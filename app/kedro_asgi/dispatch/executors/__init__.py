"""The places where runs are executed: threads, processes and Dask clusters."""
