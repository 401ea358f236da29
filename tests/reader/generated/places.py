"""How lines tell their place: a step, with or without its total, in brackets, in front or among the pairs."""

from tests.reader.generated.page import Page


class StepPlace:
    """Writes a global step the same way on each line of a log."""

    def __init__(self, page: Page, *, with_total: bool | None = None) -> None:
        draw = page.draw
        self._page = page
        self.from_zero = draw.often(0.35)
        has_total = draw.often(0.3) if with_total is None else with_total
        self._total = page.course.num_steps if has_total else None
        if not has_total:
            self._way = draw.pick(["pair", "pair", "pair", "colon", "words", "brackets", "equals", "dash", "last"])
        else:
            self._way = draw.pick(["pair", "pair", "colon", "words", "brackets", "brackets word", "of", "dash"])
        self._width = draw.pick([0, 0, 0, 0, len(str(page.course.num_steps)), 7])
        self._pad = draw.pick([" ", " ", "0"])
        self._has_thousands = draw.often(0.08)
        self._has_suffix = not has_total and draw.often(0.08) and page.course.every % 100 == 0
        page.notes.append(f"step {self._way}{' of total' if has_total else ''}{' from 0' if self.from_zero else ''}")

    def write(self, step: int, pairs: list[tuple[str, str]]) -> str:
        """Write a line of these pairs at a step, and state the step."""
        page = self._page
        page.truth.put("step", step)
        if self._total:
            page.truth.put("steps", self._total, None)
        number, word, rest = self._number(step), page.names.step, page.style.join(pairs)
        if self._way == "pair":
            return page.style.join([(word, number), *pairs])
        if self._way == "last":
            return page.style.join([*pairs, (word, number)])
        front = {
            "colon": f"{word} {number}: ",
            "words": f"{word} {number} ",
            "brackets": f"[{number}] ",
            "brackets word": f"[{word} {number}] ",
            "equals": f"({word}={number}) ",
            "dash": f"{word} {number} - ",
            "of": f"{word} {number} ",
        }[self._way]
        if self._way == "brackets" and not self._total:
            front = f"[{word} {number}] "
        return front + rest

    def _number(self, step: int) -> str:
        text = f"{step:,}" if self._has_thousands else str(step)
        if self._has_suffix:
            return f"{step / 1000:g}K" if step >= 1000 else text
        if self._width and not self._has_thousands:
            text = text.rjust(self._width, self._pad)
        if not self._total:
            return text
        total = f"{self._total:,}" if self._has_thousands else str(self._total)
        return f"{text} of {total}" if self._way == "of" else f"{text}/{total}"
