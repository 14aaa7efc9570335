"""What a process counts and measures, how processes add up, and how Prometheus reads it."""
