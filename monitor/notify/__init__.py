"""Alerts → receivers: what is due goes out, what fails is tried again, what was settled is forgotten."""

from monitor.notify.delivery import Delivery
from monitor.notify.earlier import told_as_one
from monitor.notify.lost import state_lost
from monitor.notify.reload import reload_failed, reload_mended
from monitor.notify.silences import Silence, Silences, read_silences
from monitor.notify.stages import Paces

__all__ = [
    "Delivery",
    "Paces",
    "Silence",
    "Silences",
    "read_silences",
    "reload_failed",
    "reload_mended",
    "state_lost",
    "told_as_one",
]
