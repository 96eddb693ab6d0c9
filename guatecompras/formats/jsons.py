"""JSON: record packages, streamed, and small documents. What a record or a package says is `ocds/`'s business."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from guatecompras.formats.archive import ZipWriter
from guatecompras.formats.atomic import replacing
from guatecompras.formats.deflating import BLOCK, Blocks


def write_record_package(
    out_zip: Path, member: str, head: Mapping[str, Any], records: Iterable[bytes], blocks: Blocks | None = None
) -> int:
    """Write `head`, then `"records": [...]`, as one compact JSON document, the only member of a ZIP; returns the count.

    `records`: each a whole JSON object in UTF-8, written as it is. Raises ValueError if `head` has records of its own.
    """
    if "records" in head:
        raise ValueError("the head of a record package cannot hold its records")
    opening = orjson.dumps(dict(head)).removesuffix(b"}") + b"," * bool(head) + b'"records":['
    count = 0
    with ZipWriter(out_zip, blocks=blocks) as archive, archive.entry(member) as stream:
        waiting, size = [opening], 0
        for record in records:
            if count:
                waiting.append(b",")
            waiting.append(record)
            count += 1
            size += len(record)
            if size >= BLOCK:
                stream.write(b"".join(waiting))
                waiting, size = [], 0
        stream.write(b"".join([*waiting, b"]}\n"]))
    return count


def write_json(path: Path, document: Any) -> None:
    """Write a JSON document, indented by 2, keys in the order given, atomically; anything orjson takes."""
    with replacing(path) as part:
        part.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
