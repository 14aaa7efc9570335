"""The Open Inference Protocol: imported with the first request of its routes."""
