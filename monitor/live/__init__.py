"""Follows logs while they are written: opens, polls and commits them, reloads its settings, and stops in order."""
