"""The token that allows to write, and beyond this machine to read: as a header, or as a session of a browser."""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

from monitor.base.errors import MonitorError

COOKIE = "trainwarden"
LEAST_CHARACTERS, MOST_CHARACTERS = 16, 512


class Given(Enum):
    """What a request shows."""

    NOTHING = "nothing"
    WRONG = "wrong"
    BY_HEADER = "by header"
    BY_COOKIE = "by cookie"
    """A browser sends it by itself, so the page that asks must be our own."""


class Token:
    """One token; it is compared in constant time, and never shown."""

    def __init__(self, text: str) -> None:
        self._token = text.encode()
        # A cookie goes to every port of its host: it must not be the token itself.
        self.session = hmac.new(self._token, b"trainwarden session", hashlib.sha256).hexdigest()

    def is_it(self, text: str) -> bool:
        """Whether a text is the token."""
        return hmac.compare_digest(text.encode("utf-8", "replace"), self._token)

    def given(self, authorization: str, cookies: Mapping[str, str]) -> Given:
        """Return what a request shows in its headers."""
        if authorization:
            scheme, _, text = authorization.partition(" ")
            is_right = scheme.lower() == "bearer" and self.is_it(text.strip())
            return Given.BY_HEADER if is_right else Given.WRONG
        if (session := cookies.get(COOKIE)) is None:
            return Given.NOTHING
        is_right = hmac.compare_digest(session.encode("utf-8", "replace"), self.session.encode())
        # A cookie of an earlier token is not an attempt to guess.
        return Given.BY_COOKIE if is_right else Given.NOTHING


def read_token(path: Path) -> Token:
    """Read a token from the first line of a file that only its owner and group may read. Raises MonitorError."""
    expected = f"a file with {LEAST_CHARACTERS} to {MOST_CHARACTERS} characters: openssl rand -hex 32 > FILE"
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.readline(MOST_CHARACTERS + 2).decode("ascii").strip()
    except UnicodeDecodeError:
        raise MonitorError(str(path), "the token is not plain text", expected=expected) from None
    except OSError as error:
        raise MonitorError(str(path), f"cannot be read ({error.strerror})", expected=expected) from None
    if mode & stat.S_IROTH:
        raise MonitorError(str(path), "every user may read it", expected=f"mode 0600: chmod 600 {path}")
    if not LEAST_CHARACTERS <= len(text) <= MOST_CHARACTERS or not text.isprintable() or " " in text:
        raise MonitorError(str(path), f"the token has {len(text)} characters, or blanks", expected=expected)
    return Token(text)
