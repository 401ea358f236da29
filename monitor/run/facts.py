"""Facts: the newest record of each kind that the log has stated, with its line, in bounded memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from monitor import grammar
from monitor.base.evidence import TEXT_LIMIT, Evidence, shortened
from monitor.grammar import Record

FACTS_LIMIT = 1_024
"""Facts kept, because a hostile log can invent keys without end; a run has about a hundred settings."""
FACTS_BYTES = 1 << 20
"""Most bytes that the texts of all facts take together."""
TEXT_BYTES = 240
"""Bytes of a line's text that its samples cite."""
TEXT_BYTES_OUTSIDE = 600
"""The same for a line outside the grammar; an out-of-memory error has about 600."""
TEXT_BYTES_PER_SAMPLE = 96
"""Added for each sample of the line, because they share its text: a report of 8 groups has 1,300 bytes, 56 samples."""

KEYED: dict[type[Record], str] = {
    grammar.Config: "key",
    grammar.Target: "h",
    grammar.ModelGroup: "group",
    grammar.HorizonMetrics: "h",
    grammar.EncoderGrad: "tensor",
    grammar.Gpu: "index",
    grammar.GuardCheck: "h",
    grammar.Phase: "name",
    grammar.Unknown: "tag",
}
"""Record types with one fact per value of a field; the others have one fact each."""

KnownRecord = TypeVar("KnownRecord", bound=Record)


class Stated(NamedTuple):
    """The newest record of a kind, and its line."""

    record: Record
    evidence: Evidence


@dataclass
class StatedFacts:
    """The facts of one attempt. Bounded for any log."""

    facts: dict[tuple[str, str], Stated] = field(default_factory=dict)
    """By record type and key; the key is empty for types outside KEYED."""
    facts_bytes: int = 0
    """Approximate length of the texts of all facts."""
    dropped: int = 0
    """Facts, and samples, that were not kept because of the limits."""

    def stated(self, kind: type[KnownRecord], key: object = "") -> tuple[KnownRecord, Evidence] | None:
        """Return the newest record of a kind (and key, for kinds that have one) with its line."""
        found = self.facts.get((kind.__name__, str(key)))
        if found is None:
            return None
        assert isinstance(found.record, kind)
        return found.record, found.evidence

    def all_stated(self, kind: type[KnownRecord]) -> list[tuple[KnownRecord, Evidence]]:
        """Return the newest record per key of a kind, in the order in which the keys first appeared."""
        return [(stated.record, stated.evidence) for stated in self.facts.values() if isinstance(stated.record, kind)]

    def setting(self, key: str) -> tuple[str, Evidence] | None:
        """Return a setting as the run echoed it, with its line."""
        found = self.stated(grammar.Config, key)
        return (found[0].value, found[1]) if found else None

    def keep(self, record: Record, evidence: Evidence) -> None:
        """Remember a record as the newest of its kind."""
        key = getattr(record, KEYED[type(record)]) if type(record) in KEYED else ""
        place = (type(record).__name__, str(key))
        if len(evidence.text) == TEXT_LIMIT:
            record = dataclasses.replace(record, extra=())
        known = self.facts.get(place)
        length = self.facts_bytes + _fact_bytes(record, evidence) - (_fact_bytes(*known) if known else 0)
        if length > FACTS_BYTES or (known is None and len(self.facts) >= FACTS_LIMIT):
            # No fact is better than an outdated one.
            self.dropped += 1
            if known is not None:
                self.facts_bytes -= _fact_bytes(*known)
                del self.facts[place]
            return
        self.facts[place], self.facts_bytes = Stated(record, evidence), length

    def has_room_for_facts(self, num_facts: int, records: Iterable[tuple[Record, Evidence]], more_bytes: int) -> bool:
        """Return whether ``num_facts`` more facts fit, with the bytes of these records and ``more_bytes`` of others."""
        taken = sum(_fact_bytes(*each) for each in records)
        return len(self.facts) + num_facts <= FACTS_LIMIT and self.facts_bytes + taken + more_bytes <= FACTS_BYTES


def cited(evidence: Evidence, num_samples: int, *, is_record: bool) -> Evidence:
    """Return a line as its samples cite it: the more samples share the text, the longer it may be."""
    least = TEXT_BYTES if is_record else TEXT_BYTES_OUTSIDE
    return shortened(evidence, least + TEXT_BYTES_PER_SAMPLE * num_samples)


def _fact_bytes(record: Record, evidence: Evidence) -> int:
    """Return roughly how many bytes the texts of a fact take: once in the line and once in the record."""
    if len(evidence.text) < TEXT_LIMIT:
        return 2 * len(evidence.text) * (1 if evidence.text.isascii() else 4)
    texts = (value for value in (evidence.text, *vars(record).values()) if value and isinstance(value, (str, tuple)))
    return sum(len(str(each).encode("utf-8", "replace")) for each in texts)
