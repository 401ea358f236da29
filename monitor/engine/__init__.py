"""Readings → transitions: the life of each alert, and which alerts explain others."""
