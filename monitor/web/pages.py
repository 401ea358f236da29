"""The pages for people: all runs, one run, the form for the token, and their style and script."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import CodeType
from typing import NamedTuple

from jinja2 import BytecodeCache, Environment, FunctionLoader
from jinja2.bccache import Bucket
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from monitor.alert import Alert, State
from monitor.base import resources
from monitor.base.clock import Clock
from monitor.base.wording import span
from monitor.notify.silences import line_of
from monitor.report import drawing
from monitor.report.build import build
from monitor.report.figures import moment
from monitor.report.html import bare_environment, environment_of, icon, style, variables_of
from monitor.report.statement import WORST_FIRST, Mark, worst
from monitor.web.access import given_of
from monitor.web.asked import Refused, body_of
from monitor.web.board import Entry, Row
from monitor.web.curves import default_key, overlay, series_of, title_of_key
from monitor.web.documents import silences_of
from monitor.web.observer import Observer
from monitor.web.tokens import COOKIE, Given, Token

MOST_SHOWN = 500
"""Most runs on one page."""
MOST_ALERTS = 60
MOST_KEYS = 300
MOST_OTHERS = 60
SHOWS = (("all", "all"), ("trouble", "in trouble"), ("running", "running"), ("ended", "ended"))
SORTS = (("trouble", "trouble"), ("name", "name"), ("seen", "last sign"), ("progress", "progress"), ("loss", "loss"))
_POINTS = re.compile(r"[0-9., ]*")


class Asked(NamedTuple):
    """Which runs are to be shown, and how."""

    q: str
    show: str
    sort: str
    group: bool


class Pages:
    """Renders pages from the board, each anew when it is asked for."""

    def __init__(self, observer: Observer, token: Token | None, clock: Clock) -> None:
        self._observer, self._token, self._clock = observer, token, clock
        self._host = socket.gethostname()
        self._files = {
            "web.css": (style() + _template("web.css"), "text/css; charset=utf-8"),
            "web.js": (_template("web.js"), "text/javascript; charset=utf-8"),
        }

    def routes(self, tagged: Callable[[Request, bytes, str], Response]) -> list[Route]:
        """Return the addresses of the pages; ``tagged`` makes an answer of a body and its type."""

        def page(make: Callable[[Request], str]) -> Callable[[Request], Response]:
            # Not async: each runs in a thread, so that a large page holds no other client.
            def answer(request: Request) -> Response:
                return tagged(request, make(request).encode("utf-8", "backslashreplace"), "text/html; charset=utf-8")

            return answer

        def file(request: Request) -> Response:
            name = request.path_params["name"]
            if name not in self._files:
                raise Refused(404, "static: no such file")
            text, kind = self._files[name]
            return tagged(request, text.encode(), kind)

        return [
            Route("/", page(self.runs)),
            Route("/runs/{id}", page(self.run)),
            Route("/login", page(self.login)),
            Route("/login", self.enter, methods=["POST"]),
            Route("/static/{name}", file),
        ]

    def runs(self, request: Request) -> str:
        """Return the page over all runs."""
        board, after, asked = self._observer.board, self._observer.events.last_id, _asked(request.query_params)
        wall = self._clock.wall()
        rows = [each.row for each in board.entries.values()]
        marks = {row.id: _mark(row) for row in rows}
        chosen = _sorted([row for row in rows if _is_chosen(row, asked)], asked.sort)
        groups: dict[str, list[tuple[Row, Mark]]] = {}
        for row in chosen[:MOST_SHOWN]:
            groups.setdefault(row.folder if asked.group else "", []).append((row, marks[row.id]))
        bad = [row for row in rows if marks[row.id] is Mark.BREACH]
        worst_mark = worst(list(marks.values()))
        return _filled(
            "web_runs.html.j2",
            bare_environment(),
            {
                "total": len(rows),
                "num_bad": len(bad),
                "counts": _counts(rows, marks),
                "host": self._host,
                "worst": worst_mark.name.lower(),
                "icon": icon(worst_mark),
                "groups": list(groups.items()),
                "left_out": max(0, len(chosen) - MOST_SHOWN),
                "troubles": board.troubles[:8],
                "asked": asked,
                "shows": SHOWS,
                "sorts": SORTS,
                "after": after,
                "now": moment(wall),
                "ago": lambda at: f"{span(wall - at)} ago",
                "until": lambda at: f"{span(at - wall)} left",
                **self._rights(request),
            },
        )

    def run(self, request: Request) -> str:
        """Return the page of one run. Raises Refused."""
        board, after = self._observer.board, self._observer.events.last_id
        entry = board.find(request.path_params["id"])
        if entry is None:
            raise Refused(404, "run: there is no such run; expected one that the page of all runs shows")
        wall = self._clock.wall()
        page = build(entry.snapshot, host=self._host)
        return _filled(
            "web_run.html.j2",
            environment_of(page),
            {
                **variables_of(page),
                "full": request.query_params.get("full") == "1",
                "row": entry.row,
                "after": after,
                "now": moment(wall),
                "silences": [line_of(each) for each in silences_of(entry, wall)],
                **_alerts(entry),
                **_curves(entry, board.entries.values(), request),
                **self._rights(request),
            },
        )

    def login(self, request: Request) -> str:
        """Return the form for the token."""
        return self._login("")

    async def enter(self, request: Request) -> Response:
        """Take the token, and give the browser a session."""
        body = await body_of(request)
        if self._token is None or not self._token.is_it(body.fields.get("token", "").strip()):
            request.scope["state"]["count_failure"]()
            page = await run_in_threadpool(self._login, "This is not the token.")
            return Response(page, 403, media_type="text/html; charset=utf-8")
        answer = RedirectResponse("/", 303)
        is_safe = request.url.scheme == "https"
        answer.set_cookie(COOKIE, self._token.session, httponly=True, samesite="strict", secure=is_safe)
        return answer

    def _login(self, words: str) -> str:
        known = {"can_write": self._token is not None, "words": words}
        return _filled("web_login.html.j2", bare_environment(), known)

    def _rights(self, request: Request) -> dict[str, object]:
        return {"can_write": self._token is not None, "is_in": given_of(request) is Given.BY_COOKIE}


def _asked(query: Mapping[str, str]) -> Asked:
    def one_of(name: str, known: Iterable[tuple[str, str]]) -> str:
        values = [value for value, _ in known]
        return query[name] if query.get(name) in values else values[0]

    is_grouped = query.get("group") == "folder"
    return Asked(query.get("q", "")[:100], one_of("show", SHOWS), one_of("sort", SORTS), is_grouped)


def _is_chosen(row: Row, asked: Asked) -> bool:
    is_shown = {
        "all": True,
        "trouble": bool(row.problems) or row.mark == "breach",
        "running": row.is_running,
        "ended": not row.is_running,
    }[asked.show]
    words = f"{row.name} {row.log} {row.host} {row.state}".lower()
    return is_shown and asked.q.lower().strip() in words


def _sorted(rows: Sequence[Row], by: str) -> list[Row]:
    """Sort rows; those that lack what they are sorted by come last."""
    name = sorted(rows, key=lambda row: (row.name, row.id))
    match by:
        case "seen":
            return sorted(name, key=lambda row: -(row.seen_at or 0.0))
        case "progress":
            return sorted(name, key=lambda row: -1.0 if row.progress is None else row.progress, reverse=True)
        case "loss":
            return sorted(name, key=lambda row: (row.loss is None or row.loss != row.loss, row.loss or 0.0))
        case "trouble":
            return sorted(name, key=lambda row: (WORST_FIRST.index(_mark(row)), not row.is_running, row.name))
    return name


def _mark(row: Row) -> Mark:
    return Mark[row.mark.upper()]


def _counts(rows: Sequence[Row], marks: Mapping[str, Mark]) -> list[str]:
    num_bad = sum(marks[row.id] is Mark.BREACH for row in rows)
    num_doubtful = sum(marks[row.id] is Mark.CAUTION for row in rows)
    num_running = sum(row.is_running for row in rows)
    words = [(num_bad, "in trouble"), (num_doubtful, "with a doubt"), (num_running, "running")]
    return [f"{number} {what}" for number, what in words if number]


_ORDER = (State.FIRING, State.CLOSED, State.RESOLVED, State.PENDING)


class _Told(NamedTuple):
    """An alert on a run's page; of those of one rule that are over, the newest is shown for all."""

    alert: Alert
    mark: Mark
    times: int


def _alerts(entry: Entry) -> dict[str, object]:
    """Return the alerts of a run, those that fire first, then the newest."""

    def order(alert: Alert) -> tuple[int, bool, float]:
        return _ORDER.index(alert.state), bool(alert.inhibited_by), -(alert.at or 0.0)

    groups: dict[str, list[Alert]] = {}
    for alert in sorted(entry.log.alerts, key=order):
        key = alert.id if alert.state is State.FIRING else f"{alert.rule} {alert.state} {alert.inhibited_by}"
        groups.setdefault(key, []).append(alert)
    found = [_Told(same[0], _mark_of(same[0]), len(same)) for same in groups.values()]
    return {"told": found[:MOST_ALERTS], "alerts_left_out": max(0, len(found) - MOST_ALERTS)}


def _mark_of(alert: Alert) -> Mark:
    is_open = alert.state in (State.FIRING, State.CLOSED) and not alert.inhibited_by
    return Mark.BREACH if is_open and alert.severity.is_alarming else Mark.CAUTION


def _curves(entry: Entry, entries: Iterable[Entry], request: Request) -> dict[str, object]:
    """Return the chart that is asked for, and what else could be drawn."""
    keys = [key for key, *_ in series_of(entry.snapshot)]
    asked, chosen = request.query_params.get("metric", ""), request.query_params.getlist("with")
    metric = asked if asked in keys else default_key(entry.snapshot.run)
    others = [each for each in entries if each.id != entry.id]
    others.sort(key=lambda each: (each.id not in chosen, each.row.folder != entry.row.folder, each.row.name))
    beside = [entry, *(each for each in others if each.id in chosen)]
    chart = overlay(metric, [(each.row.name, each.snapshot) for each in beside]) if metric else None
    can_draw = drawing.can_draw()
    return {
        "keys": [(key, title_of_key(key)) for key in keys[:MOST_KEYS]],
        "metric": metric,
        "others": [(each.row, each.id in chosen) for each in others[:MOST_OTHERS]],
        "curve": Markup(drawing.draw_inline(chart)) if chart and can_draw else "",
        "notes": chart.notes if chart else (),
        "can_draw": can_draw,
        "absence": drawing.ABSENCE,
    }


def _filled(name: str, environment: Environment, known: Mapping[str, object]) -> str:
    environment = environment.overlay(loader=_LOADER, bytecode_cache=_COMPILED)
    # Only the points of a line: their attribute needs no bound on its length.
    environment.filters = {**environment.filters, "points": _points}
    return environment.get_template(name).render(known).strip() + "\n"


def _points(text: str) -> Markup:
    assert _POINTS.fullmatch(text)
    return Markup(text)


def _template(name: str) -> str:
    return resources.template_path(name).read_text(encoding="utf-8")


class _Compiled(BytecodeCache):
    """Compiled templates: each page has an environment of its own, and compiling takes longest."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give a bucket what is known of it."""
        bucket.code = self._known.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what a bucket has."""
        self._known[bucket.key, bucket.checksum] = bucket.code


_COMPILED, _LOADER = _Compiled(), FunctionLoader(_template)
