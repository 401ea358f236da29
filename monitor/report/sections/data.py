"""What goes into the model: the panel, its health, and the normalisation of the targets."""

from __future__ import annotations

import math
import re

from monitor.base.evidence import Evidence
from monitor.grammar import Data, DataCheck, Target
from monitor.report.figures import bounded, fact, plain
from monitor.report.statement import Mark, Statement
from monitor.run.attempt import Attempt
from monitor.snapshot import Snapshot


def data_pipeline(snapshot: Snapshot) -> tuple[Statement, ...]:
    """Return what the DATA line declares and what the newest DATA-CHECK line found."""
    attempt = snapshot.run.attempt
    return bounded([*_declared(attempt), *_checked(attempt)])


def target_normalisation(snapshot: Snapshot) -> tuple[Statement, ...]:
    """Return the normalisation of each horizon; a declared target without one is unknown."""
    attempt = snapshot.run.attempt
    seen = {str(record.h): _target(record, line) for record, line in attempt.all_stated(Target)}
    data = attempt.stated(Data)
    for target in (data[0].targets or ()) if data else ():
        horizon = re.search(r"\d+", target)
        if horizon and horizon[0] not in seen:
            seen[horizon[0]] = fact(f"horizon_{horizon[0]}", None)
    return bounded(list(seen.values())) or (Statement("", "No TARGET line was seen.", mark=Mark.UNKNOWN),)


def _declared(attempt: Attempt) -> list[Statement]:
    stated = attempt.stated(Data)
    if stated is None:
        return [Statement("", "No DATA line was seen.", mark=Mark.UNKNOWN)]
    data, line = stated
    features = None if data.features is None else f"{data.features} input dimensions"
    found = [
        fact("Features", features, line),
        fact("Targets", data.targets, line),
        fact("Batch size", data.batch_size, line),
        fact("Workers", _workers(data), line),
        fact("Precision", data.precision, line),
        fact("Rows", _part_of(data.rows_used, data.rows_available), line),
        fact("Dates", data.dates, line),
        fact("Codes", data.codes, line),
    ]
    for part in ("train", "valid", "test"):
        days = getattr(data, part)
        if days is not None:
            found.append(fact(f"Part {part}", days, line))
    for subject, value in (
        ("Embargo", data.embargo_days),
        ("Source", data.source),
        ("Source modified", data.source_mtime),
    ):
        if value is not None:
            found.append(fact(subject, f"{value} days" if subject == "Embargo" else value, line))
    return found


def _checked(attempt: Attempt) -> list[Statement]:
    stated = attempt.stated(DataCheck)
    if stated is None:
        return [Statement("Health of the data", "no DATA-CHECK line was seen", mark=Mark.UNKNOWN)]
    check, line = stated
    found = [fact("Dead features", None)]
    if dead := check.features_dead:
        words = f"{dead.part} of {dead.whole} are constant"
        if check.names and dead.part:
            words += f": {', '.join(check.names)}"
        found = [Statement("Dead features", words, (line,), Mark.CAUTION if dead.part else Mark.OK)]
    if check.nonfinite_share is not None:
        found.append(fact("Share of non-finite inputs", check.nonfinite_share, line))
    if check.label_coverage is not None:
        coverage = ", ".join(f"{horizon} d {plain(value)}" for horizon, value in check.label_coverage)
        found.append(fact("Label coverage", coverage, line))
    if check.graph_nodes is not None:
        degree = "" if check.graph_mean_degree is None else f", mean degree {plain(check.graph_mean_degree)}"
        edges = "not seen" if check.graph_edges is None else plain(check.graph_edges)
        found.append(fact("Graph", f"{plain(check.graph_nodes)} nodes, {edges} edges{degree}", line))
    return found


def _target(record: Target, line: Evidence) -> Statement:
    words = f"mean={record.mean:.6f}, std={record.std:.6f}"
    is_usable = math.isfinite(record.mean) and math.isfinite(record.std) and record.std > 0
    if is_usable:
        return Statement(f"horizon_{record.h}", words, (line,))
    return Statement(f"horizon_{record.h}", f"{words}: cannot normalise", (line,), Mark.CAUTION)


def _workers(data: Data) -> str | None:
    if data.workers is None:
        return None
    return f"{data.workers} (persistent)" if data.persistent else str(data.workers)


def _part_of(used: int | None, available: int | None) -> str | None:
    if used is None:
        return None
    return f"{plain(used)} used" if available is None else f"{plain(used)} used of {plain(available)} available"
