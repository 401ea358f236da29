"""A mistake on the command line, as click says it → the form of our errors: ``where: what; expected ...``."""

from __future__ import annotations

import click

from monitor.base.suggestion import suggestion


def in_our_words(error: click.ClickException) -> str:
    """Return one line: where, what is wrong, and what is expected, once."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    where = context.command_path if context else "monitor"
    usage = f"usage as in {where} --help"
    if isinstance(error, click.NoSuchOption):
        known = [name for each in context.command.get_params(context) for name in each.opts] if context else []
        # Of an abbreviation, the option that it begins; of a misspelt one, the nearest.
        begun = sorted(name for name in known if name.startswith(error.option_name) and name.startswith("--"))
        guess = f" (did you mean {begun[0]!r}?)" if begun else suggestion(error.option_name, known)
        return f"{where}: unknown option {error.option_name!r}; expected {usage}{guess}"
    message = error.format_message().rstrip(".")
    message = message[:1].lower() + message[1:]
    return f"{where}: {message}" if "; expected" in message else f"{where}: {message}; expected {usage}"
