"""``monitor completion``: make the shell complete commands, options, rules, alerts and files."""

from __future__ import annotations

import click

PROGRAMS = ("monitor", "trainwarden", "trainer")


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.option(
    "--program",
    type=click.Choice(PROGRAMS),
    default=PROGRAMS[0],
    show_default=True,
    help="Complete this program: they have a script each.",
)
def command(shell: str, program: str) -> None:
    """Print a script that makes SHELL complete what you type.

    It completes commands, options, rules, alerts of the state folder, dialects, baselines, and files. Try it with
    eval "$(monitor completion bash)"; to keep it, write it to the place from which the shell loads it (zsh: a folder
    of $fpath). Writes nothing itself. Exit code: 0, 2 usage.

    \b
    monitor completion bash > ~/.local/share/bash-completion/completions/monitor
    monitor completion zsh > ~/.zfunc/_monitor
    monitor completion fish > ~/.config/fish/completions/monitor.fish
    """
    click.echo(script(shell, program))


def script(shell: str, program: str) -> str:
    """Return the script for a shell, which calls the program itself to know what can come next."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    # Without `source`, which starts a bash to look at its version.
    made = kind(command, {}, program, f"_{program.upper()}_COMPLETE")
    return made.source_template % made.source_vars()
