"""A number of any length in any place of a line, and a line of any length, are read at once as what they are."""

from __future__ import annotations

import re
import time

import pytest

from monitor.engine.step import Engine
from monitor.pipeline import Pipeline
from monitor.rules import Rule, load_rules
from monitor.rules.choice import shipped_rule_files
from monitor.tail.linebuffer import KEPT_BYTES, LineBuffer
from tests.pipeline.value_fuzz import DIALECTS, Grammar, grammars

LONG = b"9" * 5_000
"""More digits than Python turns into a whole number unasked (4,300)."""
PRIMED_LINES = 40
MOST_PLACES = 200
MOST_S = 2.0
"""Of processor time for a line of the longest length that is kept: square time would need minutes."""
_NUMBER = re.compile(rb"\d+")


def templates(grammar: Grammar) -> list[bytes]:
    """Return a line of each template of a grammar."""
    return list({_NUMBER.sub(b"#", text): text for text in reversed(grammar.lines)}.values())


@pytest.mark.parametrize(
    "grammar",
    [
        pytest.param(each, id=each.name, marks=() if each.name in ("native", *DIALECTS) else pytest.mark.slow)
        for each in grammars()
    ],
)
def test_a_number_of_any_length_can_stand_in_any_place(grammar: Grammar) -> None:
    pipeline = Pipeline("run.log", Engine(tuple[Rule, ...]()))
    feed = LineBuffer().feed
    for line in feed(b"\n".join((*grammar.lines[:PRIMED_LINES], b""))):
        pipeline.take(line)
    places = [(text, place) for text in templates(grammar) for place in _NUMBER.finditer(text)]
    for text, place in places[:: 1 + len(places) // MOST_PLACES]:
        # The line before is one as it should be, so that the shape is known and what is fast is tried.
        for line in feed(text + b"\n" + text[: place.start()] + LONG + text[place.end() :] + b"\n"):
            event = pipeline.read(line)
            assert event is None or event.error is None, (line.data[:200], event)
            if event is not None:
                pipeline.fold(event)
    assert pipeline.run.unjudged == 0


FORMS = (
    b"%s",
    b"step %s loss 0.5",
    b"%s loss=0.5 step=7",
    b"[2025-10-28 23:40:52] INFO step 6 loss 0.5 %s",
    b"[2025-10-28 23:40:%s] x loss 0.5",
    b"[node-%s:0]: x loss 1",
    b'{"loss": 0.5, "x": "%s", "step": 7}',
)
PIECES = (
    *(b"a", b"9", b" ", b"\t", b"=", b":", b"-", b".", b",", b"|", b"/", b"\\", b"(", b"[", b"{", b"'", b'"', b"\xe9"),
    *(b"9 ", b"9,", b"9:", b"9.", b"e9", b"a ", b"a=1 ", b"nan", b"nan ", b": ", b'"a": ', b"\xe7\xac\xac", b"a_"),
)


@pytest.mark.parametrize("form", [*FORMS[:2], *(pytest.param(each, marks=pytest.mark.slow) for each in FORMS[2:])])
def test_a_line_takes_no_more_than_its_share_of_time(form: bytes) -> None:
    pipeline = Pipeline("run.log", Engine(tuple(load_rules(shipped_rule_files()))))
    feed = LineBuffer().feed
    for line in feed(b"".join(b"[2025-10-28 23:40:51] INFO step %d loss 0.5\n" % step for step in range(5))):
        pipeline.take(line)
    slow = {}
    for piece in PIECES:
        (line,) = feed(form % (piece * (KEPT_BYTES // len(piece) - 100)) + b"\n")
        began = time.process_time()
        pipeline.take(line)
        took_s = time.process_time() - began
        if took_s > MOST_S:
            slow[piece] = round(took_s, 1)
    assert slow == {}


@pytest.mark.parametrize("number", ["1e999", "-1e999", "0e999", "1e308", "1e-999"])
@pytest.mark.parametrize("first", [1, 3, 41])
@pytest.mark.parametrize("form", ["Epoch: {n}, loss={v}, Train=0.43, Val={v}", "step {n} | loss {v} | lr {v}"])
def test_a_number_with_a_large_exponent_is_judged(form: str, first: int, number: str) -> None:
    pipeline = Pipeline("run.log", Engine(tuple(load_rules(shipped_rule_files()))))
    lines = "".join(form.format(n=n, v=number if n >= first else f"0.{n}") + "\n" for n in range(1, 51))
    for line in LineBuffer().feed(lines.encode()):
        pipeline.take(line)
    assert pipeline.run.unjudged == 0
