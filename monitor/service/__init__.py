"""The monitor as a service: systemd, the control socket, unit files."""
