"""The guard and the variance penalty see the spread of the predictions, not the noise of dropout."""

from pathlib import Path

import pytest
import torch

from monitor import grammar
from tests.trainer.runs import EPOCHS, Run, fit, make_panel
from trainer.config import GuardConfig, ModelConfig, OptimConfig
from trainer.measure.guard import Check, DegeneracyGuard, Recovered, Reset
from trainer.model.network import MEDIAN, StockModel
from trainer.model.noise import without_noise

NOISY = {"dropout": 0.3, "edge_dropout": 0.1, "hidden": 32, "epochs": 6}
"""The default dropout; six epochs are 66 steps, six checks."""
STRIKES, EVERY = GuardConfig().guard_strikes, GuardConfig().guard_every


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_panel(tmp_path_factory.mktemp("panel"))


def ratios(run: Run) -> list[dict[int, float]]:
    """Return each report's ratio by horizon."""
    return [{check.h: check.ratio for check in report.checks()} for report in run.records(grammar.GuardReport)]


@pytest.mark.parametrize(
    "fault", [pytest.param("dead_inputs@1:share=1", marks=pytest.mark.slow), "pred_collapse@1:before_dropout=1"]
)
def test_a_collapse_in_front_of_dropout_is_seen_and_reset_within_the_guards_strikes(
    panel: Path, tmp_path: Path, fault: str
):
    run = fit(tmp_path, panel, inject=(fault,), **NOISY)
    assert ratios(run)[0] == pytest.approx(dict.fromkeys((1, 5, 10, 20), 0.0), abs=1e-4)
    first = min(reset.step for reset in run.records(grammar.GuardReset))
    assert first == EVERY * STRIKES


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3, 4, 5))])
def test_a_healthy_run_is_never_reset(panel: Path, tmp_path: Path, seed: int):
    run = fit(tmp_path, panel, seed=seed, **NOISY)
    assert len(ratios(run)) == 6
    assert run.records(grammar.GuardReset) == []


def test_all_horizons_of_a_check_are_one_line(panel: Path, tmp_path: Path):
    run = fit(tmp_path, panel, guard_every=11)
    reports = run.records(grammar.GuardReport)
    assert [report.step for report in reports] == [11, 22]
    assert [[each.h for each in report.horizons] for report in reports] == [[1, 5, 10, 20]] * 2
    assert sum(b"[DEGENERACY-GUARD]" in line for line in run.lines) == 2


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3, 4, 5))])
def test_the_guards_ratio_agrees_with_the_validations_on_the_same_weights(tmp_path: Path, seed: int):
    """At the default learning rate: a model that overfits predicts more spread for the dates it has learnt."""
    panel = make_panel(tmp_path, codes=40, days=160)
    settings = {"batch_size": 240, "guard_every": 1, "guard_warmup_steps": 0, "dropout": 0.3, "hidden": 32}
    run = fit(tmp_path, panel, seed=seed, base_lr=OptimConfig().base_lr, **settings)
    by_step = {report.step: report for report in run.records(grammar.GuardReport)}
    for epoch in range(1, EPOCHS + 1):
        validated = {each.h: each.ratio for each in run.records(grammar.HorizonMetrics) if each.epoch == epoch}
        at_end = by_step[len(by_step) // EPOCHS * epoch]
        assert {each.h: each.ratio for each in at_end.horizons} == pytest.approx(validated, rel=0.2)


def test_without_noise_no_random_number_is_drawn_and_every_part_gets_its_mode_back():
    model = StockModel(num_features=3, window=4, num_horizons=2, edge_width=3, config=ModelConfig(feature_dropout=0.5))
    inputs = (torch.randn(6, 4, 3), torch.tensor([[0, 1, 2], [1, 2, 3]]), torch.randn(3, 3))
    model.train()
    state = torch.get_rng_state()
    with without_noise(model):
        quiet = model(*inputs)[..., MEDIAN]
    assert torch.equal(torch.get_rng_state(), state)
    assert all(part.training for part in model.modules())
    assert not torch.allclose(model(*inputs)[..., MEDIAN], quiet)
    assert torch.allclose(model.eval()(*inputs)[..., MEDIAN], quiet, atol=1e-5)


@pytest.mark.slow
def test_the_weight_of_the_variance_penalty_keeps_up_the_spread_at_the_default_dropout(panel: Path, tmp_path: Path):
    # Shuffled labels: the best prediction is a constant, and without the penalty the model goes there.
    settings = {**NOISY, "inject": ("not_learning@1",), "base_lr": 5e-3, "epochs": 8}
    without, default, strong = (
        ratios(fit(tmp_path, panel, env={"VARIANCE_PENALTY_WEIGHT": weight}, **settings))[-1]
        for weight in ("0", "0.01", "1")
    )
    for horizon in (1, 5, 10, 20):
        assert 1.5 * without[horizon] < default[horizon]
        assert 1.5 * default[horizon] < strong[horizon]
    assert all(0.05 < ratio < 0.2 for ratio in default.values()), "about the floor of 0.1"


@pytest.mark.parametrize(
    ("scale", "fewest", "most"),
    [
        pytest.param(0.02, 0, 1, marks=pytest.mark.slow),
        (0.05, 8, 12),
        pytest.param(0.1, 12, 12, marks=pytest.mark.slow),
    ],
)
def test_the_scale_of_a_reset_decides_whether_a_dead_head_recovers_at_the_default_dropout(
    scale: float, fewest: int, most: int
):
    # By the noise alone, before a training step has helped: 0.05 is the default, 0.10 what the rules recommend.
    recovered = sum(_after_reset(scale, seed=seed) == [Reset, Recovered] for seed in range(1, 13))
    assert fewest <= recovered <= most


def _after_reset(scale: float, *, seed: int) -> list[type]:
    """Return what the guard finds of a head of zeros, except for its checks."""
    torch.manual_seed(seed)
    model = StockModel(num_features=8, window=5, num_horizons=1, edge_width=3, config=ModelConfig()).train()
    torch.nn.init.zeros_(model.prediction_head_heads[0][-1].weight)
    config = GuardConfig(reset_scale=scale)
    guard = DegeneracyGuard(list(model.prediction_head_heads), [1], config, torch.Generator().manual_seed(seed))
    day_B, targets = torch.arange(256) // 64, torch.randn(256, 1)
    inputs = (torch.randn(256, 5, 8), torch.zeros(2, 0, dtype=torch.int64), torch.zeros(0, 3))
    kinds = []
    for step in range(EVERY, EVERY * (STRIKES + 3), EVERY):
        with torch.no_grad(), without_noise(model):
            guard.observe(model(*inputs)[..., MEDIAN], targets, day_B)
        kinds += [type(finding) for finding in guard.check(step)]
    return [kind for kind in kinds if kind is not Check]


def test_above_its_floor_the_penalty_is_zero(panel: Path, tmp_path: Path):
    run = fit(tmp_path, panel, variance_floor_ratio=1e-6)
    penalties = [float(dict(line.extra)["loss_variance"]) for line in run.records(grammar.Train)]
    assert penalties == [0.0] * len(penalties)
