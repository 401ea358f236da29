"""Print statements of public training loops, rendered into logs: right or silent, never wrong, through `monitor.api`.

The tables were written before the monitor had read a line of them.
"""

from pathlib import Path

import pytest

from monitor import api
from tests.reader.generated.printed.formats import TABLES, load
from tests.reader.generated.printed.grammar import form
from tests.reader.generated.printed.render import render
from tests.reader.generated.printed.score import Tally, score

SHARE_READ = 0.9
SAMPLE = 17
"""Every so many-th format is read in the sample, by another seed each."""


def score_of_grammar(seeds: range, folder: Path) -> Tally:
    """Read the logs of formats from the grammar, another format for each seed."""
    tally = Tally()
    for seed in seeds:
        printed = render((form(seed),), seed)
        path = folder / "train.log"
        path.write_text(printed.text or "\n", newline="")
        tally.take(printed, api.read(path), f"{seed} {printed.name}")
    return tally


def check(tally: Tally) -> None:
    assert tally.problems == []
    assert tally.share_read >= SHARE_READ, "\n".join(tally.silences)


@pytest.mark.parametrize("table", TABLES)
def test_a_table_holds_formats_by_different_names(table: str):
    names = [form.name for form in load(table)]
    assert len({*names}) == len(names) >= 60


@pytest.mark.parametrize("table", TABLES)
def test_a_seed_always_gives_the_same_log(table: str):
    forms = load(table)
    seeds = range(0, 2 * len(forms), SAMPLE)
    assert [repr(render(forms, seed)) for seed in seeds] == [repr(render(forms, seed)) for seed in seeds]


@pytest.mark.parametrize("table", TABLES)
def test_a_sample_of_the_formats_is_read_right_with_verdict_and_cause(table: str, tmp_path: Path):
    check(score(load(table), range(5, 4 * len(load(table)), 4 * SAMPLE + 1), tmp_path))


GRAMMAR_SAMPLE, GRAMMAR_ALL = range(3, 400, 33), range(600)


def test_a_sample_of_the_grammar_is_read_right_with_verdict_and_cause(tmp_path: Path):
    check(score_of_grammar(GRAMMAR_SAMPLE, tmp_path))


@pytest.mark.slow
def test_the_grammar_is_read_right_with_verdict_and_cause(tmp_path: Path):
    check(score_of_grammar(GRAMMAR_ALL, tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("table", TABLES)
def test_all_formats_are_read_right_with_verdict_and_cause(table: str, tmp_path: Path):
    forms = load(table)
    check(score(forms, range(4 * len(forms)), tmp_path))
