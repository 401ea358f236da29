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
    r"\b(?:from|train\w*|checkpoint|ckpt|snapshot|run|at|epoch|step|iteration)\b|"
    r"\b(?:continu|start)(?:ing|ed?) (?:\w+[ -]){0,3}(?:from|at|with)(?: (?:the|global|last|latest))* "
    r"(?:checkpoint|ckpt|snapshot|step|iter(?:ation)?|update)\b|"
    r"\bcontinu(?:ing|ed?) (?:the )?(?:training|fine-?tuning|run) (?:from|at)\b|"
    r"\b(?:restart|start|pick)(?:ing|ed|s)? .{0,40}\bresum(?:ed|ing)\b|\bpick(?:ing|ed) up (?:from|at)\b",
    re.I,
)
_STORED = (
    r"(?:checkpoints?|ckpt|snapshot|states? (?:dict )?from)\b|"
    r"[\w./+=@-]*(?:\.(?:pt|pth|ckpt|tar|pkl|safetensors|pdparams|h5)\b|(?:ckpt|checkpoint|iter|step)[-_]\d)"
)
_LOADS = re.compile(
    rf"\b(?:(?:re)?load|restor|recover)(?:ed|ing|s|es?)?\b.{{0,80}}?(?:\b|(?<=[\s'\"`(/]))(?:{_STORED})|"
    r"\b(?:checkpoint|ckpt|snapshot)\b.{0,80}\b(?:loaded|restored)\b",
    re.I,
)
_OF_ANOTHER = re.compile(
    r"\bpre-?train|\b(?:tokenizer|vocab\w*|dataset|data|cache|config\w*|imagenet|backbone|teacher|encoder|embeddings?|"
    r"reference|shards?)\b",
    re.I,
)
"""What is loaded is no checkpoint of this run's training, or only a part of one."""
_NO_RESUME = re.compile(
    r"\b(?:not|no|without|cannot|can't|could not|failed|if|to resume|will|can|disabled|false|none)\b", re.I
)
NAMES_NO_STEP = -1
ONLY_LOADS = -2


def resume_of(body: str) -> int | None:
    """Return the step from which a line says that the run goes on; None for other lines.

    `NAMES_NO_STEP` where it names none. `ONLY_LOADS` where it only says that a checkpoint is loaded: whether the run
    goes on from it, the steps that follow must show.
    """
    if len(body) > LONGEST_LINE or _NO_RESUME.search(body):
        return None
    is_said = _RESUMES.search(body) is not None
    if not is_said and (not _LOADS.search(body) or _OF_ANOTHER.search(body)):
        return None
    if step := _STEP.search(body):
        return int(step[1])
    tail = _STEP_OF_FILE.search(body)
    return int(tail[1]) if tail else NAMES_NO_STEP if is_said else ONLY_LOADS


_STEP_OF_FILE = re.compile(
    r"(?:checkpoint|ckpt|step|iter(?:ation)?|global_step)s?[-_=]0*(\d{1,12})(?:\.\w+){0,2}/?(?=[\s'\"`,;)]|\.?$)", re.I
)


_COURSE = re.compile(
    r"\b(k-?fold|cv[ _]fold|fold|trial|seed|repeat|task|stage|phase|experiment)[ _]*"
    r"(?:nr\.?|no\.?|number|id)?[ :#=_-]*(\d{1,9})\b",
    re.I,
)


def course_of(body: str) -> str:
    """Return the fold, trial, seed, task or stage that a line names, with its number; empty where it names none."""
    if len(body) > LONGEST_LINE:
        return ""
    found = _COURSE.search(body)
    return f"{found[1].lower()} {int(found[2])}" if found else ""


def may_say(body: str) -> bool:
    """Whether a line may say one of these things: what makes all others cheap."""
    return _MAY.search(body) is not None


_MAY = re.compile(
    r"[Rr]esum|RESUM|ontinu|estor|ecover|[Ll]oad(?:ed|ing|s? [a-z])|tart(?:ing|ed)|[Pp]ick|"
    r"[Ff]old|FOLD|[Tt]rial|[Ss]eed|[Rr]epeat|[Tt]ask|[Ss]tage|[Pp]hase|[Ee]xperiment"
)
