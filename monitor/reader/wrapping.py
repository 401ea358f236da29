"""A bar whose words a terminal's width has broken over several lines → one bar for each line of them.

rich lays what a bar shows into a column at the right, and breaks it at blanks: a name may end one line, and its number
begin the next.
"""

from __future__ import annotations

import re

from monitor.reader.bars import Bar
from monitor.reader.numbers import SLOT
from monitor.reader.state import ReadState
from monitor.reader.vocabulary import meaning, words_of

FEWEST_BLANKS = 20
"""Blanks before a line of that column: the bar is to its left. Chosen by hand, 2026-11."""
LONGEST_BAR = 400
_NAME = r"[A-Za-z_][^\s:=]{0,80}[:=]"
_PAIRS = rf"(?P<pairs>(?: *{_NAME} ?(?:{SLOT.pattern}))*) *"
_PAIR = re.compile(rf" *(?P<name>{_NAME}) ?(?:{SLOT.pattern})")
_OPEN = rf"(?P<open>{_NAME})?"
_NAMES = re.compile(rf"{_PAIRS}{_OPEN}")
_NUMBER_FIRST = re.compile(rf"(?P<first>{SLOT.pattern})(?= |$){_PAIRS}{_OPEN}")


def note_bar(body: str, bar: Bar, state: ReadState) -> None:
    """Note a bar whose words may go on in the next line."""
    state.wrapped = state.wrapped_name = ""
    if bar.style == "rich" and len(body) <= LONGEST_BAR and (m := _NAMES.fullmatch(bar.pairs)):
        state.wrapped = body.rstrip().removesuffix(bar.pairs)
        state.wrapped_name = m["open"] or ""


def take_wrapped(body: str, num_blanks: int, state: ReadState) -> str | None:
    """Return a line that goes on with the bar before it, behind that bar; None for any other line."""
    name = state.wrapped_name
    m = (_NUMBER_FIRST if name else _NAMES).fullmatch(body) if num_blanks >= FEWEST_BLANKS else None
    if m is None:
        state.wrapped = state.wrapped_name = ""
        return None
    state.wrapped_name = m["open"] or ""
    first = f" {name} {m['first']}" if name else ""
    return state.wrapped + _PAIR.sub(_without_mean, f"{first}{m['pairs']}")


def _without_mean(pair: re.Match[str]) -> str:
    """Return a pair, but for a mean loss, which is that of the epoch before: the step's loss is on another line."""
    said = meaning(pair["name"].strip(":="))
    return "" if said.name == "loss" and "epoch" in words_of(pair["name"]) else pair[0]
