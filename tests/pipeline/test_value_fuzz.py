"""No value in a line stops a command, hangs it, or makes the state large: numbers, keys, times, orders, all formats."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.engine.step import Engine
from monitor.grammar import ProcessGone
from monitor.rules import load_rules
from monitor.rules.choice import shipped_rule_files
from tests.lines import numbered, pipeline, take
from tests.pipeline.fuzz_values import try_all
from tests.pipeline.value_fuzz import LINES_OF_A_LOG, grammars

RULES = tuple(load_rules(shipped_rule_files()))
ENGINE = Engine(RULES)
SAMPLE = range(0, len(grammars()), 16)


@pytest.mark.parametrize("seed", SAMPLE)
def test_hostile_values_stop_nothing(tmp_path: Path, seed: int) -> None:
    assert try_all(seed, ENGINE, tmp_path / "run.log").lines > LINES_OF_A_LOG // 2


@pytest.mark.slow
@pytest.mark.parametrize("seed", sorted({*range(len(grammars()))} - {*SAMPLE}))
def test_hostile_values_of_every_other_grammar_stop_nothing(tmp_path: Path, seed: int) -> None:
    try_all(seed, ENGINE, tmp_path / "run.log")


def test_the_fuzzer_knows_at_least_ten_grammars() -> None:
    assert len({each.name for each in grammars()}) > 10


@pytest.mark.parametrize("at", ["0001-01-01 00:00:00", "0999-06-01 00:00:00", "9999-12-31 23:59:59"])
def test_what_is_learnt_beside_a_log_of_any_time_is_kept(at: str) -> None:
    watched = pipeline(RULES)
    take(watched, numbered(f"{at} INFO step {step} loss 0.{step}".encode() for step in range(1, 9)))
    late = (watched.run.now or 0.0) + 1e9
    lost = watched.lose(100, "truncated", late)
    watched.learn(f"ERROR [{ProcessGone.TAG}] {ProcessGone(pid=7, how='killed').text()}", late + 1)
    assert "EvidenceLost" in {each.rule for each in lost}
    assert watched.run.attempt.of("process.gone")
