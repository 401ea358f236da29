"""The native grammar: every kind of line the trainer writes and the monitor reads, defined once for both.

A line is ``2025-10-30T23:40:51.123Z INFO [TAG] text``. Two laws hold: reading a written line gives the record
back on its full-precision keys, and writing a line of ours that was read gives the same bytes.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from monitor.grammar.fields import PerHorizon, Share, Words, leading_pairs
from monitor.grammar.record import Record, line

__all__ = ["LogLine", "PerHorizon", "Record", "Share", "Words", "find_line", "format_line", "minute_ms", "parse_line"]

# ---- the run: identity, settings, what is deliberate


@line("RUN", "start")
class RunStart(Record):
    """A trainer begins (or begins again: ``attempt`` counts from 1)."""

    run: str
    pid: int | None = None
    host: str | None = None
    cmd: str | None = None
    attempt: int | None = None


@line("RUN", "end")
class RunEnd(Record):
    """A trainer has ended: ``status`` is completed, stopped or failed."""

    status: str
    epochs: int | None = None
    best_epoch: int | None = None
    best_val_loss: float | None = None
    seconds: float | None = None
    error: str | None = None


@line("CONFIG", "unused={unused}", level="WARNING")
class ConfigUnused(Record):
    """A variable that looks like ours is set and read by nothing."""

    unused: str


@line("CONFIG", "ignored={ignored}", level="WARNING")
class ConfigIgnored(Record):
    """A setting that was asked for and overridden."""

    ignored: str
    asked: str | None = None
    used: str | None = None


@line("CONFIG", "{key}={value}")
class Config(Record):
    """One effective setting; ``source`` is default, file, env or cli."""

    key: str
    value: str
    source: str | None = None


@line("INTENT")
class Intent(Record):
    """What is deliberate, so that no rule takes it for a fault."""

    frozen: Words | None = None
    accumulate: int | None = None
    base_lr: float | None = None
    min_lr: float | None = None
    warmup_start: float | None = None
    warmup_steps: int | None = None
    schedule: str | None = None
    total_steps: int | None = None
    clip: float | None = None
    no_grad_expected: Words | None = None
    epochs: int | None = None
    cadence_train: int | None = None
    cadence_grad: int | None = None
    phase_change: str | None = None
    data_change: str | None = None
    pause: str | None = None
    expected_s: float | None = None
    resume_from: int | None = None
    device: str | None = None
    not_logged: Words | None = None


# ---- the data and the model


@line("DATA")
class Data(Record):
    """What is trained on; train, valid and test are ``date..date``."""

    rows_used: int | None = None
    rows_available: int | None = None
    dates: int | None = None
    codes: int | None = None
    features: int | None = None
    targets: Words | None = None
    train: str | None = None
    valid: str | None = None
    test: str | None = None
    embargo_days: int | None = None
    batch_size: int | None = None
    workers: int | None = None
    persistent: bool | None = None
    precision: str | None = None
    source: str | None = None
    source_mtime: str | None = None
    fingerprint: str | None = None


@line("DATA-CHECK")
class DataCheck(Record):
    """Health of the data: at the start and in each epoch."""

    features_dead: Share | None = None
    names: Words | None = None
    nonfinite_share: float | None = None
    label_coverage: PerHorizon | None = None
    graph_nodes: int | None = None
    graph_edges: int | None = None
    graph_mean_degree: float | None = None
    graph_index_share: float | None = None


@line("TARGET", "horizon_{h}: mean={mean:.6f}, std={std:.6f}", short_only=("mean", "std"))
class Target(Record):
    """The normalisation really applied to one horizon's targets."""

    h: int
    mean: float
    std: float


@line("MODEL", "group={group}")
class ModelGroup(Record):
    """One gradient group; ``depth`` counts from the input."""

    group: str
    tensors: int | None = None
    parameters: int | None = None
    trainable: int | None = None
    depth: int | None = None


@line("MODEL")
class Model(Record):
    """The whole model."""

    parameters: int | None = None
    tensors: int | None = None
    trainable: int | None = None


# ---- progress


@line("PHASE")
class Phase(Record):
    """A change of phase, or a heartbeat within one (from a side thread: it proves only that the process lives)."""

    name: str
    epoch: int | None = None
    step: int | None = None
    beat: int | None = None
    done: int | None = None
    total: int | None = None
    main_idle_s: float | None = None
    run: str | None = None
    pid: int | None = None


@line("TRAIN")
class Train(Record):
    """Progress within an epoch; each loss term is an extra key."""

    epoch: Share
    batch: Share
    step: int
    loss: float | None
    """None only on a line of another trainer, which may report a step without one."""
    lr: float | None = None
    s_per_batch: float | None = None
    load_s: float | None = None
    samples_per_s: float | None = None
    grad_norm: float | None = None
    skipped: int | None = None
    skips_in_row: int | None = None


@line("FLOOR")
class Floor(Record):
    """The loss of a constant prediction under the present weights."""

    loss_floor: float


@line(
    "EPOCH",
    "Epoch {epoch}: Train Loss={train_loss:.4f}, Val Loss={val_loss:.4f}, LR={lr:.2e}",
)
class Epoch(Record):
    """The end of an epoch."""

    epoch: Share
    train_loss: float | None
    val_loss: float | None
    lr: float | None
    seconds: float | None = None
    resets: int | None = None


@line("METRICS", "Sharpe Ratio: {sharpe:.4f}")
class Metrics(Record):
    """Validation metrics over all horizons at the end of an epoch."""

    epoch: int
    sharpe: float
    ic: float | None = None
    rank_ic: float | None = None
    hit_rate: float | None = None
    n_days: int | None = None
    definition: str | None = None


@line("METRICS")
class HorizonMetrics(Record):
    """Validation metrics of one horizon; ``ratio`` is pred_std / target_std."""

    epoch: int
    h: int
    sharpe: float | None = None
    ic: float | None = None
    rank_ic: float | None = None
    hit_rate: float | None = None
    pred_std: float | None = None
    target_std: float | None = None
    ratio: float | None = None
    r2: float | None = None


# ---- gradients, weights, activations, inputs


@line("ENCODER-GRAD", "{tensor} grad_norm={norm:.3e} max={max:.3e}", short_only=("max",))
class EncoderGrad(Record):
    """Gradient that reached one tensor of the encoder."""

    tensor: str
    max: float
    step: int | None = None
    norm: float


@line("", "{group}:l2={norm:.2e} max={max:.2e} grad={grad}", short_only=("max",))
class GroupGrad(Record):
    """One group within a gradient report.

    ``small`` counts tensors (or per-feature slices of grouped tensors) with a norm below GRAD_MONITOR_WARN_NORM,
    ``none`` those without a gradient, ``nonfinite`` elements that are nan or infinite.
    """

    group: str
    max: float
    grad: Share
    small: int | None = None
    none: int | None = None
    mean_abs: float | None = None
    nonfinite: int | None = None
    norm: float


@line("GRAD-MONITOR")
class GradReport(Record):
    """Gradients of every group, after unscaling and before clipping."""

    step: int
    epoch: int
    batch: int
    groups: tuple[GroupGrad, ...] = ()

    def text(self) -> str:
        """Return ``step= epoch= batch= group:l2=... | group:l2=...``."""
        return " ".join(filter(None, [super().text(), " | ".join(group.text() for group in self.groups)]))

    @classmethod
    def from_text(cls, text: str) -> GradReport | None:
        """Read a report; None where the line is a warning."""
        pairs, rest = leading_pairs(text)
        if not pairs or pairs[0][0] != "step":
            return None
        parts = _GROUP.findall(rest)
        groups = tuple(filter(None, (GroupGrad.from_text(part.strip()) for part in parts)))
        if "|".join(parts) != rest or len(groups) != len(parts):
            raise ValueError("a group that is not name:l2= max= grad=")
        return cls._from_pairs({}, pairs, groups=groups)


# A quote that never closes takes the rest, so that a hostile line is read in one pass.
_GROUP = re.compile(r'(?:"(?:[^"\\]|\\.)*+(?:"|$)|[^"|])+')


@line("GRAD-MONITOR", "{group}: norm {norm:.2e} < {threshold}", level="WARNING")
class GradBelow(Record):
    """A group whose gradient is below the warning level; one reading with the report of the same step."""

    group: str
    threshold: float
    step: int | None = None
    norm: float


@line("GRAD-MONITOR", "{group}: norm {norm}", level="WARNING")
class GradNonfinite(Record):
    """A group whose gradient is nan or infinite."""

    group: str
    norm: float
    step: int | None = None


@line("WEIGHT-MONITOR")
class WeightReport(Record):
    """Weights of one group; ``update`` is the norm of the last step, ``ratio`` update / l2."""

    group: str
    step: int | None = None
    l2: float | None = None
    update: float | None = None
    ratio: float | None = None
    unchanged: float | None = None
    nonfinite: int | None = None
    stale_grad: float | None = None


@line("ACTIVATION-MONITOR")
class ActivationReport(Record):
    """Outputs of one watched layer."""

    layer: str
    step: int | None = None
    mean: float | None = None
    std: float | None = None
    dead_units: Share | None = None
    saturated: int | None = None


@line("INPUT-MONITOR")
class InputReport(Record):
    """A batch's inputs against the declared normalisation."""

    step: int | None = None
    mean: float | None = None
    std: float | None = None
    declared_mean: float | None = None
    declared_std: float | None = None
    worst_feature: str | None = None
    worst_mean: float | None = None
    worst_std: float | None = None


# ---- the degeneracy guard


@line("DEGENERACY-GUARD", "check")
class GuardCheck(Record):
    """The guard looked: its own heartbeat."""

    step: int | None = None
    h: int
    std: float | None = None
    target_std: float | None = None
    ratio: float | None = None
    strikes: Share | None = None


@line("DEGENERACY-GUARD", "prediction head reset applied (h={h}, scale={scale})", level="WARNING")
class GuardReset(Record):
    """One reset of the prediction heads, whatever the horizon that caused it."""

    h: int
    scale: float
    step: int | None = None
    epoch: int | None = None
    recover_within_steps: int | None = None


@line("DEGENERACY-GUARD", "recovered")
class GuardRecovered(Record):
    """Predictions vary again after a reset."""

    h: int
    std: float | None = None
    step: int | None = None


@line("DEGENERACY-GUARD", "reset failed to restore variance", level="WARNING")
class GuardFailed(Record):
    """A reset that did not help within its declared steps."""

    h: int
    std: float | None = None
    step: int | None = None


# ---- the machine and the end


@line("PROC", "gone", level="WARNING")
class ProcessGone(Record):
    """The training process is no more, seen from outside; ``how`` is exited, killed, zombie or gone (nobody knows)."""

    pid: int
    how: str
    status: int | None = None
    signal: str | None = None
    oom_kills: int | None = None


@line("PROC")
class Process(Record):
    """The training process as the operating system sees it."""

    pid: int
    stat: str | None = None
    cpu_pct: float | None = None
    rss_mb: float | None = None
    ram_total_mb: float | None = None
    etime_s: float | None = None
    cmd: str | None = None


@line("GPU")
class Gpu(Record):
    """One graphics processor as its driver sees it."""

    name: str | None = None
    index: int | None = None
    util_pct: float | None = None
    used_mb: float | None = None
    total_mb: float | None = None
    reserved_mb: float | None = None
    temp_c: float | None = None
    power_w: float | None = None


@line("LOG", "lost", level="WARNING")
class LogLost(Record):
    """Bytes of the log that were destroyed before anybody read them; the monitor's own fact, in its facts file."""

    bytes: int
    how: str


@line("CHECKPOINT", "conflict", level="WARNING")
class CheckpointConflict(Record):
    """A second run asked for a checkpoint folder that another run holds."""

    holder: str
    path: str | None = None


@line("CHECKPOINT")
class Checkpoint(Record):
    """A checkpoint was saved or loaded."""

    action: str
    path: str | None = None
    epoch: int | None = None
    step: int | None = None
    bytes: int | None = None
    seconds: float | None = None
    sha256: str | None = None


@line("NONFINITE", level="WARNING")
class Nonfinite(Record):
    """Non-finite numbers were met; ``action`` says what was done about them."""

    where: str
    count: int | None = None
    step: int | None = None
    action: str | None = None


@line("ERROR", level="ERROR")
class Error(Record):
    """What ended the run; a traceback follows."""

    type: str
    message: str | None = None
    step: int | None = None


# ---- lines


@line("")
class Unknown(Record):
    """A line in our form whose tag nobody knows, or whose text breaks its tag's grammar."""

    tag: str
    content: str
    problem: str | None = None

    def text(self) -> str:
        """Return the content as it was read."""
        return self.content


RECORD_TYPES: tuple[type[Record], ...] = (
    *(RunStart, RunEnd, ConfigUnused, ConfigIgnored, Config, Intent),
    *(Data, DataCheck, Target, ModelGroup, Model),
    *(Phase, Train, Floor, Epoch, Metrics, HorizonMetrics),
    *(EncoderGrad, GradReport, GradBelow, GradNonfinite, WeightReport, ActivationReport, InputReport),
    *(GuardCheck, GuardReset, GuardRecovered, GuardFailed),
    *(ProcessGone, Process, Gpu, LogLost, CheckpointConflict, Checkpoint, Nonfinite, Error),
)
"""Every record type; of two with the same tag, the one tried first comes first."""

_BY_TAG: dict[str, tuple[type[Record], ...]] = {
    tag: tuple(each for each in RECORD_TYPES if tag == each.TAG) for tag in {each.TAG for each in RECORD_TYPES}
}

_HEAD = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d):([0-5]\d\.\d{3})Z ([A-Z]+) \[([A-Za-z0-9_.:-]+)\](?: |$)")


class LogLine(NamedTuple):
    """One native line, read."""

    at: float
    """Seconds since 1970-01-01 UTC, to the millisecond."""
    level: str
    """INFO, WARNING or ERROR; no health signal by itself."""
    record: Record


def format_line(at: float, record: Record, *, level: str | None = None) -> str:
    """Return the line for a record, without a line feed; the level is the record type's unless given."""
    seconds, milliseconds = divmod(round(at * 1000), 1000)
    stamp = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    tag = record.tag if isinstance(record, Unknown) else record.TAG
    text = record.text()
    return f"{stamp}.{milliseconds:03d}Z {level or record.LEVEL} [{tag}]{' ' + text if text else ''}"


def parse_line(data: bytes) -> LogLine | None:
    """Read one line without its line feed; None where it is not in our form."""
    return _read(_HEAD.match(data), data)


def find_line(data: bytes) -> LogLine | None:
    """Read the first native line that begins in these bytes (behind a progress bar, say); None where none does."""
    # Most lines of a log are none of ours; a plain search says so ten times as fast.
    return _read(_HEAD.search(data), data) if b"Z " in data else None


def _read(head: re.Match[bytes] | None, data: bytes) -> LogLine | None:
    if head is None:
        return None
    try:
        at = (minute_ms(head[1]) + round(1000 * float(head[2]))) / 1000
    except ValueError:
        return None
    tag, text = head[4].decode("ascii"), data[head.end() :].decode("utf-8", "replace")
    level = head[3].decode("ascii")
    return LogLine(at, level, _read_record(tag, level, text))


@lru_cache(maxsize=256)
def minute_ms(minute: bytes) -> int:
    """Return the time of ``2025-10-30T23:40`` in milliseconds since 1970. Raises ValueError where there is none."""
    return round(datetime.fromisoformat(f"{minute.decode('ascii')}:00+00:00").timestamp()) * 1000


def _read_record(tag: str, level: str, text: str) -> Record:
    """Read a text as the first type of its tag that fits, types of the line's own level first."""
    problem = None
    record_types = _BY_TAG.get(tag, ())
    if len(record_types) > 1:
        record_types = tuple(sorted(record_types, key=lambda each: level != each.LEVEL))
    for record_type in record_types:
        try:
            record = record_type.from_text(text)
        except ValueError as error:
            problem = problem or str(error)
            continue
        if record is not None:
            return record
    return Unknown(tag=tag, content=text, problem=problem)


def body_of(record: Record) -> str:
    """Return level, tag and text."""
    return format_line(0.0, record).partition(" ")[2]
