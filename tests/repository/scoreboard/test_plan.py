"""The board is as large as it says, and nothing that was tuned on is on it."""

from collections import Counter

from monitor.rules import load_rules
from tests.scoreboard.families.faults import FAULTS as FAMILY_FAULTS
from tests.scoreboard.healthy import EVERY, HARD, PLAIN
from tests.scoreboard.judge import RULES
from tests.scoreboard.kinds import KINDS
from tests.scoreboard.lives import LIVES, QUIET, STORY
from tests.scoreboard.plan import HELD_OUT_SEEDS, TUNING_SEEDS, Board, jobs_of
from tests.scoreboard.recipes import ARCHITECTURES, TUNED_ON, Recipe
from trainer.faults import FAULTS, parse_injection

HEALTHY = {each.name for each in EVERY}


def test_every_fault_of_the_rule_pack_is_provoked():
    provoked = {kind.name for kind in KINDS} | {kind.name for kind in LIVES}
    provoked |= {label for fault in FAMILY_FAULTS.values() if fault.claimed for label in fault.labels}
    assert {rule.fault for rule in load_rules(sorted(RULES.glob("*.yaml")))} == provoked


def test_every_kind_of_training_fault_runs_on_every_network_that_it_names_with_every_held_out_seed():
    counted = Counter(job.kind for job in jobs_of(Board.HELD_OUT) if job.architecture != STORY)
    for kind in KINDS:
        assert counted[kind.name] == len(kind.architectures) * len(HELD_OUT_SEEDS) == 5 * len(kind.architectures)


def test_what_is_injected_is_a_fault_of_the_trainer():
    asked = {job.inject for board in Board for job in jobs_of(board) if job.inject}
    assert {parse_injection(text).fault for text in asked} <= set(FAULTS)
    assert {kind.name for kind in KINDS if kind.is_injected} <= set(FAULTS)


def test_there_are_300_healthy_runs_and_half_of_them_are_hard_in_12_ways():
    healthy = [job for job in jobs_of(Board.HELD_OUT) if job.kind in HEALTHY]
    hard = [job for job in healthy if job.kind != PLAIN]
    assert len(healthy) >= 300
    assert len(hard) >= 150
    assert len(HARD) >= 12


def test_no_held_out_run_has_a_seed_that_was_tuned_on():
    assert not {job.seed for job in jobs_of(Board.HELD_OUT)} & set(TUNING_SEEDS)
    assert {job.architecture for job in jobs_of(Board.TUNING)} == {*TUNED_ON, STORY}
    assert set(ARCHITECTURES) - set(TUNED_ON) == {"transformer"}


def test_every_run_has_300_steps_and_six_epochs_unless_it_is_meant_to_end():
    for job in jobs_of(Board.HELD_OUT):
        recipe: Recipe = job.recipe
        if job.architecture not in (STORY, "shipped"):
            epochs = recipe.stops_after or recipe.epochs
            assert (epochs >= 6, epochs * recipe.batches >= 300) == (True, True), job.name


def test_no_run_of_a_board_is_named_as_another():
    for board in Board:
        names = Counter(job.name for job in jobs_of(board))
        assert max(names.values()) == 1
    assert not HEALTHY & {kind.name for kind in KINDS}
    assert not set(QUIET) & HEALTHY
