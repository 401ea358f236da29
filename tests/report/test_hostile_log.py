"""A log that tries to write the page: its text is quoted, never obeyed."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from monitor import grammar
from monitor.grammar import format_line
from monitor.report.build import build
from monitor.report.markdown import render_markdown
from tests.report.hostile import FAKE_END, HOSTILE, lines_with

MARKDOWN = MarkdownIt("commonmark").enable("table")


def page_of(snapshot_of, log, text: str) -> str:
    """Render a run whose every free word is this text."""
    return render_markdown(build(snapshot_of(lines_with(log, text), log=f"logs/{text[:100]}.log")), full=True)


def structure(text: str) -> list[tuple[str, str, int]]:
    """Return headings, rules, lists, tables and code blocks, each row with its number of cells."""
    found, cells = [], 0
    for token in MARKDOWN.parse(text):
        if token.type in ("th_open", "td_open"):
            cells += 1
        elif token.type == "tr_close":
            found.append(("row", "", cells))
            cells = 0
        elif token.type in (
            "heading_open",
            "hr",
            "list_item_open",
            "fence",
            "html_block",
            "code_block",
            "blockquote_open",
        ):
            found.append((token.type, token.tag, 0))
        elif token.type == "inline":
            found += [("html", "", 0) for child in token.children or () if child.type == "html_inline"]
    return found


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_words_leave_the_structure_of_the_page_as_it_is(snapshot_of, log, text):
    calm, hostile = page_of(snapshot_of, log, "words"), page_of(snapshot_of, log, text)
    assert structure(hostile) == structure(calm)
    assert hostile.count("✅") == calm.count("✅")
    assert len(hostile.encode()) < 200_000


@pytest.mark.parametrize(
    "text", [each for each in HOSTILE if "\n" not in each and each != FAKE_END], ids=lambda text: ascii(text)[:20]
)
def test_hostile_lines_outside_the_grammar_change_a_count_and_nothing_else(snapshot_of, healthy, text):
    data = text.encode("utf-8", "surrogatepass")
    calm = render_markdown(build(snapshot_of([*healthy[:20], b"words", *healthy[20:]])), full=True)
    hostile = render_markdown(build(snapshot_of([*healthy[:20], data, *healthy[20:]])), full=True)
    assert hostile == calm
    assert f"1 of {len(healthy) + 1} lines were not understood" in hostile


def test_a_log_of_nothing_but_hostile_lines_is_waiting_for_evidence(snapshot_of):
    text = render_markdown(build(snapshot_of([each.encode("utf-8", "surrogatepass") for each in HOSTILE])), full=True)
    assert "- **Status**: ❔ **NO END SEEN; LAST LINE L17**" in text
    assert text.count("✅") == 1


def test_secrets_of_the_command_line_and_the_settings_do_not_reach_the_page(log, snapshot_of):
    log.start(cmd="trainer fit --api-token hunter2").add(
        grammar.Config(key="WANDB_API_KEY", value="hunter2", source="env"),
        grammar.RunEnd(status="failed", error="https://user:hunter2@host refused"),
    )
    text = render_markdown(build(snapshot_of(log.lines)), full=True)
    assert "hunter2" not in text
    assert "`trainer fit --api-token [redacted]`" in text


def test_a_path_that_is_hostile_stays_one_quoted_word(snapshot_of, healthy):
    text = render_markdown(build(snapshot_of(healthy, log="a`; rm -rf ~ #.log")), full=True)
    assert "grep \"Sharpe Ratio:\" 'a`; rm -rf ~ #.log'" in text


def test_times_and_counts_beyond_all_bounds_still_make_a_page(snapshot_of):
    huge = "9" * 400
    far = [
        line
        for _ in range(3)
        for line in (
            f"0001-01-01T00:00:00.000Z INFO [TRAIN] epoch=1/{huge} batch=1/{huge} step=1 loss=1 s_per_batch=1",
            "0001-01-01T00:00:00.000Z INFO [TRAIN] epoch=1/2 batch=0/0 step=1 loss=inf s_per_batch=inf",
            format_line(253402300799.0, grammar.Gpu(index=0, util_pct=float("nan"), used_mb=1e308, total_mb=1e-308)),
        )
    ]
    assert "**Status**" in render_markdown(build(snapshot_of(far, is_following=True)), full=True)
