"""Why a kind falls short of the goal, where it does; the page shows a reason only beside a miss."""

from __future__ import annotations

REASONS: dict[str, str] = {
    "loss_diverge": (
        "the rule asks for a rise beyond the loss's own noise as well, which takes a few reports more than twice the "
        "best median does."
    ),
    "not_learning": (
        "the shipped model's loss comes down to its floor from above and wobbles around it by a hundredth; the rule "
        "waits until it no longer falls, an epoch longer than the bound in some runs."
    ),
}
"""By kind; known from the tuning seeds."""
