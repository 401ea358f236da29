"""The documentation as a site: built without a network, no dead link, searchable; and the packages for an index."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from monitor import __version__

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
OFFLINE = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "NO_MKDOCS_2_WARNING": "1"}
"""A proxy that does not exist: what asks the network, fails."""


class Found(HTMLParser):
    """The links, the places that can be linked to, and what a page loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.places |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        is_loaded = tag in ("script", "img", "source", "iframe") or (tag == "link" and given.get("rel") != "canonical")
        self.loaded += [given[name] for name in ("src", "href") if is_loaded and name in given]


def built(root: Path, made: Path) -> subprocess.CompletedProcess[str]:
    """Build the site of a checkout."""
    line = ["mkdocs", "build", "--quiet", "--strict", "-f", root / "deploy/site/mkdocs.yml", "--site-dir", made]
    return subprocess.run(line, env=os.environ | OFFLINE, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("mkdocs") is None:
        pytest.skip("mkdocs is not installed")
    made = tmp_path_factory.mktemp("site")
    line = [
        "mkdocs",
        "build",
        "--quiet",
        "--strict",
        "--config-file",
        ROOT / "deploy/site/mkdocs.yml",
        "--site-dir",
        made,
    ]
    ended = subprocess.run(line, env=os.environ | OFFLINE, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    return made


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Found]:
    return {path: Found(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}


def test_every_page_of_the_docs_is_on_the_site(require, site: Path):
    require("mkdocs")
    expected = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    expected = {path.with_name("index.html") if path.name == "README.html" else path for path in expected}
    assert {path for path in expected if not (site / path).is_file()} == set()


def test_no_link_is_dead_and_nothing_is_loaded_from_elsewhere(require, site: Path, pages: dict[Path, Found]):
    require("mkdocs")
    dead = []
    for path, found in pages.items():
        if path.name == "404.html":
            continue
        for link in (*found.links, *found.loaded):
            parts = urlsplit(link)
            if parts.scheme in ("http", "https", "mailto"):
                dead += [f"{path.name} loads {link}"] if link in found.loaded else []
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            is_there = target.is_relative_to(site.resolve()) and target.is_file()
            place = unquote(parts.fragment) if target in pages else ""
            if not is_there or (place and place not in pages[target].places):
                dead.append(f"{path.name}: {link}")
    assert dead == []
    assert sum(len(found.links) for found in pages.values()) > 500


def test_the_search_knows_rules_and_commands(require, site: Path):
    require("mkdocs")
    texts = json.dumps(json.loads((site / "search/search_index.json").read_text())["docs"])
    assert all(word in texts for word in ("GradientZero", "monitor silence", "Alertmanager"))


def test_a_dead_link_fails_the_build(require, tmp_path: Path):
    require("mkdocs")
    copy = tmp_path / "copy"
    for name in ("docs", "deploy"):
        shutil.copytree(ROOT / name, copy / name)
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        shutil.copy(ROOT / name, copy)
    with (copy / "docs/notify.md").open("a") as page:
        page.write("\n[gone](gone.md)\n")
    line = [
        "mkdocs",
        "build",
        "--quiet",
        "--config-file",
        copy / "deploy/site/mkdocs.yml",
        "--site-dir",
        tmp_path / "site",
    ]
    ended = subprocess.run(line, env=os.environ | OFFLINE, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode != 0
    assert "gone.md" in ended.stderr


def test_the_packages_are_what_an_index_takes_and_shows(require, tmp_path: Path):
    require("twine")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", tmp_path, ROOT]
    subprocess.run(build, check=True, capture_output=True, timeout=300)
    packages = sorted(str(path) for path in tmp_path.glob("*"))
    assert len(packages) == 2
    checked = subprocess.run(
        ["twine", "check", "--strict", *packages], capture_output=True, text=True, timeout=120, check=False
    )
    assert checked.returncode == 0, checked.stdout
    with tarfile.open(tmp_path / f"trainwarden-{__version__}.tar.gz") as source:
        names = {name.partition("/")[2] for name in source.getnames()}
    assert {"deploy/site/mkdocs.yml", "deploy/man_pages.py", "docs/index.md", "tests/conftest.py"} <= names
