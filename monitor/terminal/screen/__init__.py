"""Snapshot → the live terminal view: a pure function of the snapshot and the size of the terminal.

The only package that needs rich: import it only to draw.
"""

from monitor.terminal.screen.display import Display
from monitor.terminal.screen.render import render, waiting
from monitor.terminal.screen.scene import FollowedLog, Scene

__all__ = ["Display", "FollowedLog", "Scene", "render", "waiting"]
