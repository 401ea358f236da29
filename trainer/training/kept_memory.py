"""Memory that the process keeps from one step to the next, instead of giving it back to the system."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
"""Parameters of mallopt, from glibc's malloc.h."""


@contextmanager
def kept_memory() -> Iterator[bool]:
    """Keep what is freed within this block; yield whether the C library can, which is glibc.

    A step on the CPU frees all that it took. Given back, it comes again page by page, each of them cleared by the
    system: at batch 2048 about a sixth of a step's processor time. The memory is given back at the end of the block.
    """
    try:
        library = ctypes.CDLL(None)
        mallopt, malloc_trim = library.mallopt, library.malloc_trim
    except (AttributeError, OSError, TypeError):
        yield False
        return
    is_kept = bool(mallopt(_MMAP_MAX, 0)) and bool(mallopt(_TRIM_THRESHOLD, -1))
    try:
        yield is_kept
    finally:
        # What glibc itself comes to while large pieces are freed; it no longer adapts once a parameter was set.
        mallopt(_MMAP_MAX, 65536)
        mallopt(_MMAP_THRESHOLD, 32 * 2**20)
        mallopt(_TRIM_THRESHOLD, 64 * 2**20)
        malloc_trim(0)
