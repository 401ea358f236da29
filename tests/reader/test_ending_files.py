import pytest

from monitor.base.errors import MonitorError, Problems
from monitor.reader.ending_files import EndingError, load_ending_texts, shipped_ending_files, shipped_ending_texts

GOOD = """texts:
  - name: gone
    cause: killed
    effect: fatal
    like: was shot
    pattern: '\\bwas shot by (?P<signal>\\d+)'
    source: a test
    samples: [{line: it was shot by 9, gives: {signal: 9}}, it was shot by 11]
    refuses: [it was shot]
"""


@pytest.mark.parametrize("path", shipped_ending_files(), ids=lambda path: path.stem)
def test_each_shipped_file_is_right_by_its_own_samples(path):
    assert load_ending_texts(path)


def test_names_are_unique_over_all_files():
    names = [text.name for text in shipped_ending_texts()]
    assert sorted(set(names)) == sorted(names)


def test_each_shipped_text_names_its_source_and_has_a_sample():
    assert all(text.source and text.samples for text in shipped_ending_texts())


def test_a_good_file_is_read(tmp_path):
    (text,) = load_ending_texts(written(tmp_path, GOOD))
    assert (text.name, text.like) == ("gone", (b"was shot",))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("cause: killed", "cause: murder"), "endings.yaml:3: cause: 'murder' is unknown; expected one of out_of_"),
        (("effect: fatal", "effect: bad"), "endings.yaml:4: effect: 'bad' is unknown; expected one of fatal, "),
        (("like: was shot", "like: wa"), "endings.yaml:5: like: 'wa'; expected ASCII text of 4 characters or more"),
        (("like: was shot", "like: [was hung]"), "endings.yaml:8: gone: no like in 'it was shot by 9'; expected one"),
        (("like: was shot", "like: 5"), "endings.yaml:5: like: 5 is of the wrong type; expected a text or a list"),
        (("by (?P<signal>", "by (?P<bullet>"), "endings.yaml:6: pattern: unknown group 'bullet'; expected one of"),
        (("\\bwas shot by (?P", "(?!x"), "endings.yaml:6: pattern: invalid perl operator: (?!; expected an RE2"),
        (("'\\bwas shot by (?P<signal>\\d+)'", "'x*'"), "endings.yaml:6: pattern: fits every line; expected an RE2"),
        (("    source: a test\n", ""), "endings.yaml:2: no source; expected name, cause, effect, like, pattern, s"),
        (("refuses: [it was shot]", "refuses: [he was shot by 9]"), "endings.yaml:9: gone matches 'he was shot by 9'"),
        (("signal: 9}", "signal: 10}"), "endings.yaml:8: gone reads signal as '9'; expected '10'"),
        (("it was shot by 11", "it was shot"), "endings.yaml:8: gone does not match 'it was shot'; expected a match"),
        (("source: a test", "where: here\n    source: a"), "endings.yaml:7: unknown key 'where'; expected one of na"),
        (("source: a test", "at: end\n    source: a"), "endings.yaml:7: at: 'end' is unknown; expected one of any"),
        (("texts:", "words: 1\ntexts:"), "endings.yaml:1: unknown key 'words'; expected texts"),
        (("refuses: [it was shot]", "refuses: [5]"), "endings.yaml:9: 5 is not a line; expected a line"),
        ((GOOD, "texts: []"), "endings.yaml:1: has no texts; expected texts: and at least one"),
        ((GOOD, "texts: [5]"), "endings.yaml:1: 5 is not a text; expected name, cause, effect"),
        ((GOOD, GOOD + GOOD.removeprefix("texts:\n")), "endings.yaml:10: the name 'gone' is used twice; expected a"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path, change, message):
    with pytest.raises(MonitorError) as caught:
        load_ending_texts(written(tmp_path, GOOD.replace(*change)))
    assert any(message in line for line in str(caught.value).splitlines()), caught.value


def test_all_mistakes_are_told_at_once(tmp_path):
    broken = GOOD.replace("cause: killed", "cause: murder").replace("effect: fatal", "effect: bad")
    with pytest.raises(Problems) as caught:
        load_ending_texts(written(tmp_path, broken))
    assert len(caught.value.problems) == 2


def test_a_missing_file_is_a_users_mistake(tmp_path):
    with pytest.raises(EndingError, match="cannot be read"):
        load_ending_texts(tmp_path / "none.yaml")


def written(folder, text):
    path = folder / "endings.yaml"
    path.write_text(text)
    return path
