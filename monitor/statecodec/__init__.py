"""Values ↔ bytes, for what must survive a restart."""

from monitor.store.codec import StateCodec
from monitor.store.coders import UnknownState

__all__ = ["StateCodec", "UnknownState"]
