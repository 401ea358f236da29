"""Progress bars → how far they are, and the words around them: tqdm, rich, Keras, Lightning, ultralytics."""

from __future__ import annotations

import re
from typing import NamedTuple

from monitor.reader.numbers import count, may_count, read
from monitor.reader.vocabulary import listed, words_of


class Bar(NamedTuple):
    """One drawing of a progress bar."""

    style: str
    """``tqdm``, ``keras``, ``rich``, or ``evaluator`` for one that is no training's."""
    done: int
    total: int | None
    """None for a bar without a known end."""
    words: str
    """The text before the bar: its description."""
    pairs: str
    """What it shows: its postfix, as ``key=value`` text."""
    unit: str = "it"
    s_per_unit: float | None = None
    counts_samples: bool | None = None
    """Whether it counts samples rather than batches; None where it does not say."""
    behind: str = ""
    """A record behind the bar, on the same line."""

    @property
    def is_over(self) -> bool:
        """Whether it has reached its end."""
        return self.total is not None and self.done >= self.total > 0


_COUNT = r"[\d.,]+[kMGT]?"
_CLOCK = r"(?:\d+ days?, )?[\d:.]+"
_RATE = r"(?P<rate>\?|[\d.]+) *(?P<unit>[\w/ ]*?/[\w/ ]*?)"
_SHOWN = r"(?:, *(?P<pairs>[^\n]*?))?\](?P<behind>[^\n]*)$"
_TQDM = re.compile(
    rf"(?P<words>.*?)(?P<pct>\d{{1,3}})%(?:\|(?P<drawn>[^|]*)\|| ) *(?P<done>{_COUNT})/(?P<total>{_COUNT}|\?) *"
    rf"\[ *(?:{_CLOCK}|\?) *< *(?:{_CLOCK}|\?), *{_RATE}{_SHOWN}"
)
_ENDLESS = re.compile(
    rf"(?P<words>[^|]*?)\|(?P<drawn>[ █▏▎▍▌▋▊▉#]*)\| *(?P<done>{_COUNT})/(?P<total>\?) *"
    rf"\[ *(?:{_CLOCK}|\?) *< *(?:{_CLOCK}|\?), *{_RATE}{_SHOWN}"
)
"""Of a total that is not known: Lightning draws ``Validation: |   | 0/? [00:00<?, ?it/s]``."""
_IGNITE = re.compile(
    rf"(?P<words>[A-Za-z]+(?: \[\d+/\d+\])?): \[(?P<done>\d+)/(?P<total>\d+)\] +\d{{1,3}}%\|[^|,\[]*"
    rf"(?:, *(?P<pairs>[^\[]*?))? *\[(?:{_CLOCK}|\?)(?: *< *(?:{_CLOCK}|\?))?\]$"
)
"""PyTorch-Ignite's, ``Epoch [1/10]: [3/166]   2%|▏  , loss=3.69 [00:01<00:35]``: an evaluator's has no epoch."""
_OPEN = re.compile(
    rf"(?P<words>.*?)(?:^|(?<=[ :]))(?P<done>{_COUNT})(?P<what>[A-Za-z]+) \[(?:{_CLOCK}), *{_RATE}{_SHOWN}"
)
_KERAS = re.compile(
    r" *(?P<done>\d+)/(?P<total>\d+|Unknown) +(?:(?P<drawn>[━╸╺╶][━╸╺╶ ]*|\[[=>.]+\])|(?P<dash>-)) *(?P<rest>.*)$"
)
_KERAS_TIMES = re.compile(
    r"^(?:- *)?(?:ETA: *[\d:]+s?|\d+:\d\d(?::\d\d)?|\d+(?:\.\d+)?m?s|0s)?(?:/epoch)? *"
    r"(?:[\d.]+ ?(?P<scale>ms|us|s)/(?P<per>step|sample|epoch))? *(?:- *|$)"
)
_CENTRED = re.compile(r"^\[=+ (?P<done>\d+)/(?P<total>\d+) =*>?[=.]*\] +(?P<pairs>\S.*)$")
_TRAILING = re.compile(r"^\[[=>.]{5,}\] +(?P<pairs>\S.*?) +(?P<done>\d+)/(?P<total>\d+)$")
_PLAIN = re.compile(
    r"(?P<words>[A-Za-z][\w .:-]*? )?\[[=#>. -]{5,}\] *\d{1,3}(?:\.\d+)?% *\|? *(?P<done>\d+)/(?P<total>\d+) *"
    r"(?:\| *)?(?P<pairs>.*)$"
)
"""Drawn by hand: ``Training [===   ] 8.5% 50/588 | 4.6 it/s | loss=0.5``."""
_RICH = re.compile(
    r"(?P<words>.*?)(?:\d{1,3}% ?)?[━╸╺╶─█▏▎▍▌▋▊▉]{3,}[━╸╺╶ ─]*(?:\d{1,3}%)? *(?P<done>\d+)/(?P<total>\d+|--) *"
    r"(?P<rest>.*)$"
)
_RICH_TIMES = re.compile(
    r"^(?:[\d.-]*:[\d:.-]+(?: [•<] ?[\d:.-]+)? *)?(?:(?P<rate>[\d.]+) ?(?P<unit>it/s|s/it|batch/s)\b)? *"
    r"(?:[\d.:]+s?(?: ?[<•] ?[\d.:]+s?)?(?= |$))? *"
)

_CUT_BY_HEAD = re.compile(r"\[(?:[A-Za-z]+ [A-Z] )?\d{4}-\d\d-\d\d[T ]")
"""The head of a logger's record that was written into a bar."""
_GLUED = re.compile(r"(?:^|(?<=  ))`.*$")
"""A message that quotes code, behind a bar and the blanks that fill its line."""


def take_bar(body: str) -> Bar | None:
    """Return the bar that a line draws; None for any other line."""
    if "%|" in body or ("% " in body and "<" in body and "/" in body):
        # A bar may be drawn over another on the same line: the last one is what is shown.
        start = _last_start(body)
        if m := _TQDM.match(body, start):
            return _tqdm(m, _count(m["total"]) if m["total"] != "?" else None)
        if m := _IGNITE.match(body):
            style, done = "tqdm" if "[" in m["words"] else "evaluator", count(m["done"])
            pairs = (m["pairs"] or "").strip()
            return None if done is None else Bar(style, done, count(m["total"]), m["words"], pairs)
    if "/? [" in body and (m := _ENDLESS.match(body)):
        return _tqdm(m, None)
    if "/" in body:
        if "━" in body or "█" in body or "[=" in body or "[>" in body or (body[:1].isdigit() and " - " in body):
            if body[0] == "[" and (m := _TRAILING.match(body) or _CENTRED.match(body)):
                done, total = count(m["done"]), count(m["total"])
                return None if done is None else Bar("keras", done, total, "", m["pairs"], counts_samples=False)
            if m := _KERAS.match(_last_drawing(body)):
                return _keras(m)
            if ("━" in body or "█" in body) and (m := _RICH.match(body)):
                return _rich(m)
        if "% " in body and "[" in body and (m := _PLAIN.match(body)):
            return Bar("tqdm", int(m["done"]), int(m["total"]), (m["words"] or "").strip(), m["pairs"].strip())
        if ("it [" in body or "/s" in body or "s/" in body) and (m := _OPEN.match(body)):
            return _tqdm(m, None)
    return None


def _last_drawing(body: str) -> str:
    """Return the last of several Keras bars drawn over each other; its count is glued to what precedes it."""
    drawn = list(_DRAWING.finditer(body))
    if len(drawn) < 2:
        return body
    last = drawn[-1]
    return (
        f"{last[1]}/{last[1]} {last[2]}{body[last.end() :]}" if last[2].strip("[]=") == "" else body[: drawn[1].start()]
    )


_OVERDRAWN = re.compile(r" - (?=\d+s \d+(?:ms|us|s)/(?:step|sample) - )")
_DRAWING = re.compile(r"/(\d+) (\[[=>.]+\])")


def _last_start(body: str) -> int:
    found = [
        m.end() for m in re.finditer(r"(?:it/s|s/it|\?it/s)(?:, [^\]\[]*)?\](?= *[A-Za-z]+.*%\||\s*\d{1,3}%\|)", body)
    ]
    return found[-1] if found else 0


def _count(text: str) -> int | None:
    number = read(text.rstrip("."), has_decimal_comma=False)
    return int(number.value) if number is not None and may_count(number.value) else None


def _rate(text: str) -> float:
    """Return a rate; 0 for points without a digit."""
    return float(text) if any(each.isdigit() for each in text) and text.count(".") < 2 else 0.0


def _tqdm(m: re.Match[str], total: int | None) -> Bar | None:
    try:
        done = _count(m["done"])
    except ValueError:
        return None
    if done is None:
        return None
    unit, pace = m["unit"].strip(), None
    if m["rate"] != "?":
        rate = _rate(m["rate"])
        pace = rate if unit.startswith("s/") else 1 / rate if rate > 0 else None
    words = m["words"].strip()
    counts_samples = bool(listed("sample_units").intersection(words_of(unit))) or None
    pairs, behind = (m["pairs"] or "").strip(), m["behind"].strip()
    if cut := _CUT_BY_HEAD.search(pairs):
        pairs, behind = pairs[: cut.start()].strip(" ,"), ""  # and the end of the bar is behind that record
    return Bar("tqdm", done, total, words, pairs, unit, pace, counts_samples, behind)


def _keras(m: re.Match[str]) -> Bar | None:
    rest = m["rest"]
    pace, per = None, ""
    if drawn_before := _OVERDRAWN.search(rest):
        rest = rest[drawn_before.start() + 3 :]
    for _ in range(2):
        times = _KERAS_TIMES.match(rest)
        if times is None or not times[0]:
            break
        if times["per"]:
            per = times["per"]
        rest = rest[times.end() :].lstrip(" -")
    if m["dash"] and not re.search(r"\d+m?s(?:/|\b)", m["rest"]):
        return None
    if tail := re.search(r" - (?:\d+m?s/epoch - )?[\d.]+(?:ms|us|s)/(step|sample)$", rest):
        per, rest = tail[1], rest[: tail.start()]
    done, total = count(m["done"]), count(m["total"]) if m["total"].isdigit() else None
    if done is None:
        return None
    # Before TensorFlow 2, what it called a step was a sample: such steps take microseconds.
    counts_samples = None if not per or "us/step" in m["rest"] else per == "sample"
    return Bar("keras", done, total, "", rest.strip(), "step", pace, counts_samples)


def _rich(m: re.Match[str]) -> Bar | None:
    rest, pace = m["rest"], None
    times = _RICH_TIMES.match(rest)
    if times:
        rest = rest[times.end() :]
        if times["rate"] and _rate(times["rate"]) > 0:
            pace = 1 / _rate(times["rate"]) if times["unit"] != "s/it" else _rate(times["rate"])
    done, total = count(m["done"]), count(m["total"]) if m["total"].isdigit() else None
    if done is None:
        return None
    shown, behind = rest, ""
    if glued := _GLUED.search(rest):
        shown, behind = rest[: glued.start()], glued[0].strip()
    return Bar("rich", done, total, m["words"].strip(), shown.strip(" •"), "it", pace, behind=behind)
