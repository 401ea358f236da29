"""Telemetry for loops that others wrote: each file needs the package it is named after, and nothing else does."""
