"""The house: the real imports against the table in pyproject.toml, one row a module."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import grimp
import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
ROWS: dict[str, dict[str, list[str]]] = PROJECT["trainwarden"]["may_import"]


class Edge(NamedTuple):
    """One import, both ends named ``package.module``; a sub-package is one module."""

    importer: str
    imported: str


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("monitor", "trainer", include_external_packages=True, cache_dir=None)


def test_every_module_has_a_row_and_imports_only_what_its_row_names(graph):
    modules = {whole(module) for module in graph.modules if module.startswith(("monitor.", "trainer."))}
    edges = {
        Edge(whole(importer), whole(imported))
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
        if importer.startswith(("monitor", "trainer"))
        if imported.startswith(("monitor.", "trainer.")) and whole(importer) != whole(imported)
    }
    found = complaints(modules, edges, allowed())
    assert found == [], "\n".join(found)


def test_the_only_edge_from_the_trainer_to_the_monitor_goes_from_eventlog_to_logline(graph):
    edges = {
        (importer, imported)
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
        if importer.split(".")[0] == "trainer" and imported.split(".")[0] == "monitor"
    }
    assert edges == {("trainer.telemetry.eventlog", "monitor.grammar.logline")}


def test_the_grammar_needs_the_standard_library_only(graph):
    grammar = {"monitor.grammar.logline"} | {
        module for module in graph.find_upstream_modules("monitor.grammar.logline") if module.startswith("monitor.")
    }
    needed = {
        imported.split(".")[0]
        for module in grammar
        for imported in graph.find_modules_directly_imported_by(module)
        if not imported.startswith("monitor")
    }
    assert needed - sys.stdlib_module_names == set()


@pytest.mark.parametrize("package", ["monitor", "trainer"])
def test_rows_and_layers_name_the_same_modules(package):
    assert sorted(ROWS[package]) == sorted(layers(package))


@pytest.mark.parametrize("package", ["monitor", "trainer"])
def test_a_row_names_modules_of_lower_layers_only(package):
    order = layers(package)
    for module, row in ROWS[package].items():
        lower = order[order.index(module) + 1 :]
        assert [name for name in row if name != "*" and "." not in name and name not in lower] == [], module


def test_a_module_without_a_row_is_named_with_the_place_for_its_row():
    assert complaints({"monitor.x"}, set(), {}) == [
        "monitor/x: no row; expected one in pyproject.toml, tool.trainwarden.may_import.monitor, and a layer"
    ]


def test_an_import_outside_the_row_is_named_with_what_the_row_allows():
    rows = {"monitor.run.run": {"monitor.reader.event"}, "monitor.cli": {"monitor.run.run"}}
    found = complaints(rows, {Edge("monitor.run.run", "monitor.cli"), Edge("monitor.cli", "monitor.run.run")}, rows)
    assert found == ["monitor/run: imports monitor.cli; expected nothing but monitor.events"]


def complaints(modules: Iterable[str], edges: Iterable[Edge], rows: Mapping[str, set[str]]) -> list[str]:
    """Return a line for each module without a row and for each edge that its row does not name."""
    found = [
        f"{_path(module)}: no row; expected one in pyproject.toml, "
        f"tool.trainwarden.may_import.{module.split('.')[0]}, and a layer"
        for module in sorted(modules)
        if module not in rows
    ]
    for importer, imported in sorted(edges):
        row = rows.get(importer)
        if row is not None and imported in rows and imported not in row:
            expected = f"nothing but {', '.join(sorted(row))}" if row else "nothing"
            found.append(f"{_path(importer)}: imports {imported}; expected {expected}")
    return found


def allowed() -> dict[str, set[str]]:
    """Return the table with full names and ``*`` written out; a package itself imports nothing."""
    rows: dict[str, set[str]] = {"monitor": set(), "trainer": set()}
    for package, table in ROWS.items():
        order = layers(package)
        for module, row in table.items():
            lower = order[order.index(module) + 1 :] if module in order else []
            names = [*(name for name in row if name != "*"), *(lower if "*" in row else [])]
            rows[f"{package}.{module}"] = {name if "." in name else f"{package}.{name}" for name in names}
    return rows


def layers(package: str) -> list[str]:
    """Return the modules of a package from last to first, as the import contract orders them."""
    (contract,) = [each for each in PROJECT["importlinter"]["contracts"] if each.get("containers") == [package]]
    return [name.strip("()") for name in contract["layers"]]


def whole(module: str) -> str:
    """Return the module, or the sub-package it is part of: ``monitor.cli.watch`` → ``monitor.cli``."""
    return ".".join(module.split(".")[:2])


def _path(module: str) -> str:
    return module.replace(".", "/")
