"""The load: callers that ask in many ways, each with decisions of its own."""
