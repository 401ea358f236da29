"""Why a kind falls short of the goal, where it does; the page shows a reason only beside a miss."""

from __future__ import annotations

REASONS: dict[str, str] = {}
"""By kind."""
