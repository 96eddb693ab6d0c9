"""Packages: the envelope of what is published, and records with their linked releases. Streams; decodes no document."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from guatecompras import settings
from guatecompras.formats.parquets import batches
from guatecompras.ocds.jsontext import array, obj, stamp, string
from guatecompras.ocds.profile import extensions
from guatecompras.settings import Settings

Json = dict[str, Any]


def package_head(uri: str, published: str, config: Settings) -> Json:
    """The metadata of a package: everything but its records or releases. `published`: RFC 3339."""
    # Half a second of imports that only the step which writes packages needs.
    from ocdskit.combine import package_records  # noqa: PLC0415

    base = config.base_url.rstrip("/")
    package: Json = package_records(
        [],
        uri=uri,
        publisher={"name": config.publisher_name, "uri": config.publisher_uri},
        published_date=published,
        extensions=[f"{base}/extensions/{extension['name']}/extension.json" for extension in extensions()],
    )
    del package["records"]
    return package | {"license": settings.LICENSE, "publicationPolicy": config.policy_url}


def record_lines(compiled: Iterable[bytes], releases: Path) -> Iterator[bytes]:
    """Records in order: ocid, linked releases (url, date, tag) from the table `releases`, and the compiled release as it is.

    Both are in order of NOG; raises ValueError when they do not hold the same processes.
    """
    links = _linked_releases(releases)
    for line in compiled:
        ocid, linked = next(links, ("", ""))
        if not line.startswith(f'{{"ocid":"{ocid}"'.encode()) and orjson.loads(line)["ocid"] != ocid:
            raise ValueError(f"the record {line[:60]!r} has no releases, or they are out of order at {ocid}")
        yield b'{"ocid":"%s","releases":%s,"compiledRelease":%s}' % (ocid.encode(), linked.encode(), line.rstrip(b"\n"))
    left = next(links, None)
    if left is not None:
        raise ValueError(f"the releases of {left[0]} have no record")


def _linked_releases(path: Path) -> Iterator[tuple[str, str]]:
    """(ocid, JSON array of its linked releases), in order."""
    link = obj(
        {
            "url": string(pl.col("url")),
            "date": string(stamp(pl.col("date"))),
            "tag": array(
                pl.concat_str(pl.lit('"'), pl.col("tag").str.replace_all("; ", '","', literal=True), pl.lit('"'))
            ),
        }
    )
    held: tuple[str, str] | None = None
    for frame in batches(path):
        grouped = frame.group_by("ocid", maintain_order=True).agg(link.str.join(","))
        for ocid, linked in grouped.iter_rows():
            if held is not None and held[0] == ocid:
                held = (ocid, f"{held[1]},{linked}")
                continue
            if held is not None:
                yield held[0], f"[{held[1]}]"
            held = (ocid, linked)
    if held is not None:
        yield held[0], f"[{held[1]}]"
