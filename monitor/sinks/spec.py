"""Opens the sinks that a user names: ``--sink KIND:ADDRESS``, or an entry of the watch file with options."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, cast, get_type_hints

from monitor.base.errors import MonitorError, Problems
from monitor.sinks.secret import Secret, read_secret
from monitor.sinks.sink import Sink, SinkKind

KINDS = {
    "jsonl": "JsonLines",
    "stderr": "Stderr",
    "command": "Command",
    "webhook": "Webhook",
    "alertmanager": "Alertmanager",
    "smtp": "Smtp",
    "heartbeat": "Heartbeat",
    "apprise": "Apprise",
}
"""Each kind's class, in the module of the kind's name; imported only when used."""

SinkSpec = str | Mapping[str, object]
"""``webhook:env:HOOK``, or ``{webhook: env:HOOK, format: slack}``."""


class OpenedSinks(NamedTuple):
    """Sinks that are ready to send."""

    sinks: dict[str, Sink]
    """By name: its own, or kind and address without a secret. It is shown, and stored with waiting alerts."""
    warnings: list[str]
    files: list[Path]
    """Files that they write to."""


def open_sinks(specs: Sequence[SinkSpec]) -> OpenedSinks:
    """Open all sinks. Raises Problems with every mistake, before anything is sent."""
    opened, problems = OpenedSinks({}, [], []), list[MonitorError]()
    for spec in specs:
        try:
            _open(spec, opened)
        except Problems as error:
            problems += error.problems
        except MonitorError as error:
            problems.append(error)
    if problems:
        raise Problems(problems)
    return opened


def _open(spec: SinkSpec, opened: OpenedSinks) -> None:
    word, place, given = _parts(spec)
    kind = _kind(word) if word in KINDS else None
    if kind is None or (kind.takes.place and not place):
        shown = word if len(word) < 20 else f"{word[:20]}…"
        what = f"unknown receiver {shown!r}" if kind is None else f"{word} has no address"
        forms = ", ".join(f"{each}:{_kind(each).takes.place}".removesuffix(":") for each in KINDS)
        raise MonitorError("--sink", what, expected=f"one of {forms}")
    where = f"sink {word}"
    own_name = _own_name(given.pop("name", None), where)
    address: Secret | Path | str = place
    if kind.takes.address is not str:
        address = read_secret(place, where) if kind.takes.address is Secret else Path(place)
    sink = kind(address, where, *_options(kind.takes.options, given, where))
    name = own_name or f"{word}:{address.shown if isinstance(address, Secret) else place}".removesuffix(":")
    if isinstance(address, Secret) and address.is_literal and address.shown != address.value:
        if not own_name:
            # The digest tells apart two addresses on one host, and neither can be guessed from it.
            name += f"#{hashlib.sha256(address.value.encode()).hexdigest()[:6]}"
        opened.warnings.append(
            f"{name}: others may be able to read this address; expected {word}:env:NAME or :file:PATH"
        )
    if name in opened.sinks:
        raise MonitorError("--sink", f"{name} is named twice", expected="each receiver once")
    opened.sinks[name] = sink
    if isinstance(address, Path):
        opened.files.append(address)


def _own_name(value: object, where: str) -> str:
    """Return the name that an entry gives its receiver; empty for none. Raises MonitorError."""
    if value is None:
        return ""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise MonitorError(where, f"name is {value!r:.60}", expected="up to 40 letters, figures and any of . _ -")
    return value


_NAME = re.compile(r"[\w.-]{1,40}")


def _kind(word: str) -> SinkKind:
    return cast(SinkKind, getattr(import_module(f"monitor.sinks.{word}"), KINDS[word]))


def _parts(spec: SinkSpec) -> tuple[str, str, dict[str, object]]:
    """Return the kind's word, the address as written and the options. Raises MonitorError."""
    if isinstance(spec, str):
        word, _, place = spec.partition(":")
        return word, place, {}
    named = [str(key) for key in spec if key in KINDS]
    if len(named) != 1:
        what = f"an entry with the keys {', '.join(map(str, spec)) or 'none'} names no receiver"
        raise MonitorError("sinks", what, expected=f"one of {', '.join(KINDS)} as a key")
    options = {str(key): value for key, value in spec.items()}
    address = options.pop(named[0])
    return named[0], "" if address is None else str(address), options


# ---- options, read by the types of the fields


def _options(wanted: type[Any] | None, given: Mapping[str, object], where: str) -> list[object]:
    """Return the sink's options, if it has any; its field ``from_`` is the key ``from``. Raises MonitorError."""
    known = {field.name.rstrip("_"): field for field in fields(wanted)} if wanted else {}
    hints, read = get_type_hints(wanted) if wanted else {}, dict[str, object]()
    for key, field in known.items():
        if key in given:
            read[field.name] = _READERS[hints[field.name]](given[key], key, where)
        if field.default is MISSING and field.default_factory is MISSING and not read.get(field.name):
            raise MonitorError(where, f"{key} is missing", expected=f"an entry of the watch file with {key}:")
    if unknown := sorted(given.keys() - known):
        expected = f"one of {', '.join(known)}" if known else "no further key"
        raise MonitorError(where, f"unknown key {', '.join(unknown)}", expected=expected)
    return [wanted(**read)] if wanted else []


def _text(value: object, key: str, where: str) -> str | None:
    if value is not None and not isinstance(value, str | int | float):
        raise MonitorError(where, f"{key} is not text", expected=f"{key}: TEXT")
    return None if value is None else str(value)


def _texts(value: object, key: str, where: str) -> list[str]:
    found = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(found, list | tuple) or not all(isinstance(each, str) for each in found):
        raise MonitorError(where, f"{key} is not a list of texts", expected=f"{key}: [one, another]")
    return list(found)


def _secret(value: object, key: str, where: str) -> Secret | None:
    text = _text(value, key, where)
    found = None if text is None else read_secret(text, where)
    if found is not None and found.is_literal:
        what = f"{key} is written in the watch file itself"
        raise MonitorError(where, what, expected=f"{key}: env:NAME, file:PATH or credential:NAME")
    return found


def _template(value: object, key: str, where: str) -> Path | None:
    text = _text(value, key, where)
    if text is None:
        return None
    from monitor.sinks.message import check_template

    check_template(Path(text), where)
    return Path(text)


_READERS: Mapping[Any, Callable[[object, str, str], object]] = {
    str: lambda value, key, where: _text(value, key, where) or "",
    str | None: _text,
    list[str]: _texts,
    Secret | None: _secret,
    Path | None: _template,
}
"""Reads an option's value, by the type of its field; a ``Path`` is a message template."""
