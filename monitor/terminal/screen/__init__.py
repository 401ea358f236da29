"""Snapshot → the live terminal view: what is drawn is a pure function of what is known and of the terminal's size.

The only station that needs rich: import it where a terminal is to be drawn on, not before.
"""

from monitor.terminal.screen.display import Display
from monitor.terminal.screen.render import render, waiting
from monitor.terminal.screen.scene import OtherLog, Scene

__all__ = ["Display", "OtherLog", "Scene", "render", "waiting"]
