"""A page in headless Chromium: what it holds once it is loaded, what its console says, and how it looks."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import zlib
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple

LIMIT_S = 90.0
PICTURES = Path(__file__).parents[2] / "build/pictures"
"""Where the screenshots of the newest run of the tests are kept for a person to look at; git ignores it."""


class Opened(NamedTuple):
    """A page after loading."""

    dom: str
    console: list[str]
    """What the console said: errors, violations of the policy, and what a script wrote."""


def open_page(page: Path, profile: Path, *options: str) -> Opened:
    """Load a page, with further options of the browser, and return its document."""
    done = _chromium(page, profile, "--dump-dom", "--enable-logging=stderr", *options)
    said = re.findall(r"CONSOLE[:(].*", done.stderr.decode("utf-8", "replace"))
    return Opened(done.stdout.decode("utf-8"), said)


def measured(page: str, script: str, folder: Path, *, width: int) -> Any:
    """Run a script in a page, without the page's own policy, and return the value of its promise ``found``."""
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    tail = (
        f"<script>{script}\nfound.then(value => {{ const pre = document.createElement('pre'); pre.id = 'found';"
        "pre.textContent = JSON.stringify(value); document.body.appendChild(pre); });</script></body>"
    )
    path = folder / "measured.html"
    path.write_text(text.replace("</body>", tail), encoding="utf-8")
    options = (f"--window-size={width},2000", "--virtual-time-budget=30000")
    answer = re.search(r'<pre id="found">(.*?)</pre>', open_page(path, folder / "profile", *options).dom, re.DOTALL)
    assert answer is not None, "the script did not end"
    return json.loads(unescape(answer[1]))


def screenshot(page: Path, profile: Path, name: str, *, size: tuple[int, int], is_dark: bool = False) -> Path:
    """Take a picture of a page and keep it."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    picture = PICTURES / f"{name}.png"
    picture.unlink(missing_ok=True)
    width, height = size
    scheme = ["--blink-settings=preferredColorScheme=0"] if is_dark else []
    _chromium(page, profile, f"--window-size={width},{height}", f"--screenshot={picture}", *scheme)
    assert picture.is_file(), "chromium took no picture"
    return picture


def count_pixels(picture: Path, colour: str) -> int:
    """Count the pixels of exactly one colour (``#rrggbb``) in an 8-bit PNG."""
    wanted, bytes_per_pixel, rows = bytes.fromhex(colour.removeprefix("#")), *_rows(picture.read_bytes())
    places = (row[start : start + 3] for row in rows for start in range(0, len(row), bytes_per_pixel))
    return sum(place == wanted for place in places)


def _chromium(page: Path, profile: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    program = shutil.which("chromium")
    assert program is not None
    options = (
        *("headless", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "hide-scrollbars", "no-first-run"),
        *("disable-background-networking", f"user-data-dir={profile}"),
    )
    command = [program, *(f"--{each}" for each in options), *arguments, page.as_uri()]
    done = subprocess.run(command, capture_output=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")[-2000:]
    return done


def _rows(data: bytes) -> tuple[int, list[bytes]]:
    """Return the bytes per pixel and the rows of a PNG that is not interlaced."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, depth, kind = struct.unpack(">I4xBB", data[16:26])
    bytes_per_pixel = {2: 3, 6: 4}[kind]
    assert depth == 8
    packed, place = b"", 8
    while place < len(data):
        length, name = struct.unpack(">I4s", data[place : place + 8])
        packed += data[place + 8 : place + 8 + length] if name == b"IDAT" else b""
        place += length + 12
    raw, stride = zlib.decompress(packed), width * bytes_per_pixel
    rows, above = [], bytes(stride)
    for start in range(0, len(raw), stride + 1):
        above = _unfiltered(raw[start], bytearray(raw[start + 1 : start + 1 + stride]), above, bytes_per_pixel)
        rows.append(above)
    return bytes_per_pixel, rows


def _unfiltered(kind: int, row: bytearray, above: bytes, step: int) -> bytes:
    if kind == 0:
        return bytes(row)
    if kind == 2:
        return bytes((value + up) & 255 for value, up in zip(row, above, strict=True))
    for index in range(len(row)):
        left = row[index - step] if index >= step else 0
        up, corner = above[index], above[index - step] if index >= step else 0
        row[index] = (row[index] + (left, (left + up) // 2, _paeth(left, up, corner))[(1, 3, 4).index(kind)]) & 255
    return bytes(row)


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((left, up, corner), key=lambda each: abs(guess - each))
