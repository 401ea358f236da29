"""Logs of many trainers: what they say is read, what they do not say is silent, and nothing is wrong."""

import pytest

from tests.reader.facts import flat, is_same, read_all
from tests.reader.logs import LOGS, Log


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.name)
def test_a_log_says_at_its_end_what_it_says(log: Log):
    said = flat(read_all(log.text.encode())[0])
    assert {name: said.get(name) for name in log.silent} == dict.fromkeys(log.silent)
    wrong = {
        name: (said.get(name), value)
        for name, value in log.facts.items()
        if name not in said or not is_same(said[name], value)
    }
    assert wrong == {}
