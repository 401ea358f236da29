"""Values ↔ bytes, for what must survive a restart."""

from monitor.statecodec.codec import StateCodec
from monitor.statecodec.coders import UnknownState

__all__ = ["StateCodec", "UnknownState"]
