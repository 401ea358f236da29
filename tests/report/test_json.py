"""The page as JSON: strict, valid by its schema, and every cited line is in the log at its place."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.report.build import build
from monitor.report.json_page import page_schema, render_json
from tests.report.hostile import HOSTILE, lines_with

ROOT = Path(__file__).parents[2]


def lines_in(value: object) -> Iterator[dict[str, object]]:
    if isinstance(value, dict):
        if value.keys() == {"path", "line", "offset", "at", "text"}:
            yield value
        for each in value.values():
            yield from lines_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from lines_in(each)


def refuse(word: str) -> None:
    raise AssertionError(f"{word} is not JSON")


@pytest.mark.parametrize("text", ["words", *HOSTILE], ids=range(len(HOSTILE) + 1))
def test_a_page_is_strict_json_that_fits_the_schema(require, snapshot_of, log, text):
    require("jsonschema")
    import jsonschema

    document = json.loads(render_json(build(snapshot_of(lines_with(log, text)))), parse_constant=refuse)
    jsonschema.Draft202012Validator(page_schema()).validate(document)
    assert document["format"] == "trainwarden-report"


def test_the_schema_is_one_itself_and_refuses_another_page(require, snapshot_of, healthy):
    require("jsonschema")
    import jsonschema

    schema = page_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    document = json.loads(render_json(build(snapshot_of(healthy))))
    document["objectives"][0]["mark"] = "green"
    assert not jsonschema.Draft202012Validator(schema).is_valid(document)


def test_the_schema_in_the_docs_is_the_one_in_force():
    assert json.loads((ROOT / "docs/report.schema.json").read_text()) == page_schema()


def test_every_line_cited_is_in_the_log_at_its_offset(snapshot_of, healthy):
    data = "".join(f"{line}\n" for line in healthy).encode()
    cited = list(lines_in(json.loads(render_json(build(snapshot_of(healthy))))))
    assert len(cited) > 100
    for line in random.Random(7).sample(cited, 100):
        offset, number = line["offset"], line["line"]
        assert isinstance(offset, int)
        assert isinstance(number, int)
        assert data[:offset].count(b"\n") == number - 1
        assert data[offset:].startswith(str(line["text"]).encode())


def test_every_number_of_a_row_is_in_a_line_that_the_row_cites(snapshot_of, healthy):
    document = json.loads(render_json(build(snapshot_of(healthy))))
    for row in document["epochs"]["rows"]:
        texts = " ".join(healthy[line["line"] - 1] for line in row["evidence"])
        for name in ("train_loss", "val_loss", "lr", "seconds", "sharpe", "rank_ic"):
            assert f"{row[name]!r}" in texts or f"{row[name]:.4f}" in texts, (name, row[name])


def test_a_terminal_that_shows_the_json_obeys_nothing_in_it(snapshot_of, log):
    for text in HOSTILE:
        assert render_json(build(snapshot_of(lines_with(log, text)))).isascii()


def test_secrets_do_not_reach_the_json(snapshot_of, log):
    assert "hunter2" not in render_json(build(snapshot_of(lines_with(log, "--api-token hunter2"))))


def test_the_same_facts_give_the_same_bytes(snapshot_of, healthy):
    assert render_json(build(snapshot_of(healthy))) == render_json(build(snapshot_of(healthy)))
