"""The store on S3-compatible object storage.

Below the address's prefix: `publication/`, which readers may read, and `claims/`, small notes between publishers. Nothing else is
kept there: work, locks and copies of what was read are in a folder of this machine (GUATECOMPRAS_WORK).
"""

import fcntl
import hashlib
import os
import secrets
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from guatecompras import signing
from guatecompras.errors import StoreError
from guatecompras.publication import MANIFEST, empty_index, index_text, is_version, listed_versions, read_index
from guatecompras.stores import s3
from guatecompras.stores.cache import Cache
from guatecompras.stores.claims import DONE, REMOVING, RENEWED_SECONDS, SILENT_SECONDS, WRITING, Claim, machine_of
from guatecompras.stores.s3 import Address, Bucket, Found
from guatecompras.stores.workplace import STALE_AFTER, Workplace, locked, made
from guatecompras.variables import Variable

Json = dict[str, Any]

WORK_VARIABLE, CACHE_VARIABLE = "GUATECOMPRAS_WORK", "GUATECOMPRAS_CACHE_GB"
# Beside the project's own store.
_DEFAULT_WORK = Path(__file__).parents[2] / "data"
_DEFAULT_CACHE_GB = 20.0

VARIABLES = (
    Variable(
        WORK_VARIABLE,
        "folder of this machine where the work for a bucket is done, each in a `work-of-…` of its own",
        "data/",
    ),
    Variable(CACHE_VARIABLE, "gigabytes of it that copies of published objects may take", "20"),
)

# How long to wait for others who write the index all the time, and for one who is putting the same version in place: until it is
# known whether that one is alive, at least.
_INDEX_SECONDS, _VERSION_SECONDS = 180.0, SILENT_SECONDS + 60.0
_FILES_AT_ONCE = 3

_INDEX = "publication/index.json"


class ObjectStore:
    """A publication in a bucket. A version is in place once its manifest is, which is written last; the index is replaced on
    the condition that it is still the one that was read, and read again where it is not.

    Who writes or removes a version holds the claim on it (`claims.py`), so that of two runs that made the same version with
    different reports one is published whole. The server has to know conditional puts (If-Match, If-None-Match).
    """

    def __init__(self, address: Address, root: Path, cache_bytes: int, seal: signing.Seal = signing.unsigned) -> None:
        """`root`: the folder of this machine for work, locks and copies, of this store alone."""
        self.root, self._seal = root.expanduser().absolute(), seal
        self.uri = address.uri
        self.public = f"{address.uri}/publication"
        self._bucket = Bucket(address)
        self._workplace = Workplace(self.root / "work")
        self._cache = Cache(self.root / "cache", cache_bytes)

    @classmethod
    def from_uri(cls, uri: str, seal: signing.Seal = signing.unsigned) -> "ObjectStore":
        """The store at an address (`s3.Address`). Work is in a folder of GUATECOMPRAS_WORK (default: the project's `data/`) that is
        named for the address; copies take GUATECOMPRAS_CACHE_GB of it at most (default 20)."""
        address = Address.parse(uri)
        named = hashlib.sha256(f"{address.endpoint} {address.bucket} {address.prefix}".encode()).hexdigest()
        root = Path(os.environ.get(WORK_VARIABLE) or _DEFAULT_WORK) / f"work-of-{named[:12]}"
        try:
            gigabytes = float(os.environ.get(CACHE_VARIABLE) or _DEFAULT_CACHE_GB)
        except ValueError as error:
            raise StoreError(f"{CACHE_VARIABLE} is a number of gigabytes") from error
        return cls(address, root, int(gigabytes * 1e9), seal)

    # Work.

    def work(self, month: str) -> Path:
        return self._workplace.work(month)

    def working(self, month: str, version: str) -> AbstractContextManager[None]:
        return self._workplace.working(month, version)

    # Versions.

    def put_version(self, month: str, version: str, files: Mapping[str, Path]) -> None:
        self.put_collection(f"months/{month}/{version}", files)

    def put_collection(self, path: str, files: Mapping[str, Path]) -> None:
        with self._alone(path):
            # What the index lists is never removed, so nothing has to be claimed.
            if self._in_place(path) and self._is_listed(path):
                return
            claim = self._claimed(path)
            if not self._in_place(path):
                self._upload(path, files, claim)
            # It stays, done, so that `tidy` knows that somebody is about to switch to the version.
            claim.confirm(DONE)

    def _in_place(self, path: str) -> bool:
        return self._bucket.head(_key(path, MANIFEST)) is not None

    def _is_listed(self, path: str) -> bool:
        parent, _, version = path.rpartition("/")
        return version in listed_versions(self.index(), parent)

    def _claimed(self, path: str) -> Claim:
        claim = Claim(self._bucket, path, machine_of(made(self.root)))
        for _ in _attempts(_VERSION_SECONDS):
            if claim.take(WRITING):
                return claim
        fault = StoreError(f"another machine is putting {self.uri}/{path} in place; run the month again when it has")
        fault.transient = True
        raise fault

    def _upload(self, path: str, files: Mapping[str, Path], claim: Claim) -> None:
        """Complete a version: what a dead run left of it and is the same stays, all else is written, the manifest last."""
        there = self._bucket.listing(_key(path))
        same = {name for name, found in there.items() if name in files and _is_same(found, files[name])}
        self._bucket.delete([_key(path, name) for name in there.keys() - files.keys()])
        with ThreadPoolExecutor(_FILES_AT_ONCE, "upload") as pool:
            under_way = {
                pool.submit(self._bucket.upload, _key(path, name), file)
                for name, file in files.items()
                if name != MANIFEST and name not in same
            }
            try:
                self._see_through(under_way, claim)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
        now = self._bucket.listing(_key(path))
        for name, file in files.items():
            if name != MANIFEST and (name not in now or now[name].bytes != file.stat().st_size):
                raise StoreError(f"{self.uri}/{_key(path, name)} is not what was just written; run the month again")
        # Still the holder, and not only a minute ago.
        claim.confirm(WRITING)
        manifest = files[MANIFEST].read_bytes()
        self._bucket.swap(_key(path, MANIFEST), manifest, None, s3.FOREVER)

    def _see_through(self, under_way: "set[Future[None]]", claim: Claim) -> None:
        while under_way:
            done, under_way = wait(under_way, timeout=RENEWED_SECONDS / 4, return_when="FIRST_COMPLETED")
            for future in done:
                future.result()
            claim.renew()

    def version_folder(self, month: str, version: str, names: Collection[str] | None = None) -> Path:
        return self.collection_folder(f"months/{month}/{version}", names)

    def collection_folder(self, path: str, names: Collection[str] | None = None) -> Path:
        listed = self._bucket.listing(_key(path))
        wanted = {name: found for name, found in listed.items() if names is None or name in names}

        def fetch(name: str, found: Found, file: Path) -> None:
            self._bucket.download(_key(path, name), found, file)

        return self._cache.filled(path, listed, wanted, fetch)

    def retire(self, month: str, version: str, keep: Collection[str] = ()) -> None:
        self.retire_collection(f"months/{month}/{version}", keep)

    def retire_collection(self, path: str, keep: Collection[str] = ()) -> None:
        self._bucket.delete([_key(path, name) for name in self._bucket.listing(_key(path)) if name not in keep])

    # The index.

    def index(self) -> Json:
        return self._read_index()[0]

    def _read_index(self) -> tuple[Json, str | None]:
        """The index and its ETag; an empty one without, where there is none."""
        there = self._bucket.read(_INDEX)
        if there is None:
            return empty_index(), None
        try:
            return read_index(there[0]), there[1].etag
        except ValueError as error:
            raise StoreError(f"{self.uri}/{_INDEX} is not an index: {str(error).partition(chr(10))[0]}") from error

    def update_index(self, change: Callable[[Json], Json]) -> Json:
        # Those of this machine take turns, so that only machines compete.
        with locked(made(self.root) / ".index.lock"):
            for _ in _attempts(_INDEX_SECONDS):
                before, etag = self._read_index()
                after = self._seal(change(before))
                if etag is not None and after == before:
                    return after
                if etag is None:
                    self._demand_conditions()
                if self._bucket.swap(_INDEX, index_text(after), etag) is not None:
                    return after
        raise StoreError(f"cannot write {self.uri}/{_INDEX}: others did all the time; run the month again")

    def _demand_conditions(self) -> None:
        """Refuse, before there is a first index, a server that writes whatever the condition."""
        key = f"claims/conditions-{secrets.token_hex(8)}"
        self._bucket.swap(key, b"one", None)
        kept = [self._bucket.swap(key, b"other", etag) is None for etag in (None, f'"{"0" * 32}"')]
        self._bucket.delete([key])
        if not all(kept):
            raise StoreError(
                f"{self.uri} cannot be a store: its server writes whatever If-Match and If-None-Match say, so that writers "
                "would overwrite each other"
            )

    def derive(self, name: str, make: Callable[[Json], bytes]) -> None:
        key = f"publication/{name}"
        for _ in _attempts(_INDEX_SECONDS):
            # The file before the index: who replaced it since then has read the index no earlier than it is read here.
            there = self._bucket.read(key)
            content = make(self.index())
            if there is not None and there[0] == content:
                return
            if self._bucket.swap(key, content, there[1].etag if there else None) is not None:
                return
        raise StoreError(f"cannot write {self.uri}/{key}: others did all the time; run the month again")

    # Cleaning.

    def tidy(self, month: str) -> None:
        """Remove versions in no index that nobody has touched for STALE_AFTER seconds, claims that nobody needs, stale work, and
        copies beyond their bounds. (Parts of uploads that never ended are the bucket's lifecycle rules' to remove.)"""
        listed = self._tidied(f"months/{month}")
        self._workplace.tidy(month, keep=listed[:1])
        self._cache.bound()

    def tidy_collection(self, name: str) -> None:
        """The same for the versions of a collection."""
        self._tidied(name)

    def link_current(self) -> None:
        """There are no links in a bucket: what is public of a collection is in the index."""

    def _tidied(self, parent: str) -> list[str]:
        """Clean up among the versions of a month or a collection; those that are listed."""
        listed = listed_versions(self.index(), parent)
        claimed = {name.removesuffix(".json") for name in self._bucket.listing(f"claims/{parent}")}
        for version in sorted({*self._bucket.folders(_key(parent)), *claimed}):
            if is_version(version) and (version not in listed or version in claimed):
                self._dismiss(f"{parent}/{version}")
        return listed

    def _dismiss(self, path: str) -> None:
        """Drop the claim on a version that an index lists; where none does, and nobody has touched anything of it for long, remove
        its files too."""
        with suppress(BlockingIOError), self._alone(path, fcntl.LOCK_NB):
            claim = Claim(self._bucket, path, machine_of(self.root))
            if self._is_listed(path):
                if claim.take(REMOVING):
                    claim.drop()
                return
            there = self._bucket.listing(_key(path))
            touched = any(found.age <= STALE_AFTER for found in there.values())
            if touched or not claim.take_forgotten(REMOVING, STALE_AFTER):
                return
            # Asked again under the claim: who found the version in place before has switched to it, or has to claim it now.
            if not self._is_listed(path):
                # The manifest first: what lacks it is not a version.
                self._bucket.delete([_key(path, MANIFEST)])
                self._bucket.delete([_key(path, name) for name in there])
            claim.drop()

    @contextmanager
    def _alone(self, path: str, kind: int = 0) -> Iterator[None]:
        """Be the only one of this machine who writes or removes versions beside this one."""
        parent = path.rpartition("/")[0].replace("/", "-")
        with locked(made(self.root / "locks") / f"{parent}.lock", fcntl.LOCK_EX | kind):
            yield


def _key(path: str, name: str = "") -> str:
    return "/".join(filter(None, ("publication", path, name)))


def _is_same(found: Found, file: Path) -> bool:
    """Whether an object is for certain the file: its ETag is the MD5 of what was written in one piece without encryption."""
    if found.bytes != file.stat().st_size:
        return False
    with open(file, "rb") as content:
        return (
            found.etag.strip('"')
            == hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        )


def _attempts(seconds: float) -> Iterator[None]:
    """Go round for so long, with pauses that grow, and by chance, so that competitors do not meet again."""
    end, most = time.monotonic() + seconds, 0.05
    while True:
        yield
        if time.monotonic() > end:
            return
        time.sleep(s3.by_chance(most))
        most = min(most * 2, 3.0)
