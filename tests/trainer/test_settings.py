"""Every environment variable in the table has an effect, and one that is not in it is reported."""

from pathlib import Path

import pytest
import torch

from monitor import grammar
from tests.trainer.runs import Run, fit, make_panel
from trainer.config import SettingError, TrainerConfig
from trainer.settings import resolve, settings

SEED_PAGE = (
    "ENABLE_ENCODER_GRAD_HOOKS",
    "ENABLE_GRAD_MONITOR",
    "GRAD_MONITOR_EVERY",
    "GRAD_MONITOR_WARN_NORM",
    "DEGENERACY_RESET_SCALE",
    "VARIANCE_PENALTY_WEIGHT",
)


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_panel(tmp_path_factory.mktemp("panel"))


def echo(run: Run) -> dict[str, tuple[str, str | None]]:
    """Return the value and source of each setting in the log."""
    return {line.key: (line.value, line.source) for line in run.records(grammar.Config)}


def test_the_six_variables_of_the_seed_page_keep_their_names_in_the_log():
    rows = {row.env: row.key for row in settings()}
    assert {name: rows[name] for name in SEED_PAGE} == {name: name for name in SEED_PAGE}


def test_every_setting_is_logged_with_its_value_and_source(panel: Path, tmp_path: Path):
    run = fit(tmp_path, panel, env={"TRAINER_WEIGHT_DECAY": "0.5"}, epochs=1)
    found = echo(run)
    assert set(found) == {row.key for row in settings()}
    assert found["TRAINER_WEIGHT_DECAY".removeprefix("TRAINER_").lower()] == ("0.5", "env")
    assert found["epochs"] == ("1", "cli")
    assert found["base_lr"] == ("0.0005", "default")
    assert found["ENABLE_GRAD_MONITOR"] == ("1", "default")


MONITOR_TAGS, HOOK_TAGS = {"GRAD-MONITOR", "WEIGHT-MONITOR", "ACTIVATION-MONITOR", "INPUT-MONITOR"}, {"ENCODER-GRAD"}


@pytest.mark.parametrize(
    ("variable", "off", "on"),
    [("ENABLE_GRAD_MONITOR", MONITOR_TAGS, HOOK_TAGS), ("ENABLE_ENCODER_GRAD_HOOKS", HOOK_TAGS, MONITOR_TAGS)],
)
def test_monitors_and_encoder_hooks_are_turned_off_by_their_own_variables(
    panel: Path, tmp_path: Path, variable: str, off: set[str], on: set[str]
):
    run = fit(tmp_path, panel, env={variable: "0"}, epochs=1)
    tags = {line.record.TAG for line in run.parsed()}
    assert tags.isdisjoint(off)
    assert on <= tags


def test_grad_monitor_every_sets_the_steps_between_reports(panel: Path, tmp_path: Path):
    run = fit(tmp_path, panel, env={"GRAD_MONITOR_EVERY": "5"}, epochs=1)
    assert [report.step for report in run.records(grammar.GradReport)] == [0, 5, 10]
    assert run.records(grammar.Intent)[0].cadence_grad == 5


def test_grad_monitor_warn_norm_sets_which_norms_are_small_and_warned_about(panel: Path, tmp_path: Path):
    run = fit(tmp_path, panel, env={"GRAD_MONITOR_WARN_NORM": "1e6"}, epochs=1)
    (first, *_), warnings = run.records(grammar.GradReport), run.records(grammar.GradBelow)
    assert all(group.small == group.grad.part for group in first.groups)
    assert len([warning for warning in warnings if warning.step == 0]) == len(first.groups)
    assert {warning.threshold for warning in warnings} == {1e6}


def test_degeneracy_reset_scale_sets_the_noise_of_a_reset(panel: Path, tmp_path: Path):
    weights = {}
    for scale in ("0.05", "0.5"):
        run = fit(
            tmp_path,
            panel,
            env={"DEGENERACY_RESET_SCALE": scale},
            inject=("pred_collapse@1",),
            guard_warmup_steps=1,
            guard_every=1,
            epochs=1,
            warmup_steps=0,
            base_lr=1e-9,
            min_lr=1e-9,
            weight_decay=0.0,
        )
        resets = run.records(grammar.GuardReset)
        assert resets
        assert {reset.scale for reset in resets} == {float(scale)}
        before, *_, after = (r.l2 for r in run.records(grammar.WeightReport) if r.group == "prediction_head_heads")
        weights[scale] = abs(after - before)
    assert weights["0.5"] > 3 * weights["0.05"] > 0


def test_variance_penalty_weight_scales_its_term_and_the_floor(panel: Path, tmp_path: Path):
    floors, terms = {}, {}
    for weight in ("0", "0.01", "0.02"):
        run = fit(tmp_path, panel, env={"VARIANCE_PENALTY_WEIGHT": weight}, inject=("pred_collapse@1",), epochs=1)
        floors[weight] = run.records(grammar.Floor)[0].loss_floor
        terms[weight] = dict(run.records(grammar.Train)[0].extra).get("loss_variance")
    assert terms["0"] is None
    assert float(terms["0.02"]) == pytest.approx(2 * float(terms["0.01"]), rel=1e-3)
    assert floors["0.01"] - floors["0"] == pytest.approx(0.01, rel=1e-3)
    assert floors["0.02"] - floors["0"] == pytest.approx(0.02, rel=1e-3)


def test_an_unused_variable_that_looks_like_ours_is_reported(panel: Path, tmp_path: Path):
    env = {"GRAD_MONITOR_EVRY": "5", "ENABLE_MAGIC": "1", "HOME": "/somewhere"}
    run = fit(tmp_path, panel, env=env, epochs=1)
    assert [line.unused for line in run.records(grammar.ConfigUnused)] == [
        "ENABLE_MAGIC",
        "GRAD_MONITOR_EVRY",
    ]


def test_a_value_overridden_by_the_command_line_is_reported_with_both_values(panel: Path, tmp_path: Path):
    run = fit(tmp_path, panel, env={"TRAINER_EPOCHS": "7"}, epochs=1)
    (ignored,) = run.records(grammar.ConfigIgnored)
    assert (ignored.ignored, ignored.asked, ignored.used) == ("epochs", "7", "1")


def test_a_batch_size_below_one_day_and_a_market_size_together_with_a_panel_are_reported(panel: Path, tmp_path: Path):
    run = fit(tmp_path, panel, batch_size=5, codes=99, epochs=1)
    found = {(line.ignored, line.asked, line.used) for line in run.records(grammar.ConfigIgnored)}
    assert found == {("batch_size", "5", "12"), ("codes", "99", "12")}


def test_later_sources_win_and_each_value_has_its_source(tmp_path: Path):
    file = tmp_path / "run.toml"
    file.write_text("[optim]\nepochs = 3\nbase_lr = 0.1\nseed = 5\n")
    resolved = resolve(cli={"seed": 9}, env={"TRAINER_BASE_LR": "0.2"}, file=file)
    found = {each.key: (each.value, each.source) for each in resolved.effective}
    assert (found["epochs"], found["base_lr"], found["seed"]) == ((3, "file"), (0.2, "env"), (9, "cli"))
    assert resolved.config.optim.epochs == 3
    assert {each.key for each in resolved.ignored} == {"base_lr", "seed"}


def test_without_any_source_the_configuration_is_the_default():
    resolved = resolve()
    assert resolved.config == TrainerConfig()
    assert {each.source for each in resolved.effective} == {"default"}


@pytest.mark.parametrize(
    ("env", "message"),
    [
        (
            {"GRAD_MONITOR_EVERY": "often"},
            "environment GRAD_MONITOR_EVERY: .* expected a whole number, got 'often'",
        ),
        ({"GRAD_MONITOR_EVERY": "0"}, "grad_monitor_every: .* expected more than 0, got 0"),
        (
            {"ENABLE_GRAD_MONITOR": "maybe"},
            "environment ENABLE_GRAD_MONITOR: .* expected 0 or 1, got 'maybe'",
        ),
        ({"VARIANCE_PENALTY_WEIGHT": "-1"}, "variance_penalty_weight: .* at least 0, got -1.0"),
        ({"TRAINER_HORIZONS": "1,x"}, "environment TRAINER_HORIZONS: .* expected a list, got '1,x'"),
        ({"TRAINER_HORIZONS": "1,40"}, "embargo_days: .* at least the longest horizon 40, got 20"),
        ({"TRAINER_HIDDEN": "30"}, "temporal_heads: .* a divisor of hidden=30, got 4"),
        ({"TRAINER_NORM": "batch"}, "norm: .* expected layer_norm or fan_san, got batch"),
        ({"TRAINER_DEVICE": "tpu"}, "device: .* expected auto, cpu, cuda or cuda:N, got tpu"),
    ],
)
def test_an_unusable_value_is_refused_with_its_place(env: dict[str, str], message: str):
    with pytest.raises(SettingError, match=message):
        resolve(env=env)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs = 3\n", "unknown section 'epochs'"),
        ("[optim]\nepoch = 3\n", "unknown setting 'epoch' in .optim.; expected one of accumulate,"),
        ("[optim\n", "not TOML; expected"),
    ],
)
def test_an_unusable_settings_file_is_refused_with_its_place(tmp_path: Path, text: str, message: str):
    file = tmp_path / "run.toml"
    file.write_text(text)
    with pytest.raises(SettingError, match=message):
        resolve(file=file)


def test_a_missing_settings_file_is_refused(tmp_path: Path):
    with pytest.raises(SettingError, match=r"none\.toml: cannot be read; expected a YAML or TOML file"):
        resolve(file=tmp_path / "none.toml")


def test_a_gpu_that_does_not_exist_is_refused(panel: Path, tmp_path: Path):
    count = torch.cuda.device_count()
    with pytest.raises(SettingError, match=f"device: .* got cuda:{count}"):
        fit(tmp_path, panel, device=f"cuda:{count}")
