"""Seconds of a training step by the selection's width, from which its default was chosen. There is no bar."""

from __future__ import annotations

from figures import median_seconds, print_row
from production import TrainingStep, make_batch, make_model

NUM_ROWS = 64
WIDTHS = (8, 16, 32, 64)


def main() -> None:
    """Print one row with a step's seconds for each width."""
    batch = make_batch(NUM_ROWS)
    found = {width: median_seconds(TrainingStep(make_model(selection_width=width), batch)) for width in WIDTHS}
    listed = ", ".join(f"{width}: {seconds:.3f} s" for width, seconds in found.items())
    print_row(f"training step, batch {NUM_ROWS}, by selection width", listed, "–", None)


if __name__ == "__main__":
    main()
