"""Write docs/rules.md: the rules that are shipped and the language that they are written in, from their sources."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby, takewhile
from pathlib import Path
from typing import Any

from monitor.conditions import KINDS
from monitor.reader.signals import CATALOGUE, Signal
from monitor.rules import Rule, declared_rules
from monitor.rules.explain import fires_when
from monitor.rules.rule import COMMON
from monitor.rules.schema import rules_schema

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "rules.md"
HEAD = """# The rules, and the language they are written in

<!-- `make docs` writes this page from rules/*.yaml and from the models that read them. -->

`monitor rules list` prints the rules in force, and `monitor rules explain RULE` explains one of them. `--rules FILE`
adds a rule file of your own: a rule of the same name replaces the shipped rule, and `enabled: false` switches it off.
For one run, `--set RULE.level=VALUE` (or another field: `--set TrainingStall.silence=600s`) changes a rule, and
`--disable RULE` leaves it out. A level from the command line overrides the run's own setting, which overrides the
rule's default.

"""
LANGUAGE = """## The language

A rule file is YAML: groups, each with a name and rules. `monitor rules check FILE` shows every problem of a file with
its line, `monitor rules test FILE` runs the tests in its rules, and `monitor rules schema` prints a JSON schema with
which an editor completes and checks while you type. To test a whole log, see [scenarios.md](scenarios.md).

```yaml
groups:
  - name: mine
    rules:
      - alert: ValidationLossHigh
        fault: overfit
        kind: threshold
        signal: epoch.val_loss
        above: 2.0
        clear: 1.5                 # a firing alert resolves below this, not at 2.0
        consecutive: 2             # reports in a row
        severity: warning
        summary: "validation loss {value} in epoch {epoch}, above {threshold}"
        why: The model no longer generalises, or never did.
        action: Compare the training loss of the same epoch; stop early if it is still falling.
        source: chosen by hand for this project, 2026-11
        tests:
          - name: two epochs above the level fire
            then: fires
            lines: |
              2025-10-30T23:40:51.123Z INFO [EPOCH] Epoch 1/20: Train Loss=0.1234, Val Loss=2.5000, LR=1.00e-04
              2025-10-30T23:44:51.123Z INFO [EPOCH] Epoch 2/20: Train Loss=0.1234, Val Loss=2.6000, LR=1.00e-04
          - name: one epoch above the level is unknown
            then: unknown
            lines: |
              2025-10-30T23:40:51.123Z INFO [EPOCH] Epoch 1/20: Train Loss=0.1234, Val Loss=2.5000, LR=1.00e-04
```

A value exactly at a level is quiet; beyond it, the rule fires. A signal that was never seen, or has been silent for
longer than its cadence allows, is unknown: it neither fires nor resolves an alert. A duration is a number and one of
s, m, h, d; where steps and epochs are allowed too, write `200 steps` or `2 epochs`.

"""


def page(rules: Iterable[Rule]) -> str:
    """Return the whole page."""
    return HEAD + "".join(_shipped(list(rules))) + LANGUAGE + "".join(_language(rules_schema()))


def shipped() -> list[Rule]:
    """Return the rules of rules/."""
    return declared_rules(sorted((ROOT / "rules").glob("*.yaml")))


def _shipped(rules: list[Rule]) -> Iterator[str]:
    yield f"## The {len(rules)} rules\n\n"
    for place, same in groupby(rules, key=lambda rule: rule.place.rpartition(":")[0]):
        theme = list(same)
        path = Path(place)
        yield f"### {path.stem.replace('_', ' ').capitalize()}\n\n{_comment(path)}\n\n"
        yield _row("rule", "fault", "severity", "fires when", "healthy", "source") + "|---" * 6 + "|\n"
        for rule in theme:
            severity = rule.severity.value if rule.enabled else f"{rule.severity.value}, switched off"
            about = (fires_when(rule), rule.expected, rule.source)
            yield _row(f"`{rule.alert}`", rule.fault, severity, *map(_cell, about))
        yield "\n"
        for rule in theme:
            inhibits = f" Explains: {', '.join(rule.inhibits)}." if rule.inhibits else ""
            within = f" Within {rule.within}." if rule.within else ""
            yield f"**{rule.alert}.** {_text(rule.why)} *Do:* {_text(rule.action)}{within}{inhibits}\n\n"


def _language(schema: Mapping[str, Any]) -> Iterator[str]:
    models = schema["$defs"]
    any_rule = models[f"{next(iter(KINDS.values())).__name__}Rule"]
    yield "### Fields of every rule\n\n"
    yield _table({name: any_rule["properties"][name] for name in COMMON}, any_rule["required"], models)
    for word, kind in KINDS.items():
        own = models[kind.__name__]
        yield f"### `kind: {word}`\n\n{_paragraphs(inspect.getdoc(kind) or '')}\n\n"
        fields = {name: body for name, body in own["properties"].items() if name != "kind"}
        yield _table(fields, own["required"], models)
    yield "### Values that are mappings\n\n"
    for name in sorted(_mappings(models)):
        yield f"**{name}.** {_text(models[name].get('description', ''))}\n\n"
        yield _table(models[name]["properties"], models[name].get("required", ()), models)
    yield "### Signals\n\n"
    yield "The signals that rules can use, by the lines that carry them. Events are counted, others are measured.\n\n"
    yield _row("lines", "signals", "labels") + "|---" * 3 + "|\n"
    for (tag, labels), signals in groupby(sorted(CATALOGUE.values(), key=_by_line), key=_by_line):
        names = ", ".join(f"`{signal.name}`{' (event)' if signal.is_event else ''}" for signal in signals)
        yield _row(f"`[{tag}]`" if tag else "any", names, ", ".join(labels) or "–")


def _mappings(models: Mapping[str, Any]) -> set[str]:
    """Return the models that stand inside a rule."""
    of_kinds = {kind.__name__ for kind in KINDS.values()}
    outer = {*of_kinds, *(f"{name}Rule" for name in of_kinds), "rule", "group", "condition"}
    return {name for name, body in models.items() if name not in outer and "properties" in body}


def _by_line(signal: Signal) -> tuple[str, tuple[str, ...]]:
    return signal.tag, signal.labels


def _table(fields: Mapping[str, Any], required: Iterable[str], models: Mapping[str, Any]) -> str:
    rows = [_row("field", "value", "default", "meaning"), "|---" * 4 + "|\n"]
    for name, body in fields.items():
        default = "**needed**" if name in set(required) else _default(body.get("default"))
        rows.append(_row(f"`{name}`", _cell(_type(body, models)), default, _cell(body.get("description", ""))))
    return "".join(rows) + "\n"


def _default(value: object) -> str:
    if value is None or value in ("", "0s") or value == [] or value == {}:
        return "–"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _type(body: Mapping[str, Any], models: Mapping[str, Any]) -> str:
    """Return what a value may be, in words."""
    if "$ref" in body:
        name = body["$ref"].rpartition("/")[2]
        inner = models[name]
        return _type(inner, models) if "enum" in inner else f"mapping ({name})"
    if "anyOf" in body:
        return " or ".join(dict.fromkeys(_type(each, models) for each in body["anyOf"] if each.get("type") != "null"))
    words = body.get("enum", [body["const"]] if "const" in body else None)
    if words is not None:
        return _enum(words)
    match body.get("type"):
        case "array":
            return f"list of: {_type(body.get('items', {}), models)}"
        case "object":
            return "label: value pairs" if "additionalProperties" in body else "a mapping"
        case "boolean":
            return "true or false"
        case "integer" | "number" as kind:
            return f"{'whole number' if kind == 'integer' else 'number'}{_bounds(body)}"
        case "string":
            pattern = body.get("pattern", "")
            if not pattern.startswith(r"^(\d+") and not pattern.startswith(r"^\d+"):
                return "text"
            more = [word for word in ("steps", "epochs", "reports") if word[:-1] in pattern]
            return " or ".join(["duration", *(f"N {word}" for word in more)])
    return "any value"


def _enum(words: list[str]) -> str:
    if set(words) >= {"train.loss", "grad.l2"}:
        return "a signal"
    if "accumulate" in words:
        return "a word of INTENT"
    return ", ".join(f"`{word}`" if word != "" else "nothing" for word in words)


def _bounds(body: Mapping[str, Any]) -> str:
    least, most = body.get("minimum", body.get("exclusiveMinimum")), body.get("maximum", body.get("exclusiveMaximum"))
    over = " above" if "exclusiveMinimum" in body else " from"
    under = " below" if "exclusiveMaximum" in body else " to"
    return (f"{over} {least:g}" if least is not None else "") + (f"{under} {most:g}" if most is not None else "")


def _comment(path: Path) -> str:
    """Return the comment that a rule file begins with."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return " ".join(line.removeprefix("#").strip() for line in takewhile(lambda line: line.startswith("#"), lines))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"


def _cell(text: str) -> str:
    return _text(text).replace("|", "\\|")


def _text(text: str) -> str:
    return " ".join(text.split()).replace("<", "&lt;").replace("*", "\\*").replace("``", "`")


def _paragraphs(text: str) -> str:
    return "\n\n".join(_text(part) for part in text.split("\n\n"))


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(shipped()), encoding="utf-8")


if __name__ == "__main__":
    main()
