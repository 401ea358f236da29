"""Telemetry for the training loops of other packages; each file needs the package it is named after."""
