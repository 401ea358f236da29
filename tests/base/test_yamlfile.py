"""YAML files as configuration: values with their lines, and nothing that blows up."""

import gc
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from monitor.base.errors import RuleError
from monitor.base.yamlfile import DEPTH_LIMIT, SIZE_LIMIT_BYTES, YamlFile, plain_value


def read(folder: Path, text: str | bytes) -> YamlFile:
    path = folder / "a.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return YamlFile(path, RuleError)


def data_of(folder: Path, text: str) -> object:
    return read(folder, text).data


def refusal(folder: Path, text: str | bytes) -> str:
    """Return the one-line reason why a file is refused, without its path."""
    with pytest.raises(RuleError) as caught:
        read(folder, text)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{folder / 'a.yaml'}:")
    return message.removeprefix(f"{folder / 'a.yaml'}:").strip()


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1e-7", 1e-7),
        ("1E+3", 1000.0),
        ("0.5", 0.5),
        (".5", 0.5),
        ("10", 10),
        ("-3", -3),
        ("0", 0),
        ("true", True),
        ("null", None),
        ("~", None),
        ("", None),
        ("on", "on"),
        ("no", "no"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2025-10-30", "2025-10-30"),
        ("300s", "300s"),
        ("nan", "nan"),
        (".inf", ".inf"),
        ('"1"', "1"),
    ],
)
def test_a_value_is_what_people_mean(tmp_path, written, value):
    found = data_of(tmp_path, f"a: {written}\n")
    assert found == {"a": value}
    assert type(found["a"]) is type(value)


def test_every_value_knows_its_line(tmp_path):
    file = read(tmp_path, "a:\n  b: 1\n  c:\n    - x\n    - y: 2\n")
    lines = {place: file.where(place).rpartition(":")[2] for place in [("a", "b"), ("a", "c", 0), ("a", "c", 1, "y")]}
    assert lines == {("a", "b"): "2", ("a", "c", 0): "4", ("a", "c", 1, "y"): "5"}


def test_a_missing_place_gives_the_line_of_its_nearest_parent(tmp_path):
    file = read(tmp_path, "\na:\n  b: 1\n")
    assert file.where(("a", "nothing", 3)).endswith("a.yaml:2")


def test_an_empty_file_has_no_data(tmp_path):
    assert data_of(tmp_path, "") is None
    assert data_of(tmp_path, "# only a comment\n") is None


def test_a_repeated_key_is_reported_with_its_line_and_the_rest_is_still_read(tmp_path):
    file = read(tmp_path, "a: 1\nb: 2\na: 3\nb: 4\n")
    assert [str(problem).rpartition("a.yaml:")[2] for problem in file.problems] == [
        "3: key 'a' appears twice; expected each key once",
        "4: key 'b' appears twice; expected each key once",
    ]
    assert file.where(("b",)).endswith(":2")


@pytest.mark.parametrize(
    "tagged", ["!!int abc", "!foo x", "!!python/object/apply:os.system [ls]", "!!timestamp x", "!!set {a: 1}"]
)
def test_a_tag_is_reported_as_a_problem(tmp_path, tagged):
    try:
        file = read(tmp_path, f"b: 1\na: {tagged}\n")
    except RuleError as error:
        problems = [str(error)]
    else:
        problems = [str(problem) for problem in file.problems]
    assert len(problems) == 1
    assert ":2: " in problems[0]


@pytest.mark.parametrize("text", ["a: &x 1\nb: *x\n", "a: *x\n", "a: &x [*x]\n", "a: [1, &x 2]\n"])
def test_anchors_and_aliases_are_refused(tmp_path, text):
    assert refusal(tmp_path, text) == "1: has an anchor or alias; expected plain YAML"


def test_an_alias_bomb_is_refused_at_once(tmp_path):
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{new}: &{new} [{', '.join(['*' + old] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert refusal(tmp_path, bomb) == "1: has an anchor or alias; expected plain YAML"


@pytest.mark.parametrize("depth", [DEPTH_LIMIT + 2, 300, 2_000])
def test_deep_nesting_is_refused(tmp_path, depth):
    assert "is nested too deeply; expected at most 32 levels" in refusal(tmp_path, "a: " + "[" * depth + "]" * depth)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"\xff\xfe\x00binary", "1: byte 0 is not UTF-8; expected a YAML file in UTF-8"),
        (b"a: 1\nb: \xe9t\xe9\n", "2: byte 8 is not UTF-8; expected a YAML file in UTF-8"),
        ("a:\n\tb: 1\n", "2: the line is indented with a tab; expected spaces"),
        ("a: 1\n\tb: 1\n", "2: "),
        (b"a: \x00\x01\x02", "expected plain YAML"),
        ("a: [1, 2\n", "expected plain YAML"),
        ("a: 1\n b: 2\n", "2: "),
        ("a: 1\n---\nb: 2\n", "expected plain YAML"),
        ("\ta: 1\n", "1: "),
        ("a: 'x\n", "expected plain YAML"),
    ],
)
def test_a_file_that_is_not_plain_yaml_is_refused_in_one_line(tmp_path, text, told):
    assert told in refusal(tmp_path, text)


def test_a_file_that_is_too_large_is_refused(tmp_path):
    assert refusal(tmp_path, b"a" * (SIZE_LIMIT_BYTES + 1)) == "has 256,001 bytes; expected at most 256,000"


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(
        RuleError, match=r"nothing\.yaml: cannot be read \(No such file or directory\); expected a YAML file"
    ):
        YamlFile(tmp_path / "nothing.yaml", RuleError)
    with pytest.raises(RuleError, match=r": cannot be read \(Is a directory\); expected a YAML file"):
        YamlFile(tmp_path, RuleError)


def test_a_number_with_too_many_digits_is_reported_as_a_problem(tmp_path):
    file = read(tmp_path, "b: 1\na: " + "1" * 5_000 + "\n")
    assert [":2: " in str(problem) for problem in file.problems] == [True]
    assert len(str(file.problems[0])) < 400


@pytest.mark.parametrize("key", ["? [a, b]\n: 1\n", "? {a: 1}\n: 2\n", "[a]: 1\n"])
def test_a_key_must_be_a_word(tmp_path, key):
    try:
        problems = read(tmp_path, key).problems
    except RuleError as error:
        problems = [error]
    assert len(problems) == 1


def test_a_long_number_is_read_in_linear_time(tmp_path):
    """Sixteen times the digits may take sixteen times as long, and more on a busy machine, but never 256 times."""

    def cost(digits: int) -> float:
        began = time.process_time()
        read(tmp_path, "a: " + "1" * digits + "x\n")
        return time.process_time() - began

    cost(1_000)
    assert cost(16_000) < 100 * max(cost(1_000), 2e-3)


@pytest.mark.parametrize(
    "text",
    ["[" * 250_000, "a: " + "[1," * 80_000, "- " * 120_000, "? " * 120_000, ": " * 120_000, "{" * 250_000],
    ids=["brackets", "lists", "dashes", "questions", "colons", "braces"],
)
def test_a_file_with_nothing_but_structure_is_refused_at_once(tmp_path, text):
    began = time.process_time()
    assert refusal(tmp_path, text)
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("20", 20),
        ("1e-7", 1e-7),
        ("600s", "600s"),
        ("200 steps", "200 steps"),
        ("true", True),
        ("[a, b]", ["a", "b"]),
        ("{config: X, default: 1}", {"config": "X", "default": 1}),
        ("", None),
    ],
)
def test_a_command_line_value_is_read_as_in_a_file(text, value):
    assert plain_value(text, "--set", RuleError) == value


@pytest.mark.parametrize("text", ["[", "&a 1", "*a", "a: b: c", "!!python/name:os.system x", "\x00", "'"])
def test_a_broken_command_line_value_is_refused(text):
    with pytest.raises(RuleError, match=r"^--set: .* is not a value; expected "):
        plain_value(text, "--set", RuleError)


WITHOUT_LIBYAML = """
import sys, yaml
yaml.__with_libyaml__ = False
from pathlib import Path
from monitor.base.errors import RuleError
from monitor.base.yamlfile import YamlFile, _Loader, _PythonParser
assert issubclass(_Loader, _PythonParser)
try:
    file = YamlFile(Path(sys.argv[1]), RuleError)
    print(file.data, file.where(("b", 1)))
except RuleError as error:
    print(error)
"""


@pytest.mark.parametrize("text", ["a: 1e-7\nb:\n  - x\n  - y: on\n", "a: &x 1\n", "a:\n\tb: 1\n", "a: " + "[" * 99])
def test_without_libyaml_a_file_is_read_the_same(tmp_path, text):
    path = tmp_path / "a.yaml"
    path.write_text(text)
    command = [sys.executable, "-c", WITHOUT_LIBYAML, str(path)]
    slow = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    try:
        file = YamlFile(path, RuleError)
        assert slow == f"{file.data} {file.where(('b', 1))}\n"
    except RuleError as error:
        assert slow == f"{error}\n"


def nodes() -> int:
    """Return how many nodes of YAML are kept in this process."""
    gc.collect()
    # By its type: to be asked for its class, an object of another package may do anything.
    return sum(issubclass(type(each), yaml.Node) for each in gc.get_objects())


def test_a_file_that_was_read_leaves_nothing_behind(tmp_path):
    (tmp_path / "a.yaml").write_text("groups: [{name: one, rules: [a, b]}]\n")
    before = nodes()
    YamlFile(tmp_path / "a.yaml", RuleError)
    assert nodes() <= before
