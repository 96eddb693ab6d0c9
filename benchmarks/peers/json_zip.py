"""The record package by the standard library: decode every record, encode it into one document in a ZIP, level 6.

RECORDS MEMBER OUT. Streams, which is more than most would do.
"""

import json
import sys
import zipfile

records, member, out = sys.argv[1:]
with (
    open(records, "rb") as lines,
    zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive,
    archive.open(member, "w", force_zip64=True) as stream,
):
    stream.write(b'{"records":[')
    for number, line in enumerate(lines):
        text = json.dumps(json.loads(line), ensure_ascii=False, separators=(",", ":"))
        stream.write(b"," * bool(number) + text.encode())
    stream.write(b"]}\n")
