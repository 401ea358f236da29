"""Alerts → receivers: what is due goes out, what fails is tried again, what was settled is forgotten."""

from monitor.notify.delivery import Delivery
from monitor.notify.history_alert import told_as_one
from monitor.notify.own_alerts import Moment, own_alert, reload_failed, reload_mended, state_lost, unwatched
from monitor.notify.settled import settled_by_a_start
from monitor.notify.silences import Silence, Silences, read_silences
from monitor.notify.stages import Paces

__all__ = [
    "Delivery",
    "Moment",
    "Paces",
    "Silence",
    "Silences",
    "own_alert",
    "read_silences",
    "reload_failed",
    "reload_mended",
    "settled_by_a_start",
    "state_lost",
    "told_as_one",
    "unwatched",
]
