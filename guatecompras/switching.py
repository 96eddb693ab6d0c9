"""The switch: a version of a month that is in place becomes what is public, and all that follows from that.

What the index says then is `publication.py`'s business, which versions keep their files `retention.py`'s; a version is made
by `month.py`, or by `rollback.py`.
"""

from typing import Any

from guatecompras import dcat, publication, retention
from guatecompras.publication import MANIFEST
from guatecompras.settings import Settings
from guatecompras.stores import Store

Json = dict[str, Any]

# What the index says of a month's counts.
INDEX_COUNTS = ("concursos", "releases", "records", "awards", "rejected")


def switch(store: Store, month: str, version: str, published: str, config: Settings) -> Json:
    """Switch the index to a version that is in place; returns the month's entry. `published`: RFC 3339 time.

    The index says what is in place, whichever run was the one to put it there. Raises StoreError when something else than
    what the version replaces is current.
    """
    placed, listed = publication.placed(store.version_folder(month, version, [MANIFEST]))
    counts = {name: placed["counts"][name] for name in INDEX_COUNTS}
    chained: Json = {key: placed.get(key) for key in ("previous", "inputs", "rolled_back")}

    def switched(index: Json) -> Json:
        after = publication.switched(index, month, version, published, counts, listed, **chained)
        return retention.marked(after, month, config.keep_versions)

    index = store.update_index(switched)
    dcat.publish(store, config)
    # Those that a run which died left, too.
    for old in retention.withdrawn(index, month):
        store.retire(month, old["version"], publication.staying(old))
    entry: Json = index["months"][month]
    return entry
