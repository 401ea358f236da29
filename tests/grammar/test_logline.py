"""The native grammar: what is written is read back, and what was read is written the same."""

import dataclasses
import re
import time
import typing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import grammar
from monitor.grammar import RECORD_TYPES, Share, Unknown, find_line, format_line, parse_line
from tests.lines import START, at, epoch_end, report, train
from tests.records import records, texts

HEAD = b"2025-10-30T23:40:51.123Z INFO "


def read(data: bytes):
    line = parse_line(data)
    assert line is not None
    return line.record


def written(record: grammar.Record) -> bytes:
    return format_line(START, record).encode()


@pytest.mark.parametrize("kind", RECORD_TYPES, ids=lambda kind: kind.__name__)
@settings(max_examples=settings().max_examples // 5)
@given(data=st.data())
def test_round_trip(kind, data):
    """A written line gives the record back, and writing what was read gives the same bytes."""
    record = data.draw(records(kind))
    line = format_line(START, record)
    assert "\n" not in line
    assert "\r" not in line
    found = parse_line(line.encode())
    assert found is not None
    assert repr(found.record) == repr(record)  # repr: a nan equals no nan
    assert (found.at, found.level) == (START, kind.LEVEL)
    assert format_line(found.at, found.record, level=found.level) == line


@given(texts.filter(lambda text: text and text == text.strip() and text.isprintable()))
def test_an_unknown_tag_survives(content):
    line = HEAD + b"[SOME.NEW-TAG] " + content.encode()
    found = parse_line(line)
    assert found is not None
    assert format_line(found.at, found.record).encode() == line


@given(st.integers(0, 4_102_444_800_000), st.sampled_from(["INFO", "WARNING", "ERROR"]))
def test_the_head_keeps_milliseconds_and_level(milliseconds, level):
    line = format_line(milliseconds / 1000, train(1), level=level)
    found = parse_line(line.encode())
    assert found is not None
    assert (round(found.at * 1000), found.level) == (milliseconds, level)
    assert format_line(found.at, found.record, level=found.level) == line


@given(st.binary() | st.binary().map(lambda tail: HEAD + b"[TRAIN] " + tail))
def test_reading_never_fails_on_any_bytes(data):
    parse_line(data)
    find_line(data)


@given(st.sampled_from(RECORD_TYPES), st.data())
def test_reading_never_fails_on_a_damaged_line_of_ours(kind, data):
    line = bytearray(written(data.draw(records(kind))))
    for place in data.draw(st.lists(st.integers(0, len(line) - 1), max_size=4)):
        line[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(line)))
    parse_line(bytes(line[:cut]))


@pytest.mark.parametrize("tag", sorted({kind.TAG for kind in RECORD_TYPES}))
@settings(max_examples=settings().max_examples // 2)
@given(
    text=st.lists(
        st.sampled_from(
            ["epoch=", "step=", "h=5", "grad=", "1/0", "nan", " ", '"', "\\", "[", "l2=", ":", "|", "<", "٣"]
        )
    )
)
def test_reading_never_fails_behind_a_known_tag(tag, text):
    parse_line(HEAD + f"[{tag}] {''.join(text)}".encode())


def test_deeply_nested_words_are_an_unknown_line():
    record = read(HEAD + b"[INTENT] frozen=" + b"[" * 100_000)
    assert isinstance(record, Unknown)


def test_a_line_that_breaks_its_grammar_keeps_the_problem():
    record = read(HEAD + b"[TRAIN] epoch=1/20 batch=1/500 loss=0.5")
    assert isinstance(record, Unknown)
    assert record.problem == "step missing"


def test_unknown_keys_survive():
    record = read(HEAD + b'[TRAIN] epoch=1/20 batch=1/500 step=1 loss=0.5 loss_h5=0.25 note="a b"')
    assert record.extra == (("loss_h5", "0.25"), ("note", "a b"))


def test_a_report_with_a_new_key_is_still_a_report():
    line = (
        HEAD + b"[GRAD-MONITOR] step=0 epoch=1 batch=1 scale=65536 gat:l2=1.00e-09 max=1.00e-09 grad=22/23 norm=1e-09"
    )
    record = read(line)
    assert isinstance(record, grammar.GradReport)
    assert [(group.group, group.norm) for group in record.groups] == [("gat", 1e-9)]
    assert format_line(START + 0.123, record).encode() == line


def test_a_report_without_groups_is_a_report():
    assert read(written(report(5))) == report(5)


@pytest.mark.parametrize("name", ["gat:1", "a b", "a | b", 'a"b', ""])
def test_any_group_name_survives_in_a_report_and_in_a_warning(name):
    assert read(written(report(5, **{name: 0.5}))) == report(5, **{name: 0.5})
    warning = grammar.GradBelow(group=name, threshold=1e-7, norm=0.0)
    assert read(written(warning)) == warning


@pytest.mark.parametrize("key", ["unused", "ignored"])
def test_a_setting_named_like_a_warning_is_still_a_setting(key):
    record = grammar.Config(key=key, value="x", source="env")
    assert read(written(record)) == record


def test_the_reader_prefers_the_exact_one_of_two_numbers():
    record = read(written(epoch_end(3, val_loss=0.123456789012)))
    assert record.val_loss == 0.123456789012


# ---- the lines that the seed page quotes

SEED_LINES = {
    b"[ENCODER-GRAD] normalized_features grad_norm=1.547e-02 max=3.204e-04": grammar.EncoderGrad(
        tensor="normalized_features", norm=1.547e-2, max=3.204e-4
    ),
    b"[ENCODER-GRAD] projected_features grad_norm=0.000e+00 max=0.000e+00": grammar.EncoderGrad(
        tensor="projected_features", norm=0.0, max=0.0
    ),
    b"[GRAD-MONITOR] backbone_projection: norm 0.00e+00 < 1e-07": grammar.GradBelow(
        group="backbone_projection", norm=0.0, threshold=1e-7
    ),
    b"[GRAD-MONITOR] gat: norm nan step=12": grammar.GradNonfinite(group="gat", norm=float("nan"), step=12),
    b"[DEGENERACY-GUARD] prediction head reset applied (h=5, scale=0.05)": grammar.GuardReset(h=5, scale=0.05),
    b"[EPOCH] Epoch 5/20: Train Loss=0.1234, Val Loss=0.1250, LR=1.00e-04": grammar.Epoch(
        epoch=Share(5, 20), train_loss=0.1234, val_loss=0.125, lr=1e-4
    ),
    b"[METRICS] Sharpe Ratio: 0.0818 epoch=5": grammar.Metrics(epoch=5, sharpe=0.0818),
    b"[TARGET] horizon_1: mean=0.000763, std=0.008553": grammar.Target(h=1, mean=0.000763, std=0.008553),
}


@pytest.mark.parametrize(("text", "record"), SEED_LINES.items(), ids=lambda each: type(each).__name__)
def test_a_line_of_the_seed_page_gives_its_figures(text, record):
    assert repr(read(HEAD + text)) == repr(record)


def test_the_seed_pages_gradient_report_gives_eight_groups():
    table = (
        b"prediction_head_shared:l2=8.70e-01 max=8.66e-01 grad=4/4 small=0 none=0 | "
        b"prediction_head_heads:l2=4.64e-01 max=2.90e-01 grad=24/24 small=0 none=0 | "
        b"backbone_projection:l2=1.99e-01 max=1.99e-01 grad=2/2 small=0 none=0 | "
        b"adaptive_norm:l2=3.03e-02 max=2.18e-02 grad=2/2 small=0 none=0 | "
        b"temporal_encoder:l2=2.00e+00 max=1.28e+00 grad=32/32 small=0 none=0 | "
        b"input_projection:l2=9.97e-01 max=9.96e-01 grad=4/4 small=0 none=0 | "
        b"variable_selection:l2=7.57e-01 max=2.83e-01 grad=1160/1160 small=243 none=0 | "
        b"gat:l2=2.68e+00 max=2.39e+00 grad=22/23 small=0 none=1"
    )
    groups = {group.group: group for group in read(HEAD + b"[GRAD-MONITOR] step=0 epoch=1 batch=1 " + table).groups}
    assert len(groups) == 8
    assert (groups["variable_selection"].grad, groups["variable_selection"].small) == (Share(1160, 1160), 243)
    assert (groups["gat"].grad, groups["gat"].none, groups["gat"].norm) == (Share(22, 23), 1, 2.68)


# ---- a grep counts only events, even if a setting, a run or an error has a confusing name

GREPS = {
    "Epoch|Val Loss|Sharpe": 4,
    "ENCODER-GRAD": 1,
    "GRAD-MONITOR": 2,
    "DEGENERACY-GUARD": 5,
    "Epoch.*Train Loss": 2,
    "Sharpe Ratio:": 2,
    "DEGENERACY-GUARD.*reset applied": 3,
}
"""Each pattern of the seed page's grep commands, and how many lines of `events` it finds."""


def events() -> list[bytes]:
    """Return two epochs with what the seed page greps for."""
    return [
        at(0, train(1)),
        at(1, grammar.EncoderGrad(tensor="normalized_features", norm=0.01, max=0.01, step=1)),
        at(1, report(1, gat=0.5)),
        at(2, grammar.GradBelow(group="gat", norm=0.0, threshold=1e-7, step=2)),
        at(3, grammar.GuardCheck(h=1, std=0.5, step=3)),
        *(at(4, grammar.GuardReset(h=5, scale=0.05, step=4, epoch=1)) for _ in range(3)),
        at(4, grammar.GuardFailed(h=5, std=0.0, step=4)),
        at(5, epoch_end(1)),
        at(5, grammar.Metrics(epoch=1, sharpe=0.08)),
        at(5, grammar.HorizonMetrics(epoch=1, h=1, sharpe=0.08)),
        at(9, epoch_end(2)),
        at(9, grammar.Metrics(epoch=2, sharpe=0.09, definition="Sharpe Ratio: mean / std, Epoch by Epoch")),
    ]


HOSTILE = "Epoch 1/2: Train Loss=0, Val Loss=0 Sharpe Ratio: ENCODER-GRAD GRAD-MONITOR DEGENERACY-GUARD reset applied"
BARE = ("Epoch", "Sharpe", "ENCODER-GRAD", "GRAD-MONITOR", "DEGENERACY-GUARD")


def echoes(text: str) -> list[bytes]:
    """Return a line of every record type that people do not grep for, with this text in every text field."""
    made = []
    for kind in set(RECORD_TYPES) - {grammar.EncoderGrad, grammar.GradBelow, grammar.GradNonfinite, grammar.Metrics}:
        hints = {name: str(hint) for name, hint in typing.get_type_hints(kind).items()}
        own = [field.name for field in dataclasses.fields(kind) if field.name != "extra"]
        words = {name: text for name in own if "str" in hints[name] and "tuple" not in hints[name]}
        lists = {name: (text, text) for name in own if "tuple[str, ...]" in hints[name]}
        numbers = {name: 1 for name in own if hints[name] in ("<class 'int'>", "<class 'float'>")}
        if words or lists:
            made.append(at(0, kind(extra=(("note", text),), **words, **lists, **numbers)))
    return made


def counts(log: list[bytes]) -> dict[str, int]:
    """Return how many lines each of the seed page's greps finds."""
    return {pattern: sum(re.search(pattern.encode(), line) is not None for line in log) for pattern in GREPS}


def test_each_grep_of_the_seed_page_counts_right():
    assert counts(events()) == GREPS


@pytest.mark.parametrize("text", [HOSTILE, *BARE])
def test_each_grep_of_the_seed_page_counts_right_despite_echoes(text):
    assert len(echoes(text)) > 15
    assert counts([*echoes(text), *events(), *echoes(text)]) == GREPS


@pytest.mark.parametrize("word", [*BARE, "SharpeLoss"])
def test_a_key_cannot_hold_what_people_grep_for(word):
    """The key is refused, or written so that a grep does not find it."""
    record = dataclasses.replace(train(1), extra=((word, "0.5"),))
    try:
        line = written(record)
    except ValueError:
        return
    assert re.search(b"|".join(pattern.encode() for pattern in GREPS), line) is None


@pytest.mark.parametrize("tag", sorted({kind.TAG for kind in RECORD_TYPES}))
def test_no_value_holds_a_tag(tag):
    """``grep -F '[RUN] end'`` must not find the command that started the run."""
    line = written(grammar.RunStart(run=f"[{tag}]", cmd=f"python x.py '[{tag}] end'"))
    assert line.removeprefix(HEAD.replace(b".123Z", b".000Z") + b"[RUN]").count(f"[{tag}]".encode()) == 0
    assert read(line).cmd == f"python x.py '[{tag}] end'"


@given(st.binary(max_size=20), st.binary(max_size=5))
def test_a_line_is_found_behind_a_progress_bar(bar, tail):
    assert find_line(bar + HEAD + b"[TRAIN] " + tail) == parse_line(HEAD + b"[TRAIN] " + tail)


@pytest.mark.parametrize(
    "data", [b"", b"hello", HEAD, HEAD + b"[TRAIN", b"2025-13-30T23:40:51.123Z INFO [TRAIN] x", b"[TRAIN] step=1"]
)
def test_a_line_that_is_not_in_our_format_is_not_read(data):
    assert parse_line(data) is None


HOSTILE_LINES = {
    "digits": lambda n: b"[GRAD-MONITOR] g: norm " + b"1" * n + b"x",
    "escaped quotes": lambda n: b'[GRAD-MONITOR] step=1 "' + b'\\"' * n,
    "bars": lambda n: b"[GRAD-MONITOR] step=1 " + b"a:l2=1 |" * n,
    "pairs": lambda n: b"[TRAIN] " + b"a=1 " * n,
    "one word": lambda n: b"[ENCODER-GRAD] " + b"a" * n,
    "blanks": lambda n: b"[TRAIN] a=1" + b" " * n + b'"',
    "heads": lambda n: HEAD[:24] * n,
}


@pytest.mark.parametrize("make", HOSTILE_LINES.values(), ids=HOSTILE_LINES)
def test_a_hostile_line_is_read_in_linear_time(make):
    """Sixteen times the bytes may take sixteen times as long, and more on a busy machine, but never 256 times."""

    def cost(size: int) -> float:
        line = HEAD + make(size)
        began = time.process_time()
        find_line(line)
        return time.process_time() - began

    cost(500)
    assert cost(8_000) < 100 * max(cost(500), 1e-3)
