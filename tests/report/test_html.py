"""The HTML page: any log leaves its structure intact, nothing runs, and its charts are visible."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from monitor.base.errors import ReportError
from monitor.report.build import build
from monitor.report.html import render_html
from tests.report.browser import count_pixels, open_page, screenshot
from tests.report.hostile import ALL_AT_ONCE, HOSTILE, lines_with

FIRST_CURVE = "#1f6feb"


class Structure(HTMLParser):
    """Elements in their order, with the attributes that hold no text of a log."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[object, ...]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        names = tuple(name for name, _ in attributes)
        self.found.append((tag, names, dict(attributes).get("class")))

    def handle_endtag(self, tag: str) -> None:
        self.found.append((f"/{tag}",))


def html_of(snapshot_of, log, text: str) -> str:
    return render_html(build(snapshot_of(lines_with(log, text), log="logs/run.log")), full=True)


def without_pictures(page: str) -> str:
    return re.sub(r"<svg .*?</svg>", "<svg></svg>", page, flags=re.DOTALL)


def frame(page: str) -> list[tuple[object, ...]]:
    """Return the sections with their headings."""
    return [
        each for each in Structure(without_pictures(page)).found if each[0] in ("section", "h1", "h2", "nav", "main")
    ]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_words_leave_the_structure_of_the_page_as_it_is(snapshot_of, log, text):
    calm, hostile = html_of(snapshot_of, log, "words"), html_of(snapshot_of, log, text)
    if len(text) < 64 << 10:  # a longer word is cut off with the rest of its line, so that fewer facts are known
        assert Structure(without_pictures(hostile)).found == Structure(without_pictures(calm)).found
    assert frame(hostile) == frame(calm)
    assert hostile.count("✅") == calm.count("✅")
    assert "<script" not in hostile
    assert len(hostile.encode()) < 600_000


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_words_stay_words_in_the_charts(require, snapshot_of, log, text):
    require("pygal")
    pictures = "".join(re.findall(r"<svg .*?</svg>", html_of(snapshot_of, log, text), re.DOTALL))
    assert pictures
    tags = {each for each, *_ in Structure(pictures).found}
    assert tags <= {"svg", "g", "path", "circle", "rect", "text", "title", "tspan"} | {
        f"/{each}" for each in ("svg", "g", "path", "circle", "rect", "text", "title", "tspan")
    }
    assert not re.search(r"\son\w+=", re.sub(r">[^<]*<", "><", pictures))


def test_a_log_of_hostile_lines_makes_a_page_in_which_nothing_runs(require, snapshot_of, log, tmp_path: Path):
    require("chromium")
    require("pygal")
    text = html_of(snapshot_of, log, ALL_AT_ONCE)
    page = tmp_path / "status.html"
    page.write_text(text, encoding="utf-8")
    opened = open_page(page, tmp_path / "profile")
    assert opened.console == []
    title = re.search(r"<title>(.*?)</title>", opened.dom)
    assert title is not None
    assert title[1].startswith("DIED")
    assert "<script" not in opened.dom
    assert "<iframe" not in opened.dom
    assert opened.dom.count("<figure") == text.count("<figure") == opened.dom.count('class="tw-chart"') >= 4


def test_the_policy_stops_even_a_script_inside_the_page_and_the_console_shows_it(
    require, snapshot_of, healthy, tmp_path: Path
):
    """Were the escaping to fail, still nothing would run; and the test above would see it."""
    require("chromium")
    page = tmp_path / "status.html"
    text = render_html(build(snapshot_of(healthy)), full=True)
    page.write_text(text.replace("<main", "<script>document.title='owned'</script><main"), encoding="utf-8")
    opened = open_page(page, tmp_path / "profile")
    assert "<title>owned" not in opened.dom
    assert any("Content Security Policy" in line for line in opened.console)


def test_the_charts_can_be_seen_and_a_picture_of_the_page_is_kept(require, snapshot_of, healthy, tmp_path: Path):
    require("chromium")
    require("pygal")
    page, charts, bare = (tmp_path / f"{name}.html" for name in ("page", "charts", "bare"))
    text = render_html(build(snapshot_of(healthy)), full=True)
    page.write_text(text, encoding="utf-8")
    # The charts alone, under the same policy: a picture of the whole page is slow to count.
    alone = re.sub(r"<header.*?<section id=.charts.", '<section id="charts"', text, flags=re.DOTALL)
    alone = re.sub(r"<section id=.comparison.*</main>", "", alone, flags=re.DOTALL)
    charts.write_text(alone, encoding="utf-8")
    bare.write_text(without_pictures(alone), encoding="utf-8")
    screenshot(page, tmp_path / "profile", "status", size=(1200, 4200))
    seen = screenshot(charts, tmp_path / "profile", "status-charts", size=(1000, 700))
    bare = screenshot(bare, tmp_path / "profile", "status-without-charts", size=(1000, 700))
    assert count_pixels(bare, FIRST_CURVE) == 0
    assert count_pixels(seen, FIRST_CURVE) > 300


def test_a_page_fits_the_width_of_a_phone(require, snapshot_of, healthy, tmp_path: Path):
    """A page that is too wide is shown smaller, or scrolled: its text would not reach to the right edge."""
    require("chromium")
    style = "main{outline:0}html{background:#ff00ff}body{max-width:100vw}"
    page = tmp_path / "phone.html"
    text = render_html(build(snapshot_of(healthy)), full=True)
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    page.write_text(text.replace("</style>", f"{style}</style>", 1), encoding="utf-8")
    picture = screenshot(page, tmp_path / "profile", "status-phone", size=(500, 1500))
    assert count_pixels(picture, "#ff00ff") == 0


def test_every_link_within_the_page_leads_somewhere(snapshot_of, healthy):
    page = render_html(build(snapshot_of(healthy)), full=True)
    ids = set(re.findall(r' id="([^"]+)"', page))
    links = set(re.findall(r'href="#([^"]+)"', page))
    assert links
    assert links <= ids
    assert len(re.findall(r' id="([^"]+)"', page)) == len(ids)


def test_nothing_is_loaded_from_elsewhere(snapshot_of, healthy):
    page = render_html(build(snapshot_of(healthy)), full=True)
    assert not re.search(r'(?:src|href)="(?!#|data:image/svg)', page)
    assert "url(" not in page
    assert "@import" not in page


def test_the_same_facts_give_the_same_bytes(snapshot_of, healthy):
    assert render_html(build(snapshot_of(healthy)), full=True) == render_html(build(snapshot_of(healthy)), full=True)


def test_without_the_drawing_library_the_page_renders_and_explains_it(snapshot_of, healthy, monkeypatch):
    monkeypatch.setattr("monitor.report.drawing.can_draw", lambda: False)
    page = render_html(build(snapshot_of(healthy)), full=True)
    assert "Charts are not drawn: pygal is not installed" in page
    assert "<figure" not in page


def test_secrets_do_not_reach_the_page(snapshot_of, log):
    page = html_of(snapshot_of, log, "--api-token hunter2")
    assert "hunter2" not in page


def test_a_template_of_the_user_is_rendered_with_everything_escaped(snapshot_of, log, tmp_path: Path):
    template = tmp_path / "mine.html.j2"
    template.write_text("<p>{{ page.title }}</p>{{ page.footer.mark }}{{ page.header[0].evidence | cite }}")
    page = render_html(build(snapshot_of(lines_with(log, "<script>x</script>"))), template, full=True)
    assert page.startswith("<p>Training Run &lt;script&gt;x&lt;/script&gt;</p>")


@pytest.mark.parametrize(
    "text",
    [
        "{{ page.__class__.__mro__ }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ cite.__globals__ }}",
        "{% for x in range(10**9) %}{% endfor %}",
        "{{ page.nothing }}",
        "{{ 1 / 0 }}",
        "{% if %}",
    ],
)
def test_a_template_of_the_user_that_reaches_out_or_is_wrong_is_one_clear_line(
    snapshot_of, healthy, tmp_path: Path, text: str
):
    template = tmp_path / "mine.html.j2"
    template.write_text(text)
    with pytest.raises(ReportError, match=r"mine\.html\.j2.*cannot be rendered"):
        render_html(build(snapshot_of(healthy)), template, full=True)
