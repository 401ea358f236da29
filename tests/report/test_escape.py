"""Foreign text cannot act, cannot leave its place, and cannot pose as a verdict."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from monitor.base import escape

HOSTILE = [
    "a | b || c \\| d \\\\| e",
    "`one` ``two`` ```three",
    "```\n# heading\n```",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b31m",
    "safe\u202egnp.exe\u2066x\u2069",
    "\n\n# Fake heading\n\n---\n\n| a | b |\n|---|---|\n",
    "[link](javascript:alert(1)) ![image](http://example.org/x.png)",
    "- item\n1. item\n> quote\n===\n    code",
    "✅ All checks passed :white_check_mark: ✔ ☑",
    "@someone see #12 http://example.org www.example.org",
    "&lt;b&gt; &#60;b&#62; &amp;",
    "\ud800 lone \udfff \x00 \x07 \u2028 \u2029 \ufeff \u00ad",
    "$$x^2$$ ~~struck~~ **bold** __bold__ *it* _it_",
    "",
    "   ",
    "\\",
    "`",
    "|",
]
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def shape(source: str) -> list[tuple[str, str]]:
    """Return the structure of a Markdown text: its blocks and the marked-up parts within them, without words."""
    tokens = [each for block in MARKDOWN.parse(source) for each in (block, *(block.children or ()))]
    return [(each.type, each.tag) for each in tokens if each.type not in ("text", "inline", "text_special")]


PLACES = [
    "# {}\n\nnext\n",
    "- {}\n- next\n",
    "before\n{}\nafter\n",
    "{}\n",
    "| a | b |\n|---|---|\n| {} | next |\n| last | row |\n",
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("text", [each for each in HOSTILE if each.strip()])
def test_a_text_changes_no_structure_of_the_markdown_around_it(place, text):
    escaped = escape.markdown(text)
    assert shape(place.format(escaped)) == shape(place.format("words"))


@given(st.text(max_size=80).filter(lambda text: escape.terminal(text).strip()))
def test_any_text_at_all_changes_no_structure(text):
    for place in PLACES:
        assert shape(place.format(escape.markdown(text))) == shape(place.format("words"))


@given(st.text(max_size=80).filter(lambda text: escape.terminal(text).strip()))
def test_a_code_span_holds_any_text_and_nothing_else(text):
    for place in PLACES[:3]:
        assert shape(place.format(escape.code_span(text))) == shape(place.format("`words`"))
    table = PLACES[4]
    assert shape(table.format(escape.code_span(text, in_table=True))) == shape(table.format("`words`"))


@given(st.text(alphabet="ab1|\\` <>&*_[]#-=+.~$", max_size=30).filter(str.strip))
def test_a_table_cell_shows_the_very_characters(text):
    table = PLACES[4].format(escape.markdown(text))
    cells = [block.children or [] for block in MARKDOWN.parse(table) if block.type == "inline"]
    shown = ["".join(child.content for child in cell) for cell in cells]
    assert shown == ["a", "b", text.strip().replace("#1", "#\u20601"), "next", "last", "row"]


@given(st.text(alphabet="ab|\\` <&*_[", max_size=30).filter(str.strip))
def test_a_code_span_shows_the_very_characters(text):
    shown = [child.content for block in MARKDOWN.parse(escape.code_span(text)) for child in block.children or ()]
    assert shown == [text.strip()]


@given(st.text(alphabet="`\nab#\u202e", max_size=60))
def test_a_code_block_ends_where_it_should(text):
    assert shape(f"{escape.code_fence(text, 'bash')}\n\nnext\n") == shape("```bash\nwords\n```\n\nnext\n")


@pytest.mark.parametrize("text", HOSTILE)
def test_a_terminal_sees_one_line_of_visible_characters(text):
    shown = escape.terminal(text)
    assert shown.isprintable()
    assert "\x1b" not in shown


def test_what_acts_unseen_is_shown_by_its_code_point():
    assert escape.terminal("safe\u202egnp.exe") == "safe⟨U+202E⟩gnp.exe"
    assert escape.terminal("a\x1b[31mb\x1b[0mc\td\r\ne\x07") == "abc d  e⟨U+0007⟩"


@pytest.mark.parametrize("render", [escape.markdown, escape.code_span, escape.code_fence, escape.html])
def test_no_foreign_check_mark_reaches_a_page(render):
    shown = render("".join(escape.MARKS) + " \u2705")
    assert not set(escape.MARKS) & set(shown)


@pytest.mark.parametrize(
    "code", [":white_check_mark:", ":100:", ":+1:", "@someone", "#12", "http://x.org", "www.x.org"]
)
def test_what_a_forge_would_make_into_something_is_interrupted(code):
    assert code not in re.sub(r"\\", "", escape.markdown(code))


def test_a_time_and_a_name_stay_as_they_are():
    assert escape.markdown("2025-10-30 23:40:51 UTC, projected_features -0.5") == (
        "2025-10-30 23:40:51 UTC, projected_features -0.5"
    )


@pytest.mark.parametrize("render", [escape.terminal, escape.markdown, escape.code_span, escape.code_fence, escape.html])
@pytest.mark.parametrize("unit", ["x", "`", "|", "\x1b[31m", "<", "\u202e", "\n", ":a"])
def test_a_megabyte_becomes_a_short_text(render, unit):
    assert len(render(unit * 1_000_000)) <= 300_000


def test_a_cut_is_shown():
    assert escape.terminal("x" * 50, 10) == "xxxxxxxxx…"
    assert escape.terminal("\x1b[0m" * 500 + "hidden", 10) == "…"


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.found.append(tag)

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.mark.parametrize("text", HOSTILE)
def test_html_shows_words_and_no_element(text):
    parser = _Tags()
    parser.feed(f'<p title="{escape.html(text)}">{escape.html(text)}</p>')
    assert parser.found == ["p"]


SECRETS = [
    ("Authorization: Bearer abcdef0123456789", "Authorization: Bearer [redacted]"),
    ("sent Bearer abcdef0123456789 along", "sent Bearer [redacted] along"),
    ("id AKIAIOSFODNN7EXAMPLE", "id [redacted]"),
    ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG", "aws_secret_access_key = [redacted]"),
    ("WANDB_API_KEY=0123abcd next=1", "WANDB_API_KEY=[redacted] next=1"),
    ('{"api_key": "0123 abcd", "lr": 1}', '{"api_key": [redacted], "lr": 1}'),
    ("key=hunter2", "key=[redacted]"),
    ("password: hunter2", "password: [redacted]"),
    ("train --hf-token hunter2 --lr 1", "train --hf-token [redacted] --lr 1"),
    ("postgres://user:hunter2@host/db", "postgres://[redacted]@host/db"),
    ("https://hooks.slack.com/services/T0/B0/xyz", "https://hooks.slack.com/[redacted]"),
    ("https://discord.com/api/webhooks/123/abc-DEF", "https://discord.com/api/webhooks/[redacted]"),
    ("ghp_0123456789abcdefghij", "[redacted]"),
    ("hf_0123456789abcdefghij", "[redacted]"),
]


@pytest.mark.parametrize(("text", "expected"), SECRETS)
def test_what_has_the_shape_of_a_secret_is_redacted(text, expected):
    assert escape.redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "tokens_per_s=5000 num_tokens=12 tokenizer=bpe",
        "monkey=3 keyboard: yes",
        "[GRAD-MONITOR] step=0 epoch=1 batch=1 gat:l2=2.68e+00 max=2.39e+00 grad=22/23",
        "https://example.org/path?step=1#part",
        "basic functionality works",
    ],
)
def test_what_is_not_a_secret_stays(text):
    assert escape.redact(text) == text


@given(st.text(max_size=200))
def test_redaction_of_any_text_ends_and_keeps_it_free_of_planted_keys(text):
    assert "AKIAIOSFODNN7EXAMPLE" not in escape.redact(f"{text} AKIAIOSFODNN7EXAMPLE {text}")
