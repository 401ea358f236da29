"""The same bytes give the same run and the same alerts: in whatever chunks, in blocks or line by line, at any cut."""

import io
import math
import pickle
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor import grammar
from monitor.alert import Alert
from monitor.conditions.match import Match
from monitor.engine.step import Engine
from monitor.grammar import Record, Share, format_line
from monitor.pipeline import Pipeline
from monitor.rules import load_rules
from monitor.tail import LineBuffer, Stretch, read_lines
from tests.cli.watching import Watching
from tests.lines import START, epoch_end, reset, rule, setting

RULES = load_rules(sorted((Path(__file__).parents[2] / "rules").glob("*.yaml")))
GROUPS = ("gat", "temporal_encoder")
NUM_EXAMPLES = settings.default.max_examples // 12
"""Each is a whole log, read twice: a few for `make test`, many for `make test-full`."""
THOROUGH = settings(deadline=None, max_examples=NUM_EXAMPLES, suppress_health_check=[HealthCheck.too_slow])


class Trainer:
    """Writes a log as a trainer would, with clock, steps and epochs, and with faults on request."""

    def __init__(self, *, is_declared: bool = True) -> None:
        """``is_declared`` means that the log declares the learning rate's schedule."""
        self.data = b""
        self.now = 0.0
        self.step = self.epoch = 0
        self.phase = "train"
        self.say(grammar.RunStart(run="run-1", pid=7, cmd="trainer fit"))
        schedule = {"base_lr": 1e-3, "schedule": "cosine", "warmup_steps": 10, "total_steps": 400}
        self.say(grammar.Intent(epochs=9, **(schedule if is_declared else {})))
        for depth, group in enumerate(GROUPS):
            self.say(grammar.ModelGroup(group=group, tensors=2, depth=depth))
        self.say(grammar.Phase(name="train", epoch=1, run="run-1", pid=7))
        self.epoch = 1

    def say(self, record: Record, *, end: bytes = b"\n") -> None:
        self.data += format_line(START + self.now, record).encode() + end

    def write(self, text: bytes) -> None:
        self.data += text

    def train(self, count: int, *, every_s: float, stride: int, noise: float, spoil: str) -> None:
        """Write progress lines; in the middle of them, one is spoilt."""
        for number in range(count):
            self.now += every_s
            self.step += stride
            is_spoilt = number == count // 2
            wobble = 1 + noise * math.sin(self.step)
            lr = 1e-3 * self.step / 10
            if self.step >= 10:
                lr = 1e-3 * (1 + math.cos(math.pi * min((self.step - 10) / 390, 1.0))) / 2
            values = {"loss": 0.5 * wobble, "lr": lr, "s_per_batch": every_s, "load_s": 0.01, "grad_norm": wobble}
            if noise:
                # Around half of the step, where what is left of it begins to count.
                values["run_delay_s"] = every_s * (0.5 + noise * math.cos(self.step) / 2)
            if is_spoilt and spoil in values:
                values[spoil] *= 40
            step = self.step - stride if is_spoilt and spoil == "repeat" else self.step
            record = grammar.Train(
                epoch=Share(self.epoch, 9),
                batch=Share(self.step % 40, 40),
                step=step,
                skipped=0,
                extra=(("loss_ic", f"{wobble:.3f}"), *((("note", "a b"),) if is_spoilt and spoil == "layout" else ())),
                **(values | ({"loss": math.nan} if is_spoilt and spoil == "nan" else {})),
            )
            self.say(record)
            if number % 3 == 0:
                self.write(b"  worker 3: all is well\n" + (b"\n" if number % 2 else b""))

    def check(self, norm: float, ratio: float) -> None:
        """Write the reports of the guard, the encoder and the activations."""
        for h in (1, 5):
            self.say(grammar.GuardCheck(step=self.step, h=h, std=ratio, target_std=1.0, ratio=ratio))
        for tensor in ("normalized_features", "projected_features"):
            self.say(grammar.EncoderGrad(tensor=tensor, max=0.01 + norm / 10, step=self.step, norm=0.01 + norm))
        for layer in ("gat", "0"):
            dead = Share(int(self.step % 3 == 0), 64)
            self.say(grammar.ActivationReport(layer=layer, step=self.step, mean=norm, std=1.0, dead_units=dead))
        self.say(
            grammar.InputReport(
                step=self.step, mean=0.0, std=1.0 + norm / 100, declared_mean=0.0, declared_std=1.0,
                worst_feature=f"feature_{self.step}", worst_mean=0.1, worst_std=1.0 + norm / 10,
            )
        )  # fmt: skip
        self.gradients(norm, none=0)
        for group in GROUPS:
            update = norm / 100
            self.say(
                grammar.WeightReport(
                    group=group,
                    step=self.step,
                    l2=9.0,
                    update=update,
                    ratio=update / 9,
                    unchanged=0.0,
                    stale_grad=0.0,
                )
            )
        self.say(grammar.Process(pid=7, rss_mb=100.0 + self.step % 7, ram_total_mb=16_000.0))
        self.say(grammar.Gpu(index=0, util_pct=90.0 + self.step % 5, used_mb=1_000.0, total_mb=8_000.0))
        self.say(grammar.Phase(name=self.phase, epoch=self.epoch, step=self.step, beat=1, run="run-1", pid=7))

    def gradients(self, norm: float, *, none: int | None = None, groups: tuple[str, ...] = GROUPS) -> None:
        """Write a report of the gradients; of some groups only, or without saying how many tensors have none."""
        each = [
            grammar.GroupGrad(group=group, max=norm, grad=Share(2, 2), small=0, none=none, norm=norm * (1 + number / 8))
            for number, group in enumerate(groups)
        ]
        self.say(grammar.GradReport(step=self.step, epoch=self.epoch, batch=1, groups=tuple(each)))

    def end_epoch(self, val_loss: float) -> None:
        self.say(epoch_end(self.epoch, val_loss=val_loss, epochs=9))
        self.say(grammar.Metrics(epoch=self.epoch, sharpe=0.5 + self.epoch / 100, ic=0.03))
        for h in (1, 5):
            ratio = 0.3 + self.epoch / 100
            self.say(grammar.HorizonMetrics(epoch=self.epoch, h=h, ic=ratio / 10, pred_std=ratio, target_std=1.0))
        self.epoch += 1

    def enter(self, phase: str) -> None:
        self.phase = phase
        self.say(grammar.Phase(name=phase, epoch=self.epoch, step=self.step, run="run-1", pid=7))

    def restart(self, *, is_announced: bool) -> None:
        self.step, self.epoch = 0, 1
        if is_announced:
            self.say(grammar.RunStart(run="run-1", pid=8, attempt=2))


trained = st.builds(
    lambda **how: lambda trainer: trainer.train(**how),
    count=st.integers(1, 120),
    every_s=st.sampled_from([2.0, 2.0, 2.5, 2.5, 30.0]),
    stride=st.sampled_from([1, 1, 7]),
    noise=st.sampled_from([0.02, 0.02, 0.03, 0.03, 0.0, 0.5]),
    spoil=st.sampled_from([*[""] * 9, "nan", "loss", "lr", "load_s", "grad_norm", "repeat", "layout"]),
)
checked = st.builds(
    lambda norm, ratio: lambda trainer: trainer.check(norm, ratio),
    st.sampled_from([0.1, 0.1, 0.12, 0.11, 0.0, math.nan]),
    st.sampled_from([0.3, 0.31, 0.001]),
)
slept = st.builds(
    lambda gap: lambda trainer: setattr(trainer, "now", trainer.now + gap),
    st.sampled_from([1.0, 90.0, 299.999, 300.0, 301.0, 5_000.0, -50.0]),
)
written = st.builds(
    lambda text: lambda trainer: trainer.write(text),
    st.sampled_from(
        [
            b"Traceback (most recent call last):\n  File x\nRuntimeError: CUDA out of memory\n",
            b"\rEpoch 1:  12%|##   | 60/500\rEpoch 1:  13%|##   | 61/500\n",
            b"Epoch 1:  12%|##   | " + format_line(START, grammar.Nonfinite(where="loss")).encode() + b"\n",
            b"\0\0\0\0",
            b"\x1b[31mred\x1b[0m\r\n",
            b"\xff\xfe no text\n   \n\n",
            b"data: reusing cached features\n",
            b"x" * 70_000 + b"\n",
            # What looks like a report of ours, and is not quite one.
            *(
                format_line(START, grammar.Model()).split(" ")[0].encode() + b" INFO " + text + b"\n"
                for text in (
                    b"[WEIGHT-MONITOR] group=gat step=1 l2=1e400 update=x",
                    b"[WEIGHT-MONITOR] group=gat l2=9.0 update=0.0 ratio=0.0 unchanged=1.0",
                    b"[ACTIVATION-MONITOR] layer=gat step=00 mean=1_0 std=1.0 dead_units=0/0",
                    b"[ENCODER-GRAD] normalized_features grad_norm=1e-02 max=inf step=99999999999999999999 norm=nan",
                    b"[TRAIN] epoch=1/9 batch=1/40 step=-5 loss=0.5 lr=0.001",
                    b"[GRAD-MONITOR] step=1 epoch=1 batch=1 gat:l2=1 max=1 grad=0/0 none=0 | gat:l2=2 max=2 grad=1/1",
                )
            ),
        ]
    ),
)
happened = st.sampled_from(
    [
        lambda trainer: trainer.gradients(0.1),
        lambda trainer: trainer.gradients(0.1, none=0, groups=("gat",)),
        lambda trainer: trainer.gradients(0.1, none=0, groups=("gat", "late")),
        lambda trainer: trainer.say(grammar.GradBelow(group="gat", threshold=1e-7, step=trainer.step, norm=1e-8)),
        lambda trainer: trainer.say(grammar.GuardCheck(step=trainer.step, h=1, ratio=0.3, extra=(("note", "a b"),))),
        lambda trainer: trainer.end_epoch(0.5),
        lambda trainer: trainer.end_epoch(math.nan),
        lambda trainer: trainer.enter("validate"),
        lambda trainer: trainer.enter("train"),
        lambda trainer: trainer.restart(is_announced=True),
        lambda trainer: trainer.restart(is_announced=False),
        lambda trainer: [trainer.say(reset(h=1, epoch=trainer.epoch)) for _ in range(12)],
        lambda trainer: trainer.say(grammar.Intent(frozen=("gat",))),
        lambda trainer: trainer.say(grammar.Intent(phase_change="unfreeze")),
        lambda trainer: trainer.say(setting("GRAD_MONITOR_WARN_NORM", "1e-3")),
        lambda trainer: trainer.say(grammar.RunEnd(status="failed")),
    ]
)


def healthily(trainer: Trainer) -> None:
    """Train on without faults."""
    trainer.train(30, every_s=2.0, stride=1, noise=0.02, spoil="")
    trainer.check(0.1, 0.3)


@st.composite
def logs(draw: st.DrawFn, most: int = 10) -> bytes:
    """Return the bytes of a log; its last line may lack its end."""
    trainer = Trainer(is_declared=draw(st.booleans()))
    healthily(trainer)
    acts = trained | trained | checked | st.just(healthily) | st.just(healthily) | slept | written | happened
    for act in draw(st.lists(acts, min_size=1, max_size=most)):
        act(trainer)
    return trainer.data[: len(trainer.data) - draw(st.sampled_from([0, 0, 1, 30]))]


def pipeline() -> Pipeline:
    return Pipeline("run.log", Engine(RULES))


def line_by_line(data: bytes, watching: Pipeline) -> list[Alert]:
    return [change for line in read_lines(io.BytesIO(data)) for change in watching.take(line)]


def in_stretches(data: bytes, cuts: list[int], watching: Pipeline) -> Iterator[Alert]:
    """Feed the bytes in chunks, as the replay does."""
    buffer = LineBuffer()
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for begin, end in pairwise(edges):
        for part in buffer.feed_stretch(data[begin:end]):
            yield from watching.take_all(part) if isinstance(part, Stretch) else watching.take(part)
    if rest := buffer.end():
        yield from watching.take(rest)


def followed(data: bytes, cuts: list[int], folder: Path) -> list[Alert]:
    """Watch a log that grows by these chunks, on a stopped clock; the first chunk was there before the watch."""
    log = folder / "run.log"
    log.unlink(missing_ok=True)
    watching = Watching(log, rules=RULES)
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for begin, end in pairwise(edges):
        watching.turn(data[begin:end])
    for line in watching.tail.finish():
        watching.heard.alerts += watching.pipeline.take(line)
    watching.tail.close()
    return watching.heard.alerts


def state(watching: Pipeline) -> str:
    return repr((watching.run, watching.states, watching.fired, list(watching.history)))


@THOROUGH
@given(logs(), st.lists(st.integers(0, 10**6), max_size=6))
def test_blocks_and_single_lines_leave_the_same_state(data, cuts):
    """The whole state, to the last bit, and every transition with its id and evidence; wherever the blocks end."""
    one, many = pipeline(), pipeline()
    changes = line_by_line(data, one)
    assert repr(list(in_stretches(data, cuts, many))) == repr(changes)
    assert state(many) == state(one)


@THOROUGH
@given(data=logs(most=6), cuts=st.lists(st.integers(0, 10**6), max_size=6))
def test_a_watch_gives_the_alerts_of_a_replay(data, cuts, tmp_path_factory):
    """However the log grows, and however much was there before, ids, times and evidence are the same."""
    folder = tmp_path_factory.mktemp("watch")
    said = followed(data, cuts, folder)
    assert _known(said) == _known(line_by_line(data, Pipeline(str(folder / "run.log"), Engine(RULES))))


def test_a_watch_fed_byte_by_byte_gives_the_alerts_of_a_replay(tmp_path):
    trainer = Trainer()
    trainer.train(3, every_s=2.0, stride=1, noise=0.02, spoil="nan")
    trainer.check(0.0, 0.001)
    trainer.write(b"\rEpoch 1:  12%|##   | 60/500\r\n\xff\n")
    trainer.now += 400.0
    trainer.end_epoch(0.5)
    said = followed(trainer.data, list(range(len(trainer.data))), tmp_path)
    assert said
    assert _known(said) == _known(line_by_line(trainer.data, Pipeline(str(tmp_path / "run.log"), Engine(RULES))))


def test_a_pattern_of_a_rule_is_found_in_lines_that_are_read_as_rows():
    trainer = Trainer()
    for _ in range(6):
        healthily(trainer)
    rules = [*RULES, rule(Match(kind="match", pattern=r"step=1[05]1 .*loss=0\.", above=0), name="Seen")]
    one, many = Pipeline("run.log", Engine(rules)), Pipeline("run.log", Engine(rules))
    changes = line_by_line(trainer.data, one)
    assert [change.rule for change in changes] == ["Seen"]
    assert repr(list(in_stretches(trainer.data, [], many))) == repr(changes)
    assert state(many) == state(one)


def _known(changes: list[Alert]) -> list[str]:
    """Return the transitions without ``needs``: only a watch knows which of them need its facts."""
    return [repr(replace(change, needs="")) for change in changes]


@THOROUGH
@given(logs(), st.integers(0, 10**6))
def test_a_saved_state_continues_as_if_uninterrupted(data, cut):
    """Between any two lines, run and alert states survive pickling, and the rest of the log gives the same alerts."""
    lines = list(read_lines(io.BytesIO(data)))
    whole, cut = pipeline(), cut % (len(lines) + 1)
    changes = [change for line in lines for change in whole.take(line)]
    first = pipeline()
    before = [change for line in lines[:cut] for change in first.take(line)]
    run, states = pickle.loads(pickle.dumps((first.run, first.states)))
    second = Pipeline("run.log", Engine(RULES), run=run, states=states, fired=first.fired, history=first.history)
    after = [change for line in lines[cut:] for change in second.take(line)]
    assert repr(before + after) == repr(changes)
    assert state(second) == state(whole)


def test_a_healthy_log_is_judged_at_few_of_its_lines(monkeypatch):
    """Otherwise the other tests in this file would not exercise blocks."""
    trainer = Trainer()
    for epoch in range(4):
        for _ in range(4):
            healthily(trainer)
        trainer.enter("validate")
        trainer.end_epoch(0.5 - epoch / 50)
        trainer.enter("train")
    judged: list[object] = []
    step = Engine.step
    monkeypatch.setattr(Engine, "step", lambda *args, **more: judged.append(args) or step(*args, **more))
    watching = pipeline()
    assert list(in_stretches(trainer.data, [], watching)) == []
    assert len(judged) < watching.run.lines / 10
