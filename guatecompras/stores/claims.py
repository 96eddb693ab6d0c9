"""Who may write a version on object storage: one at a time, told by a small object that is itself written on a condition.

A claim says which machine holds it and what for. On one machine a lock file settles who holds the machine's claims (`objects.py`
takes it), so a claim of the same machine is always one of the past; another machine's counts until it has not been renewed for
a while: for minutes where we have been watching it, by one clock. What is written under a claim is `objects.py`'s business.
"""

import os
import secrets
import socket
import time
from contextlib import suppress
from pathlib import Path

import orjson

from guatecompras.errors import StoreError
from guatecompras.formats.atomic import part_of
from guatecompras.stores.s3 import Bucket, Found
from guatecompras.stores.workplace import acting

# What a claim is for. Who is done may be about to switch the index to the version: nobody waits for it, `tidy` leaves it alone.
WRITING, REMOVING, DONE = "writing", "removing", "done"

# A holder renews its claim every minute, and is taken for dead after thirty: a clock may be 15 minutes off.
RENEWED_SECONDS = 60.0
DEAD_SECONDS = 1800.0
# Whoever watches a claim needs no other's clock. Longer than a holder needs to renew it over a server that is away for two minutes.
SILENT_SECONDS = 240.0


class Claim:
    """The claim on one version, held or not. `path`: the version's folder; `machine`: who asks."""

    def __init__(self, bucket: Bucket, path: str, machine: str) -> None:
        self.bucket, self.path, self.machine = bucket, path, machine
        self.key = f"claims/{path}.json"
        self._etag = ""
        self._renewed = 0.0
        self._watched, self._watched_since = "", 0.0

    def take(self, purpose: str) -> bool:
        """Take it unless another machine is at work under it. Who asks again and again sees whether that one is alive."""
        there = self.bucket.read(self.key)
        return (there is None or self._free(*there)) and self._write(purpose, there[1].etag if there else None)

    def take_forgotten(self, purpose: str, seconds: float) -> bool:
        """Take it if nobody has touched it for so long."""
        there = self.bucket.read(self.key)
        return (there is None or there[1].age > seconds) and self._write(purpose, there[1].etag if there else None)

    def renew(self) -> None:
        """Say that the holder lives, where that was not just said; raises as `confirm`."""
        if time.monotonic() - self._renewed > RENEWED_SECONDS:
            self.confirm(WRITING)

    def confirm(self, purpose: str) -> None:
        """Still hold it, for this from now on. Raises StoreError when another has taken over."""
        if not self._write(purpose, self._etag):
            raise StoreError(f"another run took {self.bucket.address.uri}/{self.path} over; run the month again")

    def drop(self) -> None:
        """Give it up."""
        self.bucket.delete([self.key])

    def _free(self, content: bytes, found: Found) -> bool:
        try:
            said = orjson.loads(content)
            past = said["machine"] == self.machine or said["purpose"] == DONE
        except (ValueError, KeyError, TypeError):
            past = False
        return past or found.age > DEAD_SECONDS or self._is_silent(found)

    def _is_silent(self, found: Found) -> bool:
        if found.etag != self._watched:
            self._watched, self._watched_since = found.etag, time.monotonic()
        return time.monotonic() - self._watched_since > SILENT_SECONDS

    def _write(self, purpose: str, etag: str | None) -> bool:
        # The token makes every claim another object, so that no two have the same ETag.
        said = {
            "machine": self.machine,
            "host": socket.gethostname(),
            "purpose": purpose,
            "token": secrets.token_hex(8),
        }
        written = self.bucket.swap(self.key, orjson.dumps(said), etag)
        if written:
            self._etag, self._renewed = written, time.monotonic()
        return written is not None


def machine_of(folder: Path) -> str:
    """A name for this machine that stays with its folder, made at the first asking."""
    path = folder / "machine"
    with acting(f"write {path}"):
        if not path.exists():
            part = part_of(path)
            part.write_text(secrets.token_hex(16), encoding="ascii")
            with suppress(FileExistsError):  # another process was faster
                os.link(part, path)
            part.unlink()
        return path.read_text(encoding="ascii")
