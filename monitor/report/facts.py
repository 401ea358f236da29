"""Run → facts: the last value of everything that was read, as `check --json` and `status --json` give it."""

from __future__ import annotations

from monitor.base.escape import redact
from monitor.base.strict_json import json_number
from monitor.run.last_values import last_values
from monitor.run.run import Run
from monitor.snapshot import Snapshot

Facts = dict[str, object]
"""By the names of `LastValues`; what was not read is absent."""


def facts_of(run: Run) -> Facts:
    """Return the facts of a run, as one log shows them."""
    return _present(last_values(run)._asdict())


def merged_facts(snapshot: Snapshot) -> tuple[Facts, dict[str, list[str]]]:
    """Return the facts of a run, each from the first of its files that has it; by file, which it alone gave."""
    facts = facts_of(snapshot.run)
    origins: dict[str, list[str]] = {}
    for source in snapshot.sources:
        more = facts_of(source.run)
        metrics = more.pop("metrics", {})
        given = [name for name in more if name not in facts]
        facts |= {name: more[name] for name in given}
        known = facts.setdefault("metrics", {}) if metrics else {}
        assert isinstance(known, dict) and isinstance(metrics, dict)
        for name, splits in metrics.items():
            new = {split: value for split, value in splits.items() if split not in known.get(name, {})}
            if new:
                known[name] = {**known.get(name, {}), **new}
                given += [f"metrics.{name}.{split}" for split in new]
        origins[source.log] = given
    return facts, origins


def _present(values: dict[str, object]) -> Facts:
    """Leave out what was not read; non-finite numbers become text, since JSON has none."""
    found = {}
    for name, value in values.items():
        if isinstance(value, dict):
            value = _present(value)
        elif isinstance(value, float):
            value = json_number(value)
        elif isinstance(value, str):
            value = redact(value)
        if value is not None and value != {}:
            found[name] = value
    return found
