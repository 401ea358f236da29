"""The shipped dialect files: each pattern reads its samples as they say, and refuses the others."""

import time

import pytest

from monitor.reader.dialects import Dialect, load_dialects, shipped_dialect_files, shipped_dialects
from monitor.reader.dialects.check import parts_of, problems_of

NAMES = {"atft", "generic", "hf-trainer", "keras", "lightning", "megatron", "nanogpt", "torchtitan"}


def test_every_trainer_of_the_log_grammar_has_a_dialect_and_the_nameless_one_comes_last():
    assert {each.name for each in shipped_dialects()} == NAMES
    assert shipped_dialects()[-1].name == "generic"


@pytest.mark.parametrize("path", shipped_dialect_files(), ids=lambda path: path.stem)
def test_a_shipped_dialect_reads_its_samples_as_they_say(path):
    assert [problem for dialect in load_dialects(path) for problem in problems_of(dialect)] == []


@pytest.mark.parametrize("path", shipped_dialect_files(), ids=lambda path: path.stem)
def test_every_pattern_and_mark_has_a_line_that_it_must_refuse(path):
    kinds = [each for dialect in load_dialects(path) for each in (*dialect.lines, *dialect.marks)]
    assert [each for each in kinds if not each.refuses] == []


@pytest.mark.parametrize("dialect", shipped_dialects(), ids=lambda dialect: dialect.name)
def test_no_line_of_one_dialect_shows_another(dialect: Dialect):
    others = [each for each in shipped_dialects() if each.name != dialect.name]
    samples = [sample.line for each in dialect.lines if each.detects for sample in each.samples]
    samples += [sample.line for mark in dialect.marks for sample in mark.samples]
    taken = [
        (other.name, line)
        for line in samples
        for other in others
        for part in parts_of(line)
        if other.find(part, detecting=True) or other.shows(part)
    ]
    assert taken == []


@pytest.mark.parametrize("dialect", shipped_dialects(), ids=lambda dialect: dialect.name)
def test_a_long_hostile_line_is_read_in_linear_time(dialect: Dialect):
    literals = [text for each in (*dialect.lines, *dialect.marks) for text in each.like]
    if not literals:
        return
    took = {}
    for size in (2_000, 64_000):
        line = b" ".join(literals * (size // sum(len(text) + 1 for text in literals) + 1))[:size]
        began = time.process_time()
        for _ in range(3):
            dialect.find(line)
            dialect.shows(line)
        took[size] = time.process_time() - began
    assert took[64_000] < 0.5 + 32 * 20 * took[2_000]
