"""Several trainings in one log, resumes that are said in words, and steps that go back without a word."""

import pytest

from monitor.run.last_values import last_values
from tests.reader.dialects.logs import HF, fired, watched

GOES_BACK = {"StepWentBack", "RestartLoop", "CheckpointUndeclared"}


def iters(first: int, last: int, every: int = 10, total: int | None = None) -> str:
    of = "" if total is None else f"/{total}"
    return "".join(f"step {n}{of} | loss {3 - n / 2000:.4f}\n" for n in range(first, last + 1, every))


def epochs(of: int, upto: int | None = None, loss: float = 1.0) -> str:
    return "".join(
        f"Epoch {n}/{of}\n20/20 - 1s - 50ms/step - loss: {loss / n:.4f} - val_loss: {1.1 * loss / n:.4f}\n"
        for n in range(1, (upto or of) + 1)
    )


COMPLETE = {
    "two Keras fits": epochs(5) + epochs(5, loss=0.8),
    "five Keras fits": epochs(5) * 5,
    "a fit of other length": epochs(3) + epochs(8),
    "folds that stop early": "".join(f"Fold {k}/5\n" + epochs(50, upto=6 + k) for k in range(1, 6)),
    "folds within the line": "".join(
        f"fold {k} epoch {n}/9 train_loss {1 / n:.4f} val_loss {1.2 / n:.4f}\n" for k in range(4) for n in range(1, 7)
    ),
    "runs from step 0": iters(0, 490, total=500) * 3,
    "runs that say their end": (iters(10, 500) + "Training completed in 12 minutes\n") * 4,
    "a trainer's runs": HF + HF,
}


@pytest.mark.parametrize("name", COMPLETE)
def test_trainings_that_are_complete_are_new_fits_and_no_restarts(name: str):
    pipeline, changes = watched(COMPLETE[name])
    assert not GOES_BACK & fired(changes).keys()
    assert pipeline.run.attempt.fit > 1
    assert {past.status for past in pipeline.run.past} <= {"completed", "stopped"}


def test_a_count_that_is_full_and_begins_anew_is_one_of_epochs_or_of_trainings():
    """Nothing says which: the steps are not told then, and nothing goes back."""
    pipeline, changes = watched(iters(10, 500, total=500) * 3)
    assert not GOES_BACK & fired(changes).keys()
    assert last_values(pipeline.run).step is None
    assert pipeline.run.past == []


@pytest.mark.parametrize(
    "words",
    [
        "Resuming from checkpoint runs/a/checkpoint-3000 at step 3000",
        "Resuming training from ./ckpt/step_3000.pt",
        "  successfully loaded checkpoint from ckpts [ t 1/1, p 1/1 ] at iteration 3000",
        "  Continuing training from global step 3000",
        "Resuming from checkpoint last.ckpt",
    ],
)
def test_a_resume_that_is_said_makes_repeated_steps_progress(words: str):
    before, after = iters(2000, 3400), iters(3010, 3300)
    pipeline, changes = watched(f"{before}Killed by the scheduler\n{words}\n{after}")
    assert not GOES_BACK & fired(changes).keys()
    assert pipeline.run.attempt.step == 3300
    assert pipeline.run.attempt.is_resume_stated
    moved = pipeline.run.attempt.progress.last
    assert moved is not None
    assert "step 3300" in moved.evidence.text


LOADS = [
    "=> loading checkpoint 'checkpoint.pth.tar'",
    "Loaded model and optimizer from runs/a/last.pt",
    "successfully loaded weights from last.ckpt",
    "Model restored from checkpoint.",
    "Restoring states from the checkpoint path at x.ckpt",
]
LOADS_OF_A_STEP = [
    "=> loaded checkpoint 'ckpt_3000.pth.tar' (epoch 3)",
    "Loading checkpoint from out/ckpt_3000.pt",
    "Restoring parameters from ./model.ckpt-3000",
    "load checkpoint from local path: work_dirs/iter_3000.pth",
    "Checkpoint loaded (step 3000)",
    "Continue training from step 3000",
    "resuming run at iteration 3000",
    "Picking up at step 3000 from snapshot",
]
LOADS_OF_SOMETHING_ELSE = [
    "pretrained weights loaded from a.pt",
    "Loading tokenizer from checkpoint-3000",
    "Loading data",
]


@pytest.mark.parametrize("words", LOADS + LOADS_OF_A_STEP)
def test_a_checkpoint_that_is_loaded_is_a_resume(words: str):
    assert not GOES_BACK & fired(watched(f"{iters(10, 3400)}{words}\n{iters(3000, 3600)}")[1]).keys()


@pytest.mark.parametrize("words", LOADS + LOADS_OF_A_STEP + LOADS_OF_SOMETHING_ELSE)
def test_a_run_that_loads_something_and_begins_afresh_is_told(words: str):
    assert "StepWentBack" in fired(watched(f"{iters(10, 3400)}{words}\n{iters(10, 600)}")[1])


@pytest.mark.parametrize("words", LOADS_OF_A_STEP + LOADS_OF_SOMETHING_ELSE)
def test_a_run_that_goes_back_further_than_what_it_loads_is_told(words: str):
    assert "StepWentBack" in fired(watched(f"{iters(10, 3400)}{words}\n{iters(2500, 3000)}")[1])


def test_a_resume_that_begins_before_its_own_word_is_told():
    text = iters(2000, 3400) + "Resuming from checkpoint at step 3000\n" + iters(1500, 1600)
    _, changes = watched(text)
    assert "StepWentBack" in fired(changes)


@pytest.mark.parametrize("back_to", [10, 110, 250, 370])
def test_a_step_that_goes_back_without_a_word_is_told_however_far(back_to: int):
    _, changes = watched(iters(10, 400) + iters(back_to, 600))
    assert "StepWentBack" in fired(changes)


def test_writers_that_are_a_report_apart_do_not_go_back():
    text = iters(10, 30)
    text += "".join(f"step {n} | loss {3 - n / 900:.4f}\nstep {n - 10} | loss 2.1\n" for n in range(40, 400, 10))
    pipeline, changes = watched(text)
    assert not GOES_BACK & fired(changes).keys()
    assert pipeline.run.past == []


def test_a_resume_in_the_middle_of_a_run_is_none_where_the_steps_go_on():
    pipeline, _ = watched(iters(10, 200) + "Resuming training at step 200 after the evaluation\n" + iters(210, 400))
    assert pipeline.run.past == []
