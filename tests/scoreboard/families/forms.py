"""What a training printed, in the forms of five trainers: made for the board from one record, without times."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from tests.scoreboard.families.printed import Epoch, Printed, Report


def _hugging_face(run: Printed) -> Iterator[str]:
    """The dictionaries that the Hugging Face Trainer prints."""
    for item in run.items:
        if isinstance(item, Report):
            norm = {} if _never_measured(run) else {"grad_norm": item.grad_norm}
            place = {"learning_rate": item.rate, "epoch": round(item.step / run.batches, 2)}
            yield str({"loss": round(item.loss, 4), **norm, **place})
        else:
            metrics = {f"eval_{name}": value for name, value in item.metrics.items()}
            speeds = {"eval_runtime": 0.4211, "eval_samples_per_second": 607.9, "eval_steps_per_second": 19.0}
            loss = {} if item.val_loss is None else {"eval_loss": item.val_loss}
            yield str({**loss, **metrics, **speeds, "epoch": float(item.epoch)})
    if run.is_complete:
        losses = [item.loss for item in run.items if isinstance(item, Report)] or [0.0]
        summary = {
            "train_runtime": 12.7,
            "train_samples_per_second": 604.7,
            "train_steps_per_second": 18.9,
            "train_loss": sum(losses) / len(losses),
            "epoch": float(_epochs(run)),
        }
        yield str(summary)


def _nano_gpt(run: Printed) -> Iterator[str]:
    """nanoGPT's lines: one per report, one per evaluation."""
    for item in run.items:
        if isinstance(item, Report):
            yield f"iter {item.step}: loss {item.loss:.4f}, time {_jitter(item.step, 11.0):.2f}ms, mfu 1.23%"
        else:
            held = "" if item.val_loss is None else f", val loss {item.val_loss:.4f}"
            yield f"step {item.step}: train loss {item.train_loss:.4f}{held}"


def _keras(run: Printed) -> Iterator[str]:
    """Keras with verbose=2: two lines per epoch."""
    for item in run.items:
        if isinstance(item, Epoch):
            metrics = "".join(f" - val_{name}: {value:.4f}" for name, value in item.metrics.items())
            yield f"Epoch {item.epoch}/{run.epochs}"
            yield (
                f"{run.batches}/{run.batches} - 1s - 12ms/step - loss: {item.train_loss:.4f}"
                f"{_held(item, ' - val_loss: {:.4f}')}{metrics} - learning_rate: {item.rate:.4e}"
            )


def _lightning(run: Printed) -> Iterator[str]:
    """The bar of Lightning as it stands at each epoch's end, with what was logged for it."""
    for item in run.items:
        if isinstance(item, Epoch):
            metrics = "".join(f", val_{name}={value:.3f}" for name, value in item.metrics.items())
            yield (
                f"Epoch {item.epoch - 1}: 100%|██████████| {run.batches}/{run.batches} "
                f"[00:01<00:00, 40.17it/s, v_num=3, "
                f"train_loss={_short(item.train_loss)}"
                f"{'' if item.val_loss is None else f', val_loss={_short(item.val_loss)}'}{metrics}]"
            )
    if run.is_complete and run.items and _epochs(run) == run.epochs:
        yield f"`Trainer.fit` stopped: `max_epochs={run.epochs}` reached."


def _pairs(run: Printed) -> Iterator[str]:
    """Lines of key=value, as many people write them."""
    for item in run.items:
        if isinstance(item, Report):
            norm = "" if _never_measured(run) else f" grad_norm={item.grad_norm:.4g}"
            epoch = 1 + (item.step - 1) // run.batches
            yield f"step={item.step} epoch={epoch} loss={item.loss:.5g} lr={item.rate:.3e}{norm}"
        else:
            metrics = "".join(f" val_{name}={value:.5g}" for name, value in item.metrics.items())
            yield f"epoch={item.epoch} train_loss={item.train_loss:.5g}{_held(item, ' val_loss={:.5g}')}{metrics}"


FORMS: dict[str, Callable[[Printed], Iterator[str]]] = {
    "hugging face": _hugging_face,
    "nanogpt": _nano_gpt,
    "keras": _keras,
    "lightning": _lightning,
    "key=value": _pairs,
}


def written(run: Printed, form: str) -> str:
    """Return the whole log of a training in one form, with the traceback of its death if it died."""
    return "".join(f"{line}\n" for line in FORMS[form](run)) + run.traceback


def lines_until(run: Printed, form: str, step: int) -> int:
    """Return how many lines a training had printed when a step was done."""
    begun = Printed(run.epochs, run.batches, run.size)
    begun.items = [item for item in run.items if item.step <= step]
    return sum(1 for _ in FORMS[form](begun))


def _held(item: Epoch, form: str) -> str:
    """Return the validation loss in a form; nothing where there is none."""
    return "" if item.val_loss is None else form.format(item.val_loss)


def _epochs(run: Printed) -> int:
    return max((item.epoch for item in run.items if isinstance(item, Epoch)), default=0)


def _never_measured(run: Printed) -> bool:
    return all(math.isnan(item.grad_norm) for item in run.items if isinstance(item, Report))


def _short(value: float) -> str:
    """Return a number as a bar shows it: three significant digits."""
    return f"{value:.3g}" if abs(value) < 1e-2 or not math.isfinite(value) else f"{value:.3f}"


def _jitter(step: int, usual: float) -> float:
    return usual * (1 + 0.03 * math.sin(step))
