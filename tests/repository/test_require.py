"""A tool that a machine lacks skips a test, unless the machine was set up to have it."""

from __future__ import annotations

import pytest

MISSING = "a-program-that-nobody-has"


def test_a_program_or_a_module_that_is_there_lets_the_test_go_on(require):
    require("python3")
    require("click")


def test_a_missing_tool_skips_and_names_itself(require, monkeypatch):
    monkeypatch.setenv("TRAINWARDEN_REQUIRE", "python3")
    with pytest.raises(pytest.skip.Exception, match=f"{MISSING} is not installed"):
        require(MISSING)


def test_a_missing_tool_that_the_machine_must_have_fails(require, monkeypatch):
    monkeypatch.setenv("TRAINWARDEN_REQUIRE", f"python3,{MISSING}")
    with pytest.raises(pytest.fail.Exception, match=f"{MISSING}: not installed; expected it"):
        require(MISSING)
