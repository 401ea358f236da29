"""Log lines about the data and the model."""

from __future__ import annotations

from monitor.grammar.fields import PerHorizon, Share, Words
from monitor.grammar.record import Record, line


@line("DATA")
class Data(Record):
    """The training data; train, valid and test are ``date..date``."""

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
    """Health of the data, reported at the start and in each epoch."""

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
    """The normalisation that was applied to one horizon's targets."""

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
