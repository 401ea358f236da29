r"""Tables of print statements → formats: each a few templates, when they are printed, and what their numbers are.

A table is text. `# name; option; option` begins a format, each line below it is `when> template`:

- `start`, `end`: once; `head`: when an epoch begins; `epoch`: when it is over;
- `batch`: every few batches of an epoch, the first count is `every`; `batch0`: the first count is 0;
- `step`: every few steps of the training;
- `bar`, `stepbar`: `description | postfix` of a tqdm bar over an epoch, or over the training.

Options: `log` (a logger writes it, with a head), `every=20` (the epochs that are printed). `\t` is a tab.

A slot is `{name:format}`, with Python's format or `r` for `repr`. `?` behind the name: a reader may be silent.

- places: `e0`, `e1` (the epoch, from 0 or 1), `es` (of how many), `b0`, `b1`, `bs` (batch), `s0`, `s1`, `ss` (step of
  the training), `ee0`, `ee1` (the epoch of a step), `frac` (epochs done), `n0`, `ns` (samples), `pct` (of the epoch);
- `loss`, `mean` (also one of the training), `loss@val`, `loss@test`, `lr`, `gnorm`;
- `name@split`, `name@split%`: a metric by its name, as a share or in percent;
- `~kind`: any other number, of no fact: a kind of `others.py`.
"""

import re
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent
TABLES = ("first", "second", "third")
SLOT = re.compile(r"\{(?P<name>[~\w]+(?:@\w*%?)?)(?P<doubt>\?)?(?::(?P<how>[^{}]*))?\}")
WHENS = ("start", "end", "head", "epoch", "batch", "batch0", "step", "bar", "stepbar")


class Format(NamedTuple):
    """One print statement, or a few that belong together."""

    name: str
    lines: tuple[tuple[str, str], ...]  # when, template
    is_logged: bool
    every: int  # epochs

    def of(self, *whens: str) -> list[str]:
        """Give the templates of these moments."""
        return [template for when, template in self.lines if when in whens]

    @property
    def counts_steps(self) -> bool:
        """Say whether it reports by the steps of the training, not by epochs."""
        return bool(self.of("step", "stepbar"))

    @property
    def names_epochs(self) -> bool:
        """Say whether it names the epoch anywhere."""
        return any(re.search(r"\{e[01]", template) for _, template in self.lines)


def load(table: str) -> tuple[Format, ...]:
    """Read a table."""
    found = []
    for block in re.split(r"^# ", (FOLDER / f"{table}.txt").read_text(), flags=re.M)[1:]:
        head, *lines = block.rstrip("\n").split("\n")
        name, *options = (part.strip() for part in head.split(";"))
        given = dict(part.partition("=")[::2] for part in options)
        pairs = tuple(_pair(line) for line in lines if line.strip())
        found.append(Format(name, pairs, "log" in given, int(given.get("every", 1))))
    return tuple(found)


def _pair(line: str) -> tuple[str, str]:
    when, sign, template = line.partition(">")
    assert sign, line
    assert when in WHENS, line
    assert not re.search(r"\{\w", SLOT.sub("", template)), f"no slot: {line}"
    return when, template.removeprefix(" ").replace("\\t", "\t")
