"""How the pages and a mail lie in a browser: nothing is wider than its parent, nothing is cut, axe finds no barrier."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from monitor import api
from monitor.config import Config
from monitor.report.build import build
from monitor.report.html import render_html
from monitor.sinks.message import write_message
from tests.report.browser import measured
from tests.report.faulty_run import alerts_of, log_in

WIDE = """
const inside = node => node.closest('svg') === null && node.tagName !== 'SCRIPT';
const scrolls = node => {
  for (let each = node; each; each = each.parentElement)
    if (['auto', 'scroll', 'hidden'].includes(getComputedStyle(each).overflowX)) return true;
  return false;
};
const wide = [...document.body.querySelectorAll('*')].filter(node => inside(node) && !scrolls(node.parentElement))
  .filter(node => node.getBoundingClientRect().right > node.parentElement.getBoundingClientRect().right + 1
    || node.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map(node => node.outerHTML.slice(0, 120));
const told = [...document.querySelectorAll('.head, .heard li, h1')];
const cut = told.filter(node => node.scrollWidth > node.clientWidth + 1 || node.textContent.includes('…'))
  .map(node => node.textContent);
const found = Promise.resolve({wide, cut, told: told.length, width: document.documentElement.clientWidth});
"""
"""Elements that stick out of their parent where nothing scrolls, and cut texts of the first screen."""
PHONE = 500


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the short page, the same in the dark, the full page and a mail of one run."""
    log = log_in(tmp_path_factory.mktemp("run"))
    page = build(api.read(str(log)).snapshot, Config())
    mail = write_message(alerts_of(log), template="message.html.j2", language="html")
    short = render_html(page)
    dark = short.replace("@media (prefers-color-scheme: dark)", "@media all")
    return {"page": short, "dark": dark, "full": render_html(page, full=True), "mail": mail}


@pytest.mark.parametrize("name", ["page", "full", "mail"])
def test_on_a_phone_nothing_is_wider_than_its_parent_and_nothing_is_cut(
    name: str, pages: dict[str, str], require: Callable[[str], None], tmp_path: Path
):
    require("chromium")
    found = measured(pages[name], WIDE, tmp_path, width=PHONE)
    assert found["width"] <= PHONE
    assert found["told"] >= (1 if name == "mail" else 3)
    assert (found["wide"], found["cut"]) == ([], [])


def test_the_measurement_sees_what_is_too_wide_or_cut(
    pages: dict[str, str], require: Callable[[str], None], tmp_path: Path
):
    require("chromium")
    broken = pages["page"].replace("<h1>", "<h1 style='width: 900px'>").replace("nan, since", "nan… since")
    found = measured(broken, WIDE, tmp_path, width=PHONE)
    assert found["wide"]
    assert found["cut"]


@pytest.mark.parametrize("name", ["dark", "full", "mail"])
def test_axe_finds_no_serious_barrier(name: str, pages: dict[str, str], require: Callable[[str], None], tmp_path: Path):
    require("chromium")
    require("axe_core_python")
    spec = find_spec("axe_core_python")
    assert spec is not None and spec.origin is not None
    axe = Path(spec.origin).with_name("axe.min.js").read_text(encoding="utf-8").replace("</script", "<\\/script")
    script = f"{axe}\nconst found = axe.run(document).then(done => done.violations.map(each =>" + (
        "({id: each.id, impact: each.impact, nodes: each.nodes.map(node => node.html.slice(0, 160))})));"
    )
    found = measured(pages[name], script, tmp_path, width=1200)
    assert [each for each in found if each["impact"] in ("serious", "critical")] == []
