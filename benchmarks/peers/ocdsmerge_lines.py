"""Compiled releases by ocdsmerge, JSON Lines to JSON Lines, releases in order of ocid: SCHEMA RELEASES OUT."""

import json
import sys
from itertools import groupby

import orjson
from ocdsmerge import Merger

with open(sys.argv[1], "rb") as schema:
    merger = Merger(json.load(schema))
with open(sys.argv[2], "rb") as lines, open(sys.argv[3], "wb") as out:
    histories = groupby(map(orjson.loads, lines), key=lambda release: release["ocid"])
    compiled = (merger.create_compiled_release(list(history)) for _, history in histories)
    out.writelines(orjson.dumps(release, option=orjson.OPT_APPEND_NEWLINE) for release in compiled)
