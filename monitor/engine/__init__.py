"""Readings → transitions: the life of an alert, and which alerts explain others."""
