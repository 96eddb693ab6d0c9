"""What the search files of a month hold: one table a file, in Arrow's IPC format, uncompressed, to be mapped into memory.

Times are seconds since 1970 (0: none), amounts quetzales unless a currency says otherwise. How they are made is `build.py`.
"""

import pyarrow as pa

# Another number: other files. A reader that does not know it makes its own of the month's other files.
SCHEMA = 1
FOLDER = "search"

_NAME = pa.dictionary(pa.int32(), pa.string())
_SECONDS = pa.int64()

# One row a concurso, in order of its call and its NOG.
CONCURSOS = pa.schema(
    {
        "nog": pa.int64(),
        "title": pa.string(),
        "called": _SECONDS,
        "closes": _SECONDS,
        "awarded": _SECONDS,  # the last award
        "updated": _SECONDS,  # the last event
        "recorded": _SECONDS,  # when the last event was made public
        "estatus": pa.int16(),
        "status": _NAME,  # as OCDS says it
        "modalidad": pa.int16(),
        "sub_modalidad": pa.int16(),
        "tipo": pa.int16(),
        "objeto": _NAME,
        "departamento": _NAME,
        "buyer": _NAME,
        "buyer_name": _NAME,
        "unit": _NAME,
        "unit_name": _NAME,
        "entidad": pa.int32(),  # Guatecompras' own numbers of the two
        "unidad": pa.int32(),
        "tipo_entidad": pa.int32(),
        "sub_tipo_entidad": pa.int32(),
        "estimated": pa.float64(),
        "awarded_amount": pa.float64(),  # active awards in `currency`
        "currency": _NAME,
        "tenderers": pa.int32(),
        "items": pa.int32(),
        "bids": pa.int32(),
        "awards": pa.int32(),
        "contracts": pa.int32(),
        "first_release": pa.int32(),  # its row among the releases
        "releases": pa.int32(),
        "block": pa.int32(),  # where its record is: the block, the first byte in it, and how many
        "offset": pa.int32(),
        "length": pa.int32(),
    }
)
# One row a release, as they are in their file.
RELEASES = pa.schema(
    {
        "nog": pa.int64(),
        "id": pa.string(),
        "date": pa.string(),
        "tag": pa.string(),
        "block": pa.int32(),
        "offset": pa.int32(),
        "length": pa.int32(),
    }
)
# What leads to rows of CONCURSOS, in order of its bytes: the first letter says what it is, see KINDS.
TERMS = pa.schema({"term": pa.string(), "rows": pa.list_(pa.int32())})
KINDS = {"word": "w", "unspsc": "u", "categoria": "c", "supplier": "s", "bidder": "b"}
# Who offers or is awarded, one row each.
PARTIES = pa.schema({"id": pa.string(), "name": pa.string(), "person": pa.bool_()})
# One row a concurso and party that offered or was awarded: `row` of CONCURSOS, `party` of PARTIES.
DEALS = pa.schema(
    {
        "row": pa.int32(),
        "party": pa.int32(),
        "bid": pa.bool_(),
        "awards": pa.int32(),  # those in force
        "amount": pa.float64(),  # of them, in quetzales
        "offered": pa.float64(),  # the lowest offer in quetzales
        "date": _SECONDS,  # the last of them
    }
)
# The blocks of the two files of documents: where each starts in the file, and its plain bytes.
BLOCKS = pa.schema({"file": pa.string(), "start": pa.int64(), "plain": pa.int64()})
# NOGs that were public in this month and are no more.
GONE = pa.schema({"nog": pa.int64()})

FILES = {
    "concursos": CONCURSOS,
    "releases": RELEASES,
    "terms": TERMS,
    "parties": PARTIES,
    "deals": DEALS,
    "blocks": BLOCKS,
    "gone": GONE,
}


def file_name(table: str) -> str:
    """Where a table is, in a version's folder."""
    return f"{FOLDER}/{table}.arrow"
