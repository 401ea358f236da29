"""Decides which alerts each receiver gets and when, retries failed deliveries, and keeps silences."""

from monitor.notify.delivery import Delivery
from monitor.notify.history_alert import summarise_history
from monitor.notify.own_alerts import ended_by_start, own_alert, reload_failed, state_lost, unwatched
from monitor.notify.silences import Silence, Silences, read_silences
from monitor.notify.stages import Paces

__all__ = [
    "Delivery",
    "Paces",
    "Silence",
    "Silences",
    "ended_by_start",
    "own_alert",
    "read_silences",
    "reload_failed",
    "state_lost",
    "summarise_history",
    "unwatched",
]
