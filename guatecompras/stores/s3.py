"""A bucket of S3-compatible object storage: its address, and reading, writing and listing objects with patience.

Built on obstore. Beside s3fs, both against moto's server on two busy cores: 100 MB up / down in 2.5 / 1.4 s and 2.5 / 0.9 s, 200
files of 20 kB in 1.0 / 1.1 s and 1.4 / 2.2 s, all that for 0.6 s and 1.7 s of this machine's CPU; it is one package where s3fs
is thirteen, and can write on a condition. What the objects are is `objects.py`'s business.
"""

import os
import random
import re
import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import parse_qsl, unquote, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import S3Store

from guatecompras.errors import StoreError
from guatecompras.stores.workplace import acting
from guatecompras.variables import Variable

if TYPE_CHECKING:
    from obstore.store import S3Config

T = TypeVar("T")

FORM = "s3://BUCKET/PREFIX?endpoint=URL&region=NAME"
# What is sent or fetched in one request, and how many of those are under way for one file.
CHUNK = 8 << 20
_AT_ONCE = 2

# An interrupted process notices within so many seconds.
_HEARS_EVERY = 0.25

_OPTIONS = frozenset({"endpoint", "region", "retries", "timeout"})
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[\w.=-]+(/[\w.=-]+)*", re.ASCII)
# One of these groups has to be set; the client reads them itself.
_CREDENTIALS = (
    ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    ("AWS_WEB_IDENTITY_TOKEN_FILE",),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI",),
    ("AWS_METADATA_ENDPOINT",),
    ("AWS_SKIP_SIGNATURE",),
)

VARIABLES = (
    Variable("AWS_ACCESS_KEY_ID", "key of the bucket; who serves needs one that may only read", secret=True),
    Variable("AWS_SECRET_ACCESS_KEY", "its secret", secret=True),
    Variable("AWS_ENDPOINT_URL", "address of the object storage, where the store's address has no `endpoint=`"),
)

_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")

_TYPES = {
    ".json": "application/json",
    ".jsonld": "application/ld+json",
    ".html": "text/html; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".zip": "application/zip",
    ".gz": "application/gzip",
    ".parquet": "application/vnd.apache.parquet",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
FOREVER = "public, max-age=31536000, immutable"
ALWAYS_ASK = "no-cache"


@dataclass(frozen=True)
class Address:
    """Where a store is, without any credentials. `retries`: of one request; `timeout`: seconds for one, answer included."""

    bucket: str
    prefix: str
    endpoint: str = ""
    region: str = ""
    retries: int = 8
    timeout: float = 60.0

    @classmethod
    def parse(cls, uri: str) -> "Address":
        """Read `s3://BUCKET/PREFIX?endpoint=http://HOST:PORT&region=…`, also `retries` and `timeout` (seconds).

        Without an endpoint AWS_ENDPOINT_URL counts, and else it is Amazon's. Raises StoreError, which repeats nothing of the
        URI: it may hold what is secret.
        """
        parts = urlsplit(uri)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        if "@" in unquote(uri) or any(re.search("key|secret|token|password", name, re.IGNORECASE) for name in options):
            raise StoreError(
                "a store's address holds no credentials: they come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        endpoint = options.get("endpoint") or next(filter(None, map(os.environ.get, _ENDPOINTS)), "")
        prefix = unquote(parts.path).strip("/")
        try:
            found = cls(
                parts.netloc,
                prefix,
                endpoint.rstrip("/"),
                options.get("region", ""),
                int(options.get("retries", cls.retries)),
                float(options.get("timeout", cls.timeout)),
            )
        except ValueError as error:
            raise StoreError("a store's retries and timeout are numbers") from error
        faults = {
            f"its options are {', '.join(sorted(_OPTIONS))}": options.keys() - _OPTIONS or parts.fragment,
            "the name of its bucket is not one": not _BUCKET.fullmatch(found.bucket),
            "its prefix is of letters, digits and . _ = - /": prefix and not _proper(prefix),
            "its endpoint is http(s)://HOST or http(s)://HOST:PORT": endpoint and not _is_endpoint(found.endpoint),
            "its region is of letters, digits and -": not re.fullmatch(r"[a-z0-9-]*", found.region),
            "its retries are 0 to 20, its timeout above 0": not (0 <= found.retries <= 20 and found.timeout > 0),
        }
        for fault, there in faults.items():
            if there:
                raise StoreError(f"a store's address is {FORM}; {fault}")
        return found

    @property
    def uri(self) -> str:
        """The bucket and the prefix, as they may be shown."""
        return "/".join(filter(None, (f"s3://{self.bucket}", self.prefix)))


def _proper(prefix: str) -> bool:
    return bool(_PREFIX.fullmatch(prefix)) and not {".", ".."} & set(prefix.split("/"))


def _is_endpoint(endpoint: str) -> bool:
    parts = urlsplit(endpoint)
    bare = not (parts.path or parts.query or parts.fragment or "@" in endpoint)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and bare


@dataclass(frozen=True)
class Found:
    """An object as a listing tells it; `etag` changes with its content."""

    bytes: int
    etag: str
    modified: datetime

    @property
    def age(self) -> float:
        """Seconds since it was written. Requests of a clock that is 15 minutes off are refused, so it is no worse than that."""
        return (datetime.now(UTC) - self.modified).total_seconds()


class Bucket:
    """The objects under an address, by key. What fails in passing is tried again; all errors are StoreErrors, one line, without a
    word of what the server said: it may repeat an access key."""

    def __init__(self, address: Address) -> None:
        if not any(all(map(os.environ.get, names)) for names in _CREDENTIALS):
            raise StoreError(f"no credentials for {address.uri}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
        self.address = address
        try:
            self._store = self._opened(address)
        except (BaseError, ValueError):
            unusable = True
        else:
            unusable = False
        if unusable:  # what the client says may repeat a value
            raise StoreError(f"cannot open {address.uri}: one of the AWS_ variables has a value that is none")

    @staticmethod
    def _opened(address: Address) -> S3Store:
        given = {"endpoint": address.endpoint, "region": address.region}
        return S3Store(
            address.bucket,
            prefix=address.prefix or None,
            config=cast("S3Config", {name: value for name, value in given.items() if value}),
            client_options={
                "allow_http": address.endpoint.startswith("http://"),
                "timeout": timedelta(seconds=address.timeout),
            },
            retry_config={
                "max_retries": address.retries,
                "retry_timeout": timedelta(minutes=2),
                "backoff": {
                    "init_backoff": timedelta(milliseconds=100),
                    "max_backoff": timedelta(seconds=5),
                    "base": 2,
                },
            },
        )

    # Reading.

    def read(self, key: str) -> tuple[bytes, Found] | None:
        """A small object; None where there is none."""

        def do() -> tuple[bytes, Found]:
            result = obstore.get(self._store, key)
            return bytes(result.bytes()), _found(result.meta)

        return self._if_there(key, do)

    def head(self, key: str) -> Found | None:
        """What an object is, without its content; None where there is none."""
        return self._if_there(key, lambda: _found(obstore.head(self._store, key)))

    def listing(self, prefix: str) -> dict[str, Found]:
        """All objects in a folder and below, by their name in it."""

        def do() -> dict[str, Found]:
            chunks = obstore.list(self._store, prefix=prefix)
            return {one["path"].removeprefix(f"{prefix}/"): _found(one) for chunk in chunks for one in chunk}

        return self._patiently("list", prefix, do)

    def folders(self, prefix: str) -> list[str]:
        """The names of the folders in a folder."""

        def do() -> list[str]:
            found = obstore.list_with_delimiter(self._store, prefix=prefix)["common_prefixes"]
            return [path.removeprefix(f"{prefix}/").rstrip("/") for path in found]

        return sorted(self._patiently("list", prefix, do))

    def download(self, key: str, found: Found, target: Path) -> None:
        """Fetch an object, as it was found, into a file: piece by piece, so that each request is short and can be repeated."""
        with open(target, "wb") as file:
            file.writelines(self._piece(key, found, start) for start in range(0, found.bytes, CHUNK))

    def _piece(self, key: str, found: Found, start: int) -> bytes:
        return self.between(key, start, min(start + CHUNK, found.bytes), found.etag)

    def between(self, key: str, start: int, end: int, etag: str = "") -> bytes:
        """An object's bytes from `start` up to `end`, that one not included; `etag`: only if it is still the one of it."""
        options: Any = {"range": (start, end)} | ({"if_match": etag} if etag else {})

        def do() -> bytes:
            return bytes(obstore.get(self._store, key, options=options).bytes())

        piece = self._patiently("read", key, do)
        if len(piece) != end - start:
            raise StoreError(f"cannot read {self._shown(key)}: the server gave something else than it lists")
        return piece

    # Writing.

    def upload(self, key: str, path: Path) -> None:
        """Write a file as an object that never changes again, in parts where it is large."""
        attributes = {"Content-Type": _type_of(key), "Cache-Control": FOREVER}
        with acting(f"read {path}"):
            path.stat()

        def do() -> object:
            return obstore.put(
                self._store, key, path, attributes=attributes, chunk_size=CHUNK, max_concurrency=_AT_ONCE
            )

        self._patiently("write", key, do)

    def swap(self, key: str, content: bytes, etag: str | None, cache: str = ALWAYS_ASK) -> str | None:
        """Write a small object if it is still the one of that ETag (None: if there is none); its new ETag.

        None when another writer was faster. Content that is there already counts as written: a request whose answer was lost is
        sent again, and finds its own.
        """
        attributes = {"Content-Type": _type_of(key), "Cache-Control": cache}
        # An ETag of None would be no condition at all.
        condition: Any = "create" if etag is None else {"e_tag": etag}

        def do() -> str | None:
            try:
                return obstore.put(self._store, key, content, attributes=attributes, mode=condition)["e_tag"]
            except (AlreadyExistsError, PreconditionError) as error:
                if "NoSuchBucket" in str(error):
                    raise
            found = self.read(key)
            return found[1].etag if found and found[0] == content else None

        return self._patiently("write", key, do)

    def delete(self, keys: Collection[str]) -> None:
        """Remove objects; those that are gone are no error."""
        wanted = sorted(keys)
        if wanted:
            self._patiently("remove", wanted[0], lambda: obstore.delete(self._store, wanted))

    # Patience.

    def _if_there(self, key: str, do: Callable[[], T]) -> T | None:
        try:
            return self._patiently("read", key, do)
        except _AbsentError:
            return None

    def _patiently(self, act: str, key: str, do: Callable[[], T]) -> T:
        """What `do` gives, tried again while its failing may pass.

        The client repeats by itself what never reached the server or was answered 5xx; not what broke off in the middle.
        """
        for pause in (*_pauses(self.address.retries), 0.0):
            try:
                return _aside(do)
            # An absent object is a FileNotFoundError.
            except (BaseError, FileNotFoundError) as error:
                text = str(error)
            if not _passing(text) or _repeated(text) >= self.address.retries:
                break
            time.sleep(pause)
        # Outside of `except`, so that the server's words are not in the traceback either.
        kind = _AbsentError if _status(text) == 404 and _code(text) != "NoSuchBucket" else StoreError
        fault = kind(f"cannot {act} {self._shown(key)}: {self._why(text)}")
        fault.transient = _passing(text)
        raise fault

    def _why(self, text: str) -> str:
        server = self.address.endpoint or "the server"
        status, code = _status(text), _code(text)
        said = f"{status} {code}".strip() if status else ""
        reasons = (
            (code == "NoSuchBucket", f"there is no bucket '{self.address.bucket}'"),
            (status in {401, 403}, f"access denied ({said})"),
            (status == 404, "it is not there"),
            (status == 412, "it has changed meanwhile"),
            (status == 501, f"{server} does not know how to ({said})"),
            (bool(status), f"{server} answers {said}"),
            (_is_late(text), f"{server} does not answer in {self.address.timeout:g} s"),
            ("kind: Connect" in text, f"{server} cannot be reached"),
            (_is_cut(text), f"{server} breaks off"),
            (True, f"{server} answers what no S3 server does"),
        )
        return next(words for holds, words in reasons if holds)

    def _shown(self, key: str) -> str:
        return f"{self.address.uri}/{key}"


def _aside(do: Callable[[], T]) -> T:
    """What `do` gives, or raises. The client hears no signal while it waits, so the main thread lets another one call it."""
    if threading.current_thread() is not threading.main_thread():
        return do()
    future: Future[T] = Future()

    def call() -> None:
        try:
            future.set_result(do())
        except BaseException as error:  # noqa: BLE001 # raised again where it is waited for
            future.set_exception(error)

    # Nobody waits for it at the end of an interrupted process.
    threading.Thread(target=call, name="s3", daemon=True).start()
    # Looking up now and then: the signal may have come to a thread that does not hear it.
    while not wait((future,), _HEARS_EVERY).done:
        pass
    return future.result()


class _AbsentError(StoreError):
    """There is no such object."""


def by_chance(seconds: float) -> float:
    """Half of it to all of it: those who met once do not meet again."""
    return random.uniform(0.5, 1.0) * seconds  # noqa: S311 # nosec B311 # no secret


def _pauses(number: int) -> Iterator[float]:
    """Seconds between tries, growing."""
    for power in range(number):
        yield by_chance(min(5.0, 0.1 * 2**power))


def _found(meta: Any) -> Found:
    return Found(meta["size"], meta["e_tag"] or "", meta["last_modified"])


def _type_of(key: str) -> str:
    return _TYPES.get(Path(key).suffix, "application/octet-stream")


# The client tells what happened in the text of its errors only.


def _status(text: str) -> int:
    found = re.search(r"status code: (\d{3})", text) or re.search(r"status: (\d{3}),", text)
    return int(found[1]) if found else 0


def _code(text: str) -> str:
    found = re.search(r"<Code>(\w{1,60})</Code>", text)
    return found[1] if found else ""


def _repeated(text: str) -> int:
    found = re.search(r", after (\d+) retries", text)
    return int(found[1]) if found else 0


def _is_late(text: str) -> bool:
    return "TimedOut" in text or "Timeout" in text or "timed out" in text


def _is_cut(text: str) -> bool:
    return "HTTP error" in text or "HttpError" in text


def _passing(text: str) -> bool:
    """Whether the same may succeed a little later: no answer at all, or one that blames the server or the pace."""
    status = _status(text)
    if not status:
        return _is_late(text) or _is_cut(text)
    return status in {408, 409, 429} or (status >= 500 and status != 501)
