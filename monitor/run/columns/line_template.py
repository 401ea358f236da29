"""A template is a line with its numbers left out: the lines of one template are read column by column.

A log has a handful of templates. Each is learnt from one line by letting the ordinary reader read a probe: the same
line with a different number, or word, in each place. Where the probe's values appear in its record and its samples,
the values of every such line will appear. A line that does not fit exactly is read the ordinary way, so a template
never decides what a line means.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from monitor import grammar
from monitor.grammar import Record, Share, parse_line
from monitor.reader.signals import CATALOGUE, Sample, samples

HEAD_BYTES = 25
"""Length of the time stamp and the blank after it."""
STAMP_GROUPS = 2
"""Groups of a template's pattern before the groups of its values: the minute and the seconds."""
KINDS: tuple[type[Record], ...] = (
    *(grammar.Train, grammar.GradReport, grammar.EncoderGrad, grammar.WeightReport, grammar.ActivationReport),
    *(
        grammar.InputReport,
        grammar.BatchReport,
        grammar.GuardCheck,
        grammar.GuardReport,
        grammar.HorizonMetrics,
        grammar.Process,
        grammar.Gpu,
    ),
)
"""Record types with templates: measurements, which only change their series and the progress of the run."""
LONGEST = 16_000
"""Most bytes of a line that a template is learnt from: a report of a hundred groups. Chosen by hand."""

_STAMP = rb"(?m)^(\d{4}-\d\d-\d\dT\d\d:\d\d):([0-5]\d\.\d{3})Z "
_HEAD = re.compile(rb"[A-Z]+ \[([A-Z-]+)\] ")
_WORD = re.compile(r"[!#-{}~]+")
_VALUES = {
    "share": re.compile(r"(\d{1,15})/(\d{1,15})"),
    "whole": re.compile(r"\d{1,15}"),
    "float": re.compile(r"[-+.0-9e]*\d[-+.0-9e]*|nan|-?inf"),
}
"""How numbers are written, by kind; 15 digits are exact as a float."""
_PATTERNS = {
    "whole": rb"\d{1,15}+",
    "count": rb"\d{1,15}+",
    "name": rb"0|[1-9]\d{0,14}",
    "some": rb"[1-9]\d{0,14}",
    "float": rb"[-+.0-9e]++|nan|-?inf",
}
"""The same for whole columns. The reader converts such characters as float() does."""
_FREE_WORD, _KEYED_WORD, _BARE_WORD = rb"[!#-{}~]*+", rb"[!#-{}~]{0,200}+", rb"[!#-+.-<>-{}~-]{1,200}"
LONGEST_LABEL = 200
"""Most characters of a template's label: fewer than the series would cut."""


class Field(NamedTuple):
    """A sample of each line. Groups count from 0."""

    signal: str
    labels: tuple[tuple[str, str | None], ...]
    """Names and values; None for a value that differs from line to line."""
    part: int | None
    """The group of the number; None for an event, whose value is always 1."""
    whole: int | None
    """The group of the number that it is a share of; None if it is not a share."""


class LineTemplate(NamedTuple):
    """What the lines of one template have in common."""

    record_type: type[Record]
    pattern: re.Pattern[bytes]
    """Fits a line with its line feed; the groups are the minute, the seconds, and the values in order."""
    fields: tuple[Field, ...]
    label: int | None
    """The group whose word, or whole number, is a label; None if all lines have the same labels."""
    step: int | None
    """The groups of step, epoch and batch; None if the lines do not have that number."""
    epoch: int | None
    epoch_whole: int | None
    batch: int | None
    batch_whole: int | None

    @property
    def signals(self) -> frozenset[str]:
        """The signals of its lines."""
        return frozenset(field.signal for field in self.fields)


def template_of(line: bytes) -> LineTemplate | None:
    """Return the template of a line without its line feed; None if it contains more than a template can describe."""
    if len(line) > LONGEST or not line.isascii() or not has_template(line):
        return None
    read = parse_line(line)
    if read is None or type(read.record) not in KINDS:
        return None
    text = line.decode("ascii")
    begin = text.index("] ") + 2
    written = text[begin:].split(" ")
    if not all(_WORD.fullmatch(word) or word == "|" for word in written):
        return None
    free = {key for key, _ in read.record.extra}
    words = [_Word.of(place, word, free) for place, word in enumerate(written)]
    trial = _Trial(text[:begin], words, read.record)
    # A word that is not read as a name is fixed.
    words = [
        word._replace(kind="fixed") if word.kind == "word" and trial.read({place}) is None else word
        for place, word in enumerate(words)
    ]
    found = _Trial(text[:begin], words, read.record).read(set(range(len(words))))
    template = None if found is None else _template(text[HEAD_BYTES : begin - 1], words, read.record, *found)
    # A template accepts less than the reader: it does not accept 007 as a layer's number.
    return template if template is not None and template.pattern.fullmatch(line + b"\n") else None


def has_template(line: bytes) -> bool:
    """Return whether the line's tag can have templates."""
    head = _HEAD.match(line, HEAD_BYTES)
    return head is not None and head[1] in _TAGS


_TAGS = frozenset(kind.TAG.encode() for kind in KINDS)


class _Word(NamedTuple):
    """``key=value``, or a bare word."""

    place: int
    written: str
    key: str
    """With its equals sign; empty for a bare word."""
    kind: str
    """``whole``, ``float``, ``share``; ``word``; ``free`` if the value is not read; ``fixed``."""

    @classmethod
    def of(cls, place: int, written: str, free: Container[str]) -> _Word:
        """Classify a word."""
        key, equals, value = written.rpartition("=") if written.count("=") == 1 else ("", "", written)
        if written == "|" or "=" in value:
            return cls(place, written, "", "fixed")
        kind = next((kind for kind, of in _VALUES.items() if equals and of.fullmatch(value)), "word")
        return cls(place, written, key + equals, "free" if key in free else kind)

    @property
    def probes(self) -> tuple[str, ...]:
        """What replaces the value in the probe; unique for each place."""
        number = 1_000 + 2 * self.place
        return {
            "whole": (f"{number}",),
            "float": (f"{number}.5",),
            "share": (f"{number}", f"{number + 1}"),
            "word": (f"probe{number}",),
        }.get(self.kind, ())

    def pattern(self, used: Container[str], kinds: Mapping[str, str]) -> bytes:
        """Return a pattern for the word in any line; ``used`` values become groups, ``kinds`` has narrower kinds."""
        if self.kind == "fixed":
            return re.escape(self.written).encode()
        values = [] if self.probes else [_FREE_WORD]
        for probe in self.probes:
            kind = kinds.get(probe, "count" if self.kind == "share" else self.kind)
            value = _PATTERNS.get(kind, _KEYED_WORD if self.key else _BARE_WORD)
            values.append((b"(" if probe in used else b"(?:") + value + b")")
        return re.escape(self.key).encode() + b"/".join(values)


class _Trial(NamedTuple):
    """A line whose words can be replaced by their probes."""

    head: str
    words: list[_Word]
    record: Record

    def read(self, places: Container[int]) -> tuple[Record, list[Sample]] | None:
        """Read the line with probes in these places; None if that changes its record type or its signals."""
        words = [
            word.key + "/".join(word.probes) if word.place in places and word.probes else word.written
            for word in self.words
        ]
        read = parse_line((self.head + " ".join(words)).encode())
        if read is None or type(read.record) is not type(self.record):
            return None
        found = list(samples(read.record))
        known = [sample.signal for sample in samples(self.record)]
        return (read.record, found) if [sample.signal for sample in found] == known else None


def _template(
    head: str, words: Sequence[_Word], record: Record, probe: Record, found: Sequence[Sample]
) -> LineTemplate | None:
    """Return the template of a line, from where the probe's values appear in what was read."""
    numbers = {float(word.probes[0]): word.probes[0] for word in words if word.kind in ("whole", "float")}
    shares = {int(word.probes[0]) / int(word.probes[1]): word.probes for word in words if word.kind == "share"}
    numbers |= {float(each): each for pair in shares.values() for each in pair}
    names = {each for word in words for each in word.probes if word.kind in ("word", "whole")}
    kept = {value for word in words if not word.probes for value in word.written[len(word.key) :].split("/")}
    if not kept.isdisjoint(each for word in words for each in word.probes):
        return None
    label: set[str] = set()
    fields: list[Field] = []
    groups_of: list[tuple[str | None, str | None]] = []
    for sample, before in zip(found, samples(record), strict=True):
        own = [value in names for _, value in sample.labels]
        if [value for value, is_own in zip(sample.labels, own, strict=True) if not is_own] != [
            value for value, is_own in zip(before.labels, own, strict=True) if not is_own
        ]:
            return None
        label |= {value for _, value in sample.labels if value in names}
        labels = tuple((name, None if value in names else value) for name, value in sample.labels)
        fields.append(Field(sample.signal, labels, None, None))
        if sample.value in numbers:
            groups_of.append((numbers[sample.value], None))
        elif sample.value in shares:
            groups_of.append((shares[sample.value][0], shares[sample.value][1]))
        elif CATALOGUE[sample.signal].is_event:
            groups_of.append((None, None))
        else:
            return None
    step, epoch, batch = (_place(getattr(probe, name, None)) for name in ("step", "epoch", "batch"))
    is_long = any(value and len(value) > LONGEST_LABEL for field in fields for _, value in field.labels)
    if len(label) > 1 or is_long or not _says_enough(record, fields, step[0]):
        return None
    places = (step[0], *epoch, *batch)
    used = {each for each in (*label, *places, *chain.from_iterable(groups_of)) if each is not None}
    in_order = [each for word in words for each in word.probes if each in used]
    groups = {each: number for number, each in enumerate(in_order, STAMP_GROUPS)}
    if not used <= groups.keys():
        return None

    named = {word.probes[0] for word in words if word.kind == "whole"}.intersection(label)
    kinds = dict.fromkeys((each for each in places if each), "count") | dict.fromkeys(named, "name")
    # There are no shares of zero (n/0): a line with one has one sample less.
    shared = {part for part, _ in groups_of}
    kinds |= {word.probes[1]: "some" for word in words if word.kind == "share" and word.probes[0] in shared}

    def group(each: str | None) -> int | None:
        return None if each is None else groups[each]

    fits = [_STAMP + re.escape(head).encode(), *(word.pattern(used, kinds) for word in words)]
    return LineTemplate(
        type(record),
        re.compile(b" ".join(fits) + b"\n"),
        tuple(
            field._replace(part=group(part), whole=group(whole))
            for field, (part, whole) in zip(fields, groups_of, strict=True)
        ),
        group(next(iter(label), None)),
        *map(group, places),
    )


def _place(value: object) -> tuple[str | None, str | None]:
    """Return how a probe writes a step, an epoch or a batch: the number, and the total if it is a share."""
    if isinstance(value, Share):
        return str(value.part), str(value.whole)
    return (str(value) if isinstance(value, int) else None), None


def _says_enough(record: Record, fields: Sequence[Field], step: str | None) -> bool:
    """Return whether everything derived from the line can be derived from its fields."""
    if len({(field.signal, field.labels) for field in fields}) < len(fields):
        return False
    if isinstance(record, grammar.GradReport):
        return sum(field.signal == "grad.none" for field in fields) == len(record.groups)
    return step is not None or not isinstance(record, grammar.WeightReport)
