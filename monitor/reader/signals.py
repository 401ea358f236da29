"""The catalogue of signals: which numbers each record yields, under which name and labels.

Rules name signals, never lines, so that a rule works on any trainer whose lines can be read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import NamedTuple

from monitor import grammar
from monitor.grammar import Record, Share
from monitor.reader.causes import Cause, Effect
from monitor.reader.endings import Ending, ending_of

Labels = tuple[tuple[str, str], ...]
"""Label names and values, in the order of the catalogue."""


class Sample(NamedTuple):
    """One number, as one line gave it."""

    signal: str
    labels: Labels
    value: float


class Signal(NamedTuple):
    """What the catalogue knows of a signal."""

    name: str
    tag: str
    """The tag whose lines have it; empty for lines outside the grammar."""
    labels: tuple[str, ...] = ()
    is_event: bool = False
    """Counted rather than measured: its value is always 1."""
    switch: str | None = None
    """The setting that turns it off when it is 0 or false."""
    cadence: str | None = None
    """``train`` or ``grad``: reported every so many steps, as INTENT declares; ``epoch``: once per epoch; ``once``:
    when an attempt starts or ends, and good for all of it."""

    @property
    def kind(self) -> str:
        """How long a line of it counts as evidence.

        ``once``: until the attempt ends. ``event``: for its moment; that none happens is shown by its heartbeat.
        ``periodic``: until the next report is overdue. A measurement is never ``once``.
        """
        return "once" if self.cadence == "once" else "event" if self.is_event else "periodic"

    @property
    def is_timed(self) -> bool:
        """Whether its lines come by the clock, no matter what the steps do."""
        return self.tag in _BY_CLOCK


_BY_CLOCK = frozenset({grammar.Process.TAG, grammar.Gpu.TAG, grammar.Phase.TAG})
"""Tags of samples and heartbeats: every 30 s."""


class _Fields(NamedTuple):
    """Which fields of a record are signals: ``prefix.field``, labelled by other fields."""

    prefix: str
    fields: tuple[str, ...]
    labels: tuple[str, ...] = ()
    cadence: str | None = None
    switch: str | None = None


_PORTFOLIO = ("sharpe_apart", "sharpe_net", "turnover")
_COVERAGE = ("coverage_80", "coverage_50")
_MEASURED: dict[type[Record], _Fields] = {
    grammar.Train: _Fields(
        "train",
        (
            *("loss", "lr", "grad_norm", "s_per_batch", "load_s", "samples_per_s", "skipped", "skips_in_row"),
            *("mean_loss", "max_loss", "run_delay_s"),
        ),
        cadence="train",
    ),
    grammar.Epoch: _Fields("epoch", ("train_loss", "val_loss", "lr", "seconds", "resets"), cadence="epoch"),
    grammar.Metrics: _Fields(
        "metric",
        ("sharpe", "ic", "rank_ic", "hit_rate", "n_days", "n_undefined", *_PORTFOLIO, *_COVERAGE),
        cadence="epoch",
    ),
    grammar.HorizonMetrics: _Fields(
        "horizon",
        (
            *("sharpe", "ic", "rank_ic", "hit_rate", "pred_std", "target_std", "ratio", "r2", "n_days", "n_undefined"),
            *("sharpe_se", "ic_se", "ic_ir", "ic_t", "rank_ic_se", "rank_ic_ir", "rank_ic_t"),
            *(*_PORTFOLIO, *_COVERAGE),
        ),
        ("h",),
        cadence="epoch",
    ),
    grammar.SelectionShare: _Fields("selection", ("share", "relative", "highest"), ("feature",), cadence="epoch"),
    grammar.AttentionLags: _Fields("attention", ("mean_lag", "older"), cadence="epoch"),
    grammar.EncoderGrad: _Fields(
        "encoder_grad", ("norm", "max"), ("tensor",), cadence="grad", switch="ENABLE_ENCODER_GRAD_HOOKS"
    ),
    grammar.GroupGrad: _Fields(
        "grad",
        ("l2", "max", "tensors", "small", "none", "mean_abs", "nonfinite"),
        ("group",),
        cadence="grad",
        switch="ENABLE_GRAD_MONITOR",
    ),
    grammar.WeightReport: _Fields(
        "weight",
        ("l2", "update", "ratio", "unchanged", "nonfinite", "stale_grad", "pushed", "kept"),
        ("group",),
        cadence="grad",
        switch="ENABLE_GRAD_MONITOR",
    ),
    grammar.ActivationReport: _Fields(
        "activation",
        ("mean", "std", "dead_share", "saturated"),
        ("layer",),
        cadence="grad",
        switch="ENABLE_GRAD_MONITOR",
    ),
    grammar.InputReport: _Fields(
        "input",
        ("mean", "std", "declared_mean", "declared_std", "worst_mean", "worst_std"),
        cadence="grad",
        switch="ENABLE_GRAD_MONITOR",
    ),
    grammar.BatchReport: _Fields(
        "batch",
        (
            *("repeated", "repeated_share", "constant", "zero", "zero_share", "filled", "order", "entropy"),
            *("target_std", "pred_std", "ratio", "softmax_twice", "softmax_over_batch", "broadcast"),
            *("shift", "scale"),
        ),
        cadence="grad",
    ),
    grammar.GuardCheck: _Fields("guard", ("std", "target_std", "ratio", "strikes"), ("h",)),
    grammar.GuardReset: _Fields("guard", ("recover_within_steps",), ("h",)),
    grammar.DataCheck: _Fields(
        "data",
        (
            "features_dead",
            "nonfinite_share",
            "graph_nodes",
            "graph_edges",
            "graph_mean_degree",
            "graph_index_share",
        ),
        cadence="epoch",
    ),
    grammar.Floor: _Fields("floor", ("loss_floor", "untrained", "start"), cadence="once"),
    grammar.Process: _Fields("process", ("cpu_pct", "rss_mb", "ram_total_mb", "etime_s")),
    grammar.Gpu: _Fields("gpu", ("util_pct", "used_mb", "total_mb", "reserved_mb", "temp_c", "power_w"), ("index",)),
}

_EVENTS: dict[type[Record], tuple[str, tuple[str, ...]]] = {
    grammar.RunStart: ("run.start", ()),
    grammar.RunEnd: ("run.end", ("status",)),
    grammar.Error: ("run.error", ("type",)),
    grammar.GuardCheck: ("guard.check", ("h",)),
    grammar.GuardReset: ("guard.reset", ("h",)),
    grammar.GuardRecovered: ("guard.recovered", ("h",)),
    grammar.GuardFailed: ("guard.failed", ("h",)),
    grammar.Nonfinite: ("nonfinite", ("where",)),
    grammar.ConfigUnused: ("config.unused", ("unused",)),
    grammar.ConfigIgnored: ("config.ignored", ("ignored",)),
    grammar.CheckpointConflict: ("checkpoint.conflict", ("holder",)),
    grammar.LogLost: ("log.lost", ("how",)),
    grammar.ProcessGone: ("process.gone", ("how",)),
    grammar.MonitorOff: ("telemetry.off", ("monitor",)),
}

# A named tuple's own constructor takes twice as long, and this runs for every number of a log.
_new_sample: Callable[[tuple[object, ...]], Sample] = partial(tuple.__new__, Sample)

SKIPPED_STEP = "text.skip"
"""The signal of a line about one step that a loss scaler skips."""
DEATH = "text.death"
"""The signal of a text that a run may have died of, from any trainer."""
_TEXTS: tuple[Signal, ...] = (
    Signal(DEATH, "", ("cause",), is_event=True),
    Signal("text.nonfinite", "", ("where",), is_event=True),
    Signal(SKIPPED_STEP, "", is_event=True),
    Signal("text.end", "", ("cause",), is_event=True),
    Signal("text.traceback", "", is_event=True),
    Signal("text.out_of_memory", "", is_event=True),
    Signal("text.cuda_error", "", is_event=True),
    Signal("text.killed", "", is_event=True),
)
"""What lines say in words: see `rules/endings/`."""
_BY_CAUSE = {
    Cause.TRACEBACK: "text.traceback",
    Cause.OUT_OF_MEMORY_GPU: "text.out_of_memory",
    Cause.OUT_OF_MEMORY_HOST: "text.out_of_memory",
    Cause.CUDA_ERROR: "text.cuda_error",
    Cause.COLLECTIVE_TIMEOUT: "text.cuda_error",
    Cause.KILLED: "text.killed",
    Cause.WORKER_KILLED: "text.killed",
}
_WHERE = {
    Cause.LOSS_NONFINITE: "loss",
    Cause.LOSS_NONFINITE_STOP: "loss",
    Cause.GRAD_NONFINITE: "gradient",
    Cause.VALUE_NONFINITE: "value",
}
_OUR_TAGS = "|".join(sorted({each.TAG for each in grammar.RECORD_TYPES if each.TAG})).encode("ascii")
# Our own writer gives a time to the millisecond, and knows no second 60.
_ALMOST_OURS = re.compile(
    rb"\d{4}-\d\d-\d\dT\d\d:\d\d:(?:\d\d(?:\.\d{1,2}|\.\d{4,9})?|[6-9]\d\.\d{3})Z [A-Z]+ \[("
    + _OUR_TAGS
    + rb")\](?: |$)"
)
_A_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|inf|nan)")
_NONFINITE = re.compile(r"=[-+]?(?:nan|inf)\b", re.IGNORECASE)

_DERIVED: tuple[Signal, ...] = (
    Signal("train.lr_deviation", grammar.Train.TAG, cadence="train"),
    Signal("train.skipped_share", grammar.Train.TAG, cadence="train"),
    Signal("train.lr_zero", grammar.Train.TAG, cadence="train"),
    Signal("train.load_share", grammar.Train.TAG, cadence="train"),
    Signal("train.run_delay_share", grammar.Train.TAG, cadence="train"),
    Signal("train.s_on_core", grammar.Train.TAG, cadence="train"),
    Signal("grad.undeclared_none", grammar.GradReport.TAG, ("group",), switch="ENABLE_GRAD_MONITOR", cadence="grad"),
    Signal("grad.small_share", grammar.GradReport.TAG, ("group",), switch="ENABLE_GRAD_MONITOR", cadence="grad"),
    Signal("grad.share", grammar.GradReport.TAG, ("group",), switch="ENABLE_GRAD_MONITOR", cadence="grad"),
    Signal("grad.first_l2", grammar.GradReport.TAG, switch="ENABLE_GRAD_MONITOR", cadence="grad"),
    Signal("grad.depth_ratio", grammar.GradReport.TAG, switch="ENABLE_GRAD_MONITOR", cadence="grad"),
    Signal("weight.base_ratio", grammar.WeightReport.TAG, ("group",), switch="ENABLE_GRAD_MONITOR", cadence="grad"),
    Signal("weight.first_ratio", grammar.WeightReport.TAG, ("group",), switch="ENABLE_GRAD_MONITOR", cadence="grad"),
    Signal("weight.left_behind", grammar.WeightReport.TAG, ("group",), switch="ENABLE_GRAD_MONITOR", cadence="grad"),
    Signal(
        "activation.dead_units", grammar.ActivationReport.TAG, ("layer",), switch="ENABLE_GRAD_MONITOR", cadence="grad"
    ),
    Signal("process.rss_pct", grammar.Process.TAG),
    Signal("gpu.used_pct", grammar.Gpu.TAG, ("index",)),
    Signal("run.idle_starts", grammar.RunStart.TAG, cadence="once"),
    Signal("run.crashed_before", grammar.RunStart.TAG, cadence="once"),
    Signal("run.steps_lost", grammar.Train.TAG, cadence="once"),
    Signal("run.claim_unmeasured", grammar.RunEnd.TAG, ("metric",), cadence="once"),
    Signal("run.epochs_missing", grammar.RunEnd.TAG, ("status",), cadence="once"),
    Signal("run.beat", grammar.Phase.TAG, is_event=True),
    Signal("run.other_writer", grammar.Phase.TAG, ("pid",), is_event=True),
    Signal("checkpoint.undeclared", grammar.Checkpoint.TAG, cadence="once"),
    Signal("data.changed", grammar.Data.TAG, cadence="once"),
    Signal("data.problem", grammar.DataCheck.TAG, ("problem",), is_event=True),
    Signal("config.echo", grammar.Config.TAG, is_event=True, cadence="once"),
    Signal("config.absent", grammar.Config.TAG, ("name",), is_event=True),
)
"""Signals that a record yields only together with what is known of its attempt: see `monitor.run.derived`."""

WANTED_ENDS = ("completed", "stopped")
"""The statuses of an end that is not a failure."""
LOSSES = ("train.loss", "epoch.train_loss", "epoch.val_loss")
"""The signals of a loss, that of the training's steps first."""
METRIC = "metric"
"""The signal of a number that another trainer reports under a name of its own."""
FROZEN = "model.observed_frozen"
"""The signal of a group that was seen to be frozen and not declared so."""
STOPPED = "model.observed_stopped"
"""The signal of such a group that was trained before."""
MATCH = "text.match"
"""The signal of a line that holds a pattern of the rules."""
UNREADABLE = "log.unreadable"
"""The signal of a line that has the head and the tag of our own grammar, and says nothing that the tag can say."""
LOSS_SCALE = "train.loss_scale"
"""The signal of the factor by which a loss is scaled for half precision."""
TOKENS_PER_S = "train.tokens_per_s"
"""The signal of a throughput in tokens."""
MEMORY = "train.memory"
"""The signal of the GPU memory that a report names, in the log's own unit."""
HOST_MEMORY = "train.host_memory"
"""The signal of the machine's or the process's memory that a report names, in the log's own unit."""
WORK = {
    "s_per_step": "train.s_per_batch",
    "samples_per_s": "train.samples_per_s",
    "tokens_per_s": TOKENS_PER_S,
    "memory": MEMORY,
    "host_memory": HOST_MEMORY,
    "loss_scale": LOSS_SCALE,
}
"""Quantities of the vocabulary that say how the work goes, not what is learned, with their signals. Users meet them
among the metrics, under these names."""
ALL_NONFINITE = "report.nonfinite"
"""The signal of a training report with several figures, none of them a number."""
CUT = "log.cut"
"""The signal of a line that is too long to be kept whole."""
CROWDED_OUT = "log.crowded_out"
"""The signal of a line that names more than the limits on memory leave room for: what it says is not judged."""


def is_kept_by_epoch(signal: Signal, labels: Collection[tuple[str, str]]) -> bool:
    """Whether there is a figure for each epoch: of events, and of what is reported once per epoch."""
    is_validated = signal.name == METRIC and ("split", "train") not in labels
    return signal.is_event or signal.cadence == "epoch" or is_validated


def _catalogue() -> Iterator[Signal]:
    for record_type, found in _MEASURED.items():
        tag = record_type.TAG or grammar.GradReport.TAG
        for field in found.fields:
            name = f"{found.prefix}.{field}"
            yield Signal(name, tag, found.labels, switch=found.switch, cadence=found.cadence)
    for record_type, (name, labels) in _EVENTS.items():
        yield Signal(name, record_type.TAG, labels, is_event=True)
    yield from _TEXTS
    yield Signal(METRIC, "", ("name", "split"))
    yield Signal(UNREADABLE, "", ("tag", "shows"), is_event=True)
    yield Signal(LOSS_SCALE, "")
    yield Signal(TOKENS_PER_S, "")
    yield Signal(MEMORY, "")
    yield Signal(HOST_MEMORY, "")
    yield Signal(ALL_NONFINITE, "", is_event=True)
    yield Signal(FROZEN, grammar.Observed.TAG, ("group",), is_event=True)
    yield Signal(STOPPED, grammar.Observed.TAG, ("group",), is_event=True)
    yield Signal(MATCH, "", ("pattern",), is_event=True)
    yield Signal(CUT, "", is_event=True)
    yield Signal(CROWDED_OUT, "", is_event=True)
    yield from _DERIVED


CATALOGUE: dict[str, Signal] = {signal.name: signal for signal in _catalogue()}


SPOKEN = {
    "train.loss": "the training loss",
    "epoch.train_loss": "the training loss of the epochs",
    "epoch.val_loss": "the validation loss",
    "train.lr": "the learning rate",
    "train.grad_norm": "the gradient norm",
    "train.skipped_share": "the share of skipped steps",
    "train.samples_per_s": "the samples per second",
    "train.tokens_per_s": "the tokens per second",
    MEMORY: "the GPU memory",
    HOST_MEMORY: "the host's memory",
    "train.s_per_batch": "the time per step",
    "train.s_on_core": "the time per step without the wait for a core",
    "metric.sharpe": "the Sharpe ratio",
    "metric.ic": "the IC",
    "metric.rank_ic": "the RankIC",
    METRIC: "the metrics",
}
"""What people call the signals that any trainer may report."""


def spoken(signal: str) -> str:
    """Return what people call a signal; its own name where they have no word for it."""
    return SPOKEN.get(signal, signal)


def samples(record: Record) -> Iterator[Sample]:
    """Yield the numbers of a record; shares count as part / whole, except dead features (a count)."""
    if isinstance(record, grammar.RunEnd):
        # Any other word for the end is not one that was wanted.
        yield Sample("run.end", (("status", record.status if record.status in WANTED_ENDS else "failed"),), 1.0)
    elif event := _EVENTS.get(type(record)):
        yield Sample(event[0], _labels(record, event[1]), 1.0)
    if isinstance(record, grammar.GradReport):
        for group in record.groups:
            yield from _measured(group)
    elif isinstance(record, grammar.Observed):
        for frozen in record.observed_frozen or ():
            yield Sample(FROZEN, (("group", frozen),), 1.0)
        for stopped in record.were_trained or ():
            yield Sample(STOPPED, (("group", stopped),), 1.0)
    elif isinstance(record, grammar.GuardReport):
        for check in record.checks():
            yield from samples(check)
    elif isinstance(record, grammar.GradBelow):
        # The line says that it is below, even where its digits are rounded up to the level.
        norm = min(record.norm, math.nextafter(record.threshold, -math.inf))
        yield Sample("grad.l2", (("group", record.group),), norm)
    elif isinstance(record, grammar.GradNonfinite):
        yield Sample("grad.l2", (("group", record.group),), record.norm)
    else:
        yield from _measured(record)
    if isinstance(record, grammar.Epoch):
        yield from _named(record)


def _named(record: grammar.Epoch) -> Iterator[Sample]:
    """Yield the metrics of a validation that a training gave by names of its own."""
    for name, text in record.extra:
        if _A_NUMBER.fullmatch(text):
            yield Sample(METRIC, (("name", name.lower()), ("split", "val")), float(text))


def text_signals(line: bytes) -> Iterator[Sample]:
    """Yield what a line says in words of death, nan, skipped steps or the end of the training."""
    ending = ending_of(line)
    if ending is not None:
        yield from _said(ending)
    if almost := _almost_ours(line):
        yield unreadable(almost[1].decode("ascii"), line[almost.end() :].decode("utf-8", "replace"))


def says_in_words(line: bytes) -> bool:
    """Whether `text_signals` may yield something."""
    return ending_of(line) is not None or _almost_ours(line) is not None


def _almost_ours(line: bytes) -> re.Match[bytes] | None:
    return _ALMOST_OURS.search(line) if b"Z " in line else None


def unreadable(tag: str, text: str) -> Sample:
    """Return the sample of a line with one of our tags whose text breaks the grammar."""
    shows = "nonfinite" if _NONFINITE.search(text) else "other"
    return Sample(UNREADABLE, (("tag", tag), ("shows", shows)), 1.0)


def _said(ending: Ending) -> Iterator[Sample]:
    cause = (("cause", ending.cause.value),)
    if ending.is_death:
        yield Sample(DEATH, cause, 1.0)
        if ending.cause in _BY_CAUSE:
            yield Sample(_BY_CAUSE[ending.cause], (), 1.0)
    if ending.effect is Effect.END_OK:
        yield Sample("text.end", cause, 1.0)
    if ending.effect is Effect.SKIP:
        yield Sample(SKIPPED_STEP, (), 1.0)
        if ending.scale is not None:
            yield Sample(LOSS_SCALE, (), ending.scale)
    if ending.name == "loss-scale-minimum":
        yield Sample("text.nonfinite", (("where", "loss_scale"),), 1.0)
    elif ending.effect is Effect.NAN and ending.cause in _WHERE:
        yield Sample("text.nonfinite", (("where", _WHERE[ending.cause]),), 1.0)


def _labels(record: Record, names: tuple[str, ...]) -> Labels:
    return tuple((name, str(getattr(record, name))) for name in names)


def _measured(record: Record) -> Iterator[Sample]:
    found = _MEASURED.get(type(record))
    if found is None:
        return
    labels = _labels(record, found.labels) if found.labels else ()
    for field in found.fields:
        value = getattr(record, field, None)
        if value is None and field in record.__dict__:
            continue
        if value.__class__ is not float:
            value = _number(record, field)
        if value is not None:
            yield _new_sample((f"{found.prefix}.{field}", labels, value))


def _number(record: Record, field: str) -> float | None:
    value: object
    if isinstance(record, grammar.GroupGrad) and field in ("l2", "tensors"):
        value = record.norm if field == "l2" else record.grad.whole
    elif isinstance(record, grammar.ActivationReport) and field == "dead_share":
        value = record.dead_units
    elif isinstance(record, grammar.BatchReport) and field == "zero_share":
        value = record.zero
    elif isinstance(record, grammar.BatchReport) and field == "repeated_share":
        value = record.repeated
    else:
        value = getattr(record, field)
    try:
        if isinstance(value, Share):
            if value.whole == 0:
                return None  # 0 of 0 was never looked at
            value = value.part / value.whole if field.endswith("_share") else value.part
        return float(value) if isinstance(value, (int, float)) else None
    except OverflowError:
        return math.inf
