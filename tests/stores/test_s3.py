"""A bucket through a real server: addresses, patience with one that fails, and what is told when patience ends."""

import signal
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from guatecompras.errors import StoreError
from guatecompras.stores import open_store
from guatecompras.stores.s3 import CHUNK, Address, Bucket
from tests.stores.conftest import ACCESS, BARE, CUT_BEFORE, FAULTS, HOLD, PASS, REFUSE, SECRET, Proxy, s3_server

ROOT = Path(__file__).parents[2]
# A large file's parts, a small one, and one of no bytes.
SIZES = {"large.zip": 2 * CHUNK + 5, "small.json": 10, "empty.csv": 0}


def _bucket(endpoint: str, name: str, options: str = "") -> Bucket:
    return Bucket(Address.parse(f"s3://{name}/a/b?endpoint={endpoint}&region=us-east-1{options}"))


# Addresses.


def test_an_address_is_read_from_its_uri(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert Address.parse("s3://bucket") == Address("bucket", "")
    full = "s3://my.bucket/a/b-c/?endpoint=http://localhost:9000/&region=us-east-1&retries=2&timeout=1.5"
    found = Address.parse(full)
    assert found == Address("my.bucket", "a/b-c", "http://localhost:9000", "us-east-1", 2, 1.5)
    assert found.uri == "s3://my.bucket/a/b-c"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://elsewhere:1")
    assert Address.parse("s3://bucket").endpoint == "http://elsewhere:1"


@pytest.mark.parametrize(
    "uri",
    [
        f"s3://{ACCESS}:{SECRET}@bucket/prefix",
        f"s3://{ACCESS}@bucket",
        f"s3://bucket?endpoint=http://{ACCESS}:{SECRET}@host",
        f"s3://bucket?endpoint=http%3A%2F%2F{ACCESS}:x%40host",
        f"s3://bucket?access_key_id={ACCESS}",
        f"s3://bucket?aws_secret_access_key={SECRET}",
        f"s3://bucket?session_token={SECRET}",
    ],
)
def test_an_address_with_credentials_is_refused_and_not_repeated(uri: str) -> None:
    with pytest.raises(StoreError, match="holds no credentials: they come from AWS_ACCESS_KEY_ID") as caught:
        open_store(uri)
    told = "".join(traceback.format_exception(caught.value))
    assert not any(secret in str(caught.value) for secret in (ACCESS, SECRET, uri))
    assert SECRET not in told.replace(uri, "")


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("s3://", "the name of its bucket"),
        ("s3://B", "the name of its bucket"),
        (f"s3://{ACCESS}:{SECRET}", "the name of its bucket"),
        ("s3://bucket/a/../b", "its prefix"),
        ("s3://bucket/a//b", "its prefix"),
        ("s3://bucket/a b", "its prefix"),
        ("s3://bucket?endpoint=host:9000", "its endpoint"),
        ("s3://bucket?endpoint=http://host/path", "its endpoint"),
        ("s3://bucket?region=mars!", "its region"),
        ("s3://bucket?retries=many", "are numbers"),
        ("s3://bucket?retries=-1", "its retries"),
        ("s3://bucket?timeout=0", "its timeout"),
        (f"s3://bucket?{ACCESS}=1", "its options are"),
        (f"s3://bucket#{ACCESS}", "its options are"),
    ],
)
def test_a_malformed_address_is_one_clear_line(uri: str, words: str) -> None:
    with pytest.raises(StoreError, match=words) as caught:
        open_store(uri)
    text = str(caught.value)
    assert "\n" not in text
    assert ACCESS not in text


def test_other_addresses_are_shown_without_their_secrets() -> None:
    with pytest.raises(StoreError, match=r"https://u:\*\*\*@host/x\?token=\*\*\*' is not a store") as caught:
        open_store(f"https://u:{SECRET}@host/x?token={SECRET}")
    assert SECRET not in str(caught.value)


def test_without_credentials_nothing_is_asked(monkeypatch: pytest.MonkeyPatch, credentials: None) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(StoreError, match="no credentials for s3://bucket: set AWS_ACCESS_KEY_ID"):
        open_store("s3://bucket?endpoint=http://127.0.0.1:9")


def test_what_the_environment_holds_is_not_repeated(monkeypatch: pytest.MonkeyPatch, credentials: None) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{ACCESS}:{SECRET}@host")
    with pytest.raises(StoreError, match="its endpoint") as caught:
        open_store("s3://bucket")
    assert ACCESS not in str(caught.value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", SECRET)
    with pytest.raises(StoreError, match="one of the AWS_ variables") as caught:
        open_store("s3://bucket")
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_nothing_that_may_be_printed_holds_credentials(endpoint: str, bucket: str) -> None:
    store = open_store(f"s3://{bucket}/p?endpoint={endpoint}")
    held = _bucket(endpoint, bucket)
    told = f"{store.uri} {store.public} {store!r} {vars(store)} {held!r} {vars(held)}"
    assert store.uri == f"s3://{bucket}/p"
    assert ACCESS not in told
    assert SECRET not in told


# Objects, by a server that serves and by one that fails.


def _round(bucket: Bucket, folder: Path) -> None:
    """Write, list, read, replace and remove, and find everything as it should be."""
    for name, size in SIZES.items():
        (folder / name).write_bytes(bytes(range(256)) * (size // 256) + bytes(size % 256))
        bucket.upload(f"x/{name}", folder / name)
    found = bucket.listing("x")
    assert {name: one.bytes for name, one in found.items()} == SIZES
    for name in SIZES:
        bucket.download(f"x/{name}", found[name], folder / "copy")
        assert (folder / "copy").read_bytes() == (folder / name).read_bytes()
    first = bucket.swap("note.json", b"1", None)
    assert first is not None
    assert bucket.swap("note.json", b"2", None) is None
    second = bucket.swap("note.json", b"2", first)
    assert second not in {None, first}
    assert bucket.swap("note.json", b"3", first) is None
    assert bucket.read("note.json") == (b"2", bucket.head("note.json"))
    assert bucket.folders("") == ["x"]
    bucket.delete(["note.json", *(f"x/{name}" for name in SIZES)])
    assert bucket.read("note.json") is None
    assert bucket.head("x/small.json") is None
    assert bucket.listing("") == {}


def test_objects_are_written_listed_read_replaced_and_removed(proxy: Proxy, bucket: str, tmp_path: Path) -> None:
    _round(_bucket(proxy.endpoint, bucket), tmp_path)
    assert len(proxy.came("PUT", "large.zip", "partNumber")) == 3
    assert not proxy.came("PUT", "small.json", "partNumber")


def test_a_server_that_fails_now_and_then_is_asked_again(proxy: Proxy, bucket: str, tmp_path: Path) -> None:
    """Each third request meets one of four faults in turn: refused, cut off before or after it was done, answered by half."""

    def act(method: str, path: str) -> str:
        number = len(proxy.seen)
        return PASS if number % 3 else FAULTS[number // 3 % len(FAULTS)]

    proxy.act = act
    _round(_bucket(proxy.endpoint, bucket), tmp_path)
    assert len(proxy.seen) > 24


# The end of patience.


def _told(endpoint: str, bucket: str, options: str = "&retries=1") -> StoreError:
    with pytest.raises(StoreError) as caught:
        _bucket(endpoint, bucket, options).read("publication/index.json")
    told = "".join(traceback.format_exception(caught.value))
    assert not any(word in told for word in ("\n<", ACCESS, SECRET, "Signature="))
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_server_that_is_down_is_one_clear_line(credentials: None) -> None:
    error = _told("http://127.0.0.1:9", "bucket")
    assert str(error) == ("cannot read s3://bucket/a/b/publication/index.json: http://127.0.0.1:9 cannot be reached")
    assert error.transient


def test_a_server_that_refuses_is_asked_as_often_as_told(proxy: Proxy, bucket: str) -> None:
    proxy.act = lambda method, path: REFUSE
    error = _told(proxy.endpoint, bucket, "&retries=3")
    assert str(error).endswith("answers 503 SlowDown")
    assert error.transient
    assert len(proxy.seen) == 4


def test_a_server_that_always_breaks_off_is_one_clear_line(proxy: Proxy, bucket: str) -> None:
    proxy.act = lambda method, path: CUT_BEFORE
    error = _told(proxy.endpoint, bucket)
    assert str(error).endswith("breaks off")
    assert error.transient


def test_a_slow_server_is_one_clear_line(proxy: Proxy, bucket: str) -> None:
    proxy.act = lambda method, path: HOLD
    error = _told(proxy.endpoint, bucket, "&retries=1&timeout=0.2")
    assert str(error).endswith("does not answer in 0.2 s")
    assert error.transient


_READER = """
import sys
from guatecompras.stores import open_store
open_store(sys.argv[1]).index()
"""


def test_who_waits_for_a_server_can_be_interrupted(proxy: Proxy, bucket: str) -> None:
    proxy.act = lambda method, path: HOLD
    uri = f"s3://{bucket}?endpoint={proxy.endpoint}"
    process = subprocess.Popen([sys.executable, "-c", _READER, uri], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert proxy.held.wait(30)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert errors.endswith("KeyboardInterrupt\n")


def test_a_bucket_that_is_missing_is_one_clear_line(endpoint: str, credentials: None) -> None:
    error = _told(endpoint, "no-such-bucket")
    assert str(error).endswith("publication/index.json: there is no bucket 'no-such-bucket'")
    assert not error.transient
    missing = _bucket(endpoint, "no-such-bucket")
    for act in (
        lambda: missing.swap("x", b"", None),
        lambda: missing.swap("x", b"", '"e"'),
        lambda: missing.listing("x"),
    ):
        with pytest.raises(StoreError, match="there is no bucket 'no-such-bucket'"):
            act()


def test_denied_access_is_one_clear_line(credentials: None) -> None:
    # From the second request on the server knows nobody.
    with s3_server(INITIAL_NO_AUTH_ACTION_COUNT="0") as closed:
        error = _told(closed, "bucket")
    assert str(error).endswith("access denied (403 InvalidAccessKeyId)")
    assert not error.transient


def test_an_object_that_vanishes_or_changes_while_it_is_read_is_one_clear_line(
    endpoint: str, bucket: str, tmp_path: Path
) -> None:
    held = _bucket(endpoint, bucket)
    held.swap("x", b"one", None)
    found = held.listing("")["x"]
    held.swap("x", b"two", found.etag)
    with pytest.raises(StoreError, match="b/x: it has changed meanwhile"):
        held.download("x", found, tmp_path / "x")
    held.delete(["x"])
    with pytest.raises(StoreError, match="b/x: it is not there"):
        held.download("x", found, tmp_path / "x")


def test_a_file_that_is_gone_is_not_taken_for_an_object(endpoint: str, bucket: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot read .*gone.*No such file"):
        _bucket(endpoint, bucket).upload("x", tmp_path / "gone")


def test_a_server_without_conditions_is_no_store(proxy: Proxy, bucket: str) -> None:
    proxy.act = lambda method, path: BARE
    store = open_store(f"s3://{bucket}?endpoint={proxy.endpoint}")
    with pytest.raises(StoreError, match="cannot be a store: its server writes whatever If-Match"):
        store.update_index(lambda index: index)
    assert not proxy.came("PUT", "index.json")
