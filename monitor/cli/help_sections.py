"""A command with many options: its help lists them by what they are for."""

from __future__ import annotations

import click

SECTIONS = {
    "Rules": ("rule_paths", "settings", "disabled", "config_path"),
    "How the log is read": ("dialect", "vocabulary", "time_zone", "name", "start", "wait", "facts", "now"),
    "Other runs": ("baseline", "peers"),
    "Process and GPUs": ("pid", "no_probes"),
    "Where results go": (
        "sinks", "report", "every", "out", "file_format", "template", "full", "as_json", "summary", "junit", "sarif",
        "github", "notify_history", "plain", "log",
    ),
}  # fmt: skip
"""Options by the names of their parameters; all others stand under "Options"."""
_SECTION_OF = {name: title for title, names in SECTIONS.items() for name in names}


class Sectioned(click.Command):
    """A command whose options are grouped in its help."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, section by section."""
        records: dict[str, list[tuple[str, str]]] = {title: [] for title in (*SECTIONS, "Options")}
        for each in self.get_params(ctx):
            record = each.get_help_record(ctx) if isinstance(each, click.Option) else None
            if record is not None:
                records[_SECTION_OF.get(each.name or "", "Options")].append(record)
        for title, rows in records.items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)
