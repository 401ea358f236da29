"""``monitor share``: a sample of a private log that can be shown."""

from __future__ import annotations

from pathlib import Path

import click

from monitor.base.errors import MonitorError
from monitor.base.escape import terminal
from monitor.cli import completers
from monitor.reader.masking import Masker
from monitor.tail import read_lines
from monitor.tail.opening import opened

MOST_LINES = 20_000
"""Lines of a sample, from both ends of the log. Chosen by hand, 2026-11."""


@click.command("share")
@click.argument("log", shell_complete=completers.files)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write the sample here.")
@click.option("--lines", "most", type=click.IntRange(2), default=MOST_LINES, show_default=True,
              help="Keep so many lines, half of them from each end.")  # fmt: skip
def command(log: str, out: Path | None, most: int) -> int:
    """Write a sample of a LOG that can be shown to others, with every unknown word masked.

    Numbers, times and the shape of lines stay as they are; so do the words by which logs are read: the vocabulary, the
    texts of errors and ends, the marks of known trainers. Names, paths, hosts, addresses and all other words are
    masked, each always alike. Read the sample before you show it: numbers are not masked. Reads LOG; writes FILE,
    never over an existing one. Exit code: 0 written, 2 usage or bad file.

    \b
    monitor share my.log --out sample.log
    monitor share my.log --lines 200
    """
    if out is not None and out.exists():
        raise MonitorError(str(out), "exists", expected="a new file")
    masker = Masker()
    with opened(log) as stream:
        lines = [masker.masked(line.data.decode("utf-8", "replace")) for line in read_lines(stream)]
    if len(lines) > most:
        lines = [*lines[: most // 2], *lines[-(most - most // 2) :]]
    text = "".join(f"{line}\n" for line in lines)
    if out is None:
        click.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
        click.echo(terminal(f"{out}: {len(lines):,} lines; read them before you show them: numbers are kept"), err=True)
    return 0
