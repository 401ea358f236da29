"""Tails training logs, folds them into a picture of the run, checks rules, alerts, and reports."""

__version__ = "0.1.0"
