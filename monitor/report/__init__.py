"""Snapshot → status page: build the page, render it, write it."""
