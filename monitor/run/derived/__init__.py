"""Derived signals: numbers computed from a record and from what its attempt knew before it.

In: a record about to be folded, and the attempt. Out: samples, folded after the record's own. This package keeps no
state: what must outlive an attempt is in `Earlier`, which the run passes on.
"""

from __future__ import annotations

from collections.abc import Iterator

from monitor import grammar
from monitor.grammar import Intent, Record
from monitor.reader.signals import Sample
from monitor.run.derived.groups import (
    activation_columns,
    gradient_columns,
    of_activations,
    of_gradients,
    of_weights,
    weight_columns,
)
from monitor.run.derived.inputs import Column, Columns, Earlier, Known, Lines, Rates, Writer
from monitor.run.derived.lifecycle import changed_data, is_taken_over, of_end, of_phase
from monitor.run.derived.settings import absent_settings
from monitor.run.derived.training import of_train, train_columns

__all__ = ["Column", "Columns", "Earlier", "Known", "Lines", "Rates", "Writer", "derived", "derived_columns"]


def derived(record: Record, known: Known) -> Iterator[Sample]:
    """Yield the samples derived from a record, which is not folded yet, and what was known before it."""
    try:
        yield from _derived(record, known)
    except OverflowError:
        # The line has a whole number that is too large for a float: it measures nothing.
        return


def _derived(record: Record, known: Known) -> Iterator[Sample]:
    if isinstance(record, _OF_TRAINING) and is_taken_over(known):
        yield Sample("run.other_writer", (("pid", str(known.replaced[-1].pid)),), 1.0)
    match record:
        case grammar.Train():
            yield from of_train(record, known)
        case grammar.GradReport():
            yield from of_gradients(record, known)
        case grammar.WeightReport():
            yield from of_weights(record, known)
        case grammar.ActivationReport():
            yield from of_activations(record, known)
        case grammar.Phase() if record.pid is not None or record.run is not None:
            yield from of_phase(record, known)
        case grammar.Config():
            yield Sample("config.echo", (), 1.0)
        case grammar.RunStart():
            yield Sample("run.idle_starts", (), known.earlier.starts + 1.0)
            yield Sample("run.crashed_before", (), float(known.earlier.has_crashed))
        case grammar.RunEnd():
            yield from of_end(record, known)
        case grammar.Intent() if known.intent == Intent():
            yield from absent_settings(known)
        case grammar.Data():
            yield from changed_data(record, known)
        case grammar.DataCheck():
            for key, value in record.extra:
                if key == "problem":
                    yield Sample("data.problem", (("problem", value),), 1.0)
        case grammar.Process() if record.rss_mb is not None and record.ram_total_mb:
            yield Sample("process.rss_pct", (), 100 * record.rss_mb / record.ram_total_mb)
        case grammar.Gpu() if record.used_mb is not None and record.total_mb:
            yield Sample("gpu.used_pct", (("index", str(record.index)),), 100 * record.used_mb / record.total_mb)


def derived_columns(kind: type[Record], lines: Lines, known: Known) -> Columns | None:
    """Return what `derived` yields for many lines of a record type, by series; None if that needs single lines.

    Columns may be empty. Types that are missing here have no derived samples, or too few to be worth it.
    """
    if issubclass(kind, _OF_TRAINING) and is_taken_over(known):
        return None
    if issubclass(kind, grammar.Train):
        return train_columns(lines, known)
    if issubclass(kind, grammar.GradReport):
        return gradient_columns(lines, known)
    if issubclass(kind, grammar.WeightReport):
        return weight_columns(lines, known)
    if issubclass(kind, grammar.ActivationReport):
        return activation_columns(lines, known)
    if issubclass(kind, grammar.Process):
        return _shares(lines.columns, "process.rss_mb", "process.ram_total_mb", "process.rss_pct")
    if issubclass(kind, grammar.Gpu):
        return _shares(lines.columns, "gpu.used_mb", "gpu.total_mb", "gpu.used_pct")
    return {}


def _shares(columns: Columns, part: str, whole: str, share: str) -> Columns:
    """Return one column as a percentage of another."""
    import numpy as np

    found: Columns = {}
    for (signal, labels), column in columns.items():
        if signal == part and (of := columns.get((whole, labels))) is not None:
            is_known = of.values != 0
            with np.errstate(all="ignore"):
                shares = 100 * column.values[is_known] / of.values[is_known]
            found[share, labels] = Column(shares, column.rows[is_known])
    return found


_OF_TRAINING = (
    grammar.Train,
    grammar.GradReport,
    grammar.GuardCheck,
    grammar.GuardReport,
    grammar.InputReport,
    grammar.WeightReport,
)
