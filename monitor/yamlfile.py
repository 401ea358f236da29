"""Read a YAML file with the line of each value, and refuse what a configuration has no use for."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import yaml

from monitor.errors import MonitorError

SIZE_LIMIT_BYTES = 1_000_000
"""A rule or watch file is some kilobytes; more is a mistake or an attack."""
DEPTH_LIMIT = 32

Place = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""


class YamlFile:
    """One parsed file: its data, where each value stands, and the problems that did not stop the reading."""

    def __init__(self, path: Path, fail: Callable[..., MonitorError]) -> None:
        """Read a file. ``fail`` makes the errors; one is raised for a file that is missing, or no plain YAML."""
        self.path = path
        self.problems: list[MonitorError] = []
        self._fail = fail
        self._lines: dict[Place, int] = {}
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise fail(str(path), f"cannot be read ({error.strerror})", expected="a YAML file") from None
        if len(raw) > SIZE_LIMIT_BYTES:
            raise fail(str(path), f"has {len(raw):,} bytes", expected=f"at most {SIZE_LIMIT_BYTES:,}")
        try:
            root = yaml.compose(raw.decode("utf-8"), Loader=_Loader)
            self.data = self._value(root, ()) if root else None
        except UnicodeDecodeError as error:
            raise fail(str(path), f"byte {error.start} is not UTF-8", expected="a YAML file in UTF-8") from None
        except yaml.MarkedYAMLError as error:
            line = (error.problem_mark.line + 1) if error.problem_mark else 1
            raise fail(f"{path}:{line}", error.problem or "is no YAML", expected="plain YAML") from None
        except yaml.YAMLError as error:
            raise fail(str(path), " ".join(str(error).split()), expected="plain YAML") from None
        except RecursionError:
            raise fail(str(path), "is nested too deeply", expected=f"at most {DEPTH_LIMIT} levels") from None

    def where(self, place: Place) -> str:
        """Return ``file:line`` of a value, or of the nearest thing around it."""
        while place and place not in self._lines:
            place = place[:-1]
        return f"{self.path}:{self._lines.get(place, 1)}"

    def _value(self, node: yaml.Node, place: Place) -> object:
        self._lines[place] = node.start_mark.line + 1
        if len(place) > DEPTH_LIMIT:
            raise self._fail(self.where(place), "is nested too deeply", expected=f"at most {DEPTH_LIMIT} levels")
        if node.tag not in _KNOWN_TAGS:
            self._complain(self._lines[place], f"has the tag {node.tag}", "a value without a tag")
            return None
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*place, index)) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        try:
            return _CONSTRUCTOR.construct_object(node)
        except (ValueError, KeyError):
            self._complain(
                self._lines[place], f"{node.value[:60]!r} is no {node.tag.rpartition(':')[2]}", "a plain value"
            )
            return None

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, object]:
        values: dict[str, object] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._complain(line, "a list or mapping stands as a key", "a word")
                continue
            key = key_node.value
            inner = (*place, key)
            if key in values:
                self._complain(line, f"key {key!r:.60} stands twice", "each key once")
                continue
            values[key] = self._value(value_node, inner)
            self._lines[inner] = line
        return values

    def _complain(self, line: int, what: str, expected: str) -> None:
        self.problems.append(self._fail(f"{self.path}:{line}", what, expected=expected))


_KNOWN_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str", "seq", "map"))


class _Loader(yaml.SafeLoader):
    """YAML as people mean it: ``1e-7`` is a number, ``on`` and dates are text, and no anchors.

    Anchors and aliases can blow a file up exponentially, and nothing here needs them.
    """

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "anchor", None) is not None:
            raise yaml.MarkedYAMLError(problem="has an anchor or alias", problem_mark=event.start_mark)
        return super().compose_node(parent, index)


_Loader.yaml_implicit_resolvers = {}
_FIRST_OF_NUMBER = list("-+.0123456789")
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("(?:~|null|)$"), ["~", "n", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("(?:true|false)$"), ["t", "f"])
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?(?:0|[1-9]\d*)$"), _FIRST_OF_NUMBER)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?$"), _FIRST_OF_NUMBER
)
_CONSTRUCTOR = yaml.constructor.SafeConstructor()
