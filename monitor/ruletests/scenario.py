"""Scenario files → differences: plays a log with its times, and compares the alerts with the expected ones.

scenarios:
  - name: the encoder is cut off
    log: |
      2025-10-30T23:40:51.123Z INFO [ENCODER-GRAD] projected_features grad_norm=0.0 max=0.0 step=50
    expect:
      - {alert: EncoderGradientZero, state: firing, at: 0s, labels: {tensor: projected_features}}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from monitor.alert import Alert, iso_time
from monitor.base.errors import MonitorError, Problems, RuleError
from monitor.base.yamlfile import YamlFile
from monitor.conditions import Outcome
from monitor.conditions.values import Seconds, seconds
from monitor.engine.step import Engine
from monitor.pipeline import Pipeline
from monitor.rules import Rule
from monitor.rules.problems import problems_of, unknown_rule
from monitor.tail import read_lines

_SLACK_S = 0.0005
"""Times are written to the millisecond; a deadline may be between two."""


def _moment(text: str) -> str:
    """Check a time: ISO, or a duration after the log's first time. Raises ValueError."""
    try:
        seconds(text)
    except ValueError:
        try:
            datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(
                f"not a time: {text!r:.60}; expected a time such as 2025-10-30T23:40:51Z, or 301s after the first line"
            ) from None
    return text


class Expected(BaseModel):
    """A transition that must happen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    alert: str
    """The name of the rule."""
    state: Literal["firing", "resolved", "closed"] = "firing"
    """The new state of the alert."""
    at: Annotated[str, AfterValidator(_moment)] | None = None
    """When: a time, or a duration after the log's first time. By default, any time."""
    labels: dict[str, str] | None = None
    """Labels that the alert must have; it may have more."""
    severity: Literal["info", "warning", "critical"] | None = None
    """The severity of the alert. By default, any."""
    inhibited_by: str | None = None
    """The rule that explains the alert, empty for none. By default, any."""


class Scenario(BaseModel):
    """A log, and all transitions that it must cause."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    """What the scenario shows, in words."""
    log: str
    """Lines as they would be in a log, with their times."""
    wait: Seconds = 0.0
    """How long to wait after the last line."""
    only: tuple[str, ...] | None = None
    """The rules to use. By default, all rules, and any alert that is not expected is a failure."""
    expect: tuple[Expected, ...] = ()
    """Every transition that must happen, in any order; no other may happen."""
    answers: dict[str, Literal["ok", "breach", "unknown", "not_applicable"]] = Field(default_factory=dict)
    """The outcome at the end, by the name of the rule; all series of the rule must have it."""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: tuple[str, ...] = ()
    scenarios: Annotated[tuple[Scenario, ...], Field(min_length=1)]


class ScenarioFile(NamedTuple):
    """The scenarios of a file, and what they need."""

    rule_paths: tuple[Path, ...]
    """Rule files in addition to the shipped ones, relative to the folder of the file."""
    scenarios: tuple[tuple[Scenario, str], ...]
    """Each with its ``file:line``."""


def is_scenario_file(path: Path) -> bool:
    """Whether a file declares scenarios rather than rules; false for a file that cannot be read."""
    try:
        data = YamlFile(path, RuleError).data
    except MonitorError:
        return False
    return isinstance(data, dict) and "scenarios" in data


def read_scenarios(path: Path) -> ScenarioFile:
    """Read a scenario file. Raises Problems with every problem in it."""
    file = YamlFile(path, RuleError)
    data = file.data if isinstance(file.data, dict) else {}
    try:
        read = _File.model_validate(data)
    except ValidationError as error:
        found = [RuleError(file.where(place), text) for place, text in problems_of(error, _File, data)]
        raise Problems([*found, *file.problems]) from None
    if file.problems:
        raise Problems(file.problems)
    places = [file.where(("scenarios", number)) for number in range(len(read.scenarios))]
    folder = path.parent
    return ScenarioFile(tuple(folder / each for each in read.rules), tuple(zip(read.scenarios, places, strict=True)))


def check_names(scenario: Scenario, place: str, rules: Iterable[Rule]) -> list[MonitorError]:
    """Return an error for each rule that a scenario names and that does not exist."""
    known = {rule.alert for rule in rules}
    named = [*(scenario.only or ()), *(each.alert for each in scenario.expect), *scenario.answers]
    return [
        unknown_rule(place, name, known, about=f'scenario "{scenario.name}": ')
        for name in dict.fromkeys(named)
        if name not in known
    ]


def play(scenario: Scenario, rules: Sequence[Rule]) -> list[str]:
    """Fold the log as a watch would, and return the differences from what is expected, one line each.

    ``-`` marks what was expected and did not happen, ``+`` what happened and was not expected.
    """
    chosen = [rule for rule in rules if scenario.only is None or rule.alert in scenario.only]
    pipeline = Pipeline(scenario.name, Engine(chosen))
    transitions: list[Alert] = []
    began: float | None = None
    for line in read_lines(BytesIO(scenario.log.encode())):
        transitions += pipeline.take(line)
        began = pipeline.run.now if began is None else began
    now = None if pipeline.run.now is None else pipeline.run.now + scenario.wait
    if now is not None:
        transitions += pipeline.pass_time(now)
    differences = list(_differences(scenario.expect, transitions, began))
    outcomes = {
        rule.alert: {reading.outcome for reading in readings}
        for rule, readings in pipeline.snapshot(now, is_following=True).readings
    }
    for name, answer in scenario.answers.items():
        if outcomes.get(name) != {Outcome(answer)}:
            found = " and ".join(sorted(outcomes[name])) if name in outcomes else "not judged"
            differences += [f"- answer {name}: {answer}", f"+ answer {name}: {found}"]
    run = pipeline.run
    if differences and run.understood < run.lines:
        differences.append(f"? {run.lines - run.understood} of {run.lines} lines were not understood")
    return differences


def _differences(expected: Sequence[Expected], transitions: Sequence[Alert], began: float | None) -> Iterator[str]:
    left = list(transitions)
    missing = []
    for each in sorted(expected, key=_exactness):
        found = next((alert for alert in left if _fits(each, alert, began)), None)
        if found is None:
            missing.append(each)
        else:
            left.remove(found)
    for each in missing:
        yield f"- {_expected_words(each, began)}"
        if like := next((alert for alert in left if alert.rule == each.alert), None):
            left.remove(like)
            yield f"+ {_alert_words(like)}"
    yield from (f"+ {_alert_words(alert)}" for alert in left)


def _exactness(expected: Expected) -> int:
    """Sort key: the most exact expectations are matched first, so that loose ones take what is left."""
    return -sum(value is not None for value in (expected.at, expected.labels, expected.severity))


def _fits(expected: Expected, alert: Alert, began: float | None) -> bool:
    labels = dict(alert.labels)
    if alert.rule != expected.alert or alert.state.value != expected.state:
        return False
    if expected.at is not None:
        at = _at(expected.at, began)
        if at is None or alert.at is None or abs(at - alert.at) > _SLACK_S:
            return False
    if expected.severity is not None and alert.severity.value != expected.severity:
        return False
    if expected.inhibited_by is not None and alert.inhibited_by != expected.inhibited_by:
        return False
    return all(labels.get(name) == value for name, value in (expected.labels or {}).items())


def _at(text: str, began: float | None) -> float | None:
    try:
        return None if began is None else began + seconds(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _expected_words(expected: Expected, began: float | None) -> str:
    at = "" if expected.at is None else f" at {iso_time(_at(expected.at, began)) or expected.at}"
    labels = "".join(f" {name}={value}" for name, value in (expected.labels or {}).items())
    by = "" if expected.inhibited_by is None else f" inhibited_by={expected.inhibited_by or 'nothing'}"
    severity = "" if expected.severity is None else f"{expected.severity} "
    return f"{severity}{expected.alert} {expected.state}{at}{labels}{by}"


def _alert_words(alert: Alert) -> str:
    labels = "".join(f" {name}={value}" for name, value in alert.labels)
    by = f" inhibited_by={alert.inhibited_by}" if alert.inhibited_by else ""
    at = iso_time(alert.at) or "no time"
    return f"{alert.severity} {alert.rule} {alert.state} at {at}{labels}{by}: {alert.summary}"
