"""Alerts → receivers: what is due goes out, what fails is tried again, what was settled is forgotten."""

from monitor.notify.delivery import Delivery
from monitor.notify.earlier import told_as_one
from monitor.notify.lost import state_lost

__all__ = ["Delivery", "state_lost", "told_as_one"]
