"""Numbers as strict JSON has them, which knows neither nan nor infinity."""

from __future__ import annotations

import math


def json_number(value: float | None) -> float | str | None:
    """Return a number as it is, or as text if it is not finite; None stays None."""
    return value if value is None or math.isfinite(value) else str(value)
