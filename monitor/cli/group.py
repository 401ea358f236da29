"""A group of commands: an unknown one is refused with the name that is nearest to it."""

from __future__ import annotations

import click

from monitor.base.errors import MonitorError


class Group(click.Group):
    """A group whose commands are found by their full names."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is named first. Raises MonitorError for an unknown one."""
        if not ctx.resilient_parsing and args and self.get_command(ctx, args[0]) is None and args[0][:1].isalnum():
            from monitor.base.suggestion import suggestion

            known = self.list_commands(ctx)
            expected = f"one of {', '.join(known)}{suggestion(args[0], known)}"
            raise MonitorError(ctx.command_path, f"unknown command {args[0]!r}", expected=expected)
        return super().resolve_command(ctx, args)
