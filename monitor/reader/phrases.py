"""Lines that measure nothing and say something all the same: an epoch begins, a checkpoint, an end, a heading."""

from __future__ import annotations

import re

from monitor.reader.program_lines import spelled
from monitor.reader.vocabulary import listed, shipped, words_of

_EPOCH_WORDS = r"(?:begin|beginning|start|starting|started|going|into|training|train|running|now|main|current|of|in|at)"
_EPOCH_NAMES = "epoch|epoche|[eé]po(?:ca|que|ka)|эпоха|エポック|에포크|轮次|第"
_EPOCH = re.compile(
    rf"^(?!\W*start[_ ]epoch\s*[:=])[\W_]*(?:\[?{_EPOCH_WORDS}\]?[\W_]*){{0,3}}(?:{_EPOCH_NAMES})"
    rf"[ :#=\[(_-]*(\d{{1,7}})(?: ?轮)?(?: ?(?:/|out of|of|von|sur|de|di|из|\\) ?(\d{{1,7}}))?[\]\)]*"
    rf"(?: \((\d{{1,7}})/(\d{{1,7}})\))?"
    rf"(?P<rest>[\s\W_]*(?:(?:{_EPOCH_WORDS}|starts|begins|\.\.\.)[\s\W_]*)*)$",
    re.I,
)
_EPOCH_OVER = re.compile(
    r"\b(?:end[ -]of[ -]epoch|finish(?:ed)? epoch|epoch)[ :#=\[(]*(\d{1,7})(?: ?/ ?(\d{1,7}))?[\])]*[\s:,-]*"
    r"(?P<over>(?:is )?"
    r"(?:over|complete[d]?|finished|done|ended|total time|time taken|\(average epoch stats)[^\d]*)?", re.I
)  # fmt: skip
_EPOCH_TOOK = re.compile(
    r"\W*epoch[ :#=\[(]*(\d{1,7})(?: ?(?:/|of) ?(\d{1,7}))?[\])]*[\s:,|-]*"
    r"(?:took|lasted|finished in|done in|completed in|(?:epoch )?(?:time|duration|runtime|elapsed)(?: time)? ?[:=]?) ?"
    r"(?:[\d.:]+ ?(?:s|secs?|seconds?|m|mins?|minutes?|h|hours?)?(?: and | |, )?){1,3}\W*", re.I
)  # fmt: skip
"""``Epoch 3 of 500 took 1.2s``."""
_END = (
    (
        r"^\W*finished training\b(?! (?:epoch|iter|step|batch))|Trainer\.fit` stopped: `max_(?:epochs|steps)",
        "completed",
    ),
    (r"^\W*training (?:is )?(?:finished|completed?|done|over|ended)\b(?! (?:epoch|iter|step|batch))", "completed"),
    (r"^\d+ epochs completed in\b|^done training\b|^exiting program after\b", "completed"),
    (
        r"^Epoch \d+: early stopping|Signaling Trainer to stop|^early stopping\W*$|"
        r"^\W*early stopping triggered(?: (?:at|after)\b|\W*$)",
        "stopped",
    ),
    (r"^(?:total )?training (?:time|took|duration)\b[ :]*[\d:]", "completed"),
    (r"^Training loss did not improve more than tol|^Maximum iterations .* reached", "completed"),
)
_ENDS = tuple((re.compile(pattern, re.I), status) for pattern, status in _END)
_CHECKPOINT = re.compile(
    r"\b(?:sav(?:ed?|ing|es)|writ(?:ing|ten|e)|stor(?:ed|ing)|export(?:ed|ing)|dump(?:ed|ing)?)\b.{0,60}"
    r"\b(?:checkpoint|ckpt|model|weights|state[_ ]?dict)|"
    r"\b(?:checkpoint|ckpt|model)\b.{0,40}\b(?:saved|written|stored)\b|saving model checkpoint to",
    re.I,
)
_CHECKPOINT_ABROAD = re.compile(
    r"保存.{0,12}(?:模型|检查点|权重|モデル)|(?:模型|检查点|权重|モデル).{0,12}保存|(?:모델|체크포인트).{0,12}저장|"
    r"сохран\w+ .{0,30}(?:модел|чекпоинт|веса)|(?:модель|чекпоинт|веса) сохран|"
    r"\b(?:modelo|modello|modèle|modell|checkpoint)\b.{0,30}\b(?:guardad|salv|gespeichert|enregistr|sauvegard)|"
    r"\b(?:guardando|salvando|salvataggio|sauvegarde|enregistrement|speichere)\b.{0,30}\b(?:model|modè|checkpoint)",
    re.I,
)
_MONITORED = re.compile(r"'([A-Za-z]\w{0,40})' reached ([-+.\w]{1,24}) \(best ")
_CODE = re.compile(
    r"^\s*(?:#(?!#* ?(?:\w+#+)? ?[Ee]poch)|//|\"\"\"|\'\'\'|@\w|"
    r"(?:def|class|import|from|return|elif|else|while|with|try|except|assert|raise|lambda|yield|del|pass)\b"
    r".*(?::|import|\(|=|$)|"
    r"if .*:$|for .* in .*:|print0?\(|parser\.|self\.|\w+(?:\.\w+)* ?= ?\w+(?:\.\w+)*\(|[\w.]+\(.*\)$|"
    r"\w+ ?: ?(?:int|float|str|bool) ?=)"
)
_CODE_TAIL = re.compile(r"\s#\s\w|\\$")
_CONFIG = re.compile(
    r"\b(?:Namespace|Config|TrainingArguments|argparse|Settings)\s*[(:{]|"
    r"\b(?:Arguments|Args|HParams|hyperparameters?|kwargs)['\"]?\s*[(:{]|\bparam(?:eter)?s: ?\{|"
    r"optimizer:? *\w*\(",
    re.I,
)
_SYSTEM = re.compile(
    r"^(?:wandb(?=:)|slurmstepd|srun|sbatch|scancel|mpirun|torchrun|bash|sh|Traceback)\b|^\[ *\d{2,}\.\d{6}\]|"
    r"^(?:[\w.]+\.)?\w*(?:Error|Exception|Warning|Interrupt)\b ?:|^File \"|^what\(\):"
)


def is_system(body: str) -> bool:
    """Whether a line is of the batch system, the kernel or an exception: no trainer measures in it."""
    return bool(_SYSTEM.match(body))


def epoch_head(body: str) -> tuple[int, int | None, bool] | None:
    """Return the epoch that a line without figures names, how many there are, and whether it is over."""
    if len(body) > 200:
        return None
    if m := _EPOCH.match(body):
        number, total = (m[3], m[4]) if m[4] else (m[1], m[2])  # "Epoch 1 (51/250)" goes on with an earlier run
        return int(number), int(total) if total else None, False
    low = body.lower()
    if "epoch" not in low or "loss" in low:
        return None
    if m := _EPOCH_TOOK.fullmatch(body):
        return int(m[1]), int(m[2]) if m[2] else None, True
    m = _EPOCH_OVER.search(body)
    if m and (m["over"] or low.lstrip(" =*#-").startswith(_ENDS_EPOCH)):
        return int(m[1]), int(m[2]) if m[2] else None, True
    return None


_ENDS_EPOCH = ("end of epoch", "end-of-epoch", "finished epoch", "finish epoch")
_DOES_NOW = re.compile(
    r"^\W*(?!(?:load|resum|restor|restart|revert|roll|us|stop|finish|end|skip|wait|sav|keep|remov|delet)\w*ing\b)"
    r"[A-Za-z]{2,}ing\b[^\d:=/|]{0,60}\b(?:at|in|for|during|of|after) epoch[ #]{0,2}(\d{1,7})\W*$", re.I
)  # fmt: skip


def does_now(body: str) -> int | None:
    """Return the epoch in which a line says that something is being done: ``Generating samples at epoch 62``."""
    found = _DOES_NOW.match(body) if len(body) <= 120 else None
    return int(found[1]) if found else None


_EVALUATES = re.compile(
    r"^\W*(?:evaluat|validat)\w+\b[^\d:=]{0,60}\bepoch[ :#\[(]*(\d{1,7})(?: ?/ ?(\d{1,7}))?\W*$", re.I
)


def evaluation_head(body: str) -> tuple[int, int | None] | None:
    """Return the epoch, and how many there are, of a line that announces an evaluation."""
    if len(body) > 200 or not (m := _EVALUATES.match(body)):
        return None
    return int(m[1]), int(m[2]) if m[2] else None


_JUDGED = re.compile(r"^Epoch (\d{1,7}), global step (\d{1,12}): ")
"""``Epoch 3, global step 1408: 'val/accuracy' was not in top 1``."""


def judged_at(body: str) -> tuple[int, int] | None:
    """Return the epoch, from 0, and the step at which Lightning judged a checkpoint."""
    found = _JUDGED.match(body)
    return (int(found[1]), int(found[2])) if found else None


_CITES = re.compile(r"\bbest (?:iteration|epoch|step|round|model|result)s?(?: (?:is|was|were))?:$", re.I)


def cites(body: str) -> bool:
    """Whether a line announces that an earlier report follows once more."""
    return bool(_CITES.search(body))


_MEAN = re.compile(r"\W*(?:averaged?|mean|overall|total|summary)\b[^\d:=]{0,30}:\s", re.I)
_ANNOUNCES = re.compile(
    r"^\W*(?:now |we |are |doing |start(?:ing|ed)? |begin(?:ning)? |run(?:ning)? |performing |the )+"
    r"(?:evaluation|evaluating|validation|validating)\b[^:=]{0,60}$", re.I
)  # fmt: skip


_OF_THE_BEST = re.compile(
    r"\W*(?:(?:a|the|new|saved|found|current) )*best (?:model|epoch|iteration|checkpoint|weights|saved)\b"
    r"(?! (?:acc|loss|score|metric))", re.I
)  # fmt: skip


def is_of_the_best(body: str) -> bool:
    """Whether a line repeats what an earlier report, the best, gave: ``Best model at epoch 3. Validation …``."""
    return bool(_OF_THE_BEST.match(body))


_TAG = re.compile(r"\[(?!(?i:train|trn|eval|val|test|dev))[A-Za-z]\w*\] (?=\*{3,} |  \w)")
"""Who writes a banner, or a line of the list below it: ``[transformers]   Num Epochs = 3``."""
_JULIA = re.compile(r"[\[┌] Info: |[│└] {2,4}(?=\w+ = )")
"""What Julia's logger writes before a message, and before each of its fields."""
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th)(?= (?:step|iteration|iter|batch|epoch)\b)", re.I)
_COUNTED_EPOCH = re.compile(r"(?:[A-Z]+:)?(\d{1,6})-epoch (?=[(\[]\d+/\d+[)\]])")
_COMMA_PAIR = re.compile(r"(lr|learning[ _]rate|loss|train[ _]loss), ([-+\d.e]+)", re.I)


_AT_STEP = re.compile(
    r"\W{0,4}([A-Za-z][A-Za-z _-]{0,40}?) (?:at|for|after) (step|iteration|iter|epoch|batch|global step) "
    r"(\d{1,9})(?: ?[:=]| is) ?(?=[-+.\d]|nan|inf)",
    re.I,
)


_GLUED_PLACE = re.compile(
    r"(?:(?<![A-Za-z0-9_./\\-])|(?<=--))(epoch|ep|iter|iteration|step|batch)[_.-]?(\d{1,9})"
    r"(?=[,;:/ )\]]|$)(?![:/]\S*[A-Za-z])", re.I
)  # fmt: skip


_GLUED_COLON = re.compile(r"(?<=[A-Za-z]):(?=(?:epoch|ep|iter|iteration|step|batch) \d)", re.I)
"""``train:epoch 1``: a label, and its place."""


_EPOCH_DONE = re.compile(
    r"\W*(epoch[ :#=\[(_]{0,2}\d{1,7}(?: ?/ ?\d{1,7})?[\])]?) (?:is )?(?:done|finished|completed?|ended|over)"
    r" ?[.,;:|!-]+ *(?=[A-Za-z])", re.I
)  # fmt: skip
_DONE_EPOCH = re.compile(
    r"(?:finished|completed|end of) (epoch ?\d{1,7}(?: ?/ ?\d{1,7})?) ?[,:;|-]+ *"
    r"(?=[^:=\d]*(?:loss|acc|ppl|perplexity|score|error|reward|f1|auc)\w* ?[:=])", re.I
)  # fmt: skip
"""``Finished epoch 3: Train perplexity: 1.5``."""
_COUNT_OF_EPOCH = re.compile(
    r"(\d{1,7})(?:st|nd|rd|th)?[ -]?epoch(?: (?:done|finished|completed?|ended|over|results?))?[,:;|]? +(?=[A-Za-z\[])",
    re.I,
)
_DATED_HEAD = re.compile(
    r"(\W*epoch \d{1,7}(?: ?/ ?\d{1,7})?) : (?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) )?"
    r"[A-Z][a-z][a-z] +\d\d? [\d:]{8} \d{4}\W*(?:\d+h ?)?(?:\d+m ?)?(?:\d+s)?", re.I
)  # fmt: skip
_IN_BRACKETS = re.compile(r"([A-Za-z][A-Za-z _-]{0,30}?) \((epoch|step|iter|iteration) (\d{1,9})\) ?[:=] ?", re.I)
_LEFT = re.compile(r"\W*(epoch|step|iter|iteration|batch) (\d{1,9})[-,;|( ]+(\d{1,9}) (?:left|remaining|to go)\b", re.I)
_TENSOR = re.compile(r"Tensor ([A-Za-z][\w/]*) of type \w+\. Dims: \([\d,]*\): ")
"""Of Caffe2's operator Print."""
_EMPHASISED = re.compile(r"\*\*([A-Za-z]+)\*\*:? +")
_OF_THIS = re.compile(
    r" (?:(?:for|in|of|at) (?:this|the|the current)|(?:over|per)(?: the| this| each| one)?)"
    r" (?:epoch|step|iteration)(?= ?[:=])", re.I
)  # fmt: skip
_AFTER = re.compile(r"after (\d{1,7}) (epoch|step|iteration|update)s?[:,]? +(?=[A-Za-z])", re.I)


def plain(body: str) -> str:
    """Return a line with ordinals as counts, and the comma of a pair that is all of it as a colon: ``lr, 0.01``.

    A value at a place has its place first: ``Loss at step 5: 0.25``, ``Loss (epoch 5): 0.25``, ``5 epoch, loss``.
    ``epoch24`` is ``epoch 24``, and ``step 5 -- 15 left`` is ``step 5/20``.
    """
    body = spelled(body)
    low = body.lower()
    if "epoch" in low or "step" in low or "iter" in low:
        body = _place_first(body)
    if body.startswith("Tensor ") and (m := _TENSOR.match(body)):
        return f"{m[1]}: {body[m.end() :]}"
    if body.startswith("**") and (m := _EMPHASISED.match(body)):
        body = f"[{m[1]}] {body[m.end() :]}"
    if _GLUED_PLACE.search(body):
        body = _GLUED_COLON.sub(": ", _GLUED_PLACE.sub(r"\1 \2", body))
    if body[0] in "[┌│└" and (m := _TAG.match(body) or _JULIA.match(body)):
        return body[m.end() :].lstrip()
    if (" at " in body or " for " in body or " after " in body) and (m := _AT_STEP.match(body)):
        return f"{m[2]} {m[3]} {m[1]}: {body[m.end() :]}"
    if "-epoch " in body and (m := _COUNTED_EPOCH.match(body)):
        return f"epoch {m[1]} {body[m.end() :]}"  # "3-epoch (20/400): loss"
    if len(body) < 60:
        if m := _COMMA_PAIR.fullmatch(body):
            return f"{m[1]}: {m[2]}"
        return _ORDINAL.sub("", body)
    return body


_BARRED = re.compile(r"(?P<epoch>\bepoch:? ?[\[(]\d{1,7}) ?\| ?(?=\d{1,7}[\])])", re.I)
"""``Epoch: [3 | 600]``."""
_COLONED = re.compile(r"(?P<epoch>\bepoch:? ?\[?\d{1,7}(?:/\d{1,7})?\]? ?[\[(] *\d{1,9}) ?: ?(?=\d{1,9}[\])])", re.I)
"""``[Epoch 3/500][ 100:391]``."""


def _place_first(body: str) -> str:
    if "|" in body:
        body = _BARRED.sub(r"\g<epoch>/", body)
    if ":" in body:
        body = _COLONED.sub(r"\g<epoch>/", body)
    if body[0] in "FfCcEe" and (m := _DONE_EPOCH.match(body)):
        return f"{m[1]}, {body[m.end() :]}"
    if m := _EPOCH_DONE.match(body):
        return f"{m[1]}, {body[m.end() :]}"
    if body[0].isdigit() and (m := _COUNT_OF_EPOCH.match(body)):
        return f"epoch {m[1]}, {body[m.end() :]}"
    if body[0] in "Aa" and (m := _AFTER.match(body)):
        return f"{m[2]} {m[1]}, {body[m.end() :]}"
    if m := _LEFT.match(body):
        return f"{m[1]} {m[2]}/{int(m[2]) + int(m[3])}{body[m.end() :]}".rstrip(" -=")
    if " : " in body and (m := _DATED_HEAD.fullmatch(body)):
        return m[1]
    if ")" in body and (m := _IN_BRACKETS.match(body)):
        return f"{m[2]} {m[3]} {m[1]}: {body[m.end() :]}"
    return _OF_THIS.sub("", body)


def is_mean(body: str) -> bool:
    """Whether a line gives the mean over lines before it: ``Averaged stats: loss: 0.5``."""
    return bool(_MEAN.match(body))


def announces_evaluation(body: str) -> bool:
    """Whether a sentence says that an evaluation begins: ``Now we are doing evaluation on dev with gpu(0).``"""
    return len(body) <= 100 and bool(_ANNOUNCES.match(body))


def is_setting(body: str) -> bool:
    """Whether a line that names an epoch may as well be a setting: ``epoch: 100``."""
    return re.match(r"epochs?\s*[:=]", body, re.I) is not None


def end_of(body: str) -> str:
    """Return how the training ended, as a line says it; empty for any other line."""
    if len(body) > 200:
        return ""
    return next((status for pattern, status in _ENDS if pattern.search(body)), "")


def is_checkpoint(body: str) -> bool:
    """Whether a line says that a checkpoint was written."""
    if len(body) >= 400 or body.startswith("{"):
        return False
    is_abroad = not body.isascii() or "odel" in body
    return bool(_CHECKPOINT.search(body)) or (is_abroad and bool(_CHECKPOINT_ABROAD.search(body)))


_EPOCHS_SAVED = re.compile(r"\bcheckpoint\b.{0,40}?\b(?:at|after) (\d{1,7}) epochs?\b", re.I)


def epochs_saved(body: str) -> int | None:
    """Return after how many epochs a line says a checkpoint was written: ``Saving checkpoint at 12 epochs``."""
    found = _EPOCHS_SAVED.search(body)
    return int(found[1]) if found else None


def monitored(body: str) -> str:
    """Return ``name: value`` of the figure by which a checkpoint was chosen, where a line says it; else nothing."""
    found = _MONITORED.search(body)
    return f"{found[1]}: {found[2]}" if found else ""


def is_code(body: str) -> bool:
    """Whether a line is source code, as some trainers print it at the head of their log."""
    return bool(_CODE.match(body)) or bool(_CODE_TAIL.search(body))


_ASSIGNMENT = re.compile(r"\w+ = [-+\w.]+,?$|\w+ ?= ?[-+\w.]+,$")


def is_assignment(body: str) -> bool:
    """Whether a line may as well be source code: ``total_loss = 0.0``, ``lr=0.02,``."""
    return bool(_ASSIGNMENT.match(body))


_WORD_VALUE = re.compile(r"""["']\w+["']: (?:(?:True|False|None|true|false|null)\b|["'][^"'\x00\d][^"'\x00]*["'])""")
_TRUTH = re.compile(r": ?(?:[Tt]rue|[Ff]alse)\b")
_LOSS_VALUE = re.compile(r"""loss["']: ?["']?[-+\d\x00]""")
_NUM_WORD_VALUES = 3


def is_config(template: str) -> bool:
    """Whether a line echoes settings: by their name, or as a mapping with words and truth values among the numbers."""
    if _CONFIG.search(template):
        return True
    if "{" not in template or not _TRUTH.search(template):
        return False
    return len(_WORD_VALUE.findall(template)) >= _NUM_WORD_VALUES and not _LOSS_VALUE.search(template)


def heading(body: str) -> tuple[str, bool] | None:
    """Return the split that a heading names for the lines below it, and whether these sum up the run."""
    if len(body) > 60 or any(char.isdigit() for char in body):
        return None
    words = [word for word in words_of(body) if word[0].isalpha()]  # a picture before the words is none
    if not words or len(words) > 4:
        return None
    splits = [shipped().splits.get(word, "") for word in words]
    named = [split for split in splits if split in ("train", "val", "test")]
    if not named:
        return None
    rest = [word for word, split in zip(words, splits, strict=True) if not split]
    is_marked = body.rstrip().endswith((":", "*", "-", "=", "...", "…")) or body.lstrip().startswith(
        ("*", "=", "-", "[", "#")
    )
    if is_marked and all(word in listed("headings") for word in rest):
        return named[-1], "*" in body and "metrics" in words
    return None
