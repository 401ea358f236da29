"""A log as lines without colours and carriage returns, and the last match of an expression in it."""

import re

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
NUM = r"[-+]?(?:[Nn]a[Nn]|NAN|[Ii]nf(?:inity)?|(?:\d[\d,]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"


def read(path):
    """The log of a file: UTF-16 where it begins with its mark, else UTF-8, else GBK; other bytes are replaced."""
    content = path.read_bytes()
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return Log(content.decode("utf-16", "replace"))
    for encoding in ("utf-8", "gbk"):
        try:
            return Log(content.decode(encoding))
        except UnicodeDecodeError:
            continue
    return Log(content.decode("utf-8", "replace"))


class Log:
    """The text of a log, bars unrolled into lines."""

    def __init__(self, text):
        self.text = ANSI.sub("", text).replace("\r", "\n")
        self.lines = self.text.split("\n")

    def every(self, pattern, flags=0):
        """Every match of the expression, `NUM` written as <n> and a whole number as <i>."""
        expression = pattern.replace("<n>", f"({NUM})").replace("<i>", r"(\d[\d,]*)")
        return list(re.finditer(expression, self.text, re.M | flags))

    def last(self, pattern, flags=0):
        """The last match, or a match of nothing whose groups are all None."""
        found = self.every(pattern, flags)
        return found[-1] if found else Nothing()

    def value(self, pattern, flags=0):
        """The first group of the last match as a number, None without one."""
        return number(self.last(pattern, flags)[1])


class Nothing:
    """Stands for the match that is not there."""

    def __getitem__(self, group):
        return None

    def start(self):
        return -1

    def end(self):
        return -1

    def groups(self):
        return ()


def number(text):
    """A number of a log: thousands separators go, an integer stays one, None of None."""
    if text is None:
        return None
    plain = text.replace(",", "").rstrip(".")
    return int(plain) if re.fullmatch(r"[-+]?\d+", plain) else float(plain)


def percent(text):
    """A figure printed with a percent sign: as printed, or as a share."""
    value = number(text)
    return None if value is None else [value, round(value / 100, 8)]


def or_silent(*values):
    """Any of the values, and silence is right too."""
    return [*(each for each in values if each is not None), None]
