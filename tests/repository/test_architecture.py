"""docs/architecture.md names every package, in the order of the import contract, and nothing else."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
MOST_NAMES = {"monitor": 29, "trainer": 18}


@pytest.mark.parametrize("package", ["monitor", "trainer"])
def test_the_page_names_every_package_and_nothing_else(package: str):
    assert sorted(on_the_page(package)) == on_disk(ROOT / package)


@pytest.mark.parametrize("package", ["monitor", "trainer"])
def test_the_page_lists_packages_from_the_lowest_layer_up(package: str):
    floor = floors(package)
    found = [floor[name] for name in on_the_page(package)]
    assert found == sorted(found)


@pytest.mark.parametrize("package", ["monitor", "trainer"])
def test_a_folder_of_packages_can_be_taken_in_at_a_glance(package: str):
    assert len(on_disk(ROOT / package)) <= MOST_NAMES[package]


def test_a_new_package_is_missed_on_the_page(tmp_path: Path):
    (tmp_path / "cellar").mkdir()
    (tmp_path / "cellar/__init__.py").touch()
    assert on_disk(tmp_path) == ["cellar"]


def test_every_page_that_is_linked_exists():
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\(([\w./-]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.relative_to(ROOT)}: {link}"


def test_the_index_leads_to_every_page_of_the_documentation():
    linked = set(re.findall(r"\]\(([\w./-]+)\)", (ROOT / "docs/index.md").read_text(encoding="utf-8")))
    assert {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"} <= linked


def on_the_page(package: str) -> list[str]:
    return re.findall(rf"^\| `{package}\.(\w+)` \|", PAGE, re.MULTILINE)


def on_disk(folder: Path) -> list[str]:
    """Return the packages and files of a folder, without what Python and the type checker ask for."""
    packages = [each.parent.name for each in folder.glob("*/__init__.py")]
    files = [each.stem for each in folder.glob("*.py") if not each.stem.startswith("__")]
    return sorted(packages + files)


def floors(package: str) -> dict[str, int]:
    """Return the layer of each package, 0 for the lowest."""
    (contract,) = [each for each in CONTRACTS if each.get("containers") == [package]]
    layers = list(reversed(contract["layers"]))
    return {name: floor for floor, layer in enumerate(layers) for name in re.findall(r"\w+", layer)}
