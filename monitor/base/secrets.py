"""What a secret looks like: one table of shapes, each with the public source of its form.

A shape either is a secret by its own form, or leads to one: then only what comes after its words is replaced. A name
such as ``token`` leads to a secret unless its value cannot be one: in a training log, most tokens are words or counts.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

REDACTED = "[redacted]"
NAME_CHARACTERS = 60
"""Most characters of a name that are looked at, before its last word."""


class Shape(NamedTuple):
    """One kind of secret."""

    what: str
    pattern: str
    """Of the secret itself; in `LEADING`, of the words before it, as ``(?P<keep>…)``, and the secret."""
    source: str
    hints: tuple[str, ...] = ()
    """In lower case: one of them is in every text with this shape, and a plain search for them is quick."""


BY_FORM = (
    Shape("AWS access key id", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b", "AWS IAM guide, unique identifiers"),
    Shape("GitHub token", r"gh[pousr]_[A-Za-z0-9]{16,}", "GitHub docs, token formats"),
    Shape("GitHub fine-grained token", r"github_pat_\w{16,}", "GitHub docs, token formats"),
    Shape("GitLab token", r"gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent)-[\w-]{16,}", "GitLab docs, token prefixes"),
    Shape("Hugging Face token", r"(?:hf|api_org)_[A-Za-z0-9]{16,}", "Hugging Face docs, user access tokens"),
    Shape("OpenAI, Anthropic and OpenRouter key", r"sk-(?:proj-|ant-|or-v1-|svcacct-)?[\w-]{16,}", "vendors' API docs"),
    Shape("Slack token", r"xox[abeprs]-[\w-]{10,}|xapp-\d-[\w-]{10,}", "Slack docs, token types"),
    Shape("Google API key", r"AIza[\w-]{30,}", "Google Cloud docs, API keys"),
    Shape("Google OAuth token", r"ya29\.[\w-]{16,}|GOCSPX-[\w-]{16,}", "Google identity docs"),
    Shape("npm token", r"npm_[A-Za-z0-9]{30,}", "npm blog 2021-09, new token format"),
    Shape("PyPI token", r"pypi-[\w-]{16,}", "PyPI help, API tokens"),
    Shape("Stripe key", r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9]{16,}", "Stripe docs, API keys"),
    Shape("SendGrid key", r"SG\.[\w-]{16,}\.[\w-]{16,}", "SendGrid docs, API keys"),
    Shape("Twilio key", r"(?:SK|AC)[0-9a-f]{32}\b", "Twilio docs, SIDs"),
    Shape("Telegram bot token", r"(?:\d{8,10}|#):AA[\w-]{30,}", "Telegram Bot API, authorizing"),
    Shape("Weights & Biases key", r"wandb_v\d_[\w-]{16,}", "wandb client, key validation"),
    Shape("Databricks token", r"dapi[0-9a-f]{32}\b", "Databricks docs, personal access tokens"),
    Shape("DigitalOcean token", r"do[opr]_v1_[0-9a-f]{32,}", "DigitalOcean API docs"),
    Shape("Shopify token", r"shp(?:at|ca|pa|ss)_[0-9A-Za-z]{16,}", "Shopify docs, access tokens"),
    Shape("Replicate token", r"r8_[A-Za-z0-9]{20,}", "Replicate docs"),
    Shape("Groq, Perplexity and xAI key", r"(?:gsk_|pplx-|xai-)[A-Za-z0-9]{20,}", "vendors' API docs"),
    Shape("NVIDIA key", r"nvapi-[\w-]{20,}", "NVIDIA NGC docs"),
    Shape("Vault token", r"hv[sbr]\.[\w-]{16,}", "Vault docs, tokens"),
    Shape("Grafana token", r"glsa_\w{16,}|glc_[\w+/=]{16,}", "Grafana docs, service accounts"),
    Shape("Sentry token", r"sntry[su]_[\w=+/-]{16,}", "Sentry docs, auth tokens"),
    Shape("Notion token", r"ntn_[A-Za-z0-9]{20,}|secret_[A-Za-z0-9]{32,}", "Notion changelog 2024-09"),
    Shape("Linear and Postman key", r"lin_api_[A-Za-z0-9]{20,}|PMAK-[0-9a-f-]{24,}", "vendors' docs"),
    Shape("Kaggle token", r"KGAT_[0-9a-f]{20,}", "Kaggle API docs"),
    Shape("Atlassian token", r"ATATT3[\w=-]{20,}", "Atlassian docs, API tokens"),
    Shape("age key", r"AGE-SECRET-KEY-1[A-Z0-9]{20,}", "age specification"),
    Shape("Azure client secret", r"[\w~.-]{3}8Q~[\w~.-]{30,}", "Microsoft Purview, entity definitions"),
    Shape("JSON web token, and keys that are one part of it", r"eyJ[\w-]{16,}={0,2}(?:\.[\w-]*){0,2}", "RFC 7519"),
    Shape("private key", r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*", "RFC 7468"),
)
"""Secrets that show themselves."""

_HEX = r"[0-9a-f]{32,64}\b"
_REST = r"[^\s\"'<>]+"
LEADING = (
    Shape("password in an address", r"(?P<keep>://)[^\s/?#@]*:[^\s/?#]*(?=@)", "RFC 3986, 3.2.1", ("://",)),
    Shape("Sentry address", r"(?P<keep>://)[0-9a-f]{32}(?=@)", "Sentry docs, DSN", ("://",)),
    Shape("Slack webhook", r"(?P<keep>hooks\.slack\.com/)[\w/-]+", "Slack docs, incoming webhooks", ("hooks.slack",)),
    Shape(
        "Discord webhook",
        r"(?P<keep>discord(?:app)?\.com/api/(?:v\d+/)?webhooks/)[\w/-]+",
        "Discord docs",
        ("discord",),
    ),
    Shape(
        "Teams webhook",
        rf"(?P<keep>(?:webhook\.office|logic\.azure)\.com(?::\d+)?/){_REST}",
        "Microsoft Teams docs",
        (".com",),
    ),
    Shape("Telegram address", r"(?P<keep>api\.telegram\.org/bot)[\w:-]+", "Telegram Bot API", ("api.telegram",)),
    Shape("Healthchecks address", r"(?P<keep>hc-ping\.com/)[\w/-]+", "Healthchecks docs, pinging API", ("hc-ping",)),
    Shape(
        "signed address",
        r"(?P<keep>[?&;](?:sig|signature|x-amz-signature|x-amz-security-token|x-amz-credential|x-goog-signature|"
        r"x-goog-credential|access_token|id_token|refresh_token|code|key|token|auth|api_?key|apikey)=)[^\s&;\"'<>]+",
        "AWS SigV4, Google signed URLs, Azure SAS, RFC 6750", ("=",)),
    Shape(
        "authorization header",
        r"(?P<keep>authorization[\"']?\s*[:=]\s*[\"']?\w+\s+|\b(?:bearer|basic|digest)\s+)(?=[\w.~+/-]*[\d=+/])[\w.~+/=-]{8,}",
        "RFC 9110, 11.6.2", ("authorization", "bearer", "basic", "digest")),
    Shape("cookie", r"(?P<keep>\b(?:set-)?cookie[\"']?\s*:\s*).+", "RFC 6265, 4", ("cookie",)),
    Shape("netrc", r"(?P<keep>\blogin\s+\S+\s+password\s+|^\s*password\s+)\S+", "netrc(5)", ("password",)),
    Shape(
        "name and value apart",
        r"(?P<keep>\b(?:\w*_)?(?:api_key|access_key|secret_key|session_token|access_token|auth_token|password|secret)\s+)"
        r"(?=\S*\d)(?=\S*[A-Za-z])[\w+/=.-]{12,}",
        "AWS credential process; by hand", ("key", "token", "password", "secret")),
    Shape(
        "option with a password",
        r"(?P<keep>(?<![\w-])--?(?:[\w-]*[-_])?(?:password|passwd|passphrase|token|secret|api[-_]?key|access[-_]?key|"
        r"secret[-_]?key|private[-_]?key|credentials?|key|pwd)\s+)(?!-)"
        r"(?:\"(?:[^\"\\]|\\.)*\"?|'[^']*'?|(?!\d+(?:\.\d+)?(?:\s|$))[^\s,;|&\"'\])}]+)",
        "usual long options; by hand", ("-",)),
    Shape(
        "option with user and password", r"(?P<keep>(?<![\w-])(?:--auth|--user|--creds?|-u)[= ]\s*[^\s:]+:)[^\s\"']+",
        "curl(1), wget(1), httpie", ("-u", "--auth", "--cred")),
    Shape(
        "password of a client",
        r"(?P<keep>\b(?:mysql|mysqldump|mysqladmin|mariadb|sshpass|mongo|mongosh|mongodump|sqlcmd|smbclient|"
        r"(?:docker|podman|helm|az|oras|registry) login|kinit|redis-cli)\b.{0,200}?\s-[paP] ?)[^\s-][^\s\"']*",
        "mysql(1), sshpass(1), docker-login(1), redis-cli", (" -p", " -a")),
    Shape(
        "bare hex behind a word that says so",
        rf"(?P<keep>\b(?:wandb|api[ _-]?key|apikey|token|secret|passw(?:or)?d|credentials?|login|auth\w*|comet)\b"
        rf"(?:(?!commit|sha|digest|hash|revision|checksum|md5|\bid\b|\brun\b)[^\n]){{0,40}}?)\b(?<![/.-]){_HEX}(?![/.-]\w)",
        "wandb docs, 40 hexadecimal digits; by hand",
        ("wandb", "key", "token", "secret", "passw", "credential", "login", "auth", "comet"),
    ),
    Shape(
        "line of a key file",
        r"(?P<keep>^)\s*(?=\S*[a-z])(?=\S*[A-Z])(?=\S*\d)(?:[A-Za-z0-9+/]{40,}={0,2}|[A-Za-z0-9+/]{16,}={1,2})\s*$",
        "RFC 7468, base64 lines",
    ),
)  # fmt: skip
"""Words behind which a secret comes."""

_VALUE = r"""(?:\\+["'](?:(?!\\+["']).)*|"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,;|&"'\])}]+)"""
_WORDS = r"(?:key|token|secret|passw(?:or)?d|passphrase|pwd|credentials?)"
_NAMED = re.compile(rf"({_WORDS}\\*[\"']?\s*[=:]\s*)(?=[^\s=:])({_VALUE})", re.I)
_BEFORE = re.compile(rf"[\w.-]{{0,{NAME_CHARACTERS}}}$")
_SURE = re.compile(
    r"secret|passw|passphrase|pwd|api|access|private|auth|shared|account|signing|encryption|master", re.I
)
_OF_TEXT = re.compile(
    r"(?:^|[_.-])(?:pad|eos|bos|unk|mask|sep|cls|image|audio|video|special|stop|start|end|first|last|next|prev|new|num|"
    r"max|min|per|n|total|seen|target|label|input|output|train|val|prompt|vocab|think|tool|eot|eod|eom|bot|chat|"
    r"additional|extra|decoder|encoder|forced|suppress|blank|oov)[_.-]?(?:\w*[_.-])?$", re.I
)  # fmt: skip
_OF_DATA = re.compile(
    r"(?:^|[_.-])(?:sort|group|cache|primary|foreign|dict|state|batch|metric|monitor|missing|unexpected|loss|label|"
    r"column|index|partition|map|attention|query|target|source|input|output|rng|prng|jax)[_.-]?$", re.I
)  # fmt: skip
_NO_SECRET = re.compile(
    r"[-+]?[\d.,_]+(?:e[-+]?\d+)?[%kKMGBT]?(?:/s)?|true|false|none|null|nan|inf|n/?a|yes|no|set|unset|missing|\*+|x+|"
    r"\[?redacted|\[.*|<.*|\(.*|\{.*|\.+|\$\w*|\$\{.*|env:.*|file:.*|credential:.*|str|int|bool|float", re.I
)  # fmt: skip
_LONE_WORD = re.compile(r"[A-Za-z]+(?:[._/-][A-Za-z]+)*|.{0,5}|[\w.-]*\.[\w.-]*|[a-z]+_[a-z_]*\d?")


def redact(text: str) -> str:
    """Return the text with everything replaced that looks like a secret; unusual secrets are missed."""
    low = text.lower()
    for hints, pattern in _leading():
        if not hints or any(hint in low for hint in hints):
            text = pattern.sub(_behind, text)
    text = _NAMED.sub(_named, text)
    return _by_form().sub(REDACTED, text)


@cache
def _by_form() -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(shape.pattern for shape in BY_FORM)})")


@cache
def _leading() -> tuple[tuple[tuple[str, ...], re.Pattern[str]], ...]:
    return tuple((shape.hints, re.compile(shape.pattern, re.I)) for shape in LEADING)


def _behind(match: re.Match[str]) -> str:
    if match[0].startswith(REDACTED, len(match["keep"])) or REDACTED.startswith(match[0][len(match["keep"]) :]):
        return match[0]  # it was redacted before, up to its bracket
    return f"{match['keep']}{REDACTED}"


def _named(match: re.Match[str]) -> str:
    """Replace the value of a name that leads to a secret."""
    before = _BEFORE.search(match.string[max(0, match.start() - NAME_CHARACTERS) : match.start()])
    name = before[0] if before else ""
    word, value = match[1].lower(), match[2].strip("\"'\\")
    is_glued = bool(name) and name[-1].isalnum()
    if is_glued and not _SURE.search(name):
        return match[0]  # monkey, detokenizer
    is_password = word.startswith(("passw", "passphrase", "pwd", "secret")) or bool(_SURE.search(name))
    if not is_password:
        if (word.startswith("token") and _OF_TEXT.search(name)) or (word.startswith("key") and _OF_DATA.search(name)):
            return match[0]
        if _NO_SECRET.fullmatch(value) or (not name and _LONE_WORD.fullmatch(value)):
            return match[0]
    elif not value or (_NO_SECRET.fullmatch(value) and not value.isdigit()):
        return match[0]
    return f"{match[1]}{REDACTED}"
