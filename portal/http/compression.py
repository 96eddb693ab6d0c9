"""Bodies compressed as a client can read them, and kept a while: the same answer is asked for again.

Only whole bodies of text; what is compressed already is sent as it is.
"""

import pyarrow as pa
from zlib_ng import zlib_ng

from portal.held import Held

# Below this the headers weigh more.
LEAST = 1000
# Above this a thread of its own does it: others' requests do not wait.
LONG = 128 << 10

_GZIP_LEVEL, _ZSTD_LEVEL = 4, 3
_HELD_BYTES = 16 << 20

_TEXT = frozenset(
    {"application/json", "application/xml", "application/javascript", "application/x-ndjson", "image/svg+xml"}
)
_TEXT_SUFFIXES = ("+json", "+xml", "/jsonl")

_held: Held[bytes] = Held(_HELD_BYTES, len)


def _gzip(body: bytes) -> bytes:
    packer = zlib_ng.compressobj(_GZIP_LEVEL, zlib_ng.DEFLATED, 31)  # with gzip's header, without a time
    return packer.compress(body) + packer.flush()


def _zstd(body: bytes) -> bytes:
    packed: bytes = pa.Codec("zstd", compression_level=_ZSTD_LEVEL).compress(body, asbytes=True)
    return packed


# In the order in which we like them.
_ENCODERS = {"zstd": _zstd, "gzip": _gzip}


def is_text(media: str) -> bool:
    kind = media.partition(";")[0].strip().lower()
    return kind.startswith("text/") or kind in _TEXT or kind.endswith(_TEXT_SUFFIXES)


def chosen(accepted: str) -> str:
    """The encoding for an Accept-Encoding header; empty: none."""
    weights = dict(map(_weighed, accepted.lower().split(",")[:32]))
    rest = weights.get("*", 0.0)
    offers = [(weights.get(name, rest), name) for name in _ENCODERS]
    best = max(offers, key=lambda offer: offer[0])
    return best[1] if best[0] > 0 and best[0] >= weights.get("identity", 0.0) else ""


def _weighed(offer: str) -> tuple[str, float]:
    name, _, rest = offer.partition(";")
    key, _, value = rest.strip().partition("=")
    try:
        weight = float(value) if key.strip() == "q" else 1.0
    except ValueError:
        weight = 0.0
    return name.strip(), weight if 0.0 <= weight <= 1.0 else 0.0


def compressed(body: bytes, encoding: str, etag: str) -> bytes:
    """The body in an encoding. `etag` names it: the same is not compressed twice."""
    return _held.get((etag, encoding, len(body)), lambda: _ENCODERS[encoding](body))
