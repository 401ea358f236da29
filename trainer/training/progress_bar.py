"""A progress bar on the last line of a terminal; without a terminal, nothing."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from trainer.training.session import Bar


class ProgressBar:
    """Draws on a stream if it is a terminal, and does nothing otherwise."""

    def __init__(self, stream: TextIO, *, width: int = 24, is_shown: bool = True) -> None:
        self._stream, self._width, self._is_shown = stream, width, is_shown and stream.isatty()

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_shown:
            self._stream.write("\n")
            self._stream.flush()

    def show(self, bar: Bar) -> None:
        """Draw the position of the run over the previous bar."""
        if self._is_shown:
            filled = self._width * bar.batch // max(bar.batches, 1)
            blocks = "#" * filled + "." * (self._width - filled)
            self._stream.write(
                f"\repoch {bar.epoch}/{bar.epochs} [{blocks}] {bar.batch}/{bar.batches} loss {bar.loss:.4f} "
            )
            self._stream.flush()
