"""An alert as machines receive it."""

from __future__ import annotations

import json

from monitor.conditions.count import Count
from monitor.grammar import RunEnd
from monitor.sinks.jsonl import json_line
from tests.lines import at, rule, train, watch

FAILED = Count(kind="count", signal="run.end", per="run", above=0, heartbeat="train.loss")


def test_a_secret_in_a_line_is_redacted_from_the_alert():
    log = [
        at(0, train(1)),
        at(1, RunEnd(status="failed", error="GET https://u:hunter2@host/?api_key=abcdef0123456789")),
    ]
    _, (alert,) = watch([rule(FAILED)], log)
    (line,) = json.loads(json_line(alert))["evidence"]
    assert "status=failed" in line["text"]
    assert "hunter2" not in line["text"]
    assert "abcdef0123456789" not in line["text"]
