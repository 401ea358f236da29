"""The degeneracy guard, step by step."""

import pytest
import torch
from torch import nn

from trainer.config import GuardConfig
from trainer.measure.guard import Check, DegeneracyGuard, Failed, Recovered, Reset

CONFIG = GuardConfig(
    guard_every=1,
    guard_min_ratio=0.1,
    guard_decay=0.0,
    guard_strikes=3,
    guard_warmup_steps=0,
    recover_within_steps=2,
    reset_scale=0.05,
)
DAYS = torch.tensor([0, 0, 1, 1])


def make_guard(config: GuardConfig = CONFIG, *, heads: int = 1) -> tuple[DegeneracyGuard, nn.ModuleList]:
    torch.manual_seed(0)
    modules = nn.ModuleList(nn.Linear(4, 5) for _ in range(heads))
    horizons = [1, 5, 10, 20][:heads]
    return DegeneracyGuard(modules, horizons, config, torch.Generator().manual_seed(1)), modules


def points(spread: float) -> torch.Tensor:
    """Two days of two stocks whose predictions differ by twice the spread."""
    return torch.tensor([[-spread], [spread], [-spread], [spread]])


def run(guard: DegeneracyGuard, *spreads: float, first_step: int = 1) -> list[list[type]]:
    """Return the types of the findings of each step."""
    kinds = []
    for step, spread in enumerate(spreads, start=first_step):
        guard.observe(points(spread), points(1.0), DAYS)
        kinds.append([type(finding) for finding in guard.check(step)])
    return kinds


def test_a_check_reports_its_numbers():
    guard, _ = make_guard()
    guard.observe(points(0.5), points(2.0), DAYS)
    assert guard.check(1) == (Check(horizon=1, std=0.5, target_std=2.0, ratio=0.25, num_strikes=0),)


def test_three_strikes_in_a_row_reset_the_head():
    guard, _ = make_guard()
    assert run(guard, 0.0, 0.0, 0.0) == [[Check], [Check], [Check, Reset]]


def test_a_good_check_resets_the_count_of_strikes():
    guard, _ = make_guard()
    assert run(guard, 0.0, 0.0, 1.0, 0.0, 0.0) == [[Check]] * 5


def test_a_head_that_varies_again_after_a_reset_has_recovered():
    guard, _ = make_guard()
    assert run(guard, 0.0, 0.0, 0.0, 1.0, 1.0)[3:] == [[Check, Recovered], [Check]]


def test_a_head_still_flat_after_its_steps_has_failed_and_is_reset_after_more_strikes():
    guard, _ = make_guard()
    kinds = run(guard, *[0.0] * 7)
    assert kinds[3:] == [[Check], [Check, Failed], [Check], [Check, Reset]]


@pytest.mark.parametrize("scale", [0.05, 0.5])
def test_the_reset_moves_the_weights_by_the_scale_of_a_fresh_initialisation(scale):
    guard, heads = make_guard(GuardConfig(**{**vars(CONFIG), "reset_scale": scale}))
    before = heads[0].weight.detach().clone()
    bias = heads[0].bias.detach().clone()
    run(guard, 0.0, 0.0, 0.0)
    moved = (heads[0].weight.detach() - before).std().item()
    assert moved == pytest.approx(scale / 4**0.5, rel=0.35)
    assert torch.equal(heads[0].bias, bias)


def test_only_the_collapsed_horizon_is_reset():
    guard, heads = make_guard(heads=2)
    before = [head.weight.detach().clone() for head in heads]
    for step in (1, 2, 3):
        guard.observe(torch.cat([points(0.0), points(1.0)], 1), torch.cat([points(1.0)] * 2, 1), DAYS)
        found = guard.check(step)
    assert [finding.horizon for finding in found if isinstance(finding, Reset)] == [1]
    assert not torch.equal(heads[0].weight, before[0])
    assert torch.equal(heads[1].weight, before[1])


def test_a_head_that_only_knows_the_date_is_collapsed():
    guard, _ = make_guard()
    by_date = torch.tensor([[-1.0], [-1.0], [1.0], [1.0]])
    guard.observe(by_date, points(1.0), DAYS)
    assert guard.check(1)[0].std == pytest.approx(0.0, abs=1e-12)


def test_checks_keep_their_cadence_and_start_after_the_warm_up():
    guard, _ = make_guard(GuardConfig(**{**vars(CONFIG), "guard_every": 2, "guard_warmup_steps": 3}))
    assert [bool(kinds) for kinds in run(guard, *[1.0] * 6)] == [False, False, False, True, False, True]


def test_a_non_finite_prediction_is_left_out_of_the_average():
    guard, _ = make_guard()
    run(guard, 0.5)
    guard.observe(points(float("inf")), points(1.0), DAYS)
    assert guard.check(2)[0].std == pytest.approx(0.5)


def test_unlabelled_rows_do_not_count_as_target_variance():
    guard, _ = make_guard()
    targets = torch.tensor([[-1.0], [1.0], [float("nan")], [float("nan")]])
    guard.observe(points(0.5), targets, DAYS)
    assert guard.check(1)[0].target_std == pytest.approx(1.0)


def test_a_guard_restored_from_its_state_decides_and_resets_alike():
    guard, heads = make_guard()
    run(guard, 0.0, 0.0)
    again, other_heads = make_guard()
    again.load_state_dict(guard.state_dict())
    assert run(guard, 0.0, first_step=3) == run(again, 0.0, first_step=3) == [[Check, Reset]]
    assert torch.equal(heads[0].weight, other_heads[0].weight)
