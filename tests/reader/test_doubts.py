"""Numbers that a log prints at the place of another quantity: read as what they are, or not at all."""

import pytest

from tests.reader.facts import facts_of


def read(*lines: str) -> dict[str, object]:
    return facts_of("\n".join(lines).encode())


def epoch_bar(done: int, shown: str, unit: str) -> str:
    return f"{10 * done:3d}%|{'#' * done}{' ' * (10 - done)}| {done}/10 [00:3{done % 10}<00:10, {unit}, {shown}]"


@pytest.mark.parametrize("unit", ["3.20s/epoch", "1.25epoch/s"])
@pytest.mark.parametrize("words", ["", "Training: "])
def test_a_bar_whose_speed_is_in_epochs_counts_epochs(unit: str, words: str) -> None:
    lines = []
    for epoch in range(1, 5):
        lines += [f"{100 * i // 8:3d}%|##| {i}/8 [00:01<00:01, 9.1batch/s, loss={1 / epoch + i:.3f}]" for i in (4, 8)]
        lines.append(words + epoch_bar(epoch, f"loss={1 / epoch:.3f}, val_loss={2 / epoch:.3f}", unit))
    found = read(*lines)
    assert (found["epoch"], found["epochs_done"], found["epochs"]) == (4, 4, 10)
    assert (found["loss"], found["val_loss"]) == (0.25, 0.5)
    assert found.get("step") in (None, 32)


@pytest.mark.parametrize("unit", ["fold", "trial", "episode", "client", "seed"])
def test_a_bar_of_other_things_gives_no_step(unit: str) -> None:
    found = read(*(epoch_bar(done, f"loss={1 / done:.3f}", f"3.20s/{unit}") for done in range(1, 6)))
    assert "step" not in found and "epochs_done" not in found


@pytest.mark.parametrize("name", ["all", "closed_roof", "val"])
def test_a_row_with_a_name_where_the_table_has_its_place_is_of_another_table(name: str) -> None:
    found = read(
        "      Epoch    GPU_mem   box_loss   cls_loss   dfl_loss  Instances       Size",
        f"      {name}       4146      20410       0.88      0.883      0.913      0.721",
    )
    assert not found.get("metrics")


@pytest.mark.parametrize("style", ["({}/62) loss: {:.3f}", "[{}/62] loss: {:.3f}", "step {}/62, loss: {:.3f}"])
@pytest.mark.parametrize("rounds", [2, 5])
def test_a_count_that_begins_anew_when_it_is_full_is_no_step(style: str, rounds: int) -> None:
    counts = (1, 21, 41, 61)
    found = read(*(style.format(i, 1 / (r + i)) for r in range(rounds) for i in counts))
    assert "step" not in found and found["loss"] == pytest.approx(1 / (rounds + 60), abs=1e-3)
    assert read(*(style.format(i, 1 / i) for i in counts))["step"] == 61


@pytest.mark.parametrize("head", ["Epoch: [{} | 9]", "epoch [{}|9]", "Epoch ({} | 9)"])
def test_an_epoch_and_its_total_may_be_parted_by_a_bar(head: str) -> None:
    lines = [line for e in (1, 2) for line in (head.format(e), *(f"({i}/62) loss: 0.{i}" for i in (1, 31, 61)))]
    found = read(*lines)
    assert (found["epoch"], found["epochs"], found["step"]) == (2, 9, 123)


def test_batches_of_another_total_that_are_only_counted_are_an_evaluation_s() -> None:
    lines = []
    for epoch in range(3):
        lines += [f"Epoch[{epoch:03d}] Batch [{i:04d}]/[0149]\tloss=0.3\tlr=0.01" for i in (49, 99, 149)]
        lines += [f"Batch [{i:04d}]/[0059]: evaluated" for i in (19, 39)]
    assert read(*lines)["step"] in (447, 450)


def test_a_number_in_brackets_beside_settings_is_no_step() -> None:
    found = read("[035420] net: dnn LR: 0.001 discount: 0.9", "[051910] net: dnn LR: 0.001 discount: 0.9")
    assert "step" not in found


def test_trainings_told_apart_by_a_number_leave_their_epoch_open() -> None:
    lines = [f"[{code}][Epoch {e}/5] Epsilon:0.1 Loss:{e}.5" for e in range(1, 6) for code in ("051910", "000660")]
    found = read(*lines)
    assert found["epoch"] == 5 and found.get("epochs_done") in (None, 5)


@pytest.mark.parametrize("echo", ["  BASE_LR: 0.002", "lr: 0.002", "learning_rate = 0.002"])
def test_the_rate_of_settings_that_are_echoed_again_is_not_the_present_one(echo: str) -> None:
    reports = [f"iter: {i}  total_loss: 0.{i}  lr: {1e-3 / i:.6f}" for i in (20, 40, 80)]
    assert read(echo, *reports, echo)["lr"] == pytest.approx(1e-3 / 80, rel=0.1)


def test_a_line_s_own_split_may_stand_behind_where_it_was_logged() -> None:
    found = read(
        "[2020-04-03 19:57:46]: train [line:107] INFO  Train Epoch:  5 | LOSS: 0.327 | F1: 0.846",
        "[2020-04-03 19:58:00]: train [line:140] INFO  Valid Epoch:  5 | LOSS: 0.329 | F1: 0.783",
    )
    assert (found["loss"], found["val_loss"]) == (0.327, 0.329)


@pytest.mark.parametrize("tag", ["Val", "VAL", "Valid", "Dev", "Test"])
def test_a_padded_tag_names_its_split(tag: str) -> None:
    lines = [f"[{name}]{' ' * n}Epoch {e}: loss=0.{e}{n}" for e in (1, 2) for name, n in (("Train", 1), (tag, 3))]
    found = read(*lines)
    assert (found["loss"], found["val_loss"]) == (0.21, 0.23)


@pytest.mark.parametrize("head", ["[Epoch {}/9][{:4d}:391]", "Epoch: {} [{}:391]", "epoch [{}/9][{} : 391]"])
def test_batches_and_their_total_may_be_parted_by_a_colon(head: str) -> None:
    found = read(
        *(f"{head.format(e, i)}  Loss: 0.{e}{i}  LR: 0.1" for e in (1, 2, 3) for i in (0, 100, 300) if e < 3 or not i)
    )
    assert (found["epoch"], found["epochs_done"], found["step"]) == (3, 2, 783)


@pytest.mark.parametrize("name", ["hyperparameters", "kwargs", "args"])
def test_settings_within_the_results_are_no_measurements(name: str) -> None:
    reports = [f"Epoch {e}: loss: 0.{e}" for e in (1, 2)]
    found = read("lr: 0.01", *reports, f"Results: {{'best': 0.5, '{name}': {{'lr': 0.001, 'batch': 64}}}}")
    assert found.get("lr") in (None, 0.01)


def test_columns_without_a_place_may_be_cut_short() -> None:
    rows = [f"0.01\t{1 / n:.6f}\t{2 / n:.6f}\t38.46\t46.15" for n in (1, 2, 4)]
    found = read("Learning Rate\tTrain Loss\tValid Loss\tTrain Acc.\tValid Acc.\t", *(row + "\t" for row in rows))
    assert (found["loss"], found["val_loss"], found["lr"]) == (0.25, 0.5, 0.01)
    assert "step" not in found


@pytest.mark.parametrize("took", ["0:02:34.598", "02:34", "1:02:34"])
def test_a_time_behind_the_word_epoch_is_no_place(took: str) -> None:
    lines = []
    for epoch in (1, 2, 3):
        lines += [f"10-04 13:24:0{epoch}: main.py[280]: [Epoch {epoch}/9][{i}/40] loss: 0.{epoch}{i}" for i in (10, 30)]
        lines.append(f"10-04 13:24:0{epoch}: main.py[218]: total {took}, epoch {took}, remain {took}")
    found = read(*lines)
    assert (found["epoch"], found["loss"]) == (3, 0.330)
    assert found.get("epochs_done") in (None, 2, 3)
    assert not any("main.py" in name for name in found.get("metrics", {}))
