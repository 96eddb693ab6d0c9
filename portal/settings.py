"""What whoever runs the portal may set, each by an environment variable. No secrets: a bucket's come from AWS_… alone.

What is set about the publication itself is `guatecompras/settings.py`'s.
"""

import os
import tempfile
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

from guatecompras.errors import GuatecomprasError
from guatecompras.settings import yes_or_no

# In the project, where `guatecompras publish` puts it without being told otherwise.
DEFAULT_STORE = str(Path(__file__).parents[1] / "data")

_MOST_HEADER_SECONDS = 60  # the server's

Networks = tuple[IPv4Network | IPv6Network, ...]


def _setting(default: Any, variable: str, meaning: str) -> Any:
    return field(default=default, metadata={"variable": variable, "meaning": meaning})


@dataclass(frozen=True)
class Settings:
    """Each field can be set by the environment variable in its metadata; `from_environment` reads them all."""

    store: str = _setting(DEFAULT_STORE, "GUATECOMPRAS_STORE", "the publication: a folder or s3://BUCKET/PREFIX")
    cache: str = _setting(
        "",
        "GUATECOMPRAS_PORTAL_CACHE",
        "folder for copies of what is read from a bucket; default: in the temporary folder",
    )
    base_url: str = _setting(
        "https://ocds.guatecompras.gt",
        "GUATECOMPRAS_BASE_URL",
        "where the public finds the portal, without a path's end",
    )
    contact: str = _setting("", "GUATECOMPRAS_CONTACT", "e-mail address or page for questions, as it is shown")
    trusted_proxies: Networks = _setting(  # noqa: RUF009 # an empty tuple is no more shared than a number
        (), "GUATECOMPRAS_TRUSTED_PROXIES", "networks whose X-Forwarded-For is believed, parted by commas"
    )
    # Limits, published as they are. A process counts for itself: of N processes a client may get N times as much.
    requests_per_minute: int = _setting(
        600, "GUATECOMPRAS_REQUESTS_PER_MINUTE", "requests of one client in a minute, in each process, over time"
    )
    burst: int = _setting(120, "GUATECOMPRAS_BURST", "requests of one client at once, in each process")
    at_once: int = _setting(200, "GUATECOMPRAS_AT_ONCE", "requests that a process works on at once, of all clients")
    at_once_per_client: int = _setting(
        20, "GUATECOMPRAS_AT_ONCE_PER_CLIENT", "requests of one client at once, downloads too, in each process"
    )
    request_seconds: int = _setting(30, "GUATECOMPRAS_REQUEST_SECONDS", "until an answer has to have begun")
    header_seconds: int = _setting(
        10,
        "GUATECOMPRAS_HEADER_SECONDS",
        "for a request's headers to come, and for a connection to be idle; 60 at most",
    )
    stop_seconds: int = _setting(30, "GUATECOMPRAS_STOP_SECONDS", "for what is under way to be finished at the end")
    stall_seconds: int = _setting(
        30, "GUATECOMPRAS_STALL_SECONDS", "that a client may take for the next piece of an answer"
    )

    rank_people: bool = _setting(
        False,
        "GUATECOMPRAS_RANK_PEOPLE",
        "`yes`: natural persons are ranked by name where the published tables have it",
    )

    @classmethod
    def from_environment(cls, **given: Any) -> "Settings":
        """`given`: what goes before the environment, None where it does not. Raises GuatecomprasError for what will not do."""
        told = {item.name: value for item in fields(cls) if (value := given.get(item.name)) is not None}
        for item in fields(cls):
            variable = item.metadata["variable"]
            if item.name not in told and os.environ.get(variable):
                told[item.name] = _read(item.default, variable, os.environ[variable])
        settings = cls(**told)
        if settings.header_seconds > _MOST_HEADER_SECONDS:
            raise GuatecomprasError(f"GUATECOMPRAS_HEADER_SECONDS is {_MOST_HEADER_SECONDS} at most")
        return settings

    def cache_folder(self) -> Path:
        """Made if need be. Raises GuatecomprasError when somebody else's folder is in its place."""
        folder = Path(self.cache or f"{tempfile.gettempdir()}/guatecompras-portal-{os.getuid()}")
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            owner = folder.lstat().st_uid
        except OSError as error:
            raise GuatecomprasError(f"cannot create {folder}: {error.strerror or error}") from error
        if not self.cache and owner != os.getuid():
            raise GuatecomprasError(f"{folder} is somebody else's; set GUATECOMPRAS_PORTAL_CACHE")
        return folder

    def url(self, path: str) -> str:
        """The public address of a path that begins with a slash."""
        return f"{self.base_url.rstrip('/')}{path}"


def _read(default: Any, variable: str, text: str) -> Any:
    if isinstance(default, bool):
        return yes_or_no(variable, text)
    if isinstance(default, int):
        if not (text.isascii() and text.isdigit() and 0 < int(text) <= 10**9):
            raise GuatecomprasError(f"{variable}: '{text}' is not a whole number of at least 1")
        return int(text)
    if isinstance(default, tuple):
        try:
            return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
        except ValueError as error:
            raise GuatecomprasError(f"{variable}: {error}") from error
    return text
