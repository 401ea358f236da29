"""``norm`` and ``scale`` alone are the gradients' and the loss's only beside what a step of an optimizer has."""

from pathlib import Path

import pytest

from monitor import api


def facts_of(line: str, folder: Path) -> tuple[bool, bool]:
    """Return whether a log of such lines gives a gradient norm, and a metric of that name."""
    log = folder / "train.log"
    log.write_text("".join(f"{line.format(number)}\n" for number in range(1, 12)))
    series = api.read(log).snapshot.run.attempt.series
    names = {dict(labels)["name"] for labels in series.get("metric", {})}
    return "train.grad_norm" in series, "norm" in names


@pytest.mark.parametrize("beside", ["lr 1.0e-03", "dt: 380.00ms", "tok/sec: 137000.00", "img/s: 420.1"])
@pytest.mark.parametrize(
    "form", ["step {{}} | loss: 2.31 | norm: 3.70 | {}", "step {{}} | {} | norm: 3.70 | loss: 2.31"]
)
def test_beside_a_rate_or_a_speed_a_norm_is_that_of_the_gradients(form: str, beside: str, tmp_path: Path) -> None:
    assert facts_of(form.format(beside), tmp_path) == (True, False)


@pytest.mark.parametrize(
    "line",
    [
        "step {} loss 3.1 norm 2.5",
        "[iter {}] loss=2.2975 val_loss=2.2843 scale=1.0000 norm=2.0437",
        "iteration {}: Norm: 87.81, Bias: 6.529838, Avg. loss: 2.139637",
    ],
)
def test_alone_it_is_a_figure_of_its_own(line: str, tmp_path: Path) -> None:
    assert facts_of(line, tmp_path) in {(False, True), (False, False)}


def test_a_gradient_norm_by_its_name_needs_nothing_beside_it(tmp_path: Path) -> None:
    assert facts_of("step {} loss 3.1 grad_norm 2.5", tmp_path) == (True, False)
