"""What is true of a real log at its last line: a small parser per format, independent of the monitor.

`facts_of(format, log)` gives {step, loss, val_loss, lr, grad_norm, epochs_done, epochs, steps, metrics}, by the
convention of `shared/cases/check.py`. A value is a number ("nan", "inf", "-inf" for those), or a list of what is
acceptable where the convention leaves a choice (None in the list: silence is right too), or "any" where nothing is
judged. A fact that a parser leaves out is not in the log: of the first six, a number read all the same is wrong.
Metrics are {name: {split: value}}; `a|b` in a name or a split: either is right; the split `*`: any.
"""

from . import (
    boosting_and_rl,
    eighth,
    eleventh_loops,
    eleventh_more,
    fifth_epochs,
    fifth_more,
    fifth_steps,
    fourth,
    gluon,
    language_models,
    ninth,
    own_loops,
    paddle,
    second_epochs,
    second_steps,
    seventh,
    sixth,
    speech,
    tenth,
    third,
    transformers_and_deepspeed,
    twelfth,
    vision,
)
from .reading import Log, read

__all__ = ["FORMATS", "Log", "facts_of", "read"]

MODULES = (
    boosting_and_rl,
    eighth,
    eleventh_loops,
    eleventh_more,
    fifth_epochs,
    fifth_more,
    fifth_steps,
    fourth,
    gluon,
    language_models,
    ninth,
    own_loops,
    paddle,
    second_epochs,
    second_steps,
    seventh,
    sixth,
    speech,
    tenth,
    third,
    transformers_and_deepspeed,
    twelfth,
    vision,
)
FORMATS = {name: parser for module in MODULES for name, parser in module.FORMATS.items()}
SETTING = r"(?:^|[ (,])\W?(?:lr|learning_rate|base_lr)\b['\"]?(?: *[=:] *| +)<n>"
SOURCE_CODE = ("modded-nanogpt", "parameter-golf")
SCALARS = ("step", "loss", "val_loss", "lr", "grad_norm", "epochs_done")


def facts_of(name, log):
    """The facts of a log of the named format, ready for JSON."""
    found = FORMATS[name](log)
    found.setdefault("epochs_done", [None, 0])
    if found.get("lr") is None and name not in SOURCE_CODE:
        # A rate that is only printed among the settings: the last printed, or none.
        found["lr"] = [log.value(SETTING), None]
    return {
        **{each: _plain(found.get(each)) for each in SCALARS},
        **{each: _plain(found[each]) for each in ("steps", "epochs") if found.get(each) is not None},
        "metrics": {
            metric: {split: _plain(value) for split, value in splits.items()}
            for metric, splits in found.get("metrics", {}).items()
        },
    }


def _plain(value):
    if isinstance(value, list):
        plain = [_plain(each) for each in value]
        return [each for i, each in enumerate(plain) if each not in plain[:i]]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)
    return value
