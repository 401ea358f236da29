"""The `trainer` command. Imports of torch and numpy wait until a command needs them, so that --help is fast."""

from trainer.cli.group import main

__all__ = ["main"]
