"""The real imports: no file and no package in a circle, and the few edges that never change.

The order of the packages is the import contract in pyproject.toml, which `make lint` checks.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

import grimp
import pytest

ROOTS = ("monitor", "trainer")
Imports = Mapping[str, set[str]]
"""Who imports whom, by full name."""


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*ROOTS, include_external_packages=True, cache_dir=None)


@pytest.fixture(scope="module")
def files(graph) -> Imports:
    return {
        module: {each for each in graph.find_modules_directly_imported_by(module) if each.startswith(ROOTS)}
        for module in graph.modules
        if module.startswith(ROOTS)
    }


def test_no_file_is_in_a_circle(files):
    assert circles(files) == []


def test_no_package_is_in_a_circle(files):
    assert circles(by_package(files)) == []


def test_a_circle_is_named():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]


def test_the_only_edge_from_the_trainer_to_the_monitor_goes_from_eventlog_to_the_grammar(files):
    edges = {
        (importer, imported)
        for importer, row in files.items()
        for imported in row
        if importer.startswith("trainer") and imported.startswith("monitor")
    }
    assert edges == {("trainer.telemetry.eventlog", "monitor.grammar")}


def test_the_grammar_needs_the_standard_library_only(graph):
    grammar = {"monitor.grammar"} | graph.find_descendants("monitor.grammar")
    needed = {each for module in grammar for each in graph.find_modules_directly_imported_by(module)}
    foreign = {each for each in needed - grammar if each.split(".")[0] not in sys.stdlib_module_names}
    assert foreign == {"monitor.base.errors"} & foreign


def circles(imports: Imports) -> list[list[str]]:
    """Return the groups of modules that reach each other, each sorted."""
    reached = {module: reachable(module, imports) for module in imports}
    found = {
        tuple(sorted(other for other in reached[module] if module in reached.get(other, ())))
        for module in imports
        if module in reached[module]
    }
    return [list(each) for each in sorted(found)]


def reachable(start: str, imports: Imports) -> set[str]:
    """Return all that a module imports, directly or not; itself only where it is in a circle."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = imports.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


def by_package(imports: Imports) -> dict[str, set[str]]:
    """Return the imports between the packages and files directly in ``monitor`` and ``trainer``."""
    found: dict[str, set[str]] = {}
    for importer, row in imports.items():
        mine = found.setdefault(place(importer), set())
        mine |= {place(each) for each in row} - {place(importer)}
    return found


def place(module: str) -> str:
    """``monitor.cli.watch`` → ``monitor.cli``."""
    return ".".join(module.split(".")[:2])
