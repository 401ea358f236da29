"""What a line says of the course of a run: a checkpoint was saved, the run resumes, another fold or trial begins."""

from __future__ import annotations

import re

from monitor.grammar import Checkpoint

LONGEST_LINE = 400
"""Characters of a line that says so; longer ones are data."""

_PATH = re.compile(
    r"(?:\b(?:to|at|in|as|into|under|path)\b[ :=]*|[:=] *)[\"'`]?"
    r"((?:[A-Za-z]:|s3:/|gs:/|hdfs:/)?[\w.~{}$+=@-]*[/\\][^\s\"'`,;]+|"
    r"[\w.+=@-]+\.(?:pt|pth|ckpt|bin|safetensors|h5|keras|pkl|pdparams|tar|npz|msgpack|model|onnx|weights)\b)"
)
_FILE = re.compile(
    r"[\"'`]?((?:/|\./|\.\./)?[\w.+=@-]*(?:[/\\][\w.+=@-]+)+|[\w.+=@-]+\.(?:pt|pth|ckpt|safetensors|h5|keras|pkl|tar))"
)
_STEP = re.compile(
    r"(?:\b(?:step|steps|iteration|iter|global[_ ]step|update|updates)|-step|_step)[ _:=#-]*(\d{1,12})\b", re.I
)
_STEP_IN_PATH = re.compile(
    r"(?:checkpoint|ckpt|step|iter(?:ation)?|global_step|model)s?[-_=]?0*(\d{1,12})(?:\.\w+)?/?$", re.I
)
_EPOCH = re.compile(r"epochs?[ _:=#-]*(\d{1,7})\b", re.I)


def saved(body: str, *, step: int | None, epoch: int | None) -> Checkpoint:
    """Return the checkpoint that a line says was saved; ``step`` and ``epoch`` are where the run is.

    A step in the line or in the path counts; a path that ends in an epoch is none of a step.
    """
    path = _path_of(body)
    own = _STEP.search(body) or (_STEP_IN_PATH.search(path) if path else None)
    of_epoch = _EPOCH.search(body)
    return Checkpoint(
        action="save",
        path=path,
        step=int(own[1]) if own else step,
        epoch=int(of_epoch[1]) if of_epoch and not own else epoch,
    )


def _path_of(body: str) -> str | None:
    found = _PATH.search(body) or _FILE.search(body)
    if found is None:
        return None
    path = found[1].rstrip(".,;:)]}…")
    return path or None


_RESUMES = re.compile(
    r"\bresum(?:ing|ed|e|es)\b(?! *(?:[:=]|_from|from_)).{0,80}"
    r"\b(?:from|train\w*|checkpoint|ckpt|run|at|epoch|step|iteration)\b|"
    r"\bcontinuing (?:the )?(?:training|fine-?tuning|run) (?:from|at)\b|"
    r"\b(?:loaded|restored) (?:\w+ ){0,3}(?:checkpoint|ckpt|state)\b.{0,200}\b(?:iteration|step|epoch)\b|"
    r"\brestor(?:ed|ing) (?:all )?states? from the checkpoint|"
    r"\bstarting (?:again|over)? ?from (?:checkpoint|step|iteration)\b",
    re.I,
)
_NO_RESUME = re.compile(
    r"\b(?:not|no|without|cannot|can't|could not|failed|if|to resume|will|can|disabled|false|none)\b", re.I
)


def resume_of(body: str) -> int | None:
    """Return the step from which a line says that the run goes on; -1 where it names none, None for other lines."""
    if len(body) > LONGEST_LINE or not _RESUMES.search(body) or _NO_RESUME.search(body):
        return None
    if step := _STEP.search(body):
        return int(step[1])
    path = _path_of(body) or ""
    tail = re.search(r"(?:checkpoint|ckpt|step|iter(?:ation)?|global_step)s?[-_=]0*(\d{1,12})(?:\.\w+)?/?$", path, re.I)
    return int(tail[1]) if tail else -1


_COURSE = re.compile(
    r"\b(k-?fold|cv[ _]fold|fold|trial|seed|repeat)[ _]*(?:nr\.?|no\.?|number|id)?[ :#=_-]*(\d{1,9})\b", re.I
)


def course_of(body: str) -> str:
    """Return the fold, trial or seed that a line names, with its number; empty where it names none."""
    if len(body) > LONGEST_LINE:
        return ""
    found = _COURSE.search(body)
    return f"{found[1].lower()} {int(found[2])}" if found else ""


def may_say(body: str) -> bool:
    """Whether a line may say one of these things: what makes all others cheap."""
    return _MAY.search(body) is not None


_MAY = re.compile(r"[Rr]esum|RESUM|ontinuing|estor|oaded|tarting|[Ff]old|FOLD|[Tt]rial|[Ss]eed|[Rr]epeat")
