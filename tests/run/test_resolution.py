"""A series knows with how many decimal places its recent values were printed: zero may be a rounded number."""

from monitor.run.run import Run
from monitor.store.codec import StateCodec
from tests.reader.dialects.logs import watched


def resolution(text: str, signal: str = "train.loss") -> float | None:
    run = watched(text)[0].run
    kept = StateCodec(Run).loads(StateCodec(Run).dumps(run))
    [before], [after] = run.attempt.of(signal).values(), kept.attempt.of(signal).values()
    assert before.resolution == after.resolution
    return before.resolution


def test_the_coarsest_printed_place_of_the_window_counts():
    lines = [f"step {n} loss 0.{n:04d} lr 0.{n:06d}\n" for n in range(1, 30)]
    assert resolution("".join(lines)) == 1e-4
    assert resolution("".join(lines), "train.lr") == 1e-6
    assert resolution("".join([*lines, "step 30 loss 0.0\n"])) == 0.1


def test_a_place_that_left_the_window_is_forgotten():
    lines = ["step 1 loss 0.5\n", *(f"step {n} loss 0.{n:04d}\n" for n in range(2, 99))]
    assert resolution("".join(lines)) == 1e-4


def test_our_own_lines_print_all_that_they_know():
    line = "2025-10-30T23:40:51.123Z INFO [TRAIN] epoch=1/20 batch=5/500 step=5 loss=0.69\n"
    assert resolution(line) is None
