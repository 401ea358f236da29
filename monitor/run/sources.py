"""Which files are of one run: a text log, and the files of records that its trainer or a logger wrote as well.

Two files are of one run if they give the same figures at the same places. Where they share too few places to tell, the
only text log in a folder and the only records in that folder or below it are; figures of validations that all differ,
or records that go on after the text log's end, show the opposite. No date of a file is asked.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path, PurePath
from typing import NamedTuple

from monitor.reader.signals import METRIC, Labels
from monitor.run.run import Run
from monitor.run.series import Point, Series
from monitor.tail.logset import STDIN, is_record_file
from monitor.tail.ranks import ranked
from monitor.tail.tfevents import is_tfevents

EQUAL_FIGURES = 2
"""So many different figures at the same places prove one run, if not half as many differ. Chosen by hand, 2026-11."""
OTHER_FIGURES = 3
"""So many figures of validations, each of them different, prove two runs. Chosen by hand, 2026-11."""
SINGLE_PRECISION = 1e-6
"""Relative difference that the same figure may have: TensorBoard keeps 24 bits of it."""
SHIFTS = (0, 1, -1)
"""One file may count steps from 0 and the other from 1."""
LEVELS = 3
"""Records are looked for in a text log's folder, beside that folder, and one level further up."""
MOST_PAIRS = 2_500
"""With more pairs of a text log and a file of records, they are looked for in the log's own folder and below only."""
_COMPARED = ("train.loss", "train.grad_norm", "epoch.train_loss", "epoch.val_loss", METRIC)
"""Signals whose values tell runs apart; a learning rate is the same in all runs of one schedule."""
_FINAL = ("epoch.val_loss", METRIC)
"""Those that no logger smooths."""
_COPY = re.compile(r"checkpoint-\d+")
_SPLITS = ("train", "validation", "val", "valid", "eval", "test")
"""Folders in which TensorBoard's writers keep the figures of one split."""


class Source(NamedTuple):
    """One file, and what is known of its run."""

    log: str
    run: Run


class Kinship(Enum):
    """What the figures of two files show."""

    ONE_RUN = "one run"
    TWO_RUNS = "two runs"
    UNKNOWN = "unknown"
    """They have too few figures of the same places."""


Known = dict[tuple[str, str], Kinship]
"""By the logs of two sources: what has been decided once stays."""


def companions(sources: Iterable[Source], known: Known | None = None) -> dict[str, str]:
    """Return the log of each file that tells of a run which another file tells of as well, with that other log.

    The other one is the text log, if there is any, else the file of records that is written most often. ``known`` keeps
    what was decided by figures between two calls.
    """
    sources, known = list(sources), {} if known is None else known
    records = sorted((each for each in sources if is_record_file(each.log)), key=_preference)
    if not records:
        return {}
    texts = [each for each in sources if not is_record_file(each.log) and each.log != STDIN and not _is_side(each.log)]
    groups = _groups(records, known)
    found = {each.log: group[0].log for group in groups for each in group[1:]}
    for group, text in _texts_of(groups, texts, known):
        found |= {each.log: text.log for each in group}
    return found


def kinship(one: Run, other: Run) -> Kinship:
    """Compare the figures of two runs that both files give for the same step or epoch, to the digits of either.

    Steps that a log does not say, so that its reports are numbered by us, are not compared.
    """
    equal, differing, differing_finals = set[float](), 0, 0
    others = _figures(other)
    figures = _figures(one)
    for unit in ("step", "epoch"):
        best: tuple[set[float], int, int] = (set(), 0, 0)
        for shift in SHIFTS:
            found = _compared(figures, others, unit, shift)
            best = max(best, found, key=lambda each: (len(each[0]), -each[1]))
            if shift == 0 and not best[0]:
                best = found
        equal |= best[0]
        differing, differing_finals = differing + best[1], differing_finals + best[2]
    if len(equal) >= EQUAL_FIGURES and len(equal) >= 2 * differing:
        return Kinship.ONE_RUN
    return Kinship.TWO_RUNS if not equal and differing_finals >= OTHER_FIGURES else Kinship.UNKNOWN


def is_copy(log: str) -> bool:
    """Whether a file of records is one that a checkpoint keeps: it never grows, even while its run goes on."""
    return is_record_file(log) and _COPY.fullmatch(PurePath(log).parent.name) is not None


Place = tuple[str, Labels, str, int]
"""Signal, labels, unit, and how many steps or which epoch."""


class _Figure(NamedTuple):
    value: float
    tolerance: float


def _figures(run: Run) -> Mapping[Place, _Figure]:
    found: dict[Place, _Figure] = {}
    for signal in _COMPARED:
        for labels, series in run.attempt.of(signal).items():
            tolerance = 0.51 * (series.resolution or 0.0)
            for point in _points(series):
                figure = _Figure(point.value, tolerance)
                if point.has_own_step and point.step is not None and not run.dialect.is_counted:
                    found[signal, labels, "step", point.step] = figure
                if signal not in ("train.loss", "train.grad_norm"):
                    found[signal, labels, "epoch", point.epoch] = figure
    return found


def _points(series: Series) -> Iterator[Point]:
    yield from (tally.last for tally in series.epochs.values())
    yield from series.recent


def _compared(
    figures: Mapping[Place, _Figure], others: Mapping[Place, _Figure], unit: str, shift: int
) -> tuple[set[float], int, int]:
    """Return the equal figures, and how many differ, of all and of validations."""
    equal, differing, finals = set[float](), 0, 0
    for (signal, labels, of, at), figure in figures.items():
        other = others.get((signal, labels, of, at + shift)) if of == unit else None
        if other is None or not (math.isfinite(figure.value) and math.isfinite(other.value)):
            continue
        allowed = max(figure.tolerance, other.tolerance) + SINGLE_PRECISION * abs(figure.value)
        if abs(figure.value - other.value) <= allowed:
            equal.add(figure.value)
        else:
            differing += 1
            finals += signal in _FINAL
    return equal, differing, finals


def _kin(one: Source, other: Source, known: Known) -> Kinship:
    key = (one.log, other.log)
    if key not in known:
        found = kinship(one.run, other.run)
        if found is Kinship.UNKNOWN:
            return found
        known[key] = found
    return known[key]


def _groups(records: Sequence[Source], known: Known) -> list[list[Source]]:
    """Put the files of records of each run together, the one to be shown first."""
    groups: list[list[Source]] = []
    names = Counter((_kind(each.log), folder) for each in records for folder in _and_above(_folder(each.log)))
    inside: defaultdict[Path, list[list[Source]]] = defaultdict(list)
    for each in records:
        folder = _folder(each.log)
        # Those of the folder itself and below it, then those of the folders above.
        near = [*inside[folder], *(one for up in folder.parents for one in inside[up] if _folder(one[0].log) == up)]
        group = next((group for group in near if any(_kin(one, each, known) is Kinship.ONE_RUN for one in group)), None)
        for other in near if group is None else ():
            if _kin(other[0], each, known) is Kinship.UNKNOWN and _is_alone(each.log, other[0].log, names):
                group = other
                break
        if group is not None:
            group.append(each)
            continue
        groups.append([each])
        for up in _and_above(folder):
            inside[up].append(groups[-1])
    return groups


def _is_alone(one: str, other: str, names: Counter[tuple[str, Path]]) -> bool:
    """Whether no other file of these names could be meant by their place: one folder, or one above the other."""
    left, right = _folder(one), _folder(other)
    if left == right:
        return True
    top = min(left, right, key=lambda each: len(each.parts))
    return names[_kind(one), top] == 1 and names[_kind(other), top] == 1


def _texts_of(
    groups: Sequence[list[Source]], texts: Sequence[Source], known: Known
) -> Iterator[tuple[list[Source], Source]]:
    """Yield groups with the text log of their run: by figures, else by place."""
    waiting: dict[Path, list[list[Source]]] = {}
    levels = 1 if len(groups) * len(texts) > MOST_PAIRS else LEVELS
    places = {Path(each.log).absolute().parent for each in texts}
    for group in groups:
        folder = _folder(group[0].log)
        same = [
            text
            for text in texts
            if any(folder.is_relative_to(each) for each in _and_above(Path(text.log).absolute().parent)[:levels])
            and any(_kin(text, each, known) is Kinship.ONE_RUN for each in group)
        ]
        if same:
            # Two runs of one seed have the same figures: the nearer log is the run's.
            yield group, max(same, key=lambda text: (_shared_parts(text.log, group[0].log), text.log))
            continue
        nearest = next((each for each in _and_above(folder) if each in places), None)
        if nearest is not None:
            waiting.setdefault(nearest, []).append(group)
    for place, there in waiting.items():
        here = [text for text in texts if Path(text.log).absolute().parent == place]
        here = [text for text in here if text.run.attempt.step is not None] or here
        if len(there) == len(here) == 1 and _may_be_of(there[0], here[0], known):
            yield there[0], here[0]


def _may_be_of(group: Sequence[Source], text: Source, known: Known) -> bool:
    """Whether nothing shows that records are of another run than the only text log near them."""
    if any(_kin(text, each, known) is Kinship.TWO_RUNS for each in group):
        return False
    attempt, others = text.run.attempt, [each.run.attempt for each in group]
    if attempt.ended is None or attempt.step is None:
        return True
    if text.run.dialect.is_counted:
        return attempt.epoch == 1 or max(each.epoch for each in others) <= attempt.epoch + 1
    return max(each.step or 0 for each in others) <= attempt.step + 1


def _shared_parts(one: str, other: str) -> int:
    left, right = Path(one).absolute().parts, Path(other).absolute().parts
    return next((at for at, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))


def _folder(log: str) -> Path:
    """Return the folder of a run; checkpoints and splits have folders of their own in it."""
    folder = Path(log).absolute().parent
    while is_record_file(log) and (_COPY.fullmatch(folder.name) or folder.name in _SPLITS):
        folder = folder.parent
    return folder


def _and_above(folder: Path) -> list[Path]:
    return [folder, *folder.parents]


def _is_side(log: str) -> bool:
    of = ranked(log)
    return of is not None and of.rank > 0


def _kind(log: str) -> str:
    name = PurePath(log).name
    return "events" if is_tfevents(name) else name


def _preference(source: Source) -> tuple[bool, bool, bool, int, str]:
    """Order the files of one run: what is written line by line first, and newer copies before older ones."""
    log = source.log
    return (
        is_tfevents(PurePath(log).name),
        log.endswith(".json"),
        is_copy(log),
        -(source.run.attempt.step or 0),
        log,
    )
