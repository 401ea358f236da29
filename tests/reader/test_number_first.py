"""Lines that name their numbers behind them are read like those that name them in front."""

from __future__ import annotations

import pytest

from monitor.reader.number_first import name_first
from tests.reader.facts import facts_of, flat

HEADS = {"epoch": "epoch {n}: ", "share": "[{n}0/1000] ", "iteration": "Iteration {n} - "}
BODIES = {
    "loss and accuracy": "{loss:.4f} loss, 0.625 accuracy",
    "bars": "{loss:.4f} train loss | {val:.4f} val loss",
    "rate": "{loss:.4f} loss, 0.001 lr, 2.35 seconds, 64 images",
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_number_in_front_of_its_name_is_read(head: str, body: str):
    lines = [(head + body).format(n=n, loss=3 - n / 50, val=3.1 - n / 50) for n in range(1, 41)]
    facts = flat(facts_of(("\n".join(lines) + "\n").encode()))
    assert facts["loss"] == pytest.approx(2.2)
    assert facts.get("val_loss") == (pytest.approx(2.3) if "val" in body else None)
    assert facts.get("lr") == (0.001 if "lr" in body else None)


@pytest.mark.parametrize(
    "template",
    ["loss \0, lr \0", "step \0: loss \0, \0 samples", "epoch \0: \0 loss", "took \0 seconds, \0 images", "\0, \0, \0"],
)
def test_a_line_in_the_usual_order_stays_as_it_is(template: str):
    assert name_first(template) == template
