"""Selects the series, and the points of each series, that a condition reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from pydantic import Field, model_validator

from monitor.conditions.condition import Condition, SignalName, check_where, where_words
from monitor.conditions.freshness import absence
from monitor.conditions.reading import Reading, not_applicable, unknown
from monitor.conditions.values import Span
from monitor.reader.signals import CATALOGUE, Labels
from monitor.run.attempt import Attempt
from monitor.run.columns.preview import Ahead, Range
from monitor.run.series import Point, Series


def series_of(
    attempt: Attempt, signal: str, where: dict[str, str], asked: frozenset[Labels] | None
) -> dict[Labels, Series]:
    """Return the series of a signal that have the labels of ``where`` and are asked about, oldest first."""
    known = attempt.of(signal)
    among = _asked(known, asked)
    if not where:
        return {labels: known[labels] for labels in among}
    wanted = where.items()
    return {labels: known[labels] for labels in among if wanted <= dict(labels).items()}


def ranges_of(attempt: Attempt, signal: str, where: dict[str, str], ahead: Ahead) -> Iterator[tuple[Labels, Range]]:
    """Yield the range of each series with these labels, from its oldest remembered point to the end of a block."""
    known = attempt.of(signal)
    for labels in {**known, **ahead.coming.get(signal, {})}:
        if where.items() <= dict(labels).items() and declared_frozen(attempt, labels) is None:
            yield labels, ahead.range_of(signal, labels, known.get(labels))


def within(span: Span, points: Sequence[Point]) -> list[Point]:
    """Return the newest points within a window; none until the remembered points fill the window."""
    if span.unit == "reports":
        return list(points[-int(span.amount) :]) if len(points) >= span.amount else []
    places = [_place(point, span) for point in points]
    newest = places[-1]
    if newest is None:
        return []
    starts = newest - span.amount
    known = [(place, point) for place, point in zip(places, points, strict=True) if place is not None]
    is_whole = known[0][0] <= starts + (span.unit == "epochs")
    return [point for place, point in known if place > starts] if is_whole else []


def check_window(span: Span | None, signal: str) -> None:
    """Refuse a window of more reports than are kept: it would never be full. Raises ValueError."""
    kept = Series.of(CATALOGUE[signal]).recent.maxlen
    if span is not None and span.unit == "reports" and kept is not None and not 1 <= span.amount <= kept:
        raise ValueError(f"over: {span} of {signal}; expected 1 to {kept}, the number that is kept")


def declared_frozen(attempt: Attempt, labels: Labels) -> Reading | None:
    """Return not applicable for a group that the run declared frozen, else None: it has no gradient and no update."""
    group = dict(labels).get("group")
    if group is None or group not in (attempt.intent.frozen or ()):
        return None
    return not_applicable(f"{group} is declared frozen", attempt.intent_evidence["frozen"], labels)


def _place(point: Point, span: Span) -> float | None:
    return point.at if span.unit == "s" else point.step if span.unit == "steps" else point.epoch


def _asked(known: dict[Labels, Series], asked: frozenset[Labels] | None) -> Iterable[Labels]:
    """Return the labels asked about, always in the order in which they were first seen."""
    if asked is None:
        return known
    if len(asked) == 1:
        return asked & known.keys()
    return [labels for labels in known if labels in asked]


class OneSignal(Condition):
    """A condition with a reading for each series of one signal."""

    signal: SignalName
    """The signal to read: a measurement."""
    where: dict[str, str] = Field(default_factory=dict)
    """Only series with these labels."""

    @model_validator(mode="after")
    def _has_these_labels(self) -> OneSignal:
        check_where(self.where, self.signal)
        return self

    @property
    def watches(self) -> frozenset[str]:
        """The signal itself."""
        return frozenset({self.signal})

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the signal."""
        return CATALOGUE[self.signal].labels

    @property
    def subject(self) -> str:
        """The signal with its labels, in words."""
        return self.signal + where_words(self.where)

    def each(
        self, attempt: Attempt, asked: frozenset[Labels] | None, read: Callable[[Labels, Series], Reading]
    ) -> list[Reading]:
        """Return a reading for each series that is asked about, or a single reading if there are no series."""
        found = series_of(attempt, self.signal, self.where, asked)
        if not found:
            return [absence(attempt, self.signal) or unknown(f"no {self.signal} with {self.where} was seen")]
        return [read(labels, series) for labels, series in found.items()]
