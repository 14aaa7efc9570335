"""Runs in other processes of this machine."""
