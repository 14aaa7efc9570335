"""Spans of requests, runs and nodes, made with OpenTelemetry where the process has a tracer provider.

`activation` and `sdk` can be imported anywhere; the other modules import OpenTelemetry, which is an extra.
"""
