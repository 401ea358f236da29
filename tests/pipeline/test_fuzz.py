"""For any bytes, nothing raises and nothing grows without bound: buffer, grammar, fold, rules and page."""

from __future__ import annotations

import random
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.engine.step import Engine
from monitor.grammar import RECORD_TYPES, parse_line
from monitor.pipeline import Pipeline
from monitor.reader.event import read_event
from monitor.rules import load_rules
from monitor.tail.linebuffer import LineBuffer
from monitor.terminal.lines import alert_lines, progress_line, summary_lines
from tests.lines import Line
from tests.pipeline.fuzz import SOUP, TAGS, assert_bounded, blocks, feed

SEED = 20251030
RULES = load_rules(sorted((Path(__file__).parents[2] / "rules").glob("*.yaml")))


def test_random_blocks_raise_nothing_and_exceed_no_limit() -> None:
    run = feed(blocks(random.Random(SEED), 20_000))
    # The blocks are not just noise: many of their lines can still be read.
    assert run.understood > 1_000


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_a_million_random_blocks_raise_nothing_and_exceed_no_limit(seed: int) -> None:
    assert feed(blocks(random.Random(seed), 100_000)).lines > 10_000


def test_the_state_of_a_hostile_log_stays_small() -> None:
    """DESIGN.md, section 4: typically half a MiB, 8 MiB at most."""
    feed(blocks(random.Random(SEED), 1_000))  # what is built once, at the first use, is not counted
    tracemalloc.start()
    feed(blocks(random.Random(SEED), 20_000))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 8 * 2**20


@given(st.lists(st.binary(max_size=80) | st.sampled_from(SOUP), max_size=40))
def test_any_bytes_are_read_as_lines_and_events(found: list[bytes]) -> None:
    feed([*found, b"\n"])


@given(st.sampled_from(TAGS), st.text(max_size=60), st.lists(st.sampled_from(SOUP), max_size=12))
def test_any_text_after_a_tag_is_a_record_or_reported_unreadable(tag: str, text: str, soup: list[bytes]) -> None:
    head = f"2025-10-30T23:40:51.000Z INFO [{tag}] ".encode()
    body = (text.encode("utf-8", "replace") + b"".join(soup)).replace(b"\n", b" ")
    parsed = parse_line(head + body)
    assert parsed is not None
    assert parsed.record is not None
    event = read_event(Line(1, 0, head + body), "run.log")
    assert event is not None


def test_the_fuzzer_covers_every_tag() -> None:
    assert {kind.TAG for kind in RECORD_TYPES} - {""} == set(TAGS)


@pytest.mark.parametrize("seed", range(3))
def test_a_hostile_log_raises_nothing_in_rules_messages_and_page(seed: int) -> None:
    from monitor.terminal.screen import Scene, render

    pipeline, buffer = Pipeline("run.log", Engine(RULES)), LineBuffer()
    for block in blocks(random.Random(seed), 400):
        for line in buffer.feed(block):
            event = pipeline.read(line)
            if event is None:
                continue
            changes = pipeline.fold(event)
            assert all("\n" not in said for said in alert_lines(changes))
            progress_line(event)
    assert_bounded(pipeline.run)
    for is_following in (True, False):
        snapshot = pipeline.snapshot(pipeline.run.now, is_following=is_following)
        assert summary_lines(snapshot)
        rows = render(Scene(snapshot, notices=["\x1b[2J"]), 80, 24)
        assert {row.cell_len for row in rows} == {80}
