"""Alerts → the documents of chat services: Slack's blocks, Discord's embeds, ntfy's title, priority and text.

A user's own template replaces the layout by its text. The limits are those of the services' documentation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from monitor.alert import Alert, Severity, State, iso_time
from monitor.base.escape import markdown, terminal
from monitor.sinks.message import headline_of, slack, subject_of, who_of, worst_of, write_message
from monitor.sinks.story import Story, sign_of, story_of

SLACK_HEADER, SLACK_TEXT = 150, 3_000
"""Characters of a header block and of a section's text."""
DISCORD_CHARACTERS, DISCORD_TITLE, DISCORD_EMBED = 2_000, 256, 1_800
"""Characters of a message, of an embed's title, and of an embed's text; all embeds together may have 6,000."""
DISCORD_EMBEDS = 3
"""Alerts in full in one message: three embeds stay below 6,000 characters."""
SLACK_ALERTS = 10
"""Alerts in full in one message: with header, dividers and foot they stay below 50 blocks."""
NTFY_BYTES = 4_000
"""Longest message: the limit of 4,096 bytes less a reserve."""
_COLOURS = {"🔴": 0xCF222E, "🟠": 0xBF8700, "🟢": 0x1A7F37, "⚪": 0x59636E}
_PRIORITIES = {Severity.CRITICAL: 5, Severity.WARNING: 4, Severity.INFO: 3}
"""ntfy's: max, high and default."""


def slack_document(alerts: Sequence[Alert], template: Path | None) -> Mapping[str, object]:
    """Return a message of blocks; its ``text`` is what a notification and a screen reader say."""
    if template is not None:
        return {"text": write_message(alerts, template="message.txt.j2", language="slack", own=template)}
    subject, worst = subject_of(alerts), worst_of(alerts)
    is_told = len(alerts) == 1 and len(subject) <= SLACK_HEADER
    header = subject if len(subject) <= SLACK_HEADER else f"{sign_of(worst)} {who_of(worst) or worst.rule}"
    blocks: list[Mapping[str, object]] = [_slack_header(header)]
    for alert in alerts[:SLACK_ALERTS]:
        story = story_of(alert)
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": _slack_body(story, is_told=is_told)}})
        blocks.append(_slack_foot(slack(story.about)))
    if len(alerts) > SLACK_ALERTS:
        blocks.append(_slack_foot(f"and {len(alerts) - SLACK_ALERTS} more"))
    if where := where_of(alerts):
        blocks.append(_slack_foot(slack(where)))
    return {"text": slack(subject_of(alerts)), "blocks": blocks}


def discord_document(alerts: Sequence[Alert], template: Path | None) -> Mapping[str, object]:
    """Return a message with an embed for each alert; it notifies no one by name."""
    if template is not None:
        text = write_message(alerts, template="message.txt.j2", language="markdown", own=template)
        content = text if len(text) <= DISCORD_CHARACTERS else f"{text[: DISCORD_CHARACTERS - 1]}…"
        return {"content": content, "allowed_mentions": {"parse": []}}
    embeds = [_embed(alert, is_alone=len(alerts) == 1) for alert in alerts[:DISCORD_EMBEDS]]
    more = [f"and {len(alerts) - DISCORD_EMBEDS} more"] if len(alerts) > DISCORD_EMBEDS else []
    if foot := " · ".join([*more, *([where] if (where := where_of(alerts)) else [])]):
        embeds[-1] = {**embeds[-1], "footer": {"text": terminal(foot, DISCORD_EMBED)}}
    content = f"{sign_of(worst_of(alerts))} {markdown(headline_of(alerts), DISCORD_EMBED)}"
    return {"content": content, "embeds": embeds, "allowed_mentions": {"parse": []}}


def ntfy_document(alerts: Sequence[Alert], template: Path | None, topic: str) -> Mapping[str, object]:
    """Return a message with title and priority; the text does not repeat the title."""
    text = write_message(alerts, template="message.txt.j2", language="text", own=template)
    if template is None:
        text = "\n".join(line.removeprefix("   ") for line in text.splitlines()[1:])
    body = text.strip("\n").encode()[:NTFY_BYTES].decode(errors="ignore")
    firing = [alert.severity for alert in alerts if alert.state is State.FIRING]
    worst = max(firing, key=lambda severity: severity.rank, default=Severity.INFO)
    return {"topic": topic, "title": subject_of(alerts), "message": body, "priority": _PRIORITIES[worst]}


def where_of(alerts: Sequence[Alert]) -> str:
    """Return the log with its path, the host and the run; empty for an alert about the monitor itself."""
    first = alerts[0]
    if not first.log:
        return f"run {first.run}" if first.run else ""
    return f"{first.log}{f' on {first.host}' if first.host else ''}, run {first.run}"


_NO_TAGS = str.maketrans("<>", "‹›")
"""A header takes no markup, so that nothing needs escaping; this makes sure that nothing looks like a mention."""


def _slack_header(text: str) -> Mapping[str, object]:
    shown = text.translate(_NO_TAGS)[:SLACK_HEADER]
    return {"type": "header", "text": {"type": "plain_text", "text": shown, "emoji": True}}


def _slack_body(story: Story, *, is_told: bool) -> str:
    """Return the text of a section; lines of evidence give way where it would be too long."""
    head = [] if is_told else [f"{story.sign} *{slack(story.title).replace('*', '∗')}*"]
    reason = [slack(story.reason)] if story.reason else []
    lines = [f"```{slack(line).replace('`', 'ʻ')}```" for line in story.lines]
    advice = [f"→ {slack(each)}" for each in story.advice]
    while lines and sum(len(part) + 1 for part in (*head, *reason, *lines, *advice)) > SLACK_TEXT:
        lines.pop()
    return "\n".join([*head, *reason, *lines, *advice])[:SLACK_TEXT] or slack(story.title)


def _slack_foot(text: str) -> Mapping[str, object]:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text[:SLACK_TEXT]}]}


def _embed(alert: Alert, *, is_alone: bool) -> dict[str, object]:
    story = story_of(alert)
    found: dict[str, object] = {"color": _COLOURS[story.sign], "description": _described(story)[:DISCORD_EMBED]}
    if not is_alone:
        found["title"] = f"{story.sign} {terminal(story.title, DISCORD_TITLE - 4)}"
    at = iso_time(alert.starts_at if alert.state is State.FIRING else alert.at)
    return {**found, "timestamp": at} if at else found


def _described(story: Story) -> str:
    parts = [f"-# {markdown(story.about)}", *([markdown(story.reason)] if story.reason else [])]
    parts += [f"```\n{terminal(line).replace('`', 'ʻ')}\n```" for line in story.lines]
    return "\n".join([*parts, *(f"→ {markdown(each, DISCORD_EMBED)}" for each in story.advice)])
