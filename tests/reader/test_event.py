"""Every line becomes one event with its evidence, understood or not."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.base.evidence import TEXT_LIMIT
from monitor.grammar import RECORD_TYPES, Train
from monitor.reader.event import Event, read_event
from monitor.reader.signals import CATALOGUE
from tests.lines import START, Line, at, report, train
from tests.records import records

HEAD = b"2025-10-30T23:40:51.000Z INFO "


def read(data: bytes) -> Event:
    event = read_event(Line(7, 100, data), "run.log")
    assert event is not None
    return event


def test_a_line_of_ours_is_understood_and_cited():
    event = read(at(0, train(12)))
    assert event.is_understood
    assert event.evidence == ("run.log", 7, 100, START, at(0, train(12)).decode())


@pytest.mark.parametrize("blank", [b"", b" ", b"\t \x0b"])
def test_a_blank_line_is_no_event(blank):
    assert read_event(Line(1, 0, blank), "run.log") is None


def test_a_record_behind_a_progress_bar_is_read_and_shown_whole():
    event = read(b"Epoch 1: 2it [00:09, 4.67s/it]" + at(0, train(12)))
    assert isinstance(event.record, Train)
    assert event.evidence.text.startswith("Epoch 1: 2it")


@pytest.mark.parametrize(
    ("text", "signal"),
    [
        (b"Traceback (most recent call last):", "text.traceback"),
        (b"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", "text.out_of_memory"),
        (b"RuntimeError: CUDA error: device-side assert triggered", "text.cuda_error"),
        (b"Killed", "text.killed"),
        (b"DataLoader worker (pid 12) is killed by signal: Killed.", "text.killed"),
    ],
)
def test_text_outside_the_grammar_can_be_a_signal(text, signal):
    event = read(text)
    assert [sample.signal for sample in event.samples] == ["text.death", signal]
    assert not event.is_understood


def test_a_line_with_an_unknown_tag_is_an_event_that_was_not_understood():
    event = read(HEAD + b"[NEWS] anything")
    assert (event.is_understood, event.evidence.at, event.samples) == (False, START, ())


def test_evidence_keeps_the_head_of_a_very_long_line():
    event = read(HEAD + b"[NEWS] " + "ä".encode() * 50_000)
    assert len(event.evidence.text) == TEXT_LIMIT


def test_bytes_that_are_no_text_are_shown_as_replacements():
    assert read(b"\xff\xfeabc").evidence.text == "\ufffd\ufffdabc"


def test_a_report_gives_each_groups_figures_under_its_label():
    event = read(at(0, report(5, gat=0.5, backbone_projection=math.nan)))
    norms = {sample.labels: repr(sample.value) for sample in event.samples if sample.signal == "grad.l2"}
    assert norms == {(("group", "gat"),): "0.5", (("group", "backbone_projection"),): "nan"}


@pytest.mark.parametrize(
    "text",
    [
        b"[EPOCH] Epoch 1/2: Train Loss=1.0, Val Loss=1.0, LR=1.0 resets=" + b"9" * 400,
        b"[TRAIN] epoch=1/2 batch=1/2 step=1 loss=1.0 skipped=" + b"9" * 400,
        b"[DATA-CHECK] features_dead=" + b"9" * 400 + b"/82",
        b"[ACTIVATION-MONITOR] layer=a dead_units=" + b"9" * 400 + b"/1",
        b"[ACTIVATION-MONITOR] layer=a dead_units=1/0",
        b"[GRAD-MONITOR] step=1 epoch=1 batch=1 gat:l2=1.0 max=1.0 grad=1/" + b"9" * 400,
    ],
)
def test_a_number_too_large_for_a_float_does_not_stop_the_monitor(text):
    found = read(HEAD + text)
    assert found.is_understood or [sample.signal for sample in found.samples] == ["log.unreadable"]


@given(st.sampled_from(RECORD_TYPES), st.data())
def test_every_signal_of_a_record_is_in_the_catalogue_with_its_labels(kind, data):
    event = read(at(0, data.draw(records(kind))))
    for sample in event.samples:
        signal = CATALOGUE[sample.signal]
        assert tuple(name for name, _ in sample.labels) == signal.labels
        assert signal.tag == kind.TAG


@given(st.binary())
def test_no_bytes_stop_the_monitor(data):
    read_event(Line(1, 0, HEAD + data), "run.log")
    read_event(Line(1, 0, data), "run.log")


def test_none_of_none_is_no_evidence_of_health():
    """A check that looked at no feature has not found the features alive."""
    assert read(HEAD + b"[DATA-CHECK] features_dead=0/0").samples == ()
    assert [sample.value for sample in read(HEAD + b"[DATA-CHECK] features_dead=0/82").samples] == [0.0]
