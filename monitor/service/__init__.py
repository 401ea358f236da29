"""Runs the monitor as a service: systemd notification, the control socket, unit files."""
