"""Count lines of code, without blank lines, comments and docstrings: `python -m tests.repository.lines_of_code`.

Takes folders (monitor and trainer unless given) and prints a line for each of their packages and the sum.
"""

from __future__ import annotations

import ast
import sys
import tokenize
from collections import Counter
from pathlib import Path

_NO_CODE = frozenset({
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
    tokenize.ENCODING,
})  # fmt: skip


def lines_of_code(path: Path) -> int:
    """Return how many lines of a file hold code. A string that stands alone is a docstring, wherever it is."""
    lines: set[int] = set()
    with tokenize.open(path) as stream:
        for token in tokenize.generate_tokens(stream.readline):
            if token.type not in _NO_CODE:
                lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - _docstring_lines(path))


def _docstring_lines(path: Path) -> set[int]:
    tree = ast.parse(path.read_bytes())
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
    return {line for node in found for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}


def by_package(folder: Path) -> Counter[str]:
    """Return the lines of each package and file directly in a folder."""
    found: Counter[str] = Counter()
    for path in sorted(folder.rglob("*.py")):
        place = path.relative_to(folder).parts[0]
        found[f"{folder.name}/{place}"] += lines_of_code(path)
    return found


def main(folders: list[str]) -> None:
    found = sum((by_package(Path(folder)) for folder in folders), Counter[str]())
    for place, number in sorted(found.items()):
        print(f"{number:7,}  {place}")
    print(f"{found.total():7,}")


if __name__ == "__main__":
    main(sys.argv[1:] or ["monitor", "trainer"])
