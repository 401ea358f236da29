"""A text log and the files of figures beside it are one run: read once, told once, and alive together."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.alert import State
from monitor.api import read
from monitor.engine.step import Engine
from monitor.live.committer import Committer, open_committer
from monitor.live.daemon import POLL_S, Daemon
from monitor.live.discovery import Discovery
from monitor.live.opener import Opener
from monitor.notify import Delivery
from monitor.pipeline import Pipeline
from monitor.replay import replay
from monitor.run.sources import Kinship, Source, companions, kinship
from monitor.tail.logset import LogSet
from tests.cli.command import monitor
from tests.cli.watching import SHIPPED, FakeClock, Heard
from tests.lines import story
from tests.tail.test_records import event


def loss_at(step: int, seed: float) -> float:
    return 2 * (0.98 + seed) ** step + 0.1


class Training:
    """Figures of a made-up training; ``seed`` makes another one of it, ``nan_from`` breaks it."""

    def __init__(self, seed: float = 0.0, steps: int = 60, nan_from: int = 10**9) -> None:
        self.seed, self.steps, self.nan_from = seed, steps, nan_from

    def rows(self, first: int = 1) -> list[tuple[int, float, float]]:
        """Return step, loss and gradient norm of each step from the first one on."""
        return [
            (step, float("nan") if step >= self.nan_from else loss_at(step, self.seed), 1 + 0.01 * (step % 7))
            for step in range(first, self.steps + 1)
        ]


def key_value(rows: list[tuple[int, float, float]]) -> str:
    return "".join(f"step {step} loss={loss:.4f} lr=0.001\n" for step, loss, _ in rows)


def bare(rows: list[tuple[int, float, float]]) -> str:
    return "".join(f"iter {step}: loss {loss:.4f}, time 12.00ms, mfu 31.20%\n" for step, loss, _ in rows)


def in_json(rows: list[tuple[int, float, float]]) -> str:
    return "".join(f"{{'loss': {loss:.4f}, 'learning_rate': 0.001, 'step': {step}}}\n" for step, loss, _ in rows)


def dated(rows: list[tuple[int, float, float]]) -> str:
    return "".join(
        f"2026-11-30 10:{step // 60:02d}:{step % 60:02d} INFO step {step} loss {loss:.5f}\n" for step, loss, _ in rows
    )


def table(rows: list[tuple[int, float, float]]) -> bytes:
    """Return a CSV file as a logger writes it."""
    lines = [f"{step},{loss!r},{norm}" for step, loss, norm in rows]
    return "\n".join(["step,train_loss,grad_norm", *lines, ""]).encode()


def state(rows: list[tuple[int, float, float]]) -> bytes:
    history = [{"step": step, "loss": loss, "grad_norm": norm, "epoch": step / 60} for step, loss, norm in rows]
    return json.dumps({"log_history": history, "global_step": rows[-1][0]}).encode()


def scalars(rows: list[tuple[int, float, float]]) -> bytes:
    return b"".join(event(step, "train/loss", loss) + event(step, "train/grad_norm", norm) for step, loss, norm in rows)


TEXTS = (key_value, bare, in_json, dated)
RECORDS = {"metrics.csv": table, "trainer_state.json": state, "events.out.tfevents.1700000000.h.1.0": scalars}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


Write = Callable[[str, str | bytes], Path]


def source(path: Path) -> Source:
    return Source(str(path), read(path).snapshot.run)


# ---- which files are of one run


@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize("text", TEXTS)
def test_the_same_figures_prove_one_run_and_those_of_another_seed_do_not(
    text: Callable[..., str], record: str, write: Write
):
    log = source(write("train.log", text(Training().rows())))
    same = source(write(record, RECORDS[record](Training().rows())))
    other = source(write(f"b/{record}", RECORDS[record](Training(0.003).rows())))
    assert kinship(log.run, same.run) is Kinship.ONE_RUN
    assert kinship(log.run, other.run) is not Kinship.ONE_RUN


def test_files_of_one_folder_are_one_run_where_figures_cannot_tell(write: Write):
    sparse = Training().rows()[::25]
    log = source(write("a/train.log", key_value([(step + 3, loss, norm) for step, loss, norm in sparse])))
    rows = source(write("a/logs/version_0/metrics.csv", table(sparse)))
    assert companions([log, rows]) == {rows.log: log.log}


def without_steps(rows: list[tuple[int, float, float]]) -> str:
    """Return what Hugging Face's trainer prints without bars: epochs only, and a validation after each."""
    lines = []
    for step, loss, norm in rows:
        if step % 4 == 0:
            lines.append(f"{{'loss': '{loss:.4g}', 'grad_norm': '{norm:.4g}', 'epoch': '{step / 12:.4g}'}}")
        if step % 12 == 0:
            lines.append(f"{{'eval_loss': '{1.1 * loss:.4g}', 'eval_runtime': '0.5', 'epoch': '{step // 12}'}}")
    return "\n".join([*lines, "{'train_runtime': '9.1', 'train_loss': '1.2', 'epoch': '5'}", ""])


def evaluated(rows: list[tuple[int, float, float]]) -> bytes:
    """Return the state at the last checkpoint, which is saved before the last validation."""
    history: list[dict[str, float]] = []
    for step, loss, norm in rows:
        if step % 4 == 0:
            history.append({"step": step, "loss": loss, "grad_norm": norm, "epoch": step / 12})
        if step % 12 == 0 and step < rows[-1][0]:
            history.append({"step": step, "eval_loss": 1.1 * loss, "epoch": step / 12})
    return json.dumps({"log_history": history, "global_step": rows[-1][0]}).encode()


def test_a_log_that_names_no_steps_is_known_by_its_epochs(write: Write):
    log = source(write("out/train.log", without_steps(Training().rows())))
    same = source(write("out/checkpoint-60/trainer_state.json", evaluated(Training().rows())))
    other = source(write("other/trainer_state.json", evaluated(Training(0.003).rows())))
    assert kinship(log.run, same.run) is Kinship.ONE_RUN
    assert kinship(log.run, other.run) is Kinship.TWO_RUNS


def test_a_log_that_names_no_steps_has_the_only_records_of_its_folder(write: Write):
    log = source(write("out/train.log", without_steps(Training(steps=16).rows())))
    rows = source(write("out/trainer_state.json", evaluated(Training(steps=12).rows())))
    assert companions([log, rows]) == {rows.log: log.log}
    later = source(write("out/trainer_state.json", evaluated(Training(0.002, steps=60).rows(40))))
    assert companions([log, later]) == {}


def test_each_run_of_a_sweep_stays_a_run(write: Write):
    launcher = source(write("sweep.log", key_value(Training(0.001).rows()[::25])))
    runs = [source(write(f"run{seed}/metrics.csv", table(Training(seed / 500).rows()))) for seed in range(4)]
    assert companions([launcher, *runs]) == {}


def test_two_runs_of_one_seed_keep_their_own_files(write: Write):
    found = [source(write(f"{name}/train.log", key_value(Training().rows()))) for name in "ab"]
    files = [source(write(f"{name}/metrics.csv", table(Training().rows()))) for name in "ab"]
    assert companions([*found, *files]) == {files[0].log: found[0].log, files[1].log: found[1].log}


def test_a_run_that_begins_after_the_log_has_ended_is_another_one(write: Write):
    text = key_value(Training(steps=20).rows()[::7]) + "Training completed.\n"
    old = source(write("train.log", text))
    new = source(write("metrics.csv", table(Training(0.002).rows(40))))
    assert old.run.attempt.ended is not None
    assert companions([old, new]) == {}


def test_copies_that_checkpoints_keep_are_one_run_shown_by_the_newest(write: Write, tmp_path: Path):
    for steps in (20, 40, 60):
        write(f"out/checkpoint-{steps}/trainer_state.json", state(Training(steps=steps).rows()))
    write("out/runs/Nov30/events.out.tfevents.1700000000.h.1.0", scalars(Training().rows()))
    found = [source(Path(each)) for each in LogSet([str(tmp_path)]).found()]
    assert [Path(each.log).parent.name for each in found] == ["checkpoint-60", "Nov30"]
    assert companions(found) == {found[1].log: found[0].log}


# ---- check


def test_check_shows_one_run_with_the_figures_of_each_file(write: Write, tmp_path: Path):
    write("a/train.log", key_value(Training().rows()))
    write("a/metrics.csv", table(Training().rows()))
    done = monitor("check", tmp_path, "--json")
    [found] = done.objects()
    assert (done.code, Path(found["log"]).name, found["lines"]) == (0, "train.log", 60)
    assert found["facts"]["grad_norm"] == 1.04
    assert [(Path(each["log"]).name, each["facts"]) for each in found["sources"]] == [("metrics.csv", ["grad_norm"])]
    assert "the same run in" in monitor("check", tmp_path).out


def test_check_counts_a_fault_once_and_finds_what_only_one_file_shows(write: Write, tmp_path: Path):
    write("a/train.log", key_value(Training(nan_from=50).rows()))
    rows = [(step, loss, float("nan") if step > 40 else norm) for step, loss, norm in Training(nan_from=50).rows()]
    write("a/metrics.csv", table(rows))
    done = monitor("check", tmp_path, "--json")
    [found] = done.objects()
    told = [
        (each["alert"], Path(each["evidence"][0]["path"]).name) for each in found["alerts"] if "inhibited" not in each
    ]
    assert done.code == 1
    assert [name for name, _ in told].count("TrainLossNonfinite") == 1
    assert ("TrainLossNonfinite", "train.log") in told
    assert ("GlobalGradientNonfinite", "metrics.csv") in told


def test_a_text_log_without_figures_is_not_blind_beside_them(write: Write, tmp_path: Path):
    write("a/train.log", "loading data\nmodel built\nstarting\n")
    write("a/metrics.csv", table(Training().rows()))
    done = monitor("check", tmp_path, "--json")
    [found] = done.objects()
    assert (done.code, found["verdict"], found["facts"]["step"]) == (0, "ok", 60)


def test_a_table_of_results_is_no_log(write: Write, tmp_path: Path):
    write("a/train.log", key_value(Training().rows()))
    write("a/metrics.json", '{\n  "accuracy": 0.9\n}\n')
    assert [Path(each["log"]).name for each in monitor("check", tmp_path, "--json").objects()] == ["train.log"]


# ---- watch


class FolderWatch:
    """A watch of a folder, driven by hand."""

    def __init__(self, folder: Path, state: Path | None = None) -> None:
        self.folder, self.clock, self.heard = folder, FakeClock(), Heard()
        self.committer = committer = open_committer(state, {}).committer if state else Committer(Delivery({}))
        opener = Opener(Engine(SHIPPED), committer, self.clock, lambda pipeline: self.heard)
        finder = Discovery(
            LogSet([str(folder)]), opener, self.clock, lambda text: None, known={"other", *committer.known_logs()}
        )
        self.daemon = Daemon(
            [],
            self.clock,
            self.heard,
            committer,
            report_every_s=None,
            until_end=False,
            find_more=finder.more,
            one_run=opener.one_run,
        )

    def rest(self, seconds: float) -> None:
        for path in self.folder.rglob("*.*"):
            os.utime(path, (self.clock.wall(), self.clock.wall()))
        for _ in range(int(seconds / POLL_S)):
            self.clock.advance(POLL_S)
            self.daemon.turn()

    def end(self) -> None:
        self.daemon.end()
        for each in self.daemon.followers:
            each.close()
        self.committer.close()

    def told(self) -> list[tuple[str, str, str]]:
        """Return what was told: rule, state, and the file that shows it."""
        alarms = (each for each in self.heard.alerts if not each.inhibited_by and each.state is not State.PENDING)
        return [(each.rule, str(each.state), Path(each.log).name) for each in alarms]


def append(path: Path, content: str | bytes) -> None:
    with path.open("ab") as file:
        file.write(content.encode() if isinstance(content, str) else content)


@pytest.mark.parametrize("first", ["metrics.csv", "train.log"])
def test_a_watch_tells_a_fault_of_two_files_once_and_its_end_when_both_have_ended(
    first: str, write: Write, tmp_path: Path
):
    good, bad = Training(steps=30).rows(), Training(steps=40, nan_from=31).rows(31)
    well = Training(steps=60).rows(41)
    files = {
        "train.log": (write("train.log", key_value(good)), key_value),
        "metrics.csv": (write("metrics.csv", table(good)), lambda rows: table(rows).partition(b"\n")[2]),
    }
    watch = FolderWatch(tmp_path)
    watch.rest(3)
    order = sorted(files, key=lambda name: name != first)
    for name in order:
        path, written = files[name]
        append(path, written(bad))
        watch.rest(10)
    assert watch.told() == [("TrainLossNonfinite", "firing", first)]
    for name in order:
        path, written = files[name]
        append(path, written(well))
        watch.rest(10)
        states = [each for each in watch.told() if each[0] == "TrainLossNonfinite"]
        assert [state for _, state, _ in states] == ["firing"] + ["resolved"] * (name == order[-1])
    ids = {each.id for each in watch.heard.alerts if each.rule == "TrainLossNonfinite" and each.state is State.RESOLVED}
    assert ids == {each.id for each in watch.heard.alerts if each.state is State.FIRING}


@pytest.mark.parametrize("text", [key_value, dated])
def test_a_text_log_that_is_buffered_is_not_silent_while_its_figures_come(
    text: Callable[..., str], write: Write, tmp_path: Path
):
    log = write("run/train.log", text(Training(steps=30).rows()))
    rows = write("run/metrics.csv", table(Training(steps=30).rows()))
    watch = FolderWatch(tmp_path / "run", tmp_path / "state")
    watch.rest(3)
    steps = iter(Training(steps=600).rows(31))
    for _ in range(40):
        append(rows, table([next(steps)]).partition(b"\n")[2])
        watch.rest(60)
    assert watch.told() == []
    watch.rest(3600)
    assert [each for each in watch.told() if each[1] == "firing"] == [("TrainingStall", "firing", log.name)]
    watch.end()
    (facts,) = [each for each in (tmp_path / "state").glob("*.facts.jsonl") if str(log) in each.read_text()]
    again = Pipeline(str(log), Engine(SHIPPED))
    replay(again, facts=facts)
    assert story(again.history) == story(each for each in watch.heard.alerts if each.log == str(log))


def test_the_copy_of_a_checkpoint_is_never_silent(write: Write, tmp_path: Path):
    write("out/checkpoint-20/trainer_state.json", state(Training(steps=20).rows()))
    watch = FolderWatch(tmp_path)
    watch.rest(5000)
    assert watch.told() == []


@pytest.mark.parametrize("record", RECORDS)
def test_a_watch_that_is_started_again_tells_nothing_of_a_file_of_figures_twice(
    record: str, write: Write, tmp_path: Path
):
    path = write(f"run/{record}", RECORDS[record](Training(steps=40, nan_from=31).rows()))
    first = FolderWatch(tmp_path / "run", tmp_path / "state")
    first.rest(8)
    first.end()
    assert ("TrainLossNonfinite", "firing", record) in first.told()
    again = FolderWatch(tmp_path / "run", tmp_path / "state")
    again.rest(8)
    path.write_bytes(RECORDS[record](Training(steps=50, nan_from=31).rows()))
    again.rest(8)
    again.end()
    assert again.told() == []
    assert again.daemon.followers[0].pipeline.run.attempt.step == 50
