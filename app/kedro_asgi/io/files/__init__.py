"""Datasets in files on the local disk: interchangeable siblings behind ``FileDataset``."""
