"""The page of a healthy run of our own trainer: what applies is green by a line, and every number is in one."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import monitor
from tests.trainer.runs import fit, make_panel

LEARNS = {"epochs": 20, "train_every": 1, "base_lr": 3e-3, "dropout": 0.1}
SAMPLED = 50
LOGGED = frozenset(
    {"train_loss", "val_loss", "lr", "seconds", "sharpe", "ic", "rank_ic", "hit_rate", "ratio", "r2", "l2", "max", "y"}
)
"""Fields of the page's records that hold a number as the log has it; the others are counts, levels and places."""
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the log of a run of twenty epochs."""
    folder = tmp_path_factory.mktemp("healthy")
    fit(folder, make_panel(folder, days=220), **LEARNS)
    (log,) = folder.glob("run-*.log")
    return log


@pytest.fixture(scope="module")
def page(log: Path) -> dict[str, Any]:
    """Return its page as JSON."""
    said = monitor("report", log, "--format", "json")
    assert (said.code, said.err) == (0, "")
    document: dict[str, Any] = json.loads(said.out)
    return document


def records(value: object) -> Iterator[dict[str, Any]]:
    """Yield every record of a page that cites lines."""
    if isinstance(value, dict):
        if value.get("evidence"):
            yield value
        for each in value.values():
            yield from records(each)
    elif isinstance(value, list):
        for each in value:
            yield from records(each)


def numbers(text: str) -> list[float]:
    return [float(each) for each in re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", text)]


def test_every_objective_that_applies_is_proved_and_the_graphics_card_does_not_apply(page: dict[str, Any]):
    marks = {each["title"]: each["mark"] for each in page["objectives"]}
    assert marks.pop("Monitor GPU utilisation") == "not_applicable"
    assert set(marks.values()) == {"ok"}
    grounds = [ground for each in page["objectives"] for ground in each["grounds"]]
    assert [each for each in grounds if not each["evidence"]] == []


def test_all_checks_have_passed_and_those_that_do_not_apply_are_named(page: dict[str, Any]):
    assert page["footer"]["all_passed"] is True
    assert page["footer"]["confidence"].startswith("High")
    assert "Monitor GPU utilisation" in [each["subject"] for each in page["footer"]["not_applicable"]]


def test_every_line_that_is_cited_is_that_line_of_the_log(page: dict[str, Any], log: Path):
    data = log.read_bytes()
    lines = data.split(b"\n")
    cited = [line for record in records(page) for line in record["evidence"]]
    assert len(cited) > 500
    for each in cited:
        assert data[each["offset"] :].startswith(lines[each["line"] - 1])
        assert lines[each["line"] - 1].decode().startswith(each["text"])


def test_fifty_numbers_of_the_page_stand_in_the_lines_they_cite(page: dict[str, Any], log: Path):
    lines = log.read_text().split("\n")
    found = [
        (record, name, value)
        for record in records(page)
        for name, value in record.items()
        if name in LOGGED and isinstance(value, float) and math.isfinite(value)
    ]
    assert len(found) > SAMPLED
    for record, name, value in random.Random(7).sample(found, SAMPLED):
        there = [number for line in record["evidence"] for number in numbers(lines[line["line"] - 1])]
        assert any(math.isclose(value, number, rel_tol=1e-12) for number in there), (name, value, record)


def test_fifty_statements_give_only_numbers_of_the_lines_they_cite(page: dict[str, Any], log: Path):
    lines = log.read_text().split("\n")
    told = [
        each for section in ("process", "data", "targets", "metrics", "header") for each in records(page[section])
        if "text" in each and each.get("subject") not in ("Start Time", "As of", "Lines", "Memory", "Runtime")
    ]  # fmt: skip
    checked = 0
    for record in told:
        there = [number for line in record["evidence"] for number in numbers(lines[line["line"] - 1])]
        for figure in re.findall(r"(?<![\w.,-])-?\d+\.\d{3,}(?![\w%])", record["text"].partition(" (")[0]):
            places = len(figure.partition(".")[2])
            assert any(abs(float(figure) - number) <= 0.5000001 * 10**-places for number in there), (figure, record)
            checked += 1
    assert checked >= 10


def test_the_same_log_gives_the_same_bytes_in_every_format(log: Path):
    for name in ("md", "html", "json"):
        assert monitor("report", log, "--format", name) == monitor("report", log, "--format", name)
