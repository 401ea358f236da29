"""The logs that a watch follows: named files, and what a pattern or a folder matches, now and later."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath

from monitor.tail.records import holds_figures
from monitor.tail.tfevents import is_tfevents

STDIN = "-"
"""The name of standard input."""
DEPTH = 4
"""Levels of folders to search below a folder; ``torchrun --log-dir`` makes three."""
MOST_LOGS = 2_000
"""Most logs followed at once; the watch reports that it leaves others out."""
_ROTATED = re.compile(r"(.+?)[.-](?:[0-9]{1,5}|[0-9]{4}-?[0-9]{2}-?[0-9]{2}[0-9T:._-]*)")
_PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")


_STATE = "trainer_state.json"
_RECORD_FILES = (
    *(_STATE, "metrics.csv", "results.csv", "metrics.json", "metrics.jsonl", "progress.csv", "progress.json"),
    *("result.json", "scalars.json", "history.csv", "history.json", "log.csv", "training.csv"),
)
"""What trainers and their loggers call the figures that they write: Hugging Face, Lightning, Ultralytics, detectron2,
Stable-Baselines3, Ray Tune, MMEngine, and Keras' examples."""
_COPIES = re.compile(r"checkpoint-(\d{1,18})")
"""Folders in which a trainer keeps a copy of its state; the newest copy holds what the others do."""


def is_record_file(log: str) -> bool:
    """Whether a file is named like one of a training's figures; of a folder, only these and ``*.log`` are looked at."""
    name = PurePath(log).name
    return name in _RECORD_FILES or is_tfevents(name)


def lacks_figures(log: str) -> bool:
    """Whether a file is only named so: a table of results, or one that is only just being written."""
    return is_record_file(log) and not holds_figures(Path(log))


class LogSet:
    """The logs that the user named. Names stay as they were given; files found are spelled like their pattern."""

    def __init__(self, names: Sequence[str]) -> None:
        self.named: list[str] = []
        """Named files, and ``-``, each once."""
        self.folders: list[Path] = []
        self.patterns: list[str] = []
        for name in dict.fromkeys(names):
            if name == STDIN:
                self.named.append(name)
            elif Path(name).is_dir() or name.endswith(os.sep):
                self.folders.append(Path(name))
            elif glob.has_magic(name) and not Path(name).exists():
                self.patterns.append(name)
            else:
                self.named.append(str(Path(name)))
        self._taken = {Path(name).resolve() for name in self.named if name != STDIN}
        self._resolved: dict[Path, Path] = {}

    @property
    def can_grow(self) -> bool:
        """Whether more logs may be found later."""
        return bool(self.folders or self.patterns)

    @property
    def places(self) -> list[Path]:
        """The folders in which a new file may be a new log."""
        heads = [Path(pattern).parent for pattern in self.patterns]
        return [*self.folders, *(head for head in heads if not glob.has_magic(str(head)))]

    def found(self) -> list[str]:
        """Return the logs that patterns and folders match now, sorted, without the named files.

        Leaves out rotated and packed files, and links to another log that is found.
        """
        candidates = sorted({*self._in_folders(), *self._by_patterns()})
        links = [path for path in candidates if path.is_symlink()]
        files = [path for path in candidates if not path.is_symlink()]
        self._resolved = {path: self._resolved.get(path) or path.resolve() for path in files}
        found = [path for path, resolved in self._resolved.items() if resolved not in self._taken]
        known = {*self._resolved.values(), *self._taken}
        for link in links:
            if (resolved := link.resolve()) not in known:
                known.add(resolved)
                found.append(link)
        return sorted(map(str, found))[:MOST_LOGS]

    def _in_folders(self) -> Iterator[Path]:
        for folder in self.folders:
            yield from _logs_below(folder, DEPTH)

    def _by_patterns(self) -> Iterator[Path]:
        for pattern in self.patterns:
            place = Path(Path(pattern).anchor or ".")
            for path in place.glob(str(Path(pattern).relative_to(place))):
                if not _is_remnant(path) and path.is_file():
                    yield path


def _logs_below(folder: Path, depth: int) -> Iterator[Path]:
    newest: tuple[int, Path] | None = None
    try:
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda each: each.name):
                if entry.name.startswith("."):
                    continue
                if (entry.name.endswith(".log") or is_record_file(entry.name)) and entry.is_file():
                    yield Path(entry.path)
                elif depth > 0 and entry.is_dir(follow_symlinks=False):
                    for found in _logs_below(Path(entry.path), depth - 1):
                        copy = _COPIES.fullmatch(entry.name) if found.name == _STATE else None
                        if copy is None:
                            yield found
                        elif newest is None or int(copy[1]) > newest[0]:
                            newest = int(copy[1]), found
    except OSError:
        # The folder does not exist yet, or no longer: the next call sees what is there then.
        pass
    if newest is not None:
        yield newest[1]


def _is_remnant(path: Path) -> bool:
    """Whether a file is what a rotation left of a log."""
    if path.suffix in _PACKED:
        return True
    rotated = _ROTATED.fullmatch(path.name)
    # During a rotation the log's own name is missing for a moment.
    return rotated is not None and (rotated[1].endswith(".log") or path.with_name(rotated[1]).exists())


def full_name(log: str) -> str:
    """Return a log's absolute path. A link is not resolved: it means the newest log that it points to."""
    return log if log == STDIN else str(Path(log).absolute())
