"""Tables and boxes → lines of pairs: a header row serves the rows below it, a box of two columns is one report."""

from __future__ import annotations

import re

from monitor.reader.numbers import SLOT
from monitor.reader.state import TableState
from monitor.reader.vocabulary import listed, meaning, shipped, words_of

MOST_CELLS = 60
MOST_HEADERS = 4
"""Headers that are remembered at once: that of the training rows, that of the validation rows, and two more."""
_PARTS = frozenset(("box", "obj", "cls", "conf", "dfl", "giou", "iou", "xy", "wh", "ce", "kl", "mse", "seg", "mask"))
"""What the columns of an object detector's losses are called."""
MOST_BOX_ROWS = 100
_RULE = re.compile(r"^[\s+|:=\-╭╮╯╰─━═┌┬┐├┼┤└┴┘┏┳┓┡╇┩╞╪╡╒╤╕╘╧╛│┃]+$")
_EDGE = re.compile(r"[|│┃]")
_KNOWN = ("place", "value", "criterion", "part", "time", "clock")


def is_rule(body: str) -> bool:
    """Whether a line is a horizontal rule."""
    return len(body) >= 3 and bool(_RULE.match(body)) and any(char in body for char in "-─━═=")


def cells_of(body: str, separator: str) -> list[str]:
    """Return the cells of a row."""
    if separator == "|":
        return [cell.strip() for cell in _EDGE.split(body.strip().strip("|│┃"))]
    if separator in ",;":
        return [cell.strip().strip("\"'") for cell in body.split(separator)]
    if separator == "\t":
        return [cell.strip() for cell in body.split("\t")]
    if separator == "\t\t":
        return [cell.strip() for cell in body.split("\t") if cell.strip()]
    if separator == "  ":
        return re.split(r"\s{2,}|\t", body.strip())
    return body.split()


def may_be_header(body: str) -> bool:
    """Whether a line is as long as a header, and has no numbers but those in names."""
    return 8 <= len(body) <= 2_000 and (not SLOT.search(body) or _has_numbers_in_names_only(body))


def take_header(body: str, state: TableState) -> bool:
    """Remember a header row; False for any other line."""
    if not may_be_header(body):
        return False
    above, state.above = state.above, []
    for separator in _separators(body):
        cells = cells_of(body, separator)
        if separator == "|":
            if not _is_header(cells) and (groups := _groups(above, cells)):
                _remember(["||", *groups], state)
                return True
            state.above = cells[:MOST_CELLS]
            if len(above) == len(cells) and not _is_header(cells):
                cells = [" ".join(pair).strip() for pair in zip(above, cells, strict=True)]
        is_run = separator == "\t" and "" in cells
        if is_run:
            cells = [cell for cell in cells if cell]  # tabs in a row that bring a wide column into line
        if cells[:2] == ["E", "#"]:
            cells[:2] = ["id", "step"]  # spaCy, whose rows come every so many steps and not as an epoch ends
        if separator == "  " and len(cells) < len(body.split()) and body.count("(") > 0 and len(cells) < 5:
            continue
        fewest = 2 if separator in ",;\t" else 3
        if fewest <= len(cells) <= MOST_CELLS and _is_header(cells):
            cells = _with_total(cells)
            _remember([f"{separator}{separator}" if is_run else separator, *map(_clean, cells)], state)
            if separator == "  " and len(body.split()) != len(cells):
                _remember([" ", *map(_clean, _with_total(body.split()))], state)
            return True
    return False


def _groups(above: list[str], cells: list[str]) -> list[str]:
    """Return the names of each cell's columns, parted by tabs, of a header whose cells hold several columns each.

    The row above may name what the columns of a cell are of: ``VALID`` above ``loss top-1``. Empty for other rows.
    """
    parts = [cell.split() for cell in cells]
    names = [name for part in parts for name in part]
    if len(cells) < 2 or sum(len(part) > 1 for part in parts) < 2 or not all(name[:1].isalpha() for name in names):
        return []
    is_above = len(cells) - 1 <= len(above) <= len(cells)  # the first cell may be blank, without an edge
    heads = ["", *above][-len(cells) :] if is_above else [""] * len(cells)
    of_sets = [" ".join(word for word in words_of(head) if word in shipped().splits) for head in heads]
    full = [
        "\t".join(f"{of_set} {_clean(name)}".strip() for name in part)
        for of_set, part in zip(of_sets, parts, strict=True)
    ]
    columns = [name for part in full for name in part.split("\t")]
    said = [meaning(name) for name in columns]
    is_header = any(each.role == "place" for each in said) and any(each.name == "loss" for each in said)
    return full if is_header and len({*columns}) == len(columns) else []


def _cells_of_groups(body: str, groups: list[str]) -> tuple[list[str], list[str]]:
    """Return the names and cells of a row below such a header: of each group that has as many figures as names."""
    names: list[str] = []
    cells: list[str] = []
    for group, text in zip(groups, cells_of(body, "|"), strict=False):
        if len(group.split("\t")) == len(text.split()):
            names += group.split("\t")
            cells += text.split()
    return names, cells


_MEASURED = re.compile(r"(?:^|[\s=(\[]|(?<!\d):)[-+]?\.?\d")
"""A number that does not belong to a name, as those of ``metrics/mAP_0.5:0.95`` and ``x/lr0`` are."""


def _has_numbers_in_names_only(body: str) -> bool:
    separator = next((each for each in ",;\t" if each in body), "")
    return bool(separator) and not any(_MEASURED.search(cell) for cell in cells_of(body, separator))


def _with_total(cells: list[str]) -> list[str]:
    """Return the cells with the total of a row of losses by its full name: ``box obj cls total``."""
    parts = 0 if any(cell.lower() == "loss" for cell in cells) else sum(cell.lower() in _PARTS for cell in cells)
    return [f"{cell} loss" if cell.lower() == "total" and parts >= 2 else cell for cell in cells]


def _remember(header: list[str], state: TableState) -> None:
    state.headers = [header, *(each for each in state.headers if each != header and len(each) != len(header))]
    del state.headers[MOST_HEADERS:]


def _separators(body: str) -> list[str]:
    if _EDGE.search(body):
        return ["|"]
    for separator in (";", ","):
        if separator in body:
            return [separator]
    if "\t" in body:
        return ["\t"]
    return ["  ", " "] if re.search(r"\S\s{2,}\S", body.strip()) else [" "]


def _ends_sentence(cell: str) -> bool:
    """Whether a cell ends as a sentence does; a name of up to two words may be cut short: ``Train Acc.``."""
    return cell.endswith((":", ";")) or (cell.endswith(".") and len(cell.split()) > 2)


def _is_header(cells: list[str]) -> bool:
    if any(len(cell) > 40 or (cell and len(cell.split()) > 4) for cell in cells) or len({*cells}) < len(cells):
        return False
    if not all(cell and (cell[0].isalpha() or cell[0] == "_") and not _ends_sentence(cell) for cell in cells):
        return False
    said = [meaning(cell) for cell in cells]
    known = sum(each.role in _KNOWN or bool(each.split) for each in said)
    first = said[0].role == "place"
    metrics = len(listed("table_metrics").intersection(word for cell in cells for word in words_of(cell)))
    return (first and known >= 2) or known >= 3 or metrics >= 3 or (known >= 1 and metrics >= 2)


def is_of_training(header: list[str]) -> bool:
    """Whether a header names what only a training has: a learning rate, a norm of gradients."""
    said = [meaning(name) for name in header[1:]]
    return any(each.name in ("lr", "grad_norm") and each.split in ("", "train") for each in said)


def _clean(cell: str) -> str:
    cell = re.sub(r"(?<=\d)\.(?=\d)", "", cell)  # "mAP_0.5:0.95" holds no measurement
    cell = re.sub(r"(?<=\d):(?=\d)", "_", cell)
    return re.sub(r"[(),:=|;{}\[\]]+", " ", cell).strip()


def row_text(body: str, state: TableState) -> tuple[str, bool] | None:
    """Return a row as ``name: value`` pairs, and whether its header names a place; None where no header fits it."""
    if not state.headers or len(body) > 4_000:
        return None
    for separator, *names in state.headers:
        if separator == "||":
            names, cells = _cells_of_groups(body, names)
        else:
            cells = cells_of(body, separator)
        if separator == "  " and len(cells) < len(names):
            cells = body.split()  # a wide number leaves one space before it
        if len(cells) != len(names) or not names:
            continue
        numbers = sum(bool(_CELL.fullmatch(cell)) for cell in cells)
        if numbers < min(2, len(cells)) or numbers < sum(map(bool, cells)) / 2 or any(len(cell) > 40 for cell in cells):
            continue
        texts = [cell for cell in cells if cell and not _CELL.fullmatch(cell)]
        has_place = meaning(names[0]).role == "place"
        if has_place and cells[0] and not _CELL.fullmatch(cells[0]):
            continue  # a name where the place should be: a row of another table, whose header was not seen
        if not has_place and texts and texts[0] == cells[0] and cells[0].lower() not in _TOTALS:
            return "", False
        pairs = [f"{name}: {cell}" for name, cell in zip(names, cells, strict=True) if _CELL.fullmatch(cell)]
        return ", ".join(pairs), any(meaning(name).role == "place" for name in names)
    return None


_CELL = re.compile(rf"(?:{SLOT.pattern})(?:\s*/\s*\d+)?(?:%|ms|s|G|M|it/s)?")
_TOTALS = ("all", "total", "mean", "avg", "average", "overall")


def take_box(body: str, state: TableState) -> str | None:
    """Take a line of a box; return its pairs where it closes, an empty text within it, None for any other line."""
    if is_rule(body):
        if state.is_open and state.box and body[0] not in "├┡╞┣":
            pairs = ", ".join(state.box)
            state.box, state.section, state.is_open = [], "", False
            return pairs
        if not (state.is_open and state.box):
            state.is_open, state.box, state.section = True, [], ""
        return ""
    if not _EDGE.match(body.strip()[:1] or " "):
        state.is_open, state.box = False, []
        return None
    cells = cells_of(body, "|")
    if len(cells) == 1:
        cells = re.split(r"\s{2,}", cells[0])
        if len(cells) == 1 and state.is_open:
            return ""
    if len(cells) != 2 or not state.is_open:
        return None
    name, value = cells
    if not value:
        state.section = name.strip()
        return ""
    if not SLOT.fullmatch(value):
        return "" if state.box or state.section else None
    if len(state.box) < MOST_BOX_ROWS:
        key = _clean(name)
        state.box.append(f"{state.section}{key}: {value}" if state.section.endswith("/") else f"{key}: {value}")
    return ""
