"""Write the log of a long healthy run: 30 % of its lines are event lines, 70 % are output of libraries and scripts.

Of 1,142 event lines per epoch of 1,000 steps, 1,000 are TRAIN lines (one per step); 95 come from the gradient,
weight, activation, encoder and input monitors and 20 from the degeneracy guard, 4 horizons at a time (every 200
steps, the default of GRAD_MONITOR_EVERY); 16 are heartbeats and process facts (every 63 s or so); 11 end the epoch.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from monitor import grammar
from monitor.grammar import Record, Share, format_line

START = 1_761_867_651.0
STEPS_PER_EPOCH = 1_000
S_PER_STEP = 0.5
EVENTS_PER_EPOCH = 1_142
OTHERS_PER_EVENT = 7 / 3
HORIZONS = (1, 5, 10, 20)
GROUPS = (
    *("prediction_head_shared", "prediction_head_heads", "backbone_projection", "adaptive_norm"),
    *("temporal_encoder", "input_projection", "variable_selection", "gat"),
)
LAYERS = (
    *("input_projection", "temporal_encoder.recurrent", "temporal_encoder", "gat", "backbone_projection"),
    *("adaptive_norm", "prediction_head_shared"),
)
OTHER_LINES = (
    "INFO:data.loader:prefetch queue holds {0} of 64 batches, 12 of them pinned, oldest waits for 3 ms",
    "  worker {0}: 240 rows in 12.4 ms, cache hit ratio 0.93, nothing left to read ahead",
    "[2025-10-30 23:41:07,112] loader: shard {0} opened, 8192 rows, zstd, checksum fine",
    "Epoch progress: {0} batches, 2.01 batches/s, about 7 minutes left",
    "torch.utils.data: pin_memory thread alive, {0} tensors pinned",
    "DEBUG scheduler: step {0} done",
)


def write_log(path: Path, num_lines: int) -> None:
    """Write this many lines."""
    with path.open("w", encoding="utf-8") as file:
        lines = islice(_lines(num_lines), num_lines)
        while chunk := list(islice(lines, 20_000)):
            file.write("\n".join(chunk) + "\n")


def _lines(num_lines: int) -> Iterator[str]:
    """Yield event lines with other lines in between, at least `num_lines`."""
    rng = random.Random(20251030)
    owed = 0.0
    num_epochs = math.ceil(num_lines * 0.3 / EVENTS_PER_EPOCH) + 1
    for event in _events(num_epochs, rng):
        yield event
        owed += OTHERS_PER_EVENT
        for _ in range(int(owed)):
            yield rng.choice(OTHER_LINES).format(rng.randrange(100_000))
        owed -= int(owed)


def _events(num_epochs: int, rng: random.Random) -> Iterator[str]:
    total_steps = num_epochs * STEPS_PER_EPOCH
    intent = grammar.Intent(
        base_lr=5e-4, min_lr=1e-5, warmup_steps=200, schedule="cosine", total_steps=total_steps, clip=1.0,
        epochs=num_epochs, cadence_train=1, cadence_grad=200,
    )  # fmt: skip
    yield from _written(
        START,
        grammar.RunStart(run="fit-longrun00001", pid=963, host="vm", cmd="trainer fit", attempt=1),
        grammar.Config(key="ENABLE_GRAD_MONITOR", value="1", source="default"),
        intent,
        *(grammar.ModelGroup(group=group, tensors=4, depth=len(GROUPS) - depth) for depth, group in enumerate(GROUPS)),
        grammar.Floor(loss_floor=0.7926),
    )
    step, now = 0, START + 5.0
    for epoch in range(1, num_epochs + 1):
        yield from _written(now, grammar.Phase(name="train", epoch=epoch, step=step, run="fit-longrun00001", pid=963))
        for batch in range(1, STEPS_PER_EPOCH + 1):
            step += 1
            now += S_PER_STEP * rng.uniform(0.9, 1.1)
            yield _train_line(now, step, epoch, num_epochs, batch, total_steps, rng)
            if step % 200 == 0:
                yield from _written(now, *_guard(step, rng), *_monitors(step, epoch, batch, rng))
            if step % 125 == 0:
                yield from _written(now, *_machine(step, epoch, batch, now))
        yield from _written(now + 1, *_epoch_end(epoch, num_epochs, step, rng))
        now += 20.0


def _written(now: float, *records: Record) -> Iterator[str]:
    return (format_line(now, record) for record in records)


def _stamp(now: float) -> str:
    return format_line(now, grammar.Model()).partition(" ")[0]


def _train_line(
    now: float, step: int, epoch: int, epochs: int, batch: int, total_steps: int, rng: random.Random
) -> str:
    """Return what format_line returns for a TRAIN record, in a tenth of the time."""
    rate = 5e-4 * step / 200
    if step >= 200:
        rate = 1e-5 + (5e-4 - 1e-5) * (1 + math.cos(math.pi * (step - 200) / (total_steps - 200))) / 2
    noise = rng.random()
    loss = 0.35 + 0.4 / (1 + step / 5000) + 0.05 * noise
    return (
        f"{_stamp(now)} INFO [TRAIN] epoch={epoch}/{epochs} batch={batch}/{STEPS_PER_EPOCH} step={step} "
        f"loss={loss!r} lr={rate!r} s_per_batch={0.45 + 0.1 * noise:.6f} load_s={0.001 + 0.002 * noise:.6f} "
        f"samples_per_s={480 + 40 * noise:.3f} grad_norm={0.4 + 0.2 * noise!r} skipped=0 skips_in_row=0 "
        f"loss_quantile={loss * 0.7:.6f} loss_rank_ic={loss * 0.3:.6f}"
    )


def _guard(step: int, rng: random.Random) -> Iterator[Record]:
    for h in HORIZONS:
        std = rng.uniform(0.3, 0.4)
        yield grammar.GuardCheck(step=step, h=h, std=std, target_std=0.9, ratio=std / 0.9, strikes=Share(0, 3))


def _monitors(step: int, epoch: int, batch: int, rng: random.Random) -> Iterator[Record]:
    norms = {group: rng.uniform(0.05, 0.2) for group in GROUPS}
    yield grammar.InputReport(
        step=step, mean=rng.gauss(0, 0.001), std=1.0 + rng.gauss(0, 0.004), declared_mean=0.0, declared_std=1.0,
        worst_feature="feature_43", worst_mean=rng.uniform(0.08, 0.12), worst_std=rng.uniform(0.9, 1.1),
    )  # fmt: skip
    for tensor in ("normalized_features", "projected_features"):
        norm = rng.uniform(0.01, 0.02)
        yield grammar.EncoderGrad(tensor=tensor, max=norm / 10, step=step, norm=norm)
    for layer in LAYERS:
        yield grammar.ActivationReport(
            layer=layer, step=step, mean=rng.gauss(0, 0.1), std=rng.uniform(0.9, 1.1), dead_units=Share(0, 64),
            saturated=0,
        )  # fmt: skip
    yield grammar.GradReport(
        step=step,
        epoch=epoch,
        batch=batch,
        groups=tuple(
            grammar.GroupGrad(
                group=group,
                max=norm / 5,
                grad=Share(4, 4),
                small=0,
                none=0,
                mean_abs=norm / 100,
                nonfinite=0,
                norm=norm,
            )
            for group, norm in norms.items()
        ),
    )
    for group in GROUPS:
        weight = rng.uniform(9, 10)
        yield grammar.WeightReport(
            group=group, step=step, l2=weight, update=weight * 4e-4, ratio=4e-4, unchanged=rng.uniform(0, 0.004),
            nonfinite=0, stale_grad=0.0,
        )  # fmt: skip


def _machine(step: int, epoch: int, batch: int, now: float) -> Iterator[Record]:
    yield grammar.Phase(
        name="train", epoch=epoch, step=step, beat=batch // 125, done=batch, total=STEPS_PER_EPOCH, main_idle_s=0.2,
        run="fit-longrun00001", pid=963,
    )  # fmt: skip
    yield grammar.Process(
        pid=963, stat="Rl", cpu_pct=180.0, rss_mb=2400.0 + batch % 7, ram_total_mb=16000.0, etime_s=now - START
    )


def _epoch_end(epoch: int, epochs: int, step: int, rng: random.Random) -> Iterator[Record]:
    loss = 0.4 + 0.3 / (1 + epoch) + 0.01 * rng.random()
    sharpe = rng.uniform(0.8, 1.6)
    yield grammar.Phase(name="validate", epoch=epoch, step=step, done=0, total=7, run="fit-longrun00001", pid=963)
    yield grammar.Epoch(
        epoch=Share(epoch, epochs), train_loss=loss, val_loss=loss + 0.01, lr=1e-4, seconds=520.0, resets=0
    )
    yield grammar.Metrics(epoch=epoch, sharpe=sharpe, ic=0.03 + 0.01 * rng.random(), rank_ic=0.03, hit_rate=0.52)
    for h in HORIZONS:
        ratio = rng.uniform(0.2, 0.4)
        yield grammar.HorizonMetrics(
            epoch=epoch, h=h, sharpe=rng.uniform(0.5, 1.5), ic=rng.uniform(0.02, 0.04), rank_ic=rng.uniform(0.02, 0.04),
            hit_rate=rng.uniform(0.51, 0.53), pred_std=ratio / 100, target_std=0.01, ratio=ratio,
        )  # fmt: skip
    yield grammar.DataCheck(features_dead=Share(0, 82), nonfinite_share=0.0, graph_nodes=60, graph_edges=600)
    yield grammar.Phase(name="checkpoint", epoch=epoch, step=step, run="fit-longrun00001", pid=963)
    yield grammar.Checkpoint(action="save", path=f"step_{step:010d}.ckpt", epoch=epoch, step=step, bytes=2_738_110)
