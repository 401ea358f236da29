"""The pages without a browser: what they show, that a log's text is only text, and how one signs in."""

from __future__ import annotations

import html
import re
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.web.served import TOKEN, Answer, Served, served
from tests.web.states import NAN, RULE, Watch, logs_in, steps

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
EVIL = "<img src=x onerror=document.body.dataset.hacked=1><script>document.body.dataset.hacked=2</script>"


def text_of(answer: Answer) -> str:
    """Return the words of a page."""
    assert answer.status == 200, answer.body
    return html.unescape(re.sub(r"<[^>]*>", " ", answer.body.decode()))


def test_the_page_of_all_runs_shows_each_with_what_matters(server: Served):
    words = " ".join(text_of(server.ask("/")).split())
    assert "2 runs · 1 in trouble · 2 running" in words
    assert "ill/train.log running at step 400" in words
    assert f"{RULE}: the training loss is nan" in words
    assert "loss 2.22" in words
    assert words.index("ill/train.log") < words.index("well/train.log")


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("q=well", ["well"]),
        ("q=%3Cb%3E", []),
        ("show=trouble", ["ill"]),
        ("show=ended", []),
        ("show=running&sort=name", ["ill", "well"]),
        ("sort=loss", ["well", "ill"]),
        ("sort=nonsense&show=nonsense&group=nonsense", ["ill", "well"]),
    ],
)
def test_runs_are_found_chosen_and_sorted(server: Served, query: str, shown: list[str]):
    page = server.ask(f"/?{query}").body.decode()
    assert re.findall(r'data-is="name">(\w+)/train\.log<', page) == shown


def test_runs_are_grouped_by_the_folder_that_has_several(server: Served, logs: list[Path]):
    page = server.ask("/?group=folder").body.decode()
    assert re.findall(r"<h2><code>(.*?)</code>", page) == [str(logs[0].parents[1])]


def test_the_page_of_a_run_is_its_report_with_alerts_and_curves(server: Served, watch: Watch, logs: list[Path]):
    name = next(each.id for each in server.observer.board.entries.values() if each.log.path == str(logs[1]))
    answer = server.ask(f"/runs/{name}")
    words, page = " ".join(text_of(answer).split()), answer.body.decode()
    assert f"{RULE} critical firing at step 400" in words
    assert "L41 step 400: loss nan" in words
    assert "Validation objectives" in words
    assert 'id="curves"' in page
    assert "<style" not in page
    assert "http-equiv" not in page
    assert server.ask("/runs/none").status == 404


def test_curves_of_several_runs_are_in_one_chart(server: Served):
    first, second = server.observer.board.entries
    page = server.ask(f"/runs/{first}?metric=train.loss&with={second}&with=none").body.decode()
    figure = page[page.index('id="curves"') :]
    assert 'class="color-0' in figure or "color-0" in figure
    assert {"well/train.log", "ill/train.log"} <= set(re.findall(r">(\w+/train\.log)</text>", figure))


def test_a_log_s_text_is_only_text(tmp_path: Path):
    """Hostile names of folders, metrics and lines are shown, and are markup nowhere."""
    folder = EVIL.replace("/", "∕")
    text = steps(0, 100) + f"Traceback (most recent call last):\n{EVIL}\nRuntimeError: {EVIL}\n" + NAN
    watch = Watch(tmp_path / "state", logs_in(tmp_path, [(folder, text)]))
    with served([tmp_path / "state"]) as server:
        (name,) = server.observer.board.entries
        query = urlencode({"q": EVIL, "metric": EVIL, "with": EVIL})
        paths = ("/", f"/?{query}", f"/runs/{name}", f"/runs/{name}?{query}")
        pages = [server.ask(path).body.decode() for path in paths]
    watch.close()
    for page in pages:
        assert "<img" not in page
        assert re.findall(r"<script[^>]*>", page) == ['<script src="/static/web.js" defer>']
        # Quoted attributes may have any words in them.
        assert not re.search(r"<[^>]*\son\w+=", re.sub(r'"[^"]*"', '""', page))
    assert "&lt;img" in pages[0]
    assert "&lt;script&gt;" in pages[2]


def test_who_signs_in_may_acknowledge_and_silence_by_forms(server: Served, tmp_path: Path):
    assert server.ask("/login", "POST", urlencode({"token": "wrong-token-0123"}).encode(), FORM).status == 403
    answer = server.ask("/login", "POST", urlencode({"token": TOKEN}).encode(), FORM)
    cookie = answer.headers["set-cookie"]
    assert (answer.status, answer.headers["location"]) == (303, "/")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= {each.strip() for each in cookie.split(";")}
    assert TOKEN not in cookie
    session = {"Cookie": cookie.partition(";")[0]}
    (alert,) = server.ask("/api/alerts?state=firing").json["alerts"]
    page = server.ask(f"/runs/{alert['run_page']}", headers=session).body.decode()
    assert f"Acknowledge {RULE}" in page
    assert "Acknowledge" not in server.ask(f"/runs/{alert['run_page']}").body.decode()
    fields = urlencode({"run": alert["run_page"], "alert": alert["id"], "author": "ana", "reason": "on it"}).encode()
    answer = server.ask("/api/acks", "POST", fields, {**FORM, **session})
    assert (answer.status, answer.headers["location"]) == (303, f"/runs/{alert['run_page']}#now")
    page = text_of(server.ask(f"/runs/{alert['run_page']}", headers=session))
    assert "acknowledged until it is over by ana (as" in page
    assert server.ask("/login", "POST", fields, {**FORM, "Sec-Fetch-Site": "cross-site"}).status == 403


def test_a_page_of_no_run_says_what_to_do(tmp_path: Path):
    with served([tmp_path], token=None) as server:
        assert "monitor watch LOG --state DIR" in server.ask("/").body.decode()
        assert "no token" in server.ask("/login").body.decode()
