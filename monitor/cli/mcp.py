"""``monitor mcp``: let an assistant look at the runs of a watch."""

from __future__ import annotations

from pathlib import Path

import click

from monitor.base.clock import SystemClock
from monitor.cli.help_sections import Sectioned
from monitor.cli.options import rule_options, states_option
from monitor.rules.choice import RuleChoice


@click.command("mcp", cls=Sectioned)
@states_option("A state folder of a watch")
@rule_options
def command(states: tuple[Path, ...], choice: RuleChoice) -> None:
    """Let an assistant look at runs, by the Model Context Protocol on standard input and output.

    Its tools only read: list_runs, summary, problems, explain_rule, lines_around, compare. They read the state folders
    and the logs that these know, and no other file. Text of logs comes in fields named quoted, at most 500 characters
    each. Needs the extra mcp: pip install 'trainwarden[mcp]'. Exit code: 0 the assistant has left, 2 wrong usage or no
    state.

    \b
    monitor mcp --state /var/lib/trainwarden/run-1
    """
    from monitor.mcp.answers import Answers
    from monitor.mcp.runs import known_runs
    from monitor.mcp.server import server_of

    server = server_of(Answers(states, choice.rules(), SystemClock()))
    known_runs(states)
    server.run("stdio")
