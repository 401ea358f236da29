"""Ten logs drawn from the shared cases: drafted without the vocabulary, and shared without their words."""

from __future__ import annotations

import json
import math
import random
import re
from pathlib import Path

import pytest

from monitor import api
from monitor.base.errors import MonitorError
from monitor.reader import vocabulary
from monitor.reader.masking import Masker
from tests.cli.command import monitor
from tests.reader.facts import CASES, is_native, is_same

MANIFEST = CASES / "manifest.jsonl"
NUMBER = 10
SEED = 17
RIGHT = 8
"""So many drafts must read the loss right."""
_WORD = re.compile(r"[^\W\d_]+")


def drawn(seed: int = SEED) -> list[dict]:
    """Return ten cases of other trainers whose last loss is known."""
    if not MANIFEST.is_file():
        pytest.skip("the shared cases are not there")
    cases = [json.loads(line) for line in MANIFEST.read_text().splitlines() if line.strip()]
    cases = [each for each in cases if isinstance(each["facts"].get("last_loss"), float | int)]
    cases = [each for each in cases if math.isfinite(each["facts"]["last_loss"]) and not is_native(each["name"])]
    return random.Random(seed).sample(sorted(cases, key=lambda each: each["name"]), NUMBER)


def log_of(case: dict) -> Path:
    return CASES / f"{case['name']}.log"


def _loss_by_draft(case: dict, folder: Path) -> float | None:
    """Draft a dialect, check it, and return the loss that is read by it; None where there is no draft."""
    out = folder / f"{case['name']}.yaml"
    if monitor("dialects", "draft", log_of(case), "--out", out).code != 0:
        return None
    checked = monitor("dialects", "check", out)
    assert checked.code == 0, checked.err
    try:
        return api.read(log_of(case), api.Settings(dialect=str(out))).values.loss
    except MonitorError:
        return None


@pytest.mark.slow
def test_drafts_without_the_vocabulary_read_the_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    cases = drawn()
    bare = vocabulary.shipped_words()._replace(quantities={}, splits={})
    monkeypatch.setattr(vocabulary, "shipped_words", lambda: bare)
    vocabulary.enforce(bare)
    try:
        found = {case["name"]: _loss_by_draft(case, tmp_path) for case in cases}
    finally:
        vocabulary.enforce(None)
    facts = {case["name"]: case["facts"]["last_loss"] for case in cases}
    wrong = {name: loss for name, loss in found.items() if loss is None or not is_same(loss, facts[name])}
    assert len(wrong) <= NUMBER - RIGHT, wrong


@pytest.mark.slow
def test_a_shared_sample_has_the_verdict_of_its_log_and_none_of_its_words(tmp_path: Path):
    for case in drawn():
        sample = tmp_path / f"{case['name']}.sample"
        lines = str(len(log_of(case).read_bytes().splitlines()) + 1)
        assert monitor("share", log_of(case), "--lines", lines, "--out", sample).code == 0
        own, shown = (api.read(path) for path in (log_of(case), sample))
        verdicts = [(log.exit_code, log.end.ended, {alert.rule for alert in log.alerts}) for log in (own, shown)]
        assert verdicts[0] == verdicts[1], case["name"]
        masker = Masker()
        said = set(_WORD.findall(log_of(case).read_text(errors="replace")))
        private = {word for word in said if masker.masked(word) != word}
        kept = private & set(_WORD.findall(sample.read_text()))
        assert kept == set(), case["name"]
