"""Runs: from a config to a plan, a fitted model and its run directory."""
