"""The shared logs of some eighty trainers: each fact is right or silent, none is wrong."""

import json

import pytest

from tests.reader.facts import CASES, is_native, score

MANIFEST = CASES / "manifest.jsonl"
RIGHT_SHARE = 0.98


@pytest.mark.slow  # CI asks the same of the command, with `check.py`
def test_no_fact_of_a_case_is_wrong_and_nearly_all_are_right():
    if not MANIFEST.is_file():
        pytest.skip("the shared cases are not there")
    cases = [json.loads(line) for line in MANIFEST.read_text().splitlines() if line.strip()]
    said = {
        (case["name"], fact): verdict
        for case in cases
        if not is_native(case["name"])
        for fact, verdict in score(case).items()
    }
    assert {key: verdict for key, verdict in said.items() if verdict.startswith("WRONG")} == {}
    assert sum(verdict == "right" for verdict in said.values()) >= RIGHT_SHARE * len(said)
