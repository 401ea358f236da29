"""The head of a line, before its own words: times, levels, ranks, loggers, hosts, marks of containers and batches."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

from monitor.reader.state import Clock


class Head(NamedTuple):
    """A line, taken apart."""

    body: str
    """The line's own words."""
    at: float | None = None
    """Seconds since 1970-01-01; None where the line has no time."""
    rank: int | None = None
    """The process that wrote it, where it says so."""
    level: str = ""
    logger: str = ""
    """Who wrote it, where that is one plain word: fairseq names the split here."""
    is_zone_assumed: bool = False
    is_warning: bool = False
    """Whether its level is above INFO: such a line tells of trouble, and reports no measurement."""
    num_blanks: int = 0
    """Blanks that the line begins with."""


_LEVELS = "DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|CRITICAL|FATAL|SUCCESS"
_LEVEL = rf"(?:{_LEVELS}|{_LEVELS.lower()})"
_CLOCK = r"(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?"
_ISO = re.compile(rf"(\d{{4}})[-/.](\d\d)[-/.](\d\d)[T ,_]{{1,2}}{_CLOCK}(?: ?(Z|UTC|[+-]\d\d:?\d\d))?(?!\d|:\d)")
_MINUTE = re.compile(r"(\d{4})[-/.](\d\d)[-/.](\d\d)[T ](\d\d):(\d\d)(?=[\])]|,? -{1,2} )")
_COMPACT = re.compile(rf"(20\d\d)(0[1-9]|1[0-2])([0-3]\d)[-_ T]{_CLOCK}(?!\d|:\d)")
_US = re.compile(rf"(\d\d?)/(\d\d?)/(\d{{4}}|\d\d),? {_CLOCK}( [AP]M)?(?!\d|:\d)")
_NAMED = re.compile(rf"(\d\d?)[- ]([A-Z][a-z][a-z])[- ](\d{{4}}|\d\d),? {_CLOCK}(?!\d|:\d)")
_DAY = re.compile(rf"(\d\d)[/-](\d\d) {_CLOCK}(?!\d|:\d)")
_SYSLOG = re.compile(
    rf"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?([A-Z][a-z][a-z]) +(\d\d?) {_CLOCK}(?: (\d{{4}}))?(?!\d|:\d)"
)
_GLOG = re.compile(rf"[IWEFDC](\d{{4}})?(\d\d?)(\d\d) {_CLOCK} +(?:\d+ +)?([\w./-]+:\d+)\] ?")
_TIME = re.compile(rf"{_CLOCK}(?=[\] ,|-]|: )")
_SECONDS = re.compile(r"\[?((?:1[5-9]|2\d)\d{8})(?:\.(\d{1,9}))?\]?(?=[ :,|\]-])")
_RANK = re.compile(
    r"\[(?:[\w.-]{1,80}:)?(?:rank|default|Rank |RANK:|GPU ?)(\d{1,5})\]:? *|\[(\d{1,5})\]:? *|"
    r"\[[A-Za-z][\w.-]{0,80}:(\d{1,5})\]: *|"  # [node-3:7]:
    r"\[\d{1,5},(\d{1,5})\]<std(?:out|err)>: ?|"
    r"[Rr]ank ?(\d{1,5}): +|(\d{1,4}): (?=[^\d ])|(\d{1,4}): +(?=\[|\d{4}-)"
)
_RAY = re.compile(r"\([A-Za-z][\w.<>:]* pid=\d+(?:, ip=[\w.:]+)?\) ?")
_STREAM = re.compile(r"(?:stdout|stderr) [FP] ")
_CONTAINER = re.compile(r"[A-Za-z][\w.-]*-\d+ +\| ")
_HOST = re.compile(r" ?[\w.-]{1,64} [\w./-]{1,64}(?:\[\d+\])?:(?: |$)")
_BRACKET = re.compile(r"\[([^\[\]]{1,160})\]:? ?")
_PLACE = r"(?i:epoch|ep|step|iter|iteration|batch|round)"
_BRACKET_LOGGER = re.compile(
    rf"{_LEVEL}(?:[| :].*)?$|.*\.py(?::\d+)?(?::\w+)?$|(?!{_PLACE}:)[\w.]+:\d+(?::\w+)?$|"
    r"(?:PID|pid|RANK|rank)[: ]?\d+$|\d+:\w+$|__\w+__$|[A-Za-z_]\w*(?:\.\w+)+(?::\d+)?$"
)
_RICH_TAIL = re.compile(r" {2,}[\w./-]+\.py:\d+$")
_LOGGERS = re.compile(
    rf"(?:\] ?)?(?:"
    rf"[-:|]? ?(?P<a>[^ |\[\]]{{1,120}}) - {_LEVEL}\b(?: - |: | )"  # - name - INFO -
    rf"|[|:-]? ?{_LEVEL} *\| (?P<b>[^ |]{{1,120}}) (?:\||-) "  # | INFO | name |
    rf"|\([\w.]+:\d+\) {_LEVEL}:(?: |$)"  # (trainer:636) INFO:
    rf"|(?:[\w.-]{{1,80}}\] ?)?\([\w.]+\.py:? ?\d+\): {_LEVEL} "  # swin] (main.py 174): INFO
    rf"|(?P<d>[A-Za-z][\w.]*) {_LEVEL}: "  # ppocr INFO:
    rf"|-{{1,2}} ?\d{{1,4}}:\d\d:\d\d - "  # - 1:26:57 -, since the start
    rf"|P\d+ {_LEVEL} "
    rf"|\t?[\w.-]{{1,80}}:\d+\t[\w.]{{1,120}}:\d+\t{_LEVEL}\t"  # host:rank, name:line and level in columns
    rf"|{_LEVEL} +\[[\w.-]{{1,80}}\] [\w.]{{1,120}} - ?"  # INFO [main] trainer -
    rf"|\[[\w. -]{{1,80}}\] {_LEVEL} +[\w.$]{{1,160}} - ?"  # [main] INFO org.trainer.Listener -
    rf"|[|:-]? ?\[{_LEVEL}\](?: - |: | )?"
    rf"|{_LEVEL} +[\w.]+ - [\w.]+ - {_LEVEL}: (?:[\w.]+\.py:\d+ \w+$)?"
    rf"|[|:-]? ?{_LEVEL}\b *(?:\| |: ?| - |>> )?"
    rf"|[\w.]{{1,80}}(?::\d+)?\]:? ?"  # [03/04 09:00:06 d2.utils.events]:
    rf"|(?P<e>__\w+__|[A-Za-z_]\w*(?:\.\w+)+) - "
    rf"|[\w.]{{1,80}}:\d+ >> "
    rf"|\[[\w.]+\.py:\d+\] - "
    rf"|[\w./-]{{1,80}}\.py(?:: *\d+(?:: | - )|\[\d+\]: )"  # train_net.py:  692: and main.py[280]:
    rf"|>> ?|: +|- |\| |[,;] "
    rf")"
)
_PLAIN_LOGGER = re.compile(rf"{_LEVEL}:(?P<name>[\w.]{{1,120}}):")
_NAMED_LEVEL = re.compile(rf"\[(?P<name>[\w.-]{{1,80}})\] (?:{_LEVELS}): ")
"""``[trainer] INFO: ``, without a time."""
_PLAIN_LEVEL = re.compile(
    rf"(?:{_LEVELS}) +[\w.]+ - [\w.]+ - (?:{_LEVELS}): |"
    rf"(?:{_LEVELS})(?:: | +(?=\[)| (?=\d{{4}}[-/]\d\d|\d\d-\d\d \d\d:)| - |\s*\| | {{2,}})"
)
_WARNING = re.compile(r"^(?:\[\w+\]:?)?\[?[EWF]\d{3,8} |\b(?:WARN(?:ING)?|ERROR|CRITICAL|FATAL)\b")
_NEMO = re.compile(r"\[NeMo [A-Z] ")
_MONTHS = dict(
    zip(["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], range(1, 13), strict=True)
)
_DAY_S = 86_400.0
_STARTS = frozenset("0123456789[(IWEFDCNSJMAOTdiwec rR")
LONGEST_BEFORE_TIME = 160
"""Characters of a line in which its time begins."""
_YEARLESS = 2000
"""The year of dates without one, where no line before has said it: a leap year."""


def take_head(text: str, clock: Clock, zone: tzinfo | None = None) -> Head:
    """Return a line without its head, and move the clock. ``zone`` is that of times which name none."""
    at: float | None = None
    rank: int | None = None
    logger, level, is_assumed, pos = "", "", False, 0
    text = text.rstrip()
    while pos < len(text) and text[pos] in " \t":
        pos += 1
    if text.startswith("| ", pos) and _time_at(text, pos + 2, Clock(clock.at, clock.kind), zone):
        pos += 2  # a logger that begins its head as a table
    if pos < len(text) and text[pos] not in _STARTS and not text[pos].isalpha():
        return Head(text[pos:], num_blanks=pos)
    num_blanks = pos
    for _ in range(10):
        was = pos
        if at is None and (found := _time_at(text, pos, clock, zone)):
            at, is_assumed, pos = found
            if m := _STREAM.match(text, pos + 1):
                # A container's runtime wrote what is before; the line begins here.
                inner = take_head(text[m.end() :], Clock(clock.at, clock.kind), zone)
                return inner._replace(at=at, is_zone_assumed=is_assumed)
        elif rank is None and (m := _RANK.match(text, pos)) and not _is_place(text, m):
            rank, pos = int(next(each for each in m.groups() if each is not None)), m.end()
        elif (
            (m := _RAY.match(text, pos))
            or (pos == 0 and (m := _CONTAINER.match(text, pos)))
            or (
                (m := _BRACKET.match(text, pos))
                and (
                    _BRACKET_LOGGER.match(m[1])
                    or (at is None and _time_at(text, m.end(), Clock(clock.at, clock.kind), zone))
                )
            )
        ):
            pos = m.end()
        elif at is not None and (m := _LOGGERS.match(text, pos)):
            logger, pos = next((m[name] for name in "abde" if m[name]), logger), m.end()
        elif m := _PLAIN_LOGGER.match(text, pos) or _PLAIN_LEVEL.match(text, pos):
            pos = m.end()
        elif at is None and (m := _NAMED_LEVEL.match(text, pos)):
            logger, pos = m["name"], m.end()
        if pos == was:
            break
        while pos < len(text) and text[pos] in " \t":
            pos += 1
    body = text[pos:]
    if at is not None and body.endswith(tuple("0123456789")) and ".py:" in body and (m := _RICH_TAIL.search(body)):
        body = body[: m.start()].rstrip()
    is_warning = pos > 0 and bool(_WARNING.search(text, 0, pos))
    return Head(body.strip(), at, rank, level, logger, is_assumed, is_warning, num_blanks)


def _is_place(text: str, rank: re.Match[str]) -> bool:
    """Whether a bracket with a number is a step or an epoch, as XGBoost and others write it, and no rank."""
    return bool(rank[2]) and not rank[0].rstrip().endswith(":")


def time_span(text: str, clock: Clock, zone: tzinfo | None = None) -> tuple[int, int] | None:
    """Return where in a line its time begins and ends, as `take_head` finds it; None where it has none.

    Does not move the clock.
    """
    known = replace(clock)
    if take_head(text, known, zone).at is None:
        return None
    for pos in range(min(len(text), LONGEST_BEFORE_TIME)):
        if found := _time_at(text, pos, replace(clock), zone):
            return pos, found[2]
    return None


def _time_at(text: str, pos: int, clock: Clock, zone: tzinfo | None) -> tuple[float | None, bool, int] | None:
    """Return the time that begins at ``pos``, whether its zone is assumed, and where it ends."""
    opened = pos
    if m := _NEMO.match(text, pos):
        pos = m.end()
    elif text.startswith(("[", "("), pos):
        pos += 1
    first = text[pos : pos + 1]
    if first.isdigit():
        if m := _ISO.match(text, pos):
            seconds = _full(int(m[1]), int(m[2]), int(m[3]), m[4], m[5], m[6], m[7], clock, m[8], zone)
            return _found(seconds, not m[8] and zone is None, m.end(), text, clock, "date")
        if m := _MINUTE.match(text, pos):
            seconds = _full(int(m[1]), int(m[2]), int(m[3]), m[4], m[5], "00", None, clock, None, zone)
            return _found(seconds, zone is None, m.end(), text, clock, "date")
        if m := _COMPACT.match(text, pos):
            seconds = _full(int(m[1]), int(m[2]), int(m[3]), m[4], m[5], m[6], m[7], clock, None, zone)
            return _found(seconds, zone is None, m.end(), text, clock, "date")
        if m := _US.match(text, pos):
            year = int(m[3]) + (2000 if len(m[3]) == 2 else 0)
            hours = str(int(m[4]) % 12 + 12 * (m[8] == " PM")) if m[8] else m[4]
            month, day = (int(m[1]), int(m[2])) if int(m[1]) <= 12 else (int(m[2]), int(m[1]))
            seconds = _full(year, month, day, hours, m[5], m[6], m[7], clock, None, zone)
            return _found(seconds, zone is None, m.end(), text, clock, "date")
        if (m := _NAMED.match(text, pos)) and m[2] in _MONTHS:
            year = int(m[3]) + (2000 if len(m[3]) == 2 else 0)
            seconds = _full(year, _MONTHS[m[2]], int(m[1]), m[4], m[5], m[6], m[7], clock, None, zone)
            return _found(seconds, zone is None, m.end(), text, clock, "date")
        if m := _DAY.match(text, pos):
            return _yearless(int(m[1]), int(m[2]), m, 3, m.end(), text, clock, zone)
        if m := _SECONDS.match(text, opened):
            return _found(float(f"{m[1]}.{m[2] or 0}"), False, m.end(), text, clock, "date")
        if m := _TIME.match(text, pos):
            seconds = int(m[1]) * 3600 + int(m[2]) * 60 + int(m[3]) + float(f"0.{m[4] or 0}")
            if clock.at is not None:
                days = round((clock.at - seconds) / _DAY_S)
                seconds += days * _DAY_S
            return _found(seconds, zone is None, m.end(), text, clock, "time")
        return None
    if first.isalpha() and first.isupper():
        if m := _GLOG.match(text, pos):
            if m[1]:
                seconds = _full(int(m[1]), int(m[2]), int(m[3]), m[4], m[5], m[6], m[7], clock, None, zone)
                return _found(seconds, zone is None, m.end(), text, clock, "date")
            return _yearless(int(m[2]), int(m[3]), m, 4, m.end(), text, clock, zone)
        if (m := _SYSLOG.match(text, pos)) and m[1] in _MONTHS:
            end = m.end()
            if not m[7] and (host := _HOST.match(text, end)):
                end = host.end()
            if m[7]:
                seconds = _full(int(m[7]), _MONTHS[m[1]], int(m[2]), m[3], m[4], m[5], m[6], clock, None, zone)
                return _found(seconds, zone is None, end, text, clock, "date")
            return _yearless(_MONTHS[m[1]], int(m[2]), m, 3, end, text, clock, zone)
    return None


def _found(
    seconds: float | None, is_assumed: bool, end: int, text: str, clock: Clock, kind: str
) -> tuple[float | None, bool, int] | None:
    if seconds is None:
        return None
    order = ("time", "day", "date")
    clock.kind = clock.kind or kind
    if text.startswith((")", "]"), end):
        end += 1
        if text.startswith(":", end):
            end += 1
    if order.index(kind) > order.index(clock.kind):
        return None if end >= len(text) else (clock.at, is_assumed, end)
    clock.at = seconds
    return seconds, is_assumed, end


def _full(
    year: int, month: int, day: int, h: str, m: str, s: str, part: str | None, clock: Clock, zone_text: str | None,
    zone: tzinfo | None,
) -> float | None:  # fmt: skip
    days = _days(year, month, day)
    if days is None or int(h) > 23 or int(m) > 59 or int(s) > 60:
        return None
    local = int(days * _DAY_S) + 3600 * int(h) + 60 * int(m) + int(s)
    if zone_text or zone is None:
        whole = local - _offset_seconds(zone_text)
    else:
        whole = local - _zone_offset_seconds(zone, local, clock.at)
    return float(f"{whole}.{part or 0}")


def _yearless(
    month: int, day: int, m: re.Match[str], first: int, end: int, text: str, clock: Clock, zone: tzinfo | None
) -> tuple[float | None, bool, int] | None:
    year = _YEARLESS if clock.at is None else datetime(1970, 1, 1).year + int(clock.at // (365.2425 * _DAY_S))
    clock_parts = m[first], m[first + 1], m[first + 2], m[first + 3]
    found = []
    for each in (year,) if clock.at is None else (year - 1, year, year + 1):
        seconds = _full(each, month, day, *clock_parts, clock, None, zone)
        if seconds is not None:
            found.append(seconds)
    if not found:
        return None
    near = clock.at
    nearest = found[0] if near is None else min(found, key=lambda seconds: abs(seconds - near))
    return _found(nearest, zone is None, end, text, clock, "day")


@lru_cache(maxsize=256)
def _days(year: int, month: int, day: int) -> int | None:
    try:
        return (date(year, month, day) - date(1970, 1, 1)).days
    except ValueError:
        return None


def _offset_seconds(zone: str | None) -> int:
    if not zone or zone in ("Z", "UTC"):
        return 0
    digits = zone[1:].replace(":", "")
    away = 3600 * int(digits[:2]) + 60 * int(digits[2:])
    return -away if zone.startswith("-") else away


def _zone_offset_seconds(zone: tzinfo, local: int, near: float | None) -> int:
    """Return what to take from a local time; what clocks show twice in autumn is the moment nearer to ``near``."""
    try:
        shown = datetime(1970, 1, 1) + timedelta(seconds=local)
        offsets = [shown.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1)]
    except OverflowError:
        return 0
    away = [round(offset.total_seconds()) if offset else 0 for offset in offsets]
    return away[0] if near is None else min(away, key=lambda each: abs(local - each - near))
