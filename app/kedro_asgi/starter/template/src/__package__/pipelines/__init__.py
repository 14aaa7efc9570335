"""One folder per pipeline; each offers ``create_pipeline``."""
