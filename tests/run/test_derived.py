"""Derived signals: what follows from a line together with the lines before it."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from monitor.grammar import (
    ActivationReport,
    Checkpoint,
    Config,
    Data,
    DataCheck,
    Gpu,
    GradReport,
    GroupGrad,
    Intent,
    ModelGroup,
    Phase,
    Process,
    Record,
    RunEnd,
    RunStart,
    Share,
    Train,
    WeightReport,
)
from monitor.run.derived.declared_rate import declared_rate
from monitor.run.derived.settings import NAMES_LIMIT
from tests.lines import at, attempt_of, epoch_end, run_of, train
from trainer.config import OptimConfig
from trainer.training.schedule import learning_rate

COSINE = Intent(base_lr=0.01, min_lr=0.0, warmup_start=0.0, warmup_steps=10, schedule="cosine", total_steps=100)


def values(signal: str, *records: Record) -> list[float]:
    """Return a signal's values in the last attempt of a log, over all its labels."""
    attempt = attempt_of([at(second, record) for second, record in enumerate(records)])
    return [point.value for series in attempt.of(signal).values() for point in series.recent]


def by_label(signal: str, *records: Record) -> dict[str, float]:
    """Return a signal's last value by the value of its label."""
    attempt = attempt_of([at(second, record) for second, record in enumerate(records)])
    return {labels[0][1]: series.last.value for labels, series in attempt.of(signal).items()}


def step(
    number: int,
    *,
    lr: float | None = None,
    load_s: float | None = None,
    s_per_batch: float | None = None,
    run_delay_s: float | None = None,
) -> Train:
    return Train(
        epoch=Share(1, 2),
        batch=Share(number, 500),
        step=number,
        loss=0.5,
        lr=lr,
        load_s=load_s,
        s_per_batch=s_per_batch,
        run_delay_s=run_delay_s,
    )


WHOLE = Share(4, 4)


def group(name: str, norm: float = 1.0, *, grad: Share = WHOLE, small: int = 0, none: int | None = None) -> GroupGrad:
    return GroupGrad(group=name, norm=norm, max=norm, grad=grad, small=small, none=none)


def gradients(*groups: GroupGrad, step: int = 10) -> GradReport:
    return GradReport(step=step, epoch=1, batch=11, groups=groups)


def weights(
    number: int = 10,
    *,
    update: float = 0.01,
    ratio: float | None = 0.001,
    unchanged: float = 0.0,
    pushed: float | None = None,
) -> WeightReport:
    return WeightReport(
        group="gat", step=number, l2=10.0, update=update, ratio=ratio, unchanged=unchanged, pushed=pushed
    )


# ---- the learning rate


@given(
    base_lr=st.floats(1e-6, 10.0),
    least=st.floats(0.0, 1.0),
    warmup_steps=st.integers(0, 200),
    total_steps=st.integers(1, 2_000),
    number=st.integers(0, 2_500),
)
def test_the_declared_rate_is_the_trainers_rate_at_every_step(base_lr, least, warmup_steps, total_steps, number):
    config = OptimConfig(base_lr=base_lr, min_lr=base_lr * least, warmup_steps=warmup_steps)
    intent = Intent(
        base_lr=config.base_lr,
        min_lr=config.min_lr,
        warmup_start=0.0,
        warmup_steps=config.warmup_steps,
        schedule="cosine",
        total_steps=total_steps,
    )
    expected = learning_rate(number, config, total_steps=total_steps)
    assert declared_rate(number, intent) == pytest.approx(expected, rel=1e-12, abs=0.0)


@given(start=st.floats(0.0, 1.0), warmup_steps=st.integers(1, 100), number=st.integers(0, 100))
def test_a_warm_up_rises_linearly_from_its_start_to_the_base_rate(start, warmup_steps, number):
    assume(number <= warmup_steps)
    intent = Intent(base_lr=1.0, warmup_start=start, warmup_steps=warmup_steps, schedule="constant")
    assert declared_rate(number, intent) == pytest.approx(start + (1.0 - start) * number / warmup_steps)


def test_a_linear_schedule_ends_at_the_least_rate():
    intent = Intent(base_lr=1.0, min_lr=0.2, warmup_steps=0, schedule="linear", total_steps=100)
    assert [declared_rate(each, intent) for each in (0, 50, 100, 150)] == pytest.approx([1.0, 0.6, 0.2, 0.2])


@pytest.mark.parametrize(
    "intent",
    [
        Intent(),
        Intent(base_lr=0.01, schedule="one_cycle", total_steps=100),
        Intent(schedule="cosine", total_steps=100),
        Intent(base_lr=0.01, schedule="cosine"),
    ],
)
def test_an_incomplete_schedule_gives_no_rate(intent):
    assert declared_rate(5, intent) is None


def test_the_deviation_is_a_share_of_the_base_rate():
    assert values(
        "train.lr_deviation", COSINE, step(5, lr=0.005), step(10, lr=0.01), step(55, lr=0.006)
    ) == pytest.approx([0.0, 0.0, 0.1], abs=1e-12)


def test_a_nan_rate_has_a_nan_deviation():
    assert all(map(math.isnan, values("train.lr_deviation", COSINE, step(5, lr=math.nan))))


def test_a_zero_rate_without_a_schedule_counts_except_in_the_first_report_and_the_last_batch():
    end = Train(epoch=Share(2, 2), batch=Share(500, 500), step=1_000, loss=0.5, lr=0.0)
    told = values("train.lr_zero", step(1, lr=0.0), step(2, lr=0.1), step(3, lr=0.0), end)
    assert told == [0.0, 1.0]


def test_the_share_of_loading_is_of_the_whole_batch():
    assert values("train.load_share", step(1, load_s=0.5, s_per_batch=2.0), step(2, load_s=0.5)) == [0.25]


def test_a_step_on_its_core_is_the_whole_one_without_its_wait_and_unknown_if_that_was_most_of_it():
    waits = (None, 0.0, 0.5, 1.0, 1.5)
    steps = [step(number, s_per_batch=2.0, run_delay_s=waited) for number, waited in enumerate(waits)]
    assert values("train.run_delay_share", *steps) == [0.0, 0.25, 0.5, 0.75]
    assert values("train.s_on_core", *steps) == pytest.approx([2.0, 2.0, 1.5, 1.0, math.nan], nan_ok=True)


# ---- gradients


def test_22_gradients_of_23_are_enough_if_one_is_declared_missing():
    intent = Intent(no_grad_expected=("gat:1", "head"))
    found = by_label(
        "grad.undeclared_none",
        intent,
        gradients(
            group("gat", grad=Share(22, 23), none=1),
            group("head", grad=Share(0, 4), none=4),
            group("encoder", grad=Share(3, 4), none=1),
        ),
    )
    assert found == {"gat": 0.0, "head": 0.0, "encoder": 1.0}


def test_a_missing_count_follows_from_the_share():
    assert by_label("grad.undeclared_none", gradients(group("gat", grad=Share(20, 23)))) == {"gat": 3.0}


def test_the_seed_pages_243_small_tensors_are_a_fifth():
    found = by_label("grad.small_share", gradients(group("variable_selection", grad=Share(1160, 1160), small=243)))
    assert found["variable_selection"] == pytest.approx(0.209, abs=1e-3)


DEPTHS = [ModelGroup(group=name, depth=depth) for depth, name in enumerate(["input", "middle", "head"])]


@pytest.mark.parametrize("parameters", [(768, 64), (64, 768), (10, 10)])
def test_the_depth_ratio_is_one_of_root_mean_squares_where_the_model_says_how_many_weights_it_has(
    parameters: tuple[int, int],
):
    first, last = parameters
    card = (ModelGroup(group="input", depth=0, parameters=first), ModelGroup(group="head", depth=1, parameters=last))
    report = gradients(group("input", 2.0 * first**0.5), group("head", last**0.5))
    assert values("grad.depth_ratio", *card, report) == [pytest.approx(2.0)]


def test_the_depth_ratio_is_the_first_group_over_the_last():
    report = gradients(group("head", 4.0), group("input", 0.5), group("middle", 9.0))
    assert values("grad.depth_ratio", *DEPTHS, report) == [0.125]
    assert values("grad.first_l2", *DEPTHS, report) == [0.5]


def test_groups_of_one_depth_count_together():
    report = gradients(group("head", 5.0), group("input", 3.0), group("other_input", 4.0))
    assert values("grad.depth_ratio", *DEPTHS, ModelGroup(group="other_input", depth=0), report) == [1.0]


def test_a_frozen_group_does_not_count_as_first_or_last():
    report = gradients(group("head", 4.0), group("input", 0.0), group("middle", 2.0))
    assert values("grad.depth_ratio", *DEPTHS, Intent(frozen=("input",)), report) == [0.5]


@pytest.mark.parametrize(
    "known", [[], DEPTHS[:1], [ModelGroup(group="input", depth=3), ModelGroup(group="head", depth=3)]]
)
def test_fewer_than_two_known_depths_give_no_ratio(known):
    assert values("grad.depth_ratio", *known, gradients(group("input"), group("head"))) == []


def test_a_last_group_without_gradient_gives_no_ratio():
    assert values("grad.depth_ratio", *DEPTHS, gradients(group("input", 1.0), group("head", 0.0))) == []


# ---- weights


def test_an_update_is_scaled_to_the_declared_base_rate():
    """Reports count steps from 0: at report 4 the fifth step's rate is in force, half of the base rate."""
    assert values("weight.base_ratio", COSINE, weights(4, ratio=0.001)) == pytest.approx([0.002])
    assert values("weight.base_ratio", weights(4, ratio=0.001)) == [0.001]


def test_a_step_with_a_rate_near_zero_gives_no_weight_samples():
    assert values("weight.base_ratio", COSINE, weights(99, update=0.0, ratio=0.0)) == []
    assert values("weight.left_behind", COSINE, weights(98, unchanged=0.99)) == []


def test_without_a_schedule_the_highest_rate_reported_is_the_base_rate():
    assert values("weight.base_ratio", step(1, lr=0.4), step(2, lr=0.1), weights(2, ratio=0.001)) == pytest.approx(
        [0.004]
    )
    assert values("weight.base_ratio", step(1, lr=math.nan), weights(2, ratio=0.001)) == [0.001]


def test_a_step_with_a_reported_rate_of_zero_gives_no_weight_samples_under_any_schedule():
    """LearningRateOffSchedule reports that."""
    assert values("weight.base_ratio", COSINE, step(20, lr=0.0), weights(20, update=0.0, ratio=0.0)) == []


def test_a_skipped_step_gives_no_weight_samples():
    skipped = gradients(group("gat", 1.0), group("head", math.inf))
    assert values("weight.base_ratio", skipped, weights(10, update=0.0, ratio=0.0)) == []
    assert values("weight.base_ratio", weights(1), skipped, weights(20, update=0.0, ratio=0.0))[1:] == [0.0]


def test_weights_of_zero_that_do_not_move_have_a_ratio_of_zero():
    still = weights(update=0.0, ratio=math.nan)
    assert values("weight.base_ratio", still, still) == [0.0]


@pytest.mark.parametrize(("now", "found"), [(1e-5, []), (0.5, [0.0])])
def test_weights_that_stand_still_at_a_minimum_are_not_stuck(now, found):
    """L-BFGS stops where the gradient has vanished; an optimizer that does not know the weights stops anywhere."""
    still = weights(10, update=0.0, ratio=0.0)
    reports = [
        gradients(group("gat", 1.0), step=0),
        still,
        gradients(group("gat", now)),
        weights(11, update=0.0, ratio=0.0),
    ]
    assert values("weight.base_ratio", *reports) == found


def test_only_a_step_that_moves_something_leaves_weights_behind():
    assert values("weight.left_behind", weights(unchanged=0.95)) == [0.95]
    assert values("weight.left_behind", weights(update=0.0, unchanged=1.0)) == []


def test_weights_that_no_gradient_pushes_are_not_left_behind():
    """Weight decay and momentum move them, and none of these moves was rounded away."""
    assert values("weight.left_behind", weights(unchanged=1.0, pushed=0.0)) == []
    assert values("weight.left_behind", weights(unchanged=0.95, pushed=0.02)) == [0.95]


@given(
    kind=st.sampled_from([lambda r: r.gauss(0, 1), lambda r: r.uniform(-1, 1), lambda r: r.expovariate(1)]),
    num_with_grad=st.integers(5, 400),
    seed=st.integers(0, 2**32),
)
def test_of_a_sparse_gradient_the_elements_without_one_are_not_left_behind(kind, num_with_grad, seed):
    """Whatever its values: they bound the number of elements with a gradient from below, never from above."""
    grads = [kind(random.Random(seed + index)) for index in range(num_with_grad)]
    assume(any(grads))
    moved = sum(each != 0 for each in grads) / 4000
    known = [ModelGroup(group="gat", parameters=4000, trainable=4000), of_values(grads, total=4000)]
    assert values("weight.left_behind", *known, weights(10, unchanged=1 - moved)) == (
        [] if moved < 0.5 else [1 - moved]
    )


@given(spread=st.sampled_from([0.0, 1.0]), num_moved=st.integers(1, 400), seed=st.integers(0, 2**32))
def test_of_a_gradient_everywhere_those_that_stand_still_are_left_behind(spread, num_moved, seed):
    """As with weights in half precision, of which only those near 0 move."""
    numbers = random.Random(seed)
    grads = [numbers.gauss(0, 1) * math.exp(spread * numbers.gauss(0, 0.5)) for _ in range(4000)]
    known = [ModelGroup(group="gat", parameters=4000, trainable=4000), of_values(grads, total=4000)]
    still = 1 - num_moved / 4000
    assert values("weight.left_behind", *known, weights(10, unchanged=still)) == [still]


def test_a_writer_that_counts_the_elements_with_a_gradient_is_believed():
    known = [ModelGroup(group="gat", parameters=4000, trainable=4000), of_values([1.0] * 40, total=4000)]
    assert values("weight.left_behind", *known, weights(10, unchanged=0.99)) == []
    assert values("weight.left_behind", *known, weights(10, unchanged=0.99, pushed=0.01)) == [0.99]


def of_values(grads: list[float], *, total: int) -> GradReport:
    """Return the report of a gradient with these elements, and zeros."""
    norm, mean = math.hypot(*grads), sum(map(abs, grads)) / total
    found = GroupGrad(
        group="gat", norm=norm, max=max(map(abs, grads)), grad=Share(1, 1), small=0, none=0, mean_abs=mean
    )
    return gradients(found)


# ---- activations


@given(num_before=st.integers(0, 3), names=st.sampled_from(["0 1 2 3 4 5 6", "drop flat noise fc1 act fc2 out"]))
def test_only_layers_behind_weights_have_units_that_can_be_dead(num_before, names):
    layers = names.split()
    groups = [ModelGroup(group=layers[at], depth=at) for at in (num_before, num_before + 2)]
    reports = [active(layer, dead) for dead in (3, 4) for layer in layers]
    assert list(by_label("activation.dead_units", *groups, *reports)) == layers[num_before:]


def test_a_layer_counts_where_it_is_not_known_what_runs_before_it():
    assert values("activation.dead_units", active("0", 3)) == [0.75]
    assert values("activation.dead_units", ModelGroup(group="1"), active("0", 3)) == [0.75]


@pytest.mark.parametrize("layer", ["body", "body.act", "body.act.relu"])
def test_a_part_of_a_group_and_the_whole_that_holds_it_have_its_weights(layer):
    assert values("activation.dead_units", ModelGroup(group="body.act", depth=1), active(layer, 3)) == [0.75]


def active(layer: str, dead: int) -> ActivationReport:
    return ActivationReport(layer=layer, step=10, mean=0.1, std=0.2, dead_units=Share(dead, 4))


# ---- the course of the run


def idle_starts(*last_steps: int | None) -> list[float]:
    """Return what is known at the last of several starts, the earlier ones having reached these steps."""
    records: list[Record] = []
    for last_step in last_steps:
        records += [RunStart(run="a"), *([train(last_step)] if last_step is not None else [])]
    return values("run.idle_starts", *records, RunStart(run="a"))


def test_starts_are_counted_from_the_one_that_got_furthest():
    assert idle_starts() == [1]
    assert idle_starts(100) == [2]
    assert idle_starts(100, 100) == [3]
    assert idle_starts(100, 60, None) == [4]
    assert idle_starts(100, 100, 101) == [2]
    assert idle_starts(None, None) == [3]


def test_a_higher_step_ends_the_count_and_so_does_a_completed_run():
    assert values("run.idle_starts", RunStart(run="a"), train(5), RunStart(run="a"), train(5), train(6)) == [2, 0]
    done = [RunStart(run="a"), train(5), RunEnd(status="completed"), RunStart(run="b")]
    assert values("run.idle_starts", *done) == [1]


def test_unannounced_starts_are_counted_by_their_first_step():
    assert values("run.idle_starts", train(5), train(90), train(5), train(90), train(5)) == [3]


@pytest.mark.parametrize(
    ("before", "start", "first", "lost"),
    [
        ([train(500)], [], train(1), 500),
        ([train(500)], [Intent(resume_from=480)], train(485), 0),
        ([train(500)], [Intent(resume_from=480)], train(5), 476),
        ([train(500)], [], train(501), 0),
        ([train(500), RunEnd(status="stopped")], [], train(1), 0),
        ([train(500), RunEnd(status="failed")], [], train(1), 500),
        ([], [], train(1), 0),
    ],
)
def test_steps_are_lost_if_a_start_goes_back_without_declaring_it(before, start, first, lost):
    assert values("run.steps_lost", RunStart(run="a"), *before, RunStart(run="a"), *start, first, train(900)) == [lost]


def beat(pid: int, run: str = "a") -> Phase:
    return Phase(name="train", beat=1, run=run, pid=pid)


def test_a_writer_that_was_replaced_and_writes_again_is_another_writer():
    start = [RunStart(run="a", pid=1), beat(1), RunStart(run="b", pid=2), beat(2, "b")]
    assert by_label("run.other_writer", *start) == {}
    assert by_label("run.other_writer", *start, beat(1)) == {"1": 1.0}
    assert by_label("run.other_writer", *start, beat(2, "b")) == {}


def test_a_step_taken_while_the_newest_writer_loads_is_another_writers():
    load = Phase(name="load", run="b", pid=2)
    running = [RunStart(run="a", pid=1), beat(1), train(20)]
    assert by_label("run.other_writer", *running, RunStart(run="b", pid=2), load, train(25)) == {"1": 1.0}
    assert by_label("run.other_writer", *running, RunStart(run="b", pid=2), load, beat(2, "b"), train(1)) == {}
    ended = [*running, RunEnd(status="failed"), RunStart(run="b", pid=2), load, train(1)]
    assert by_label("run.other_writer", *ended) == {}
    assert by_label("run.other_writer", Phase(name="load", run="a", pid=1), train(1)) == {}


def test_two_unannounced_writers_show_when_the_first_one_returns():
    assert by_label("run.other_writer", beat(1), beat(2)) == {}
    assert len(values("run.other_writer", beat(1), beat(2), beat(1), beat(2), beat(1))) == 2


def test_a_writer_whose_steps_begin_again_is_the_same_writer():
    """An attempt that no line announces is the same process."""
    assert by_label("run.other_writer", beat(1), train(5), train(90), train(1), beat(1)) == {}


def test_a_line_without_a_writer_gives_no_writer_samples():
    records = [RunStart(run="a", pid=1), Phase(name="load"), RunStart(run="b", pid=2), Phase(name="load")]
    assert values("run.beat", *records) == []


@pytest.mark.parametrize(
    ("records", "missing"),
    [
        ([Intent(epochs=6), RunEnd(status="completed", epochs=6)], {"completed": 0.0, "stopped": 0.0}),
        ([Intent(epochs=6), RunEnd(status="completed", epochs=4)], {"completed": 2.0, "stopped": 0.0}),
        ([Intent(epochs=6), RunEnd(status="stopped", epochs=4)], {"completed": 0.0, "stopped": 2.0}),
        ([Intent(epochs=6), RunEnd(status="failed", epochs=4)], {"failed": 2.0}),
        ([epoch_end(4, epochs=6), RunEnd(status="completed")], {"completed": 2.0, "stopped": 0.0}),
        (
            [Intent(epochs=6), Intent(epochs=4, phase_change="early_stop"), RunEnd(status="completed", epochs=4)],
            {"completed": 0.0, "stopped": 0.0},
        ),
        ([RunEnd(status="completed", epochs=4)], {}),
    ],
)
def test_epochs_are_missing_if_the_run_ends_before_the_declared_number(records, missing):
    assert by_label("run.epochs_missing", *records) == missing


@pytest.mark.parametrize(
    ("records", "is_undeclared"),
    [
        ([RunStart(run="a"), train(1)], [0.0]),
        ([train(1)], []),
        ([Checkpoint(action="load", step=5), train(6)], [1.0]),
        ([Checkpoint(action="load", step=5), Intent(resume_from=5), train(6)], [0.0]),
        ([Checkpoint(action="load", step=4), Intent(resume_from=5), train(6)], [1.0]),
        ([Checkpoint(action="load"), Intent(resume_from=5), train(6)], [0.0]),
        ([RunStart(run="a"), Checkpoint(action="broken"), train(6)], [0.0]),
    ],
)
def test_a_loaded_checkpoint_counts_as_undeclared_unless_the_run_declares_it(records, is_undeclared):
    assert values("checkpoint.undeclared", *records) == is_undeclared


def changed(*records: Record) -> list[float]:
    return values("data.changed", *records)


def test_a_run_that_is_resumed_goes_on_with_the_same_data():
    first = [RunStart(run="a"), Data(fingerprint="1")]
    assert changed(*first, RunStart(run="a"), Data(fingerprint="1")) == [0.0]
    assert changed(*first, RunStart(run="a"), Data(fingerprint="2")) == [1.0]
    assert changed(*first, RunStart(run="b"), Data(fingerprint="2")) == [0.0]
    assert changed(*first, RunStart(run="b"), Intent(resume_from=5), Data(fingerprint="2")) == [1.0]
    assert changed(*first, Data(fingerprint="2")) == [0.0, 1.0]
    assert changed(*first, Intent(data_change="more days"), Data(fingerprint="2")) == [0.0, 0.0]
    assert changed(RunStart(run="a"), Data(rows_used=5)) == []


def test_a_problem_of_the_data_is_counted_by_its_kind():
    problem = DataCheck(extra=(("problem", "stale_source"), ("count", "1")))
    assert by_label("data.problem", problem, problem, DataCheck(nonfinite_share=0.0)) == {"stale_source": 1.0}


# ---- settings and machine


def absent(cmd: str, *echoed: Config) -> list[str]:
    """Return the settings of a command line that no line echoes."""
    return list(by_label("config.absent", RunStart(run="a", cmd=cmd), *echoed, Intent(epochs=6), Intent(clip=1.0)))


EPOCHS = Config(key="epochs", value="6", source="cli")


def test_a_setting_of_the_command_line_is_absent_when_neither_its_name_nor_its_value_is_echoed():
    assert absent("fit --epochs 6 --warm-up 3 --batch=8", EPOCHS) == ["warm-up", "batch"]
    assert absent("fit --epochs 6 --warm-up 3", EPOCHS, Config(key="warm_up", value="3.0", source="cli")) == []
    assert absent("fit --epochs 6 --grad-warn-norm 1e-9", EPOCHS, Config(key="WARN", value="1e-9", source="cli")) == []
    assert absent("train.py lr=0.1 epochs=6", EPOCHS) == ["lr"]


def test_switches_settings_files_and_plain_words_are_not_settings():
    assert absent("fit run --verbose --config a.toml --epochs 6 --quiet", EPOCHS) == []


def test_nothing_is_absent_if_the_run_echoes_no_setting_of_its_command_line():
    assert absent("fit --warm-up 3", Config(key="epochs", value="6", source="default")) == []
    assert absent("fit --warm-up '3", EPOCHS) == []


def test_a_long_command_line_gives_a_few_absent_settings():
    assert len(absent(" ".join(f"--x{number} y{number}" for number in range(200)), EPOCHS)) == NAMES_LIMIT


def test_memory_is_given_in_percent():
    assert values("process.rss_pct", Process(pid=1, rss_mb=4_000.0, ram_total_mb=16_000.0)) == [25.0]
    assert values("process.rss_pct", Process(pid=1, rss_mb=4_000.0), Process(pid=1, ram_total_mb=0.0)) == []
    assert by_label("gpu.used_pct", Gpu(index=1, used_mb=20.0, total_mb=80.0)) == {"1": 25.0}


def test_what_attempts_pass_on_is_bounded():
    log = []
    for number in range(200):
        log += [at(2 * number, RunStart(run=f"r{number}", pid=number)), at(2 * number + 1, beat(number, f"r{number}"))]
    attempt = run_of(log).attempt
    assert len(attempt.replaced) == 32
    assert attempt.earlier.starts == 199


HUGE = 10**400


@pytest.mark.parametrize(
    "records",
    [
        [COSINE, train(HUGE)],
        [COSINE, step(HUGE, lr=0.1)],
        [gradients(group("gat", grad=Share(HUGE, 1), small=HUGE, none=HUGE))],
        [Intent(epochs=HUGE), RunEnd(status="completed", epochs=1)],
        [COSINE, weights(HUGE)],
        [Intent(resume_from=HUGE), train(3)],
    ],
)
def test_a_number_too_large_for_a_float_does_no_harm(records):
    attempt = attempt_of([at(second, record) for second, record in enumerate(records)])
    assert attempt.lines == len(records)
