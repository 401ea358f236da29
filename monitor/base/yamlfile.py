"""Read a YAML file and the line of each value; refuse what a configuration file does not need."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import Resolver
from yaml.scanner import Scanner

from monitor.base.errors import MonitorError

SIZE_LIMIT_BYTES = 256_000
"""A rule or watch file has some tens of kilobytes; a larger one is a mistake or an attack, and slow to read."""
DEPTH_LIMIT = 32

Place = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""


class YamlFile:
    """One parsed file: its data, the line of each value, and the problems that did not prevent reading it."""

    def __init__(self, path: Path, fail: Callable[..., MonitorError]) -> None:
        """Read a file. ``fail`` makes the errors; raises one if the file is missing or not plain YAML."""
        self.path = path
        self.problems: list[MonitorError] = []
        self._fail = fail
        self._lines: dict[Place, int] = {}
        # A constructor keeps every node that it has seen, so each file has its own.
        self._constructor = yaml.constructor.SafeConstructor()
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise fail(str(path), f"cannot be read ({error.strerror})", expected="a YAML file") from None
        if len(raw) > SIZE_LIMIT_BYTES:
            raise fail(str(path), f"has {len(raw):,} bytes", expected=f"at most {SIZE_LIMIT_BYTES:,}")
        try:
            text = raw.decode("utf-8")
            root = _composed(text)
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            what = f"byte {error.start:,} is not UTF-8"
            raise fail(f"{path}:{line}", what, expected="a YAML file in UTF-8") from None
        except yaml.YAMLError as error:
            at, what, expected = _in_words(error, text)
            raise fail(f"{path}:{at}" if at else str(path), what, expected=expected) from None
        self.data = self._value(root, ()) if root else None

    def where(self, place: Place) -> str:
        """Return ``file:line`` of a value, or of the nearest value that contains it."""
        while place and place not in self._lines:
            place = place[:-1]
        return f"{self.path}:{self._lines.get(place, 1)}"

    def _value(self, node: yaml.Node, place: Place) -> object:
        self._lines[place] = node.start_mark.line + 1
        if node.tag not in _KNOWN_TAGS:
            self._complain(self._lines[place], f"has the tag {node.tag}", "a value without a tag")
            return None
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*place, index)) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        try:
            return self._constructor.construct_object(node)
        except (ValueError, KeyError):
            what = f"{node.value[:60]!r} cannot be read as {node.tag.rpartition(':')[2]}"
            self._complain(self._lines[place], what, "a plain value")
            return None

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, object]:
        values: dict[str, object] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._complain(line, "a list or mapping is used as a key", "a word")
                continue
            key = key_node.value
            inner = (*place, key)
            if key in values:
                self._complain(line, f"key {key!r:.60} appears twice", "each key once")
                continue
            values[key] = self._value(value_node, inner)
            self._lines[inner] = line
        return values

    def _complain(self, line: int, what: str, expected: str) -> None:
        self.problems.append(self._fail(f"{self.path}:{line}", what, expected=expected))


def plain_value(text: str, where: str, fail: Callable[..., MonitorError]) -> object:
    """Read a word of the command line as if it were a value in a file. Raises what ``fail`` makes."""
    try:
        root = _composed(text)
        return yaml.constructor.SafeConstructor().construct_document(root) if root else None
    except (yaml.YAMLError, ValueError):
        raise fail(where, f"{text!r:.60} is not a value", expected="a word, a number, or [one, two]") from None


def _composed(text: str) -> yaml.Node | None:
    """Return the only document of a text. Raises YAMLError."""
    root: yaml.Node | None = _Loader(text).get_single_node()
    return root


def _in_words(error: yaml.YAMLError, text: str) -> tuple[int | None, str, str]:
    """Return the line of the parser's complaint, what is wrong, and what was expected."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return None, " ".join(str(error).split()), "plain YAML"
    mark, what = error.problem_mark or error.context_mark, error.problem or "is not YAML"
    if mark is None:
        return None, what, "plain YAML"
    if isinstance(error, _TooDeep):
        return mark.line + 1, what, f"at most {DEPTH_LIMIT} levels"
    line = "".join(text.splitlines()[mark.line : mark.line + 1])
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return mark.line + 1, "the line is indented with a tab", "spaces"
    return mark.line + 1, what, "plain YAML"


_KNOWN_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str", "seq", "map"))


class _TooDeep(yaml.MarkedYAMLError):
    """A file has more levels than any configuration needs."""


class _PythonParser(Reader, Scanner, Parser):
    """Reads YAML if PyYAML was built without libyaml: ten times slower, with the same result."""

    def __init__(self, stream: str) -> None:
        Reader.__init__(self, stream)
        Scanner.__init__(self)
        Parser.__init__(self)


_Parser: Any = yaml.cyaml.CParser if yaml.__with_libyaml__ else _PythonParser  # type: ignore[attr-defined]


class _Loader(Composer, _Parser, Resolver):  # type: ignore[misc]
    """YAML as people mean it: ``1e-7`` is a number, ``on`` and dates are text, anchors are refused.

    Anchors and aliases can make a small file expand exponentially, and no configuration file needs them.
    """

    def __init__(self, stream: str) -> None:
        _Parser.__init__(self, stream)
        Composer.__init__(self)
        Resolver.__init__(self)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()
        if getattr(event, "anchor", None) is not None:
            raise yaml.MarkedYAMLError(problem="has an anchor or alias", problem_mark=event.start_mark)
        if self._depth > DEPTH_LIMIT:
            raise _TooDeep(problem="is nested too deeply", problem_mark=event.start_mark)
        self._depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


_Loader.yaml_implicit_resolvers = {}
_FIRST_OF_NUMBER = list("-+.0123456789")
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("(?:~|null|)$"), ["~", "n", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("(?:true|false)$"), ["t", "f"])
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?(?:0|[1-9]\d*)$"), _FIRST_OF_NUMBER)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?$"), _FIRST_OF_NUMBER
)
