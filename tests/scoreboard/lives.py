"""Runs that stall, hang, die or go wrong in other ways, as stories; and healthy runs that only look like it.

Each function writes a run until after the fault, and returns when the fault began, how soon it must be detected, and
until when the monitor watches.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from monitor import grammar
from tests.scoreboard.story import BATCHES, GRAD_EVERY, TRAIN_EVERY, Story, StoryItem

STORY = "story"
"""The architecture in the job of a story, which has no network."""
POLL_S = 2.0
TRACEBACK = (
    "Traceback (most recent call last):",
    '  File "train.py", line 88, in <module>',
    "RuntimeError: shapes (64, 12) and (13, 16) do not fit",
)


class Life(NamedTuple):
    """One story with its fault."""

    story: Story
    onset_at: float
    bound_s: float
    until: float
    """When the monitor stops watching."""


class LifeKind(NamedTuple):
    """One kind of fault that needs no training."""

    number: int
    name: str
    what: str
    bound: str
    """The bound in the list of kinds."""
    tell: Callable[[random.Random], Life]


def stall_silent(draw: random.Random) -> Life:
    """Nothing more is written, in training or while saving."""
    story = _begun(draw)
    if draw.random() < 0.5:
        story.phase("checkpoint")
    return Life(story, story.now, 300 + POLL_S, story.now + 700)


def soft_hang(draw: random.Random) -> Life:
    """Heartbeats continue, but no step does, or no piece of the validation."""
    story = _begun(draw)
    slowest_s = 1.15 * TRAIN_EVERY * story.step_s
    allowed_s = min(max(90.0, 6 * slowest_s), max(900.0, 3 * slowest_s))
    if draw.random() < 0.5:
        story.train(BATCHES - story.step % BATCHES - 1)
        story.phase("validate", total=10)
        onset, name, done = story.now, "validate", 0
        allowed_s = max(allowed_s, 90.0)
    else:
        onset, name, done = story.now, "train", story.step % BATCHES
    story.idle_until(story.now + 1800, name=name, done=done, total=10 if name == "validate" else BATCHES)
    # The heartbeat that shows the silence to be too long may be 20 s away.
    return Life(story, onset, allowed_s + 20 + POLL_S, story.now)


def crash(draw: random.Random) -> Life:
    """A failed end; or, without an end line, a traceback, a killed worker, out of memory or a killed process."""
    story, way = _begun(draw), draw.randrange(5)
    onset = story.now
    if way == 0:
        story.write(grammar.Error(type="RuntimeError", message="shapes do not fit", step=story.step))
        story.write_text(*TRACEBACK)
        story.end("failed", error="RuntimeError")
        return Life(story, onset, POLL_S, onset + 60)
    if way == 4:
        story.fact(grammar.ProcessGone(pid=story.pid, how="killed", signal="SIGKILL"))
        return Life(story, onset, 5 + POLL_S, onset + 60)
    story.write_text(
        *(
            TRACEBACK,
            ("RuntimeError: DataLoader worker (pid 4711) is killed by signal: Killed.",),
            ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB",),
        )[way - 1]
    )
    # Only the missing next step, within a minute, tells it apart from an error that was caught.
    return Life(story, onset, max(60.0, 3 * 1.15 * TRAIN_EVERY * story.step_s) + POLL_S, onset + 400)


def restart_loop(draw: random.Random) -> Life:
    """The run starts three times and never gets further than before."""
    story = _begun(draw, steps=draw.randrange(8, 30))
    reached, onset = story.step, 0.0
    for attempt in (2, 3):
        story.now += draw.uniform(5, 60)
        story.pid += 1
        story.epoch, story.step = 1, 0
        story.start(attempt=attempt)
        onset = onset or story.now
        story.train(max(TRAIN_EVERY, reached - draw.randrange(0, 5)))
    third_at = [item.at for item in story.items if "[RUN] start" in item.text][2]
    return Life(story, onset, third_at - onset + POLL_S, story.now)


def gpu_underuse(draw: random.Random) -> Life:
    """A GPU that was busy becomes mostly idle, while steps continue."""
    story = Story(draw, epochs=99, device="cuda:0")
    story.start()
    _train_for(story, 500)
    onset, story.util_pct = story.now, draw.uniform(15, 52)
    _train_for(story, 900)
    return Life(story, onset, 300 + 20 + POLL_S, story.now)


def memory_growth(draw: random.Random) -> Life:
    """Memory grows from the second epoch on by a point or more per minute."""
    story = Story(draw, epochs=99)
    story.start()
    story.train(2 * BATCHES)
    onset, by_mb = story.now, draw.uniform(80, 200)
    for _ in range(60):
        _train_for(story, 20)
        story.rss_mb += by_mb
    # Ten windows of two reports, one every 20 s, and one interval.
    return Life(story, onset, 10 * 2 * 20 + 2 * 20 + POLL_S, story.now)


def two_writers(draw: random.Random) -> Life:
    """A second process writes to the same log."""
    story, other = _begun(draw), Story(draw)
    other.now = onset = story.now + draw.uniform(1, 5)
    other.start()
    other.train(20)
    story.train(40)
    story.items = sorted([*story.items, *other.items], key=lambda item: item.at)
    return Life(story, onset, 60.0, max(story.now, other.now))


def evidence_gap(draw: random.Random) -> Life:
    """Gradient reports end, as after the loss of a hook; everything else continues."""
    story = _begun(draw)
    last_report = story.items[-1].at
    story.has_reports = False
    story.train(6 * GRAD_EVERY)
    # Two cadences, and the progress line that shows they are over.
    return Life(story, last_report, (2 * GRAD_EVERY + TRAIN_EVERY + 1) * 1.15 * story.step_s + 60, story.now)


def evidence_lost(draw: random.Random) -> Life:
    """Bytes of the log are destroyed before they are read."""
    story = _begun(draw)
    story.items.append(StoryItem(story.now, str(draw.randrange(100, 90_000)), "lost"))
    onset = story.now
    story.train(20)
    return Life(story, onset, POLL_S, story.now)


def ended_early(draw: random.Random) -> Life:
    """The run ends by itself before the declared epochs, or falls back to another loop."""
    story, is_fallback = _begun(draw), draw.random() < 0.5
    # A line without a time has the time of the line before.
    onset = story.items[-1].at if is_fallback else story.now
    if is_fallback:
        story.write_text("WARNING phase training failed: broken pipe; falling back to the simple loop")
        story.train(10)
    else:
        story.end()
    return Life(story, onset, POLL_S, story.now)


def config_ignored(draw: random.Random) -> Life:
    """A variable that no code reads, a setting that is overridden, or one that is not in the log."""
    story, way = Story(draw), draw.randrange(3)
    cmd = "train.py --lr 0.01 --dropout 0.5" if way == 2 else "train.py --lr 0.01"
    story.write(grammar.RunStart(run=story.run, pid=story.pid, host="h", cmd=cmd, attempt=1))
    story.write(grammar.Config(key="lr", value="0.01", source="cli"))
    onset = story.now
    if way == 0:
        story.write(grammar.ConfigUnused(unused="TRAINER_LOSS_WEIGHT"))
    elif way == 1:
        story.write(grammar.ConfigIgnored(ignored="batch_size", asked="8", used="32"))
    story.declare()
    story.train(10)
    return Life(story, onset, 60.0, story.now)


def stale_source(draw: random.Random) -> Life:
    """An undeclared checkpoint, or data that changed during the run."""
    story, way = Story(draw), draw.randrange(2)
    story.write(grammar.RunStart(run=story.run, pid=story.pid, host="h", cmd="train.py", attempt=1))
    onset = story.now
    if way == 0:
        story.write(grammar.Checkpoint(action="load", path="old/step_000120.ckpt", epoch=2, step=2 * BATCHES))
        story.epoch, story.step = 3, 2 * BATCHES
        story.declare()
    else:
        story.write(grammar.Data(rows_used=1000, fingerprint="aaaa1111"))
        story.declare()
        story.train(10)
        onset = story.now
        story.write(grammar.Data(rows_used=1000, fingerprint="bbbb2222"))
    story.train(10)
    return Life(story, onset, 60.0, story.now)


def metric_nonfinite(draw: random.Random) -> Life:
    """A score of the validation is nan from some epoch on, while the loss falls."""
    story = Story(draw, epochs=99)
    story.start()
    story.train(BATCHES)
    for epoch in range(1, 3):
        story.write(grammar.Metrics(epoch=epoch, sharpe=draw.uniform(0.1, 0.2), ic=draw.uniform(0.01, 0.02)))
    onset = story.now
    for epoch in range(3, 6):
        story.write(grammar.Metrics(epoch=epoch, sharpe=draw.uniform(0.1, 0.2), ic=float("nan")))
        story.train(BATCHES)
    return Life(story, onset, 3 * BATCHES * 1.15 * story.step_s + 60, story.now)


def reward_collapse(draw: random.Random) -> Life:
    """The mean reward of another trainer's log falls to its lowest level and stays, while the loss stays small."""
    return _policy(draw, reports=40, reward=lambda i: 0.0 if i >= 25 else 0.2 + 0.02 * i, kl=lambda i: 0.02)


def kl_explosion(draw: random.Random) -> Life:
    """The divergence from the reference policy explodes while the reward still grows."""
    return _policy(draw, reports=35, reward=lambda i: 0.2 + 0.02 * i, kl=lambda i: 1.0 + i if i >= 25 else 0.02)


def _policy(draw: random.Random, *, reports: int, reward: Callable[[int], float], kl: Callable[[int], float]) -> Life:
    """Write the log of a policy's training, whose fault begins with report 25."""
    story, onset = Story(draw), 0.0
    for index in range(reports):
        onset = story.now if index == 25 else onset
        clock = f"{datetime.fromtimestamp(story.now, UTC):%Y-%m-%d %H:%M:%S}"
        figures = f"mean_reward={reward(index) + draw.gauss(0, 0.01):.4f} kl={kl(index) * draw.uniform(0.8, 1.2):.5f}"
        story.write_text(f"{clock} INFO step={index + 1} loss={draw.gauss(0, 0.01):.5f} {figures}")
        story.now += 10.0
    return Life(story, onset, 110.0, story.now)


def score_collapse(draw: random.Random) -> Life:
    """The validation's accuracy falls in another trainer's log and stays there, while both losses go on as before."""
    story, onset = Story(draw), 0.0
    for index in range(40):
        onset = story.now if index == 25 else onset
        clock = f"{datetime.fromtimestamp(story.now, UTC):%Y-%m-%d %H:%M:%S}"
        left = 0.9**index
        accuracy = (0.9 - 0.4 * left if index < 25 else 0.6) + draw.gauss(0, 0.004)
        losses = f"train_loss={0.3 + left + draw.gauss(0, 0.01):.4f} val_loss={0.4 + left + draw.gauss(0, 0.01):.4f}"
        story.write_text(f"{clock} INFO Epoch {index + 1}/60 {losses} val_accuracy={accuracy:.4f}")
        story.now += 10.0
    return Life(story, onset, 110.0, story.now)


def writer_broken(draw: random.Random) -> Life:
    """Lines with our tags that cannot be read: an error with words behind it, or every progress line."""
    story, is_error = _begun(draw), draw.random() < 0.5
    onset = story.items[-1].at
    head = grammar.format_line(story.now, grammar.LogLost(bytes=0, how="")).partition(" ")[0]
    if is_error:
        story.write_text(f'{head} ERROR [ERROR] type=RuntimeError message="shapes differ" see above')
    else:
        for step in range(3):
            story.write_text(f"{head} INFO [TRAIN] epoch=2/3 batch=9/40 step={story.step + step}.0 loss=0.5")
    story.train(10)
    return Life(story, onset, 60.0, story.now)


LIVES: tuple[LifeKind, ...] = (
    LifeKind(26, "stall_silent", "no more bytes, in training or while saving", "300 s + poll", stall_silent),
    LifeKind(27, "soft_hang", "only heartbeats, in training or validation", "as stated", soft_hang),
    LifeKind(28, "crash", "failed end, traceback, killed worker, out of memory, killed process", "poll", crash),
    LifeKind(29, "restart_loop", "three starts without a higher step", "third start", restart_loop),
    LifeKind(30, "gpu_underuse", "a GPU at 15 to 52 %", "5 min", gpu_underuse),
    LifeKind(32, "memory_growth", "half a point to over a point per report", "10 windows", memory_growth),
    LifeKind(33, "two_writers", "a second process in the same log", "L", two_writers),
    LifeKind(34, "evidence_gap", "gradient reports end", "2 cadences", evidence_gap),
    LifeKind(36, "config_ignored", "a setting unread, overridden or not logged", "start", config_ignored),
    LifeKind(37, "stale_source", "an undeclared checkpoint, data that changed", "start", stale_source),
    LifeKind(38, "ended_early", "an early end, a fallback loop", "end", ended_early),
    LifeKind(40, "evidence_lost", "bytes destroyed unread", "at once", evidence_lost),
    LifeKind(41, "metric_nonfinite", "a score that is nan from some epoch on", "2 validations", metric_nonfinite),
    LifeKind(42, "reward_collapse", "a mean reward at its lowest level", "10 reports", reward_collapse),
    LifeKind(43, "kl_explosion", "a divergence far above its median", "5 reports", kl_explosion),
    LifeKind(47, "writer_broken", "lines with our tags that cannot be read", "3 lines", writer_broken),
    LifeKind(48, "score_collapse", "an accuracy that falls while the losses do not", "10 reports", score_collapse),
)


# ---- healthy stories that only look faulty


def quiet_validation(draw: random.Random) -> Life:
    """Validations that write nothing for up to five minutes."""
    story = _begun(draw)
    for _ in range(3):
        story.train(BATCHES - story.step % BATCHES - 1)
        story.now += draw.uniform(60, 290)
        story.train(1)
    return _healthy(story)


def caught_traceback(draw: random.Random) -> Life:
    """A traceback of a caught error: steps follow."""
    story = _begun(draw)
    story.write_text(*TRACEBACK)
    story.train(60)
    return _healthy(story)


def declared_resume(draw: random.Random) -> Life:
    """Stopped on request and resumed after the declared step, twice."""
    story = _begun(draw)
    for attempt in (2, 3):
        story.end("stopped")
        story.now += draw.uniform(10, 4000)
        story.pid += 1
        story.start(attempt=attempt, resume_from=story.step)
        story.train(draw.randrange(40, 90))
    return _healthy(story)


def slow_load(draw: random.Random) -> Life:
    """Ten minutes of loading, with heartbeats and progress."""
    story = Story(draw)
    story.start()
    story.phase("fit_scaler", seconds=600, total=40)
    story.train(3 * BATCHES)
    return _healthy(story)


def uneven_steps(draw: random.Random) -> Life:
    """Every tenth step takes four times as long."""
    story = _begun(draw)
    for _ in range(20):
        story.train(9)
        usual_s, story.step_s = story.step_s, 4 * story.step_s
        story.train(1)
        story.step_s = usual_s
    return _healthy(story)


def busy_gpu(draw: random.Random) -> Life:
    """A GPU that idles during validations and saves."""
    story = Story(draw, epochs=99, device="cuda:0")
    story.start()
    for _ in range(6):
        _train_for(story, 200)
        busy_pct, story.util_pct = story.util_pct, 5.0
        story.phase("checkpoint", seconds=45)
        story.util_pct = busy_pct
    return _healthy(story)


QUIET: dict[str, Callable[[random.Random], Life]] = {
    each.__name__: each
    for each in (quiet_validation, caught_traceback, declared_resume, slow_load, uneven_steps, busy_gpu)
}
"""Stories without a fault."""


def _begun(draw: random.Random, *, steps: int | None = None) -> Story:
    """Return a healthy run in its second or third epoch, or after a number of steps."""
    story = Story(draw)
    story.start()
    story.train(draw.randrange(70, 170) if steps is None else steps)
    return story


def _train_for(story: Story, seconds: float) -> None:
    end = story.now + seconds
    while story.now < end:
        story.train(1)


def _healthy(story: Story) -> Life:
    return Life(story, 0.0, 0.0, story.now)
