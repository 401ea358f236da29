"""Hooks of the site: README, CONTRIBUTING and CHANGELOG become pages, and links into the source become plain text."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
PAGES = {"README.md": "readme.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
STYLES = ("site.css", "favicon.svg")
_LINK = re.compile(r"\[([^\]\n]+)\]\(([^)\s]+)\)")


def on_files(files: Files, config: Any) -> Files:
    """Add what does not lie in docs/."""
    for source, name in PAGES.items():
        files.append(File.generated(config, name, content=(ROOT / source).read_text(encoding="utf-8")))
    for name in STYLES:
        files.append(File.generated(config, name, content=(Path(__file__).parent / name).read_text(encoding="utf-8")))
    return files


def on_nav(nav: Any, config: Any, files: Files) -> Any:
    """Leave the single decisions to the page that lists them."""
    for file in files.documentation_pages():
        if file.src_uri.startswith("decisions/") and file.src_uri != "decisions/README.md":
            file.inclusion = file.inclusion.NOT_IN_NAV
    return nav


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Turn links that leave docs/ into links to our pages, or into plain text. Raises ValueError for a dead one."""
    source = {name: source for source, name in PAGES.items()}.get(page.file.src_uri)
    folder = ROOT if source else (ROOT / "docs" / page.file.src_uri).parent

    def linked(match: re.Match[str]) -> str:
        words, target = match.groups()
        if target.startswith(("http:", "https:", "#", "mailto:")):
            return match[0]
        path, mark, anchor = target.partition("#")
        place = (folder / path).resolve()
        if not place.exists():
            raise ValueError(f"{page.file.src_uri}: dead link to {target}; expected a file of this repository")
        if place.is_relative_to(ROOT / "docs"):
            up = "../" * page.file.src_uri.count("/")
            return f"[{words}]({up}{place.relative_to(ROOT / 'docs')}{mark}{anchor})"
        if (name := PAGES.get(str(place.relative_to(ROOT)))) is not None:
            up = "../" * page.file.src_uri.count("/")
            return f"[{words}]({up}{name}{mark}{anchor})"
        return words if words.startswith("`") else f"`{place.relative_to(ROOT)}`"

    return _LINK.sub(linked, markdown)
