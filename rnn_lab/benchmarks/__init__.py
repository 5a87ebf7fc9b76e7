"""Benchmarks of speed and memory, compared side by side in one process."""
