"""The part of a file that a request asks for (RFC 9110, 14): one part; who asks for several gets the whole."""

import re

_RANGE = re.compile(r"bytes\s*=\s*(\d{0,20})-(\d{0,20})\s*", re.ASCII | re.IGNORECASE)


class UnsatisfiableError(ValueError):
    """The range is well-formed and begins after the file's end."""


def part_of(told: str | None, size: int) -> tuple[int, int] | None:
    """Where the part begins and where it ends (that byte not included); None where the whole is to be sent.

    What is not understood, and more parts than one, is as if it had not been asked for. Raises UnsatisfiableError.
    """
    found = _RANGE.fullmatch(told.strip()) if told else None
    if not found or not (found[1] or found[2]):
        return None
    if not found[1]:  # the last bytes
        length = min(int(found[2]), size)
        if length == 0:
            raise UnsatisfiableError
        return size - length, size
    start, end = int(found[1]), min(int(found[2]) + 1, size) if found[2] else size
    if found[2] and int(found[2]) < int(found[1]):
        return None
    if start >= size:
        raise UnsatisfiableError
    return start, end
