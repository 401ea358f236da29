"""The status page this project started from claims that all checks passed; its figures, as log lines, disprove it."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.alert import Alert, State
from monitor.conditions import Background
from monitor.engine.step import Engine
from monitor.grammar import (
    Config,
    Data,
    Epoch,
    GradReport,
    GroupGrad,
    Metrics,
    RunEnd,
    RunStart,
    Share,
    Target,
    Train,
    parse_line,
)
from monitor.pipeline import Pipeline
from monitor.report.build import build
from monitor.report.statement import Mark
from monitor.report.verdict import verdict_of
from monitor.rules import load_rules
from monitor.run.summary import summarise
from tests.lines import START, Line, at, epoch_end, numbered, train

RULES = load_rules(sorted((Path(__file__).parents[2] / "rules").glob("*.yaml")))

GROUPS = (
    ("prediction_head_shared", 8.70e-01, 8.66e-01, 4, 4, 0),
    ("prediction_head_heads", 4.64e-01, 2.90e-01, 24, 24, 0),
    ("backbone_projection", 1.99e-01, 1.99e-01, 2, 2, 0),
    ("adaptive_norm", 3.03e-02, 2.18e-02, 2, 2, 0),
    ("temporal_encoder", 2.00, 1.28, 32, 32, 0),
    ("input_projection", 9.97e-01, 9.96e-01, 4, 4, 0),
    ("variable_selection", 7.57e-01, 2.83e-01, 1160, 1160, 243),
    ("gat", 2.68, 2.39, 22, 23, 0),
)
"""Name, L2 norm, largest element, tensors with a gradient, tensors, small ones: as the page shows them."""
TARGETS = ((1, 0.000763, 0.008553), (5, 0.004600, 0.019692), (10, 0.011444, 0.022506), (20, 0.022997, 0.027307))
SETTINGS = {
    "ENABLE_ENCODER_GRAD_HOOKS": "1",
    "ENABLE_GRAD_MONITOR": "1",
    "GRAD_MONITOR_EVERY": "200",
    "GRAD_MONITOR_WARN_NORM": "1e-7",
    "DEGENERACY_RESET_SCALE": "0.05",
    "VARIANCE_PENALTY_WEIGHT": "0.01",
}
STALE_SHARPE = 0.08177260619898637
"""The final figure of the page's run and of its baseline, to the last digit."""
EPOCHS, BATCHES, S_PER_BATCH = 20, 70, 2.1


def first_page() -> list[bytes]:
    """Return what the page quotes of the run's first two minutes."""
    groups = tuple(
        GroupGrad(group=name, norm=norm, max=largest, grad=Share(seen, tensors), small=small, none=tensors - seen)
        for name, norm, largest, seen, tensors, small in GROUPS
    )
    hooks = b"2025-10-30T23:41:00.000Z INFO [ENCODER-GRAD] "
    return [
        at(0, RunStart(run="prod_validation_20ep", pid=822543)),
        *(at(0, Config(key=key, value=value, source="env")) for key, value in SETTINGS.items()),
        at(1, Data(features=82, targets=("target_1d", "target_5d", "target_10d", "target_20d"), batch_size=2048)),
        *(at(1, Target(h=horizon, mean=mean, std=std)) for horizon, mean, std in TARGETS),
        hooks + b"normalized_features grad_norm=1.547e-02 max=3.204e-04",
        hooks + b"projected_features grad_norm=6.317e-03 max=1.354e-04",
        at(9, GradReport(step=0, epoch=1, batch=1, groups=groups)),
        at(10 + 12 * S_PER_BATCH, train(12, loss=0.7926)),
    ]


def whole_run() -> list[bytes]:
    """Return the run to its end, as the page expected it: without further gradient reports or lines of the guard."""
    log = first_page()
    for epoch in range(1, EPOCHS + 1):
        for batch in range(1, BATCHES + 1):
            step = (epoch - 1) * BATCHES + batch
            if step > 12:
                log.append(at(10 + S_PER_BATCH * step, train(step, epoch, loss=0.7926 - 1e-5 * step)))
        end_s = 10 + S_PER_BATCH * epoch * BATCHES + 1
        log.append(at(end_s, epoch_end(epoch, val_loss=0.79 - 1e-4 * epoch)))
        sharpe = STALE_SHARPE if epoch == EPOCHS else float("nan")
        log.append(at(end_s, Metrics(epoch=epoch, sharpe=sharpe)))
    log.append(at(end_s + 1, RunEnd(status="completed", epochs=EPOCHS)))
    return log


def baseline() -> Pipeline:
    """Return the five-epoch run before it, with the same final figure."""
    log = [at(-9_000, RunStart(run="validation_5ep"))]
    for epoch in range(1, 6):
        log.append(at(-9_000 + 100 * epoch, train(500 * epoch, epoch, epochs=5)))
        log.append(at(-9_000 + 100 * epoch, epoch_end(epoch, epochs=5)))
        log.append(at(-9_000 + 100 * epoch, Metrics(epoch=epoch, sharpe=STALE_SHARPE if epoch == 5 else 0.01 * epoch)))
    watching = Pipeline("validation_5ep.log", Engine(()))
    for line in numbered(log):
        watching.take(line)
    return watching


@pytest.fixture(scope="module")
def watched() -> tuple[Pipeline, list[Alert]]:
    """Return a watch of the whole run, compared with its baseline."""
    background = Background(baseline=summarise(baseline().run, "validation_5ep.log"))
    watching = Pipeline("prod_validation_20ep_20251030_234051.log", Engine(RULES, background))
    return watching, [change for line in numbered(whole_run()) for change in watching.take(line)]


def fired(changes: list[Alert]) -> set[str]:
    return {alert.fault for alert in changes if alert.state is State.FIRING and alert.severity.is_alarming}


@pytest.mark.parametrize("fault", ["dead_inputs", "evidence_gap", "metric_constant"])
def test_every_fault_of_the_run_is_found(watched: tuple[Pipeline, list[Alert]], fault: str):
    assert fault in fired(watched[1])


def test_the_dead_inputs_are_found_at_the_first_report(watched: tuple[Pipeline, list[Alert]]):
    alert = next(each for each in watched[1] if each.fault == "dead_inputs")
    assert (alert.severity.value, alert.step) == ("critical", 0)
    assert "small=243" in alert.evidence[-1].text


def test_the_gap_in_the_evidence_is_found_long_before_the_end(watched: tuple[Pipeline, list[Alert]]):
    alert = next(each for each in watched[1] if each.fault == "evidence_gap" and each.state is State.FIRING)
    assert alert.at is not None
    assert alert.at - START < 10 + S_PER_BATCH * 6 * BATCHES


def test_the_reset_rule_is_unknown_because_the_guard_logged_nothing(watched: tuple[Pipeline, list[Alert]]):
    snapshot = watched[0].snapshot(watched[0].run.now, is_following=False)
    said = {rule.alert: [reading.outcome.value for reading in readings] for rule, readings in snapshot.readings}
    assert said["ExcessiveResets"] == ["unknown"]


def test_the_first_page_alone_is_not_an_all_clear():
    watching = Pipeline("run.log", Engine(RULES))
    changes = [change for line in numbered(first_page()) for change in watching.take(line)]
    assert "dead_inputs" in fired(changes)
    snapshot = watching.snapshot(watching.run.now, is_following=True)
    said = {rule.alert: {reading.outcome.value for reading in readings} for rule, readings in snapshot.readings}
    assert said["ExcessiveResets"] == {"unknown"}
    assert {"ok"} != set().union(*said.values())


def as_atft(log: list[bytes]) -> list[bytes]:
    """Return the run in the words of the trainer that wrote the seed page's log; it has no start and end lines."""
    return [line for each in log for line in _in_atft(each)]


def _in_atft(line: bytes) -> list[bytes]:
    stamp, _, rest = line.partition(b"Z INFO ")
    head = b"[" + stamp.replace(b"T", b" ").replace(b".", b",") + b"][__main__][INFO] - "
    record = parse_line(line)
    match record.record if record else None:
        case RunStart():
            return [head + b"Complete ATFT-GAT-FAN Training Pipeline"]
        case Train(epoch=epoch, batch=batch, loss=loss):
            return [f"Epoch {epoch.part}: {batch.part}it [00:42,  2.10s/it, loss={loss:.4f}]".encode()]
        case GradReport() | Metrics():
            return [head + rest]
    return [head + rest] if b"[ENCODER-GRAD]" in line else []


def as_key_values(log: list[bytes]) -> list[bytes]:
    """Return the run as plain ``key=value`` lines with the total gradient norm of its only report."""
    found = []
    for line in log:
        record = parse_line(line)
        stamp = line.partition(b"Z")[0].replace(b"T", b" ")[:19]
        match record.record if record else None:
            case Train(epoch=epoch, step=step, loss=loss):
                norm = " grad_norm=0.87" if step == 12 else ""
                found.append(stamp + f" epoch={epoch.part} step={step} loss={loss}{norm}".encode())
            case Epoch(epoch=epoch, val_loss=val_loss):
                found.append(stamp + f" epoch={epoch.part} val_loss={val_loss}".encode())
            case Metrics(epoch=epoch):
                found.append(stamp + f" epoch={epoch} sharpe={STALE_SHARPE}".encode())
    return found


GRAMMARS = {"native": list, "atft": as_atft, "key=value": as_key_values}


@pytest.fixture(scope="module", params=GRAMMARS)
def judged(request: pytest.FixtureRequest) -> Pipeline:
    """Return a watch of the whole run in one of three grammars, with nothing to compare with."""
    watching = Pipeline("run.log", Engine(RULES))
    for line in numbered(GRAMMARS[request.param](whole_run())):
        watching.take(line)
    assert watching.run.attempt.step is not None
    return watching


def test_in_every_grammar_gradient_rules_are_unknown_after_the_first_epoch(judged: Pipeline):
    snapshot = judged.snapshot(judged.run.now, is_following=False)
    for rule, readings in snapshot.readings:
        if rule.group == "gradients" and rule.alert != "NonfiniteReported":
            heartbeats = {name for name, _ in rule.condition.signals_to_keep_coming()}
            if heartbeats and not any(name.startswith("train.loss") for name in heartbeats):
                assert "ok" not in {reading.outcome.value for reading in readings}, (rule.alert, readings)


def test_in_no_grammar_is_an_objective_green_without_proof(judged: Pipeline):
    snapshot = judged.snapshot(judged.run.now, is_following=False)
    page = build(snapshot)
    green = {each.title for each in page.objectives if each.mark is Mark.OK}
    assert not green & {"Confirm gradient flow", "Validate degeneracy prevention", "Monitor GPU utilisation"}
    assert not page.footer.all_passed
    assert not verdict_of(snapshot).all_passed


def test_an_alert_whose_evidence_ends_keeps_firing():
    watching = Pipeline("run.log", Engine(RULES))
    for line in numbered(whole_run()[:-1]):
        watching.take(line)
    snapshot = watching.snapshot(watching.run.now, is_following=True)
    said = {rule.alert: {reading.outcome.value for reading in readings} for rule, readings in snapshot.readings}
    assert said["DeadInputGradients"] == {"unknown"}
    assert "DeadInputGradients" in {alert.rule for alert in snapshot.open}


def test_every_alert_cites_an_existing_line(watched: tuple[Pipeline, list[Alert]]):
    lines: dict[int, Line] = {line.number: line for line in numbered(whole_run())}
    for alert in watched[1]:
        assert alert.evidence
        for each in alert.evidence:
            assert each.text == lines[each.line].data.decode()[:2000]
            assert each.offset == lines[each.line].offset
