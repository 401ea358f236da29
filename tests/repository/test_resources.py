"""Shipped data is found, the user's file goes first, and a name that is not there is one clear line."""

from __future__ import annotations

import pytest

from monitor.base import resources
from monitor.base.errors import MonitorError


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A package folder of our own with one shipped template, laid out as in a checkout."""
    package = tmp_path / "monitor"
    package.mkdir()
    monkeypatch.setattr(resources, "_PACKAGE", package)
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "report.md.j2").write_text("from the checkout")
    return package


def test_the_rules_of_this_checkout_are_found():
    assert list(resources.rules_dir().glob("*.yaml")) != []


def test_the_data_inside_the_package_goes_before_what_lies_beside_it(shipped):
    inside = shipped / "_data" / "templates"
    inside.mkdir(parents=True)
    assert resources.templates_dir() == inside


def test_a_template_of_the_users_own_replaces_the_shipped_one(shipped, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    (own / "report.md.j2").write_text("mine")
    assert resources.template_path("report.md.j2", own_dir=own).read_text() == "mine"


@pytest.mark.parametrize("own", ["empty", "missing"])
def test_without_one_of_the_users_own_the_shipped_template_is_used(shipped, tmp_path, own):
    (tmp_path / "empty").mkdir()
    assert resources.template_path("report.md.j2", own_dir=tmp_path / own).read_text() == "from the checkout"


@pytest.mark.parametrize("name", ["report.txt.j2", "../monitor", "../templates/report.md.j2", ""])
def test_a_name_that_is_not_there_tells_which_are(shipped, tmp_path, name):
    with pytest.raises(MonitorError) as caught:
        resources.template_path(name)
    assert str(caught.value) == f"{tmp_path / 'templates'}: no {name!r}; expected one of report.md.j2"


def test_a_damaged_installation_says_what_is_missing(shipped):
    with pytest.raises(MonitorError, match=r"the shipped rules are missing; expected _data/rules"):
        resources.rules_dir()


def test_without_shipped_units_no_unit_is_found(shipped, tmp_path):
    (tmp_path / "systemd").mkdir()
    with pytest.raises(MonitorError, match=r"no 'trainwarden\.service'; expected one of none"):
        resources.unit_path("trainwarden.service")
