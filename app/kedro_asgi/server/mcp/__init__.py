"""The Model Context Protocol: pipelines are tools, runs and graphs are resources. Imported with the first message."""
