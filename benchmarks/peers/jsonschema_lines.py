"""Releases and compiled releases against our profile's schemas by jsonschema: SCHEMAS INPUTS OUT; writes the faults."""

import json
import sys
from pathlib import Path

import jsonschema

schemas, inputs, out = map(Path, sys.argv[1:])
faults = 0
for schema, name in (("our-release.json", "releases.jsonl"), ("our-compiled.json", "compiled.jsonl")):
    validator = jsonschema.Draft4Validator(
        json.loads((schemas / schema).read_bytes()), format_checker=jsonschema.FormatChecker()
    )
    with open(inputs / name, "rb") as lines:
        faults += sum(1 for line in lines for _ in validator.iter_errors(json.loads(line)))
(out / "faults.json").write_text(json.dumps(faults))
