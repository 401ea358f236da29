"""Heads of lines: the time, the rank and the line's own words."""

import pytest

from monitor.reader.heads import take_head
from monitor.reader.state import Clock

T = 1_741_078_800.0  # 2025-03-04 09:00:00 UTC
YEARLESS = 952_160_400.0  # the same in 2000


@pytest.mark.parametrize(
    ("line", "at", "rank", "body"),
    [
        ("2025-03-04T09:00:00Z step 1", T, None, "step 1"),
        ("2025-03-04 09:00:00,000 - root - INFO - step 1", T, None, "step 1"),
        ("[2025-03-04 09:00:00,000][__main__][INFO] - step 1", T, None, "step 1"),
        ("[2025-03-04 09:00:00,000] [INFO] [timer.py:260:stop] step 1", T, None, "step 1"),
        ("2025-03-04 09:00:00.000 | INFO     | a.b:run:12 - step 1", T, None, "step 1"),
        ("[INFO|trainer.py:2] 2025-03-04 09:00:00,000 >> step 1", T, None, "step 1"),
        ("2025-03-04 09:00:00.0: step 1", T, None, "step 1"),
        ("[2025/03/04 09:00:00] ppocr INFO: step 1", T, None, "step 1"),
        ("[2025-03-04 09:00:00 swin] (main.py 174): INFO step 1", T, None, "step 1"),
        ("03/04/2025 09:00:00 - INFO - __main__ - step 1", T, None, "step 1"),
        ("[03/04/25 09:00:00] step 1", T, None, "step 1"),
        ("03/04 09:00:00 - mmengine - INFO - step 1", YEARLESS, None, "step 1"),
        ("[03/04 09:00:00 d2.utils.events]:  step 1", YEARLESS, None, "step 1"),
        ("I0304 09:00:00.000000 140001 x.py:12] step 1", YEARLESS, None, "step 1"),
        ("Mar  4 09:00:00 gpu01 python[123]: step 1", YEARLESS, None, "step 1"),
        ("2025-03-04T09:00:00.000000000Z stdout F step 1", T, None, "step 1"),
        ("[gpu01] 2025-03-04 09:00:00,000 (trainer:636) INFO: step 1", T, None, "step 1"),
        ("1741078800.0 step 1", T, None, "step 1"),
        ("[rank3]:[titan] 2025-03-04 09:00:00,000 - root - INFO - step 1", T, 3, "step 1"),
        ("3: [2025-03-04 09:00:00] step 1", T, 3, "step 1"),
        ("[default7]:step 1", None, 7, "step 1"),
        ("[1,5]<stdout>:step 1", None, 5, "step 1"),
        ("(Trainer pid=1, ip=10.0.0.1) step 1", None, None, "step 1"),
        ("INFO 2025-03-04 09:00:00 step 1", T, None, "step 1"),
        ("INFO 03-04 09:00:00 [core.py:70] step 1", YEARLESS, None, "step 1"),
        ("2025-03-04 09:00:00.000\tfair-bird-3:0\tolmo.train:990\tINFO\tstep 1", T, None, "step 1"),
        ("INFO:root:step 1", None, None, "step 1"),
        ("[1,  2000] loss: 1.057", None, None, "[1,  2000] loss: 1.057"),
        ("[0]\ttrain-rmse:0.5", None, None, "[0]\ttrain-rmse:0.5"),
        ("[Val] loss 3", None, None, "[Val] loss 3"),
        ("2025-13-41 00:00:01 step 1", None, None, "2025-13-41 00:00:01 step 1"),
    ],
)
def test_a_head_is_told_from_the_words(line: str, at: float | None, rank: int | None, body: str):
    head = take_head(line, Clock())
    assert (head.at, head.rank, head.body) == (at, rank, body)


def test_times_without_a_year_do_not_jump_at_new_year():
    clock = Clock()
    before = take_head("12/31 23:59:59 - x - INFO - a", clock).at
    after = take_head("01/01 00:00:01 - x - INFO - a", clock).at
    assert before is not None
    assert after is not None
    assert after - before == 2


def test_times_without_a_date_go_on_at_midnight():
    clock = Clock()
    before = take_head("[23:59:59] a", clock).at
    after = take_head("[00:00:01] a", clock).at
    assert before is not None
    assert after is not None
    assert after - before == 2


def test_a_date_takes_its_year_from_the_lines_before():
    clock = Clock()
    take_head("2025-03-04 09:00:00 a", clock)
    assert take_head("[03/04 09:00:05 d2.x]: b", clock).at == T + 5


def test_a_better_clock_that_comes_later_does_not_make_the_log_jump():
    clock = Clock()
    first = take_head("[03/04 09:00:00 d2.x]: a", clock).at
    assert take_head("2025-03-04 09:00:05 b", clock).at == first


def test_a_warning_says_so():
    assert take_head("2025-03-04 09:00:00,000 - root - WARNING - loss is nan", Clock()).is_warning
    assert not take_head("2025-03-04 09:00:00,000 - root - INFO - loss 0.5", Clock()).is_warning
