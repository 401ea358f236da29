"""Settings as the run echoed them; a setting that was not echoed is not confirmed, even if it was set."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet

from monitor.base.evidence import Evidence
from monitor.config import Config
from monitor.grammar import Config as Echo
from monitor.grammar import GuardReset
from monitor.reader.signals import CATALOGUE
from monitor.report.figures import bounded
from monitor.report.sections.deadlines import next_report
from monitor.report.sections.gradients import has_our_model
from monitor.report.statement import Mark, Statement
from monitor.run.attempt import Attempt
from monitor.snapshot import Snapshot

Effect = tuple[str, Evidence | None, bool]
"""How a setting shows in the log, the line, and whether that contradicts it."""


def settings(snapshot: Snapshot, config: Config | None = None) -> tuple[Statement, ...]:
    """Return the variables people rely on, by the watch file or by default, then all that differ from their default."""
    attempt = snapshot.run.attempt
    asked = config.environment if config else {}
    if not asked and has_our_model(snapshot):
        asked = dict.fromkeys(_RELIED_ON)
    relied_on = [_confirmed(attempt, name, wanted, _RELIED_ON.get(name, _unseen)) for name, wanted in asked.items()]
    others = [
        Statement(f"{config.key}={config.value}", f"source={config.source or 'unknown'}", (line,), Mark.OK)
        for config, line in attempt.all_stated(Echo)
        if config.key not in asked and config.source != "default"
    ]
    return bounded([*relied_on, *others, *_without_effect(attempt, asked.keys())])


def _confirmed(
    attempt: Attempt, name: str, wanted: str | None, effect: Callable[[Attempt, str], Effect | None]
) -> Statement:
    stated = attempt.stated(Echo, name)
    if stated is None:
        subject = name if wanted is None else f"{name}={wanted}"
        unused = attempt.of("config.unused").get((("unused", name),))
        if unused is not None:
            return Statement(subject, "set, but nothing reads it", (unused.last.evidence,), Mark.CAUTION)
        return Statement(subject, "not echoed: unconfirmed", mark=Mark.UNKNOWN)
    echo, line = stated
    words, evidence, is_contradicted = effect(attempt, echo.value) or ("no line shows its effect", None, False)
    if wanted is not None and not _is_same(wanted, echo.value):
        words, is_contradicted = f"{wanted} was wanted; {words}", True
    return Statement(
        f"{name}={echo.value}",
        f"echoed, source={echo.source or 'unknown'}; {words}",
        (line,) if evidence is None else (line, evidence),
        Mark.CAUTION if is_contradicted else Mark.OK,
    )


def _is_same(wanted: str, echoed: str) -> bool:
    """Whether two values are the same word or the same number: 1e-7 is 1e-07."""
    try:
        return wanted.lower() == echoed.lower() or float(wanted) == float(echoed)
    except ValueError:
        return False


def _switch(signal: str) -> Callable[[Attempt, str], Effect | None]:
    """Return a check of a switch: lines of its tag must be there if it is on, and absent if it is off."""

    def effect(attempt: Attempt, value: str) -> Effect | None:
        tag, found = CATALOGUE[signal].tag, attempt.of(signal)
        is_on = value.lower() not in ("0", "false", "no", "off")
        if not found:
            return (f"no {tag} line was seen yet", None, attempt.step is not None) if is_on else None
        last = max((series.last.evidence for series in found.values()), key=lambda line: line.offset)
        return (f"{tag} lines are seen" if is_on else f"but {tag} lines are seen"), last, not is_on

    return effect


def _cadence(attempt: Attempt, value: str) -> Effect | None:
    reports = next(iter(attempt.of("grad.l2").values()), None)
    if reports is None or reports.last.step is None:
        return None
    last = reports.last
    if attempt.ended is not None:
        return f"the last report is at step {last.step}", last.evidence, False
    if not (value.isascii() and value.isdigit()) or len(value) > _DIGITS:
        return f"not a number of steps; the last report is at step {last.step}", last.evidence, True
    if (reports.step_gap or 0) > int(value):
        return f"but reports are up to {reports.step_gap} steps apart", last.evidence, True
    place = next_report(attempt, int(value)) or f"step {(last.step or 0) + int(value)}"
    return f"next report at {place}", last.evidence, False


_DIGITS = 12
"""Most digits of a sensible cadence."""


def _reset_scale(attempt: Attempt, value: str) -> Effect | None:
    reset = attempt.stated(GuardReset)
    if reset is None:
        return None
    try:
        is_other = float(value) != reset[0].scale
    except ValueError:
        is_other = True
    return f"the last reset used scale={reset[0].scale:g}", reset[1], is_other


def _unseen(attempt: Attempt, value: str) -> Effect | None:
    del attempt, value
    return None


_RELIED_ON: dict[str, Callable[[Attempt, str], Effect | None]] = {
    "ENABLE_ENCODER_GRAD_HOOKS": _switch("encoder_grad.norm"),
    "ENABLE_GRAD_MONITOR": _switch("grad.l2"),
    "GRAD_MONITOR_EVERY": _cadence,
    "GRAD_MONITOR_WARN_NORM": _unseen,
    "DEGENERACY_RESET_SCALE": _reset_scale,
    "VARIANCE_PENALTY_WEIGHT": _unseen,
}
"""The variables of the status page that this project started from, and how each shows in a log."""


def _without_effect(attempt: Attempt, shown: AbstractSet[str]) -> list[Statement]:
    """Return settings without effect, except those already shown."""
    found = []
    for signal, words in (
        ("config.unused", "is set, but nothing reads it"),
        ("config.ignored", "was overridden"),
    ):
        for labels, series in attempt.of(signal).items():
            if labels[0][1] in shown:
                continue
            found.append(Statement(labels[0][1], words, (series.last.evidence,), Mark.CAUTION))
    return found
