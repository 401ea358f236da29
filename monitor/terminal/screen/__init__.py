"""Snapshot → the live terminal view: a pure function of the snapshot and the size of the terminal.

The only package that needs rich: import it only to draw.
"""

from monitor.terminal.screen.display import Display
from monitor.terminal.screen.render import render, waiting
from monitor.terminal.screen.scene import OtherLog, Scene

__all__ = ["Display", "OtherLog", "Scene", "render", "waiting"]
