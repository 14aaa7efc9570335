"""Runs whose tables come and go as columns: Arrow, Parquet, and bodies of several parts."""
