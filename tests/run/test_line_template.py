"""A template is learnt from one line, and its rows equal what the ordinary reader reads, to the last bit."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor import grammar
from monitor.grammar import Record, Share, find_line, format_line
from monitor.reader.signals import samples
from monitor.run.columns.line_template import KINDS, template_of
from monitor.run.columns.rows import KEPT, LineTemplates, _fitting
from tests.lines import START

RECORDS: tuple[Record, ...] = (
    grammar.Train(
        epoch=Share(3, 20), batch=Share(12, 500), step=1_012, loss=0.75, lr=1e-4, grad_norm=0.4, skipped=0,
        skips_in_row=0, mean_loss=0.7, max_loss=0.9, num_losses=10,
    ),
    grammar.Train(
        epoch=Share(3, 20), batch=Share(12, 500), step=1_012, loss=0.75, lr=1e-4, s_per_batch=0.25, load_s=0.01,
        samples_per_s=480.5, grad_norm=0.4, skipped=0, skips_in_row=0, extra=(("loss_ic", "0.25"), ("note", "a")),
    ),
    grammar.GradReport(
        step=1_000, epoch=3, batch=4,
        groups=tuple(
            grammar.GroupGrad(
                group=group, max=0.02, grad=Share(3, 4), small=1, none=1, mean_abs=1e-3, nonfinite=0, norm=0.123
            )
            for group in ("gat", "input.0")
        ),
    ),
    grammar.EncoderGrad(tensor="normalized_features", max=3.204e-4, step=12, norm=0.01547),
    grammar.WeightReport(
        group="gat", step=12, l2=9.5, update=4e-3, ratio=4e-4, unchanged=0.25, nonfinite=0, stale_grad=0.0
    ),
    grammar.ActivationReport(layer="gat", step=12, mean=-0.1, std=0.9, dead_units=Share(17, 256), saturated=0),
    grammar.ActivationReport(layer="0", step=12, mean=-0.1, std=0.9, dead_units=Share(17, 256), saturated=0),
    grammar.InputReport(step=12, mean=0.01, std=1.5, worst_feature="feature_43", worst_mean=0.1, worst_std=1.1),
    grammar.BatchReport(step=12, repeated=Share(0, 5), constant=Share(1, 6), zero=Share(0, 6), order=0.98, ratio=0.5),
    grammar.GuardReport(
        step=12,
        horizons=tuple(
            grammar.GuardHorizon(h=h, std=0.3, target_std=0.9, ratio=0.33, strikes=Share(0, 3)) for h in (1, 5)
        ),
    ),
    grammar.GuardCheck(step=12, h=5, std=0.3, target_std=0.9, ratio=0.33, strikes=Share(0, 3)),
    grammar.GuardReport(
        step=12,
        horizons=tuple(
            grammar.GuardHorizon(h=h, std=0.3, target_std=0.9, ratio=0.33, strikes=Share(0, 3)) for h in (1, 5)
        ),
    ),
    grammar.HorizonMetrics(epoch=3, h=5, sharpe=0.5, ic=0.03, rank_ic=0.02, hit_rate=0.52, ratio=0.3, r2=-0.5),
    grammar.Process(pid=963, stat="Rl", cpu_pct=180.0, rss_mb=2400.5, ram_total_mb=16_000.0, etime_s=12.0, cmd="fit"),
    grammar.Gpu(index=0, util_pct=93.0, used_mb=1000.0, total_mb=8000.0, temp_c=61.0),
)  # fmt: skip
VALUES = (
    *("0", "7", "-3", "00", "+1", "1_0", "123456789012345678", "0.5", "5.", ".5", "1e-05", "1E5", "-0.0", "1e999"),
    *("nan", "inf", "-inf", "NaN", "infinity", "0/0", "4/0", "3/4", "1/2/3", "-1/2"),
    *("", "x", "a=b", "a,b", "|", "[1]", '"x"', "'", "é", "x" * 300, "1000", "1001", "1002.5", "probe1000", "group=b"),
)


def line_of(record: Record) -> bytes:
    return format_line(START, record).encode()


def read_singly(line: bytes) -> str:
    """Return the samples of a line, its step and its epoch, as the ordinary reader has them."""
    read = find_line(line)
    assert read is not None
    epoch = getattr(read.record, "epoch", None)
    epoch = epoch.part if isinstance(epoch, Share) else epoch
    found = sorted((each.signal, each.labels, each.value) for each in samples(read.record))
    return repr((type(read.record), read.at, getattr(read.record, "step", None), epoch, found))


def read_together(line_of_template: bytes, lines: list[bytes]) -> dict[int, str]:
    """Return the same of those lines that fit the template of another one, by their places."""
    template = template_of(line_of_template)
    assert template is not None
    rows, _, _ = _fitting(template, list(range(len(lines))), [line + b"\n" for line in lines])
    if rows is None:
        return {}
    found_rows = {}
    for row, place in enumerate(rows.places.tolist()):
        found = sorted(
            (*series, float(column.values[column.rows.tolist().index(row)]))
            for series, column in rows.samples.items()
            if row in column.rows
        )
        step, epoch = (rows.counts[name].tolist()[row] if name in rows.counts else None for name in ("step", "epoch"))
        found_rows[place] = repr((template.record_type, rows.ats.tolist()[row], step, epoch, found))
    return found_rows


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_line_fits_its_own_template(record):
    line = line_of(record)
    assert read_together(line, [line]) == {0: read_singly(line)}


def test_every_kind_is_tried():
    assert {type(record) for record in RECORDS} == set(KINDS)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(RECORDS), st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(VALUES)), max_size=4))
@example(RECORDS[5], [(0, "007")])
@example(RECORDS[7], [(1, "05")])
def test_rows_of_any_line_equal_what_the_reader_reads(record, changes):
    """Numbers of any form, words where numbers were, quotes, shares of nothing, and the probe's own values."""
    line = line_of(record)
    text = line.decode()
    for place, value in changes:
        spans = [match.span(1) for match in re.finditer(r"[=:]([^ =]*)", text[25:])]
        begin, end = spans[place % len(spans)]
        text = text[: 25 + begin] + value + text[25 + end :]
    changed = text.encode()
    found_rows = read_together(line, [line, changed, line])
    assert found_rows == {place: read_singly((line, changed, line)[place]) for place in found_rows}
    assert {0, 2} <= found_rows.keys()
    if template_of(changed) is not None:
        assert read_together(changed, [line, changed]).get(1) == read_singly(changed)


@given(st.sampled_from(RECORDS), st.binary(max_size=12), st.integers(0, 10**6))
def test_hostile_bytes_make_only_rows_that_the_reader_would_make(record, noise, place):
    line = line_of(record)
    place %= len(line) + 1
    hostile = (line[:place] + noise.replace(b"\n", b"") + line[place:]).replace(b"\r", b"")
    found_rows = read_together(line, [line, hostile])
    assert found_rows == {place: read_singly((line, hostile)[place]) for place in found_rows}


@pytest.mark.parametrize(
    "text",
    [
        "[WEIGHT-MONITOR] group=gat update=0.1",
        "[GRAD-MONITOR] step=1 epoch=1 batch=1 gat:l2=8.70e-01 max=8.66e-01 grad=4/4 norm=0.87",
        '[PROC] pid=1 cmd="python fit" rss_mb=1.0',
        "[PROC] gone pid=1 how=killed",
        "[TRAIN] epoch=1/2 batch=1/2 step=1  loss=0.5",
        "[TRAIN] epoch=1/2 batch=1/2 step=1 loss=0.5 step=2",
        "[GRAD-MONITOR] gat: norm 0.00e+00 < 1e-07 step=3 norm=0.0",
        "[CHECKPOINT] action=save step=5",
        "[ACTIVATION-MONITOR] layer=1/2 step=1 mean=0.5",
        "[ACTIVATION-MONITOR] layer=0.5 step=1 mean=0.5",
    ],
)
def test_a_line_beyond_what_a_template_describes_has_none(text):
    assert template_of(f"2025-10-30T23:40:51.123Z INFO {text}".encode()) is None


def test_as_many_templates_are_remembered_as_a_log_has():
    """A log with a new template in every line costs no more than one that is read line by line."""
    import numpy as np

    lines = [line_of(grammar.Process(pid=1, rss_mb=1.0, extra=((f"key_{n}", "1"),))) + b"\n" for n in range(40)]
    ends = np.cumsum([len(line) for line in lines]) - 1
    starts = np.concatenate(([0], ends[:-1] + 1))
    found = list(LineTemplates().rows(b"".join(lines), starts, ends, np.arange(40)))
    assert sum(map(len, found)) == KEPT
