"""60 shapes of secrets are replaced; 60 texts that only look like one stay as they are."""

from __future__ import annotations

import time

import pytest

from monitor.base.secrets import BY_FORM, LEADING, redact
from tests.base.secret_shapes import LOOK_ALIKES, SECRETS, Secret


def test_the_table_has_sixty_of_each() -> None:
    assert min(len(set(SECRETS)), len(set(LOOK_ALIKES))) >= 60


@pytest.mark.parametrize("row", SECRETS, ids=lambda row: row.text[:40])
@pytest.mark.parametrize("around", ["{}", "INFO worker 3: {} (retrying)", "\t{}", '{{"line": "{}"}}'])
def test_a_secret_is_replaced(row: Secret, around: str) -> None:
    if row.text == row.secret and around not in ("{}", "\t{}"):
        return  # a line of a key file is one only by itself
    assert row.secret not in redact(around.format(row.text))


@pytest.mark.parametrize("text", LOOK_ALIKES)
def test_what_only_looks_like_a_secret_stays(text: str) -> None:
    assert redact(text) == text


def test_redacting_twice_changes_nothing() -> None:
    for row in SECRETS:
        once = redact(row.text)
        assert redact(once) == once


def test_every_shape_has_a_source() -> None:
    assert all(shape.what and shape.source for shape in (*BY_FORM, *LEADING))


@pytest.mark.parametrize(
    "unit", ["a", "9", "token=", "key ", "://", "a.b_", "-p ", "login ", "mysql ", "eyJ", "\"'", "wandb "]
)
def test_a_long_line_is_redacted_in_time_that_grows_with_its_length(unit: str) -> None:
    text = unit * (20_000 // len(unit))
    began = time.process_time()
    redact(text)
    assert time.process_time() - began < 1.0
