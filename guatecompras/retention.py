"""Which versions of a month keep their files: the latest ones, and the first of each year. The others keep what proves them.

Which files those are is `publication.staying`; removing the others is a store's business (`retire`).
"""

from typing import Any

from guatecompras.publication import versions_of

Json = dict[str, Any]


def marked(index: Json, month: str, keep: int) -> Json:
    """The index with all versions of a month withdrawn (`kept: false`) but the last `keep`, the current one among them, and
    the first that was published in each year. What was withdrawn stays so."""
    entries = versions_of(index, month)
    first = {entry["published"][:4]: entry["sequence"] for entry in entries}  # the oldest one comes last
    stay = {entry["sequence"] for entry in entries[:keep]} | set(first.values())
    earlier = [entry | {"kept": entry["kept"] and entry["sequence"] in stay} for entry in entries[1:]]
    if not entries or earlier == entries[1:]:
        return index
    return index | {"months": index["months"] | {month: entries[0] | {"versions": earlier}}}


def withdrawn(index: Json, month: str) -> list[Json]:
    """The entries of a month's versions whose files are withdrawn; there may still be some, if a run died before it removed
    them."""
    return [entry for entry in versions_of(index, month)[1:] if not entry["kept"]]
