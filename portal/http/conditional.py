"""Conditions of a request (RFC 9110, 13): ETags, dates, and whether what the client has is still good.

What is sent otherwise, and compressed how, is `answers.py`'s business.
"""

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from re import compile as pattern

from starlette.datastructures import Headers

# For what follows the index, and for what never changes.
FOLLOWS = "public, max-age=60, must-revalidate"
FOREVER = "public, max-age=31536000, immutable"
NEVER = "no-store"

_ETAG = pattern(r'(?:W/)?"([\x21\x23-\x7e\x80-\xff]*)"')


def quoted(etag: str) -> str:
    """A strong ETag as it is sent."""
    return etag if etag.startswith('"') else f'"{etag}"'


def http_date(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def is_fresh(headers: Headers, etag: str, modified: datetime | None) -> bool:
    """Whether the answer is 304: If-None-Match decides alone where it is sent, else If-Modified-Since."""
    told = headers.getlist("if-none-match")
    if told:
        tags = ",".join(told)
        return tags.strip() == "*" or quoted(etag)[1:-1] in _ETAG.findall(tags)
    since = date_of(headers.get("if-modified-since"))
    return since is not None and modified is not None and modified.replace(microsecond=0) <= since


def range_holds(headers: Headers, etag: str, modified: datetime) -> bool:
    """Whether If-Range, where there is one, names what is served now: else all of it is sent anew."""
    told = headers.get("if-range")
    if told is None:
        return True
    if told.startswith(('"', "W/")):
        return told == quoted(etag)  # a weak one never does
    return date_of(told) == modified.replace(microsecond=0)


def date_of(text: str | None) -> datetime | None:
    """A date of a header; None where it is none."""
    try:
        found = parsedate_to_datetime(text) if text and len(text) < 64 else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found
