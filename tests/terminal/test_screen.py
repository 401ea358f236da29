"""The live view as a picture: what is shown where, at several sizes, for any log."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from monitor import grammar
from monitor.base.wording import span
from monitor.engine.step import Engine
from monitor.grammar import RunEnd, RunStart, Share
from monitor.pipeline import Pipeline
from monitor.rules import load_rules
from monitor.terminal.screen import Display, Scene, render
from monitor.terminal.screen.layout import Row, Section, exactly, fit, folded
from monitor.terminal.screen.text import number, size, sparkline
from tests.cli.logs import HEALTHY, TROUBLED
from tests.cli.test_hostile_log import CONTROLS, acts, hostile_log
from tests.lines import at, epoch_end, numbered, report, take

SIZES = [(80, 24), (120, 40), (40, 10), (200, 60), (30, 6), (20, 3), (1, 1), (300, 2)]
RULES = load_rules(sorted((Path(__file__).parents[2] / "rules").glob("*.yaml")))
START_LINE = at(0, RunStart(run="fit-1", pid=1, host="gpu1", cmd="trainer fit", attempt=1))
TRAINING = [
    START_LINE,
    at(1, grammar.Phase(name="train", epoch=2)),
    at(2, report(200, 2, gat=0.5, adaptive_norm=2e-9)),
    at(3, epoch_end(1, epochs=4)),
    at(4, grammar.Train(epoch=Share(2, 4), batch=Share(50, 200), step=250, loss=0.4567, s_per_batch=2.0)),
]
"""A run in the first quarter of its second of four epochs; the gradient of one group has vanished."""


def scene(
    log: Iterable[bytes],
    *,
    wait: float | None = 2.0,
    is_following: bool = True,
    notices: Sequence[str] = (),
    **rest: int,
) -> Scene:
    """Return what is known so many seconds after the last line."""
    pipeline = Pipeline("run.log", Engine(RULES))
    take(pipeline, numbered(log))
    now = None if pipeline.run.now is None or wait is None else pipeline.run.now + wait
    snapshot = pipeline.snapshot(now, is_following=is_following)
    return Scene(snapshot, notices=tuple(notices), **rest)


def shown(rows: Sequence[Text], width: int, height: int) -> str:
    """Return what a terminal of that size shows, through rich, as a terminal's reader would."""
    file = io.StringIO()
    console = Console(file=file, width=width, height=height, force_terminal=True, color_system="truecolor", record=True)
    for row in rows:
        console.print(row)
    return console.export_text()


def picture(made: Scene, width: int = 80, height: int = 24) -> str:
    """Return the picture as text."""
    return shown(render(made, width, height), width, height)


# ---- the size


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("log", [[], TRAINING, HEALTHY, TROUBLED], ids=["empty", "training", "healthy", "troubled"])
def test_a_picture_fills_its_terminal_and_no_cell_more(log: list[bytes], width: int, height: int) -> None:
    rows = render(scene(log, notices=["run.log: rotated"]), width, height)
    assert [width] * height == [row.cell_len for row in rows]
    # A row that wraps would make more lines of them.
    assert shown(rows, width, height).count("\n") == height


def test_80_by_24_shows_everything_that_matters() -> None:
    text = picture(scene(TRAINING))
    lines = text.splitlines()
    assert lines[0].split() == ["RUNNING", "1", "problem", "fit-1", "run.log"]
    assert lines[1].strip() == "train for 5 s · epoch 2/4 · step 250"
    assert lines[2].endswith("batch 50/200 25 % · 5 min left")
    assert "epochs 1/4 31 % · ETA 18 min" in lines[3]
    assert lines[4].strip() == "last byte 2 s ago · 0 bytes behind · 5 lines, 100 % understood"
    assert "❌ GradientVanishing: the gradient of adaptive_norm has vanished" in text
    assert "❌ adaptive_norm" in text
    assert "train loss    0.4567" in text
    assert "🔴 23:40:53 GradientVanishing firing: " in text
    assert "── rules  ✅" in text


def test_40_by_10_keeps_the_place_the_worst_rule_and_the_worst_gradient() -> None:
    lines = picture(scene(TRAINING), 40, 10).splitlines()
    assert lines[0].split()[:3] == ["RUNNING", "1", "problem"]
    assert lines[1].strip() == "train · 2/4 · step 250 · ETA 18 min"
    assert any(line.startswith(" ❌ GradientVanishing") for line in lines)
    assert any("❌ adaptive_norm" in line and "2.00e-09" in line for line in lines)


def test_a_wide_terminal_has_the_rules_to_the_right_of_the_figures() -> None:
    lines = picture(scene(TRAINING), 120, 40).splitlines()
    [both] = [line for line in lines if "── metrics" in line]
    assert "── rules" in both
    assert "do: " in picture(scene(TRAINING), 160, 50)


# ---- what is green, and what is not


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ([], ["WAITING", "no line yet"]),
        ([START_LINE], ["RUNNING", "no problem found"]),
        (TRAINING, ["RUNNING", "1 problem"]),
        (TROUBLED, ["DIED", "problems"]),
    ],
)
def test_the_head_gives_status_and_verdict_in_two_words(log: list[bytes], words: list[str]) -> None:
    head = picture(scene(log)).splitlines()[0]
    assert all(word in head for word in words)
    assert "all ok" not in head


def test_what_a_log_names_beside_its_loss_is_shown() -> None:
    log = [f"step {n} | loss {3 - n / 50:.3f} | tok/s {5000 + n} | mem 40.5GB | reward {n / 10}" for n in range(1, 30)]
    words = picture(scene([line.encode() for line in log]), height=40)
    assert "train reward 2.9" in words
    assert "tokens_per_s 5029" in words
    assert "memory 40.5" in words


def test_what_is_not_judged_is_counted_with_the_reason_and_nothing_is_called_ok() -> None:
    text = picture(scene([START_LINE]), 100, 60)
    assert "rules not judged: this log has no training loss" in " ".join(text.split())
    assert "all ok" not in text


def test_the_counts_of_the_rules_match_the_readings() -> None:
    made = scene([at(0, RunEnd(status="completed", epochs=1, best_epoch=1, best_val_loss=0.5, seconds=1.0))])
    [title] = [line for line in picture(made).splitlines() if line.startswith("── rules")]
    counts = [int(word) for word in title.split() if word.isdigit()][:4]
    assert sum(counts) == len(made.snapshot.readings)


def test_a_log_that_stops_without_an_end_has_no_eta() -> None:
    text = picture(scene(TRAINING, is_following=False))
    assert "NO END SEEN" in text
    assert "ETA –" in text
    assert "silence is not judged" in text


def test_unread_and_lost_bytes_are_shown() -> None:
    text = picture(scene(TRAINING, bytes_behind=3_200_000, lost_bytes=812, is_behind=True), 100)
    assert "catching up" in text
    assert "3.2 MB behind" in text
    assert "812 bytes lost" in text


def test_the_newest_alert_and_notice_stand_first() -> None:
    text = picture(scene(TROUBLED, notices=["older", "newer"]), 120, 60)
    assert text.index("! newer") < text.index("! older")
    moments = [line.split()[1] for line in picture(scene(TROUBLED), 80, 200).splitlines() if line[1:2] in "🔴🟠🟢⚪🔵"]
    assert len(moments) > 5
    assert sorted(moments, reverse=True) == moments


def test_where_there_is_little_room_the_alert_that_explains_the_others_stays() -> None:
    """A norm of exactly 0 means that there is no gradient, which explains that it is small and that it fell."""
    made = scene([START_LINE, at(2, report(250, 2, gat=0.5)), at(5, report(260, 2, gat=0.0))])
    assert {alert.inhibited_by for alert in made.snapshot.open} >= {"", "GradientZero"}
    [shown] = [line for line in picture(made, 80, 12).splitlines() if line[1:2] in "🔴🟠"]
    assert "GradientZero firing" in shown
    assert "explains: " in picture(made, 120, 60)


def test_an_ended_run_has_no_epoch_under_way() -> None:
    text = picture(scene(HEALTHY))
    assert "2/2 epochs done" in text
    assert "left" not in text


# ---- hostile text


@pytest.mark.parametrize("junk", CONTROLS.values(), ids=CONTROLS)
def test_nothing_of_a_hostile_log_acts_on_the_terminal(junk: bytes) -> None:
    made = scene(hostile_log(junk).split(b"\n"), notices=[junk.decode("utf-8", "replace")])
    for width, height in SIZES:
        rows = render(made, width, height)
        assert acts("\n".join(row.plain for row in rows)) == set()
        assert {row.cell_len for row in rows} == {width}


def test_markup_of_rich_in_a_log_is_plain_text() -> None:
    log = [START_LINE, at(1, grammar.Phase(name="[blink]train[/blink]")), at(2, report(1, **{"[red]gat[/]": 0.0}))]
    text = picture(scene(log, notices=["[bold]x[/bold]"]), 100, 60)
    assert "[blink]train[/blink]" in text
    assert "[red]gat[/]" in text
    assert "[bold]x[/bold]" in text


def test_a_log_cannot_show_a_mark_of_ours() -> None:
    forged = {"✅": 0.0, "❌": 0.5}
    made = scene([START_LINE, at(1, report(1, **{f"{mark}forged": norm for mark, norm in forged.items()}))])
    text = picture(made, 100, 60)
    assert "✅forged" not in text
    assert "?forged" in text


def test_a_secret_is_not_shown() -> None:
    text = picture(scene([START_LINE], notices=["cannot open https://user:hunter2@example.org/x"]), 100, 40)
    assert "hunter2" not in text


# ---- words


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], ""),
        ([1, 2, 3, 4, 5, 6, 7, 8], "▁▂▃▄▅▆▇█"),
        ([5, 5, 5], "▄▄▄"),
        ([1, float("nan"), 8], "▁×█"),
        ([1e308, -1e308], "█▁"),
    ],
)
def test_a_sparkline_draws_the_course(values: list[float], expected: str) -> None:
    assert expected == sparkline(values, 20)


def test_a_sparkline_of_norms_is_calm_within_a_power_of_ten_and_names_zeros() -> None:
    assert sparkline([1.0, 1.2, 0.9, 1.1], 20, is_logarithmic=True) in ("▄▅▄▄", "▄▅▄▅", "▅▅▄▅")
    assert sparkline([1.0, 1e-8, 0.0], 20, is_logarithmic=True) == "█▁0"


def test_a_sparkline_shows_the_newest() -> None:
    assert sparkline([9, 1, 2], 2) == "▁█"
    assert sparkline([1, 2], 0) == ""


@given(st.lists(st.floats(), max_size=80), st.integers(0, 30), st.booleans())
def test_a_sparkline_has_a_cell_for_each_value_it_has_room_for(values: list[float], width: int, flag: bool) -> None:
    assert len(sparkline(values, width, is_logarithmic=flag)) == min(len(values), width)


@given(st.floats())
def test_figures_are_short(value: float) -> None:
    assert len(number(value)) <= 10
    assert "\n" not in span(value)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (61, "1 min 1 s"),
        (754, "12 min"),
        (3 * 3600 + 300, "3 h 5 min"),
        (187_200, "2 d 4 h"),
    ],
)
def test_durations_are_shown_in_their_largest_units(seconds: float, words: str) -> None:
    assert words == span(seconds)


@pytest.mark.parametrize(
    ("num_bytes", "words"), [(812, "812 bytes"), (14_200, "14.2 kB"), (3_200_000, "3.2 MB"), (1_400_000_000, "1.4 GB")]
)
def test_sizes_are_shown_in_their_unit(num_bytes: int, words: str) -> None:
    assert words == size(num_bytes)


# ---- the division of the height


def section(name: str, num_rows: int, share: int = 1) -> Section:
    return Section(Text(name), [Row(Text(f"{name}{number}"), rank=number) for number in range(num_rows)], share)


def test_all_rows_are_shown_where_there_is_room() -> None:
    lines = [line.plain.strip("─ ") for line in fit([section("a", 2), section("b", 1)], 40, 10)]
    assert lines == ["a", "a0", "a1", "b", "b0"]


def test_the_rows_that_matter_most_stay_in_their_order_and_the_others_are_counted() -> None:
    lines = [line.plain.strip("─ ") for line in fit([section("a", 9)], 40, 3)]
    assert lines[1:] == ["a7", "a8"]
    assert lines[0].endswith("7 more")


def test_a_section_with_a_larger_share_gets_more_and_none_gets_nothing() -> None:
    lines = [line.plain for line in fit([section("a", 9, share=3), section("b", 9)], 40, 10)]
    assert [sum(line.startswith(name) for line in lines) for name in "ab"] == [6, 2]


def test_the_last_sections_give_way_first() -> None:
    lines = [line.plain for line in fit([section("a", 9), section("b", 9)], 40, 3)]
    assert not any(line.startswith("b") for line in lines)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 4)), max_size=6), st.integers(1, 200), st.integers(0, 60))
def test_sections_never_take_more_than_the_height(shapes: list[tuple[int, int]], width: int, height: int) -> None:
    sections = [section(f"section {number} ", *shape) for number, shape in enumerate(shapes)]
    lines = fit(sections, width, height)
    assert len(lines) <= height
    assert [width] * height == [line.cell_len for line in exactly(lines, width, height)]


PRINTABLE = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), max_size=300)


@given(PRINTABLE, st.integers(1, 80), st.integers(1, 5))
def test_folding_keeps_every_word(text: str, width: int, num_lines: int) -> None:
    lines = folded(Text(text), width, num_lines)
    assert len(lines) <= num_lines
    assert text.replace(" ", "") == "".join(line.plain for line in lines).replace(" ", "")


# ---- the terminal


class Screen(io.StringIO):
    """A terminal's output, a picture at a time."""

    def taken(self) -> str:
        """Return what was written since the last time."""
        text = self.getvalue()
        self.seek(0)
        self.truncate()
        return text


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """Return a terminal of 20 x 3 with no colours."""
    for name, value in (("COLUMNS", "20"), ("LINES", "3"), ("TERM", "xterm"), ("NO_COLOR", "1"), ("FORCE_COLOR", "1")):
        monkeypatch.setenv(name, value)
    return Screen()


def rows_of(*words: str):
    return lambda width, height: [Text(word.ljust(width)) for word in words]


def test_only_the_rows_that_changed_are_written(screen: Screen) -> None:
    display = Display(screen)
    display.show(rows_of("one", "two", "three"), 0.0)
    first = screen.taken()
    assert all(word in first for word in ("one", "two", "three"))
    display.show(rows_of("one", "2", "three"), 1.0)
    second = screen.taken()
    assert "\x1b[2;1H2 " in second
    assert "one" not in second
    assert "\x1b[2J" not in second


def test_nothing_is_written_where_nothing_changed(screen: Screen) -> None:
    display = Display(screen)
    display.show(rows_of("one", "two", "three"), 0.0)
    screen.taken()
    display.show(rows_of("one", "two", "three"), 1.0)
    assert screen.taken() == ""


def test_pictures_come_four_times_a_second_at_most(screen: Screen) -> None:
    display = Display(screen)
    assert display.is_due(0.0)
    display.show(rows_of("one", "two", "three"), 0.0)
    assert not display.is_due(0.2)
    assert display.is_due(0.25)


def test_something_else_that_wrote_to_the_terminal_is_painted_over(screen: Screen) -> None:
    display = Display(screen)
    display.show(rows_of("one", "two", "three"), 0.0)
    screen.taken()
    display.forget()
    assert display.is_due(0.1)
    display.show(rows_of("one", "two", "three"), 0.1)
    assert "one" in screen.taken()


def test_the_terminal_is_given_back(screen: Screen) -> None:
    with Display(screen):
        opened = screen.taken()
    closed = screen.taken()
    for on, off in (("\x1b[?1049h", "\x1b[?1049l"), ("\x1b[?25l", "\x1b[?25h"), ("\x1b[?7l", "\x1b[?7h")):
        assert on in opened
        assert off in closed
