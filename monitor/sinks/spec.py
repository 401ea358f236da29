"""Words of the user → receivers: ``--sink KIND:PLACE``, or an entry of the watch file with more to say."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from monitor.base.errors import MonitorError, Problems
from monitor.sinks.secret import Secret, read_secret
from monitor.sinks.sink import Sink

SinkSpec = str | Mapping[str, object]
"""``webhook:env:HOOK``, or ``{webhook: env:HOOK, format: slack}``."""


class OpenedSinks(NamedTuple):
    """Receivers that are ready."""

    sinks: dict[str, Sink]
    """By a name that may be shown and is kept with what waits for the receiver."""
    warnings: list[str]
    files: list[Path]
    """Files that they write to."""


def open_sinks(specs: Sequence[SinkSpec]) -> OpenedSinks:
    """Make all receivers. Raises Problems with every mistake, before anything is sent."""
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


def open_sink(spec: SinkSpec) -> Sink:
    """Make one receiver. Raises MonitorError for a kind nobody knows, or a place that cannot be used."""
    opened = OpenedSinks({}, [], [])
    _open(spec, opened)
    (sink,) = opened.sinks.values()
    return sink


class _Words:
    """One entry, asked key by key; what nobody asked for is a mistake."""

    def __init__(self, spec: SinkSpec) -> None:
        if isinstance(spec, str):
            kind, _, place = spec.partition(":")
            self.kind, self.place, self._options = kind, place, dict[str, object]()
        else:
            named = [str(key) for key in spec if key in KINDS]
            if len(named) != 1:
                what = f"an entry with the keys {', '.join(map(str, spec)) or 'none'} names no receiver"
                raise MonitorError("sinks", what, expected=f"one of {', '.join(KINDS)} as a key")
            self.kind, place_given = named[0], spec[named[0]]
            self.place = "" if place_given is None else str(place_given)
            self._options = {str(key): value for key, value in spec.items() if key != self.kind}
        self.where = f"sink {self.kind}"

    def text(self, key: str, default: str | None = None) -> str | None:
        value = self._options.pop(key, default)
        if value is not None and not isinstance(value, str | int | float):
            raise MonitorError(self.where, f"{key} is no text", expected=f"{key}: some words")
        return None if value is None else str(value)

    def texts(self, key: str) -> list[str]:
        value = self._options.pop(key, None)
        found = [value] if isinstance(value, str) else value
        if found is None:
            return []
        if not isinstance(found, list | tuple) or not all(isinstance(each, str) for each in found):
            raise MonitorError(self.where, f"{key} is no list of texts", expected=f"{key}: [one, another]")
        return list(found)

    def needed(self, key: str) -> str:
        value = self.text(key)
        if not value:
            raise MonitorError(self.where, f"{key} is missing", expected=f"an entry of the watch file with {key}:")
        return value

    def secret(self, key: str) -> Secret | None:
        value = self.text(key)
        if value is None:
            return None
        found = read_secret(value, self.where)
        if found.is_literal:
            what = f"{key} stands in the watch file itself"
            raise MonitorError(self.where, what, expected=f"{key}: env:NAME, file:PATH or credential:NAME")
        return found

    def template(self) -> Path | None:
        value = self.text("template")
        if value is None:
            return None
        from monitor.sinks.message import check_template

        check_template(Path(value), self.where)
        return Path(value)

    def finish(self) -> None:
        if self._options:
            what = f"unknown key {', '.join(sorted(self._options))}"
            raise MonitorError(self.where, what, expected=f"keys that {self.kind} knows; see docs/notify.md")


def _open(spec: SinkSpec, opened: OpenedSinks) -> None:
    words = _Words(spec)
    if words.kind not in KINDS or (not words.place and words.kind != "stderr"):
        shown = words.kind if len(words.kind) < 20 else f"{words.kind[:20]}…"
        places = ", ".join(f"{kind}:{place}" if place else kind for kind, (place, _) in KINDS.items())
        raise MonitorError("--sink", f"{shown!r} names no receiver and place", expected=f"one of {places}")
    _, make = KINDS[words.kind]
    sink, secret = make(words)
    words.finish()
    name = f"{words.kind}:{secret.shown if secret else words.place}".removesuffix(":")
    if secret is not None and secret.is_literal and secret.shown != secret.value:
        # Two addresses of one host are two receivers; neither can be guessed from this.
        name += f"#{hashlib.sha256(secret.value.encode()).hexdigest()[:6]}"
        opened.warnings.append(
            f"{name}: the address stands where others may read it; expected {words.kind}:env:NAME or :file:PATH"
        )
    if name in opened.sinks:
        raise MonitorError("--sink", f"{name} is named twice", expected="each receiver once")
    opened.sinks[name] = sink
    if words.kind == "jsonl":
        opened.files.append(Path(words.place))


_Made = tuple[Sink, Secret | None]


def _jsonl(words: _Words) -> _Made:
    from monitor.sinks.jsonl import JsonLines

    return JsonLines(Path(words.place)), None


def _stderr(words: _Words) -> _Made:
    from monitor.sinks.stderr import Stderr

    return Stderr(), None


def _command(words: _Words) -> _Made:
    from monitor.sinks.command import Command

    return Command(words.place, words.where), None


def _webhook(words: _Words) -> _Made:
    from monitor.sinks.webhook import Webhook

    url = read_secret(words.place, words.where)
    form, key, template = words.text("format", "generic") or "", words.secret("secret"), words.template()
    return Webhook(url, words.where, form=form, key=key, template=template), url


def _alertmanager(words: _Words) -> _Made:
    from monitor.sinks.alertmanager import Alertmanager

    url = read_secret(words.place, words.where)
    return Alertmanager(url, words.where), url


def _smtp(words: _Words) -> _Made:
    from monitor.sinks.smtp import Smtp

    sender, to, user, tls = words.needed("from"), words.texts("to"), words.text("user"), words.text("tls", "starttls")
    password, template = words.secret("password"), words.template()
    made = Smtp(
        words.place, words.where, sender=sender, to=to, user=user, password=password, tls=tls or "", template=template
    )
    return made, None


def _heartbeat(words: _Words) -> _Made:
    from monitor.sinks.heartbeat import Heartbeat

    url = read_secret(words.place, words.where)
    return Heartbeat(url, words.where), url


def _apprise(words: _Words) -> _Made:
    from monitor.sinks.apprise import Apprise

    url = read_secret(words.place, words.where)
    return Apprise(url, words.where, template=words.template()), url


KINDS: Mapping[str, tuple[str, Callable[[_Words], _Made]]] = {
    "jsonl": ("PATH", _jsonl),
    "stderr": ("", _stderr),
    "command": ("PROGRAM", _command),
    "webhook": ("ADDRESS", _webhook),
    "alertmanager": ("URL", _alertmanager),
    "smtp": ("HOST", _smtp),
    "heartbeat": ("URL", _heartbeat),
    "apprise": ("URL", _apprise),
}
"""By kind: what its place is, and what makes it."""
