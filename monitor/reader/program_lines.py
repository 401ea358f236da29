"""Lines of programs whose form alone says what their numbers are → the same with a name before each number."""

from __future__ import annotations

import re

_NUMBER = r"-?(?:[\d.]+(?:e[-+]?\d+)?|nan|inf)"
_DARKNET = re.compile(
    rf" *(?P<step>\d+): (?P<loss>{_NUMBER}), (?P<mean>{_NUMBER}) avg(?: loss)?, (?P<rate>{_NUMBER}) rate, "
    rf"(?P<seconds>{_NUMBER}) seconds, \d+ images(?:, {_NUMBER} hours left)?"
)
"""`` 3: 811.19, 812.99 avg loss, 0.001000 rate, 3.105 seconds, 192 images, 5.2 hours left``."""
_MARIAN = re.compile(r"((?:\[valid\] )?Ep\. [\d.]+) : Up\. (?=\d)")
"""``Ep. 1 : Up. 500 : Sen. 64,000 : Cost 7.12``."""
_CHANGED = re.compile(
    rf"\W*(?:(?:the|new|current) )*(?P<key>lr|learning[ _-]rate)(?: (?:has been|is|was|now))*"
    rf" (?:changed|set|reset|reduced|decayed|dropped|decreased|updated|adjusted|lowered|annealed) to:? "
    rf"(?P<rate>{_NUMBER})\W*", re.I
)  # fmt: skip
"""``learning_rate changed to 0.004``: what it is from now on."""


def spelled(body: str) -> str:
    """Return a line with its numbers named, where its form is known; any other as it is."""
    if body.endswith(("images", "left")) and " rate, " in body and (m := _DARKNET.fullmatch(body)):
        return f"step {m['step']}, loss: {m['loss']}, avg loss: {m['mean']}, lr: {m['rate']}, time: {m['seconds']}"
    if " : Up. " in body:
        return _MARIAN.sub(r"\1 : update ", body)
    if " to" in body and len(body) < 80 and (m := _CHANGED.fullmatch(body)):
        return f"lr: {m['rate']}"
    return body
