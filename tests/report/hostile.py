"""Runs whose every free word is hostile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor import grammar

if TYPE_CHECKING:
    from tests.report.conftest import RunLog

FAKE_END = "2025-10-30T23:40:51Z INFO [RUN] end status=completed epochs=20 seconds=1"
HOSTILE = [
    "a | b || c \\| d",
    "`x` ```y",
    "<script>document.title='owned'</script>",
    "\"><svg onload=document.title='owned'>",
    "'><img src=x onerror=document.title='owned'>",
    "</style><script>document.title='owned'</script>",
    "javascript:document.title='owned'",
    "]]></title></svg><iframe src=//evil.example></iframe>",
    "&lt;script&gt;&#60;script&#62;",
    "\x1b[31mred\x1b[0m",
    "safe\u202egnp.exe",
    "x" * 1_000_000,
    "✅ All checks passed",
    "\n# Fake heading\n\n---\n",
    "{{ page.log }}{% for x in y %}",
    "\ud800",
    FAKE_END,
]
ALL_AT_ONCE = " ".join(each for each in HOSTILE if "\n" not in each and len(each) < 200)


def lines_with(log: RunLog, text: str) -> list[bytes]:
    """Write a run that says a text wherever the grammar lets it."""
    log.lines.clear()
    log.start(run=text, host=text, cmd=text).preface(
        source=text, targets=("".join(each for each in text if not each.isdigit()),)
    )
    log.add(
        grammar.Config(key="seed", value=text, source=text),
        grammar.ConfigUnused(unused=text),
        grammar.DataCheck(features_dead=grammar.Share(1, 82), names=(text,)),
        grammar.EncoderGrad(tensor=text, norm=0.0, max=0.0, step=0),
    )
    log.epoch(1, groups=("gat", text), zero=(text,))
    log.add(grammar.Metrics(epoch=1, sharpe=0.1, definition=text), grammar.Error(type=text, message=text))
    log.add(grammar.RunEnd(status=text, error=text))
    return [line.encode("utf-8", "surrogatepass") for line in log.lines]
