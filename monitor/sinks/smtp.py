"""``smtp:HOST`` or ``smtp:HOST:PORT``: sends a mail per notice, as plain text and HTML."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path
from socket import socket

from monitor.alert import Alert
from monitor.base.clock import Clock, SystemClock
from monitor.base.errors import MonitorError, SinkError
from monitor.sinks.deadline import Deadline
from monitor.sinks.message import subject_of, write_message
from monitor.sinks.secret import Secret
from monitor.sinks.sink import Takes
from monitor.sinks.webhook import key_of

TIMEOUT_S = 20.0
"""Longest silence of the server."""
TOTAL_S = 60.0
"""Longest time of a delivery, no matter what the server sends meanwhile. Chosen by hand, 2026-11."""
PORTS = {"none": 25, "starttls": 587, "tls": 465}
"""Default ports by kind of encryption."""


class Smtp:
    """A mail server, a sender and recipients."""

    is_for_people, is_slow = True, True

    @dataclass(frozen=True)
    class Options:
        """Further keys of an entry in the watch file."""

        from_: str
        to: list[str] = field(default_factory=list)
        user: str | None = None
        password: Secret | None = None
        tls: str = "starttls"
        template: Path | None = None

    takes = Takes("HOST", str, Options)

    def __init__(
        self, server: str, where: str, options: Options, *, clock: Clock | None = None, total_s: float = TOTAL_S
    ) -> None:
        """``server`` is HOST or HOST:PORT. Raises MonitorError."""
        tls, user, password = options.tls, options.user, options.password
        if tls not in PORTS:
            raise MonitorError(where, f"unknown tls {tls!r}", expected=f"one of {', '.join(PORTS)}")
        host, _, port = server.partition(":")
        if not host or (port and not (port.isdecimal() and 0 < int(port) < 65_536)):
            raise MonitorError(where, f"not a mail server: {server!r}", expected="HOST or HOST:PORT")
        if (user is None) != (password is None):
            raise MonitorError(where, "user and password belong together", expected="both, or neither")
        if not options.to:
            raise MonitorError(where, "no recipient is named", expected="to: one address or more")
        self._host, self._port, self._tls = host, int(port) if port else PORTS[tls], tls
        self._sender, self._to = _address(options.from_, where), tuple(_address(each, where) for each in options.to)
        self._user, self._password, self._template = user, password, options.template
        self._clock = clock or SystemClock()
        self._total_s = total_s
        self._shown = f"smtp:{host}:{self._port}"

    def send(self, alerts: Sequence[Alert]) -> None:
        """Send one mail. Raises SinkError."""
        mail = self._mail(alerts)
        with Deadline(self._total_s) as deadline:
            self._send(mail, deadline)

    def _send(self, mail: EmailMessage, deadline: Deadline) -> None:
        try:
            with self._connected(deadline) as server:
                if self._user is not None and self._password is not None:
                    server.login(self._user, self._password.value)
                refused = server.send_message(mail)
        except smtplib.SMTPRecipientsRefused:
            raise SinkError(self._shown, "accepted none of the recipients", permanent=True) from None
        except smtplib.SMTPResponseException as error:
            # RFC 5321: 4yz is temporary, 5yz is permanent.
            raise SinkError(self._shown, f"answered {error.smtp_code}", permanent=error.smtp_code >= 500) from None
        except smtplib.SMTPNotSupportedError as error:
            raise SinkError(
                self._shown, str(error), expected="an entry without tls or without user", permanent=True
            ) from None
        except (smtplib.SMTPException, OSError) as error:
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            if deadline.is_over:
                why = f"not within {self._total_s:g} s"
            raise SinkError(self._shown, f"does not answer ({why})", permanent=False) from None
        if refused:
            raise SinkError(
                self._shown, f"refused {len(refused)} of the recipients; the others have the mail", permanent=True
            )

    def _connected(self, deadline: Deadline) -> smtplib.SMTP:
        if self._tls == "tls":
            secure = _HeldTls(timeout=TIMEOUT_S, context=ssl.create_default_context())
            secure.deadline = deadline
            _greet(secure, self._host, self._port)
            return secure
        server = _Held(timeout=TIMEOUT_S)
        server.deadline = deadline
        _greet(server, self._host, self._port)
        try:
            if self._tls == "starttls":
                server.starttls(context=ssl.create_default_context())
        except BaseException:
            server.close()
            raise
        return server

    def _mail(self, alerts: Sequence[Alert]) -> EmailMessage:
        mail = EmailMessage()
        # An encoded word of the log's would be decoded here, line feeds and further headers included.
        mail["Subject"] = subject_of(alerts).replace("=?", "= ?")
        mail["From"], mail["To"] = self._sender, self._to
        mail["Date"] = formatdate(self._clock.wall())
        # The id depends on the notice alone, so that a mail server can recognise a second delivery.
        mail["Message-ID"] = f"<{key_of(alerts)}@{self._sender.domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(write_message(alerts, template="message.txt.j2", language="text", own=self._template))
        html = write_message(alerts, template="message.html.j2", language="html")
        mail.add_alternative(html, subtype="html")
        return mail


class _Held(smtplib.SMTP):
    """A connection that a deadline can break."""

    deadline: Deadline

    def _get_socket(self, host: str, port: int, timeout: float) -> socket:
        made: socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        self.deadline.hold(made)
        return made


class _HeldTls(smtplib.SMTP_SSL, _Held):
    """The same with TLS, which begins after `_Held._get_socket`."""


def _greet(server: smtplib.SMTP, host: str, port: int) -> None:
    # As the constructor does with a host: TLS checks the certificate against this name.
    server._host = host  # type: ignore[attr-defined]
    try:
        code, said = server.connect(host, port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, said)
    except BaseException:
        server.close()
        raise


def _address(text: str, where: str) -> Address:
    try:
        address = Address(addr_spec=text)
    except (ValueError, IndexError):
        address = None
    if address is None or not address.domain or "\n" in text or "\r" in text:
        raise MonitorError(where, f"not a mail address: {text!r}", expected="name@domain")
    return address
