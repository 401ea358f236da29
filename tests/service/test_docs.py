"""The examples of docs/service.md and docs/notify.md work as printed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from monitor.base.yamlfile import YamlFile
from monitor.config import Config
from monitor.live.lag_alert import RULE as BEHIND
from monitor.notify.own_alerts import RECEIVER_FAILED as FAILED
from monitor.notify.own_alerts import RELOAD_FAILED as RELOAD
from monitor.notify.own_alerts import STATE_LOST as LOST
from monitor.notify.own_alerts import UNWATCHED
from monitor.sinks.webhook import FORMATS
from tests.cli.test_help import LEAVES, parse
from tests.notify.receivers import alert
from tests.repository.reference_pages import notify_page

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {name: (DOCS / name).read_text() for name in ("service.md", "notify.md")}


@pytest.mark.parametrize("name", PAGES)
def test_the_monitor_accepts_every_command_line(name: str):
    lines = re.findall(r"^    (?:/opt/trainwarden/bin/)?(monitor .+)$", PAGES[name], re.MULTILINE)
    assert len(lines) >= 3
    for line in lines:
        assert parse(line.split("  #")[0].split(" \\")[0].rstrip()) in LEAVES, line


@pytest.mark.parametrize("name", PAGES)
def test_every_watch_file_is_valid(name: str, tmp_path: Path):
    blocks = re.findall(r"```yaml\n(.+?)```", PAGES[name], re.DOTALL)
    assert blocks
    for number, text in enumerate(blocks):
        path = tmp_path / f"{number}.yaml"
        path.write_text(text)
        Config.model_validate(YamlFile(path, ValueError).data)  # type: ignore[arg-type]


def test_the_receivers_are_described_as_in_the_code():
    page = PAGES["notify.md"]
    assert notify_page(page) == page, "docs/notify.md is out of date; run make docs"
    assert all(f"`{form}`" in page for form in FORMATS)


def test_the_webhooks_fields_are_exactly_those_described():
    section = PAGES["notify.md"].partition("## The webhook's JSON")[2]
    told = json.loads(json.dumps(FORMATS["generic"]([alert(1)], None, "")))
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(told)


def test_every_alert_about_the_monitor_itself_is_listed():
    for rule in (BEHIND, FAILED, LOST, RELOAD, UNWATCHED):
        assert f"| `{rule}` |" in PAGES["notify.md"]
