"""Alerts by e-mail: plain text over SMTP, encrypted, threaded by what they are about."""

import os
import smtplib
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from guatecompras.addresses import hiding
from guatecompras.errors import GuatecomprasError, NotTakenError
from guatecompras.variables import Variable
from resources.alerts.notice import Notice, Phase, clean
from resources.alerts.secrets import secret

HOST, PORT, SECURITY = (
    "GUATECOMPRAS_ALERT_SMTP_HOST",
    "GUATECOMPRAS_ALERT_SMTP_PORT",
    "GUATECOMPRAS_ALERT_SMTP_SECURITY",
)
USER, PASSWORD = "GUATECOMPRAS_ALERT_SMTP_USER", "GUATECOMPRAS_ALERT_SMTP_PASSWORD"
SENDER, RECIPIENTS = "GUATECOMPRAS_ALERT_MAIL_FROM", "GUATECOMPRAS_ALERT_MAIL_TO"

VARIABLES = (
    Variable(HOST, "mail server by which alerts are sent; none: no alerts by e-mail"),
    Variable(PORT, "its port", "587, or 465 with `tls`"),
    Variable(
        SECURITY,
        "`starttls`, `tls`, or `none` (only to a server on this machine, and without a login)",
        "starttls",
    ),
    Variable(USER, "name to log in to the mail server with; none: no login"),
    Variable(PASSWORD, f"its password; or `{PASSWORD}_FILE`, a file that holds it", secret=True),
    Variable(SENDER, "address that alerts come from"),
    Variable(RECIPIENTS, "addresses that alerts go to, parted by commas"),
)

_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_TIMEOUT = 10.0  # seconds, for each answer of the server
# A subject is one line.
_POLICY = SMTP.clone(max_line_length=900)
_DOMAIN = "guatecompras.alerts"  # of Message-IDs, which nobody looks up
_URGENT = {"X-Priority": "1", "Importance": "high"}


@dataclass(frozen=True)
class Mail:
    """A way to send mail. `password` is in no message and no representation."""

    host: str
    port: int
    security: str
    sender: str
    recipients: tuple[str, ...]
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def from_environment(cls) -> "Mail | None":
        """None where no server is set. Raises GuatecomprasError for what will not do."""
        host = os.environ.get(HOST, "").strip()
        if not host:
            return None
        security = os.environ.get(SECURITY, "").strip().lower() or "starttls"
        if security not in _PORTS:
            raise GuatecomprasError(f"{SECURITY}: '{security}' is none of {', '.join(_PORTS)}")
        told = os.environ.get(PORT, "").strip() or str(_PORTS[security])
        if not (told.isascii() and told.isdigit() and 0 < int(told) < 65536):
            raise GuatecomprasError(f"{PORT}: '{told}' is not a port")
        user, password = os.environ.get(USER, ""), secret(PASSWORD)
        if security == "none" and (user or host not in _LOOPBACK):
            raise GuatecomprasError(f"{SECURITY}: `none` is for a server on this machine, without a login")
        senders = _addresses(SENDER)
        return cls(host, int(told), security, senders[0], _addresses(RECIPIENTS), user, password)

    def send(self, notice: Notice) -> None:
        """Raises NotTakenError when the server does not take it for every recipient."""
        message = self.message(notice)
        try:
            with self._connected() as server:
                if self.user:
                    server.login(self.user, self.password)
                refused = server.send_message(message, self.sender, self.recipients)
        except (smtplib.SMTPException, OSError) as error:
            raise NotTakenError(f"mail server {self.host}:{self.port}: {self._told(error)}") from None
        if refused:
            raise NotTakenError(f"mail server {self.host}:{self.port} refused {', '.join(sorted(refused))}")

    def _connected(self) -> smtplib.SMTP:
        trusted = ssl.create_default_context()
        if self.security == "tls":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=_TIMEOUT, context=trusted)
        server = smtplib.SMTP(self.host, self.port, timeout=_TIMEOUT)
        try:
            if self.security == "starttls":
                server.starttls(context=trusted)  # refused by the server, it raises: nothing goes out in the clear
        except BaseException:
            server.close()
            raise
        return server

    def _told(self, error: Exception) -> str:
        """What a server answered, or what went wrong, without our own words, which hold the login."""
        answer: Any = getattr(error, "smtp_error", b"")
        text = answer.decode(errors="replace") if isinstance(answer, bytes) else str(answer)
        code = getattr(error, "smtp_code", "")
        words = f"{code} {text}".strip() or (str(error) if isinstance(error, OSError) else "")
        return hiding(self.password)(clean(f"{type(error).__name__} {words}"))[:200]

    def message(self, notice: Notice) -> EmailMessage:
        """The mail as it is sent. Mail programs put what tells of the same fault together, and know one that came twice."""
        message = EmailMessage(_POLICY)
        message["Subject"] = notice.headline
        message["From"] = self.sender
        message["To"] = ", ".join(self.recipients)
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = _message_id(notice.id)
        if notice.refers:
            message["References"] = " ".join(map(_message_id, notice.refers))
            message["In-Reply-To"] = _message_id(notice.refers[0])
        # Nobody's out-of-office answers to a machine.
        message["Auto-Submitted"] = "auto-generated"
        if notice.phase is Phase.NEW and notice.severity == "critical":
            for name, value in _URGENT.items():
                message[name] = value
        message.set_content(notice.text, cte="quoted-printable")
        return message


def _message_id(name: str) -> str:
    return f"<{name}@{_DOMAIN}>"


def _addresses(variable: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in os.environ.get(variable, "").split(",") if part.strip())
    if not found:
        raise GuatecomprasError(f"{variable} is not set: {HOST} is, and alerts need it")
    for address in found:
        if not _is_address(address):
            raise GuatecomprasError(f"{variable}: '{address}' is not an e-mail address")
    return found


def _is_address(text: str) -> bool:
    try:
        return bool(Address(addr_spec=text).domain)
    except (ValueError, HeaderParseError, IndexError):
        return False
