"""Joins concurrent runs of a pipeline to one, and splits its outputs; imported only by services that are to do it."""
