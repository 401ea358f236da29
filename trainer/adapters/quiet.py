"""A callback that fails must not end the training: the first failure of each is printed, and the training goes on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

Method = TypeVar("Method", bound=Callable[..., None])

_said: set[str] = set()


def keeps_quiet(method: Method) -> Method:
    """Make a method of a callback raise nothing."""

    @wraps(method)
    def quiet(*args: Any, **kwargs: Any) -> None:
        try:
            method(*args, **kwargs)
        except Exception as error:
            name = f"{method.__module__}.{method.__qualname__}"
            if name not in _said and sys.stderr is not None:
                _said.add(name)
                print(f"telemetry: {name}: {type(error).__name__}: {error}; the training goes on", file=sys.stderr)

    return quiet  # type: ignore[return-value]
