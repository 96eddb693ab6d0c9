"""Checks of a month against its version that is public now. One a file.

The first version of a month has none to be held against: there they do not apply.
"""

from guatecompras.quality.check import Check
from guatecompras.quality.versions import (
    amounts_moved,
    awards_lost,
    bids_lost,
    concursos_lost,
    contracts_lost,
    documents_lost,
    fields_lost,
    items_lost,
    releases_changed,
    releases_lost,
    status_backwards,
)

CHECKS: tuple[Check, ...] = tuple(
    module.CHECK
    for module in (
        concursos_lost,
        releases_lost,
        releases_changed,
        fields_lost,
        items_lost,
        documents_lost,
        bids_lost,
        awards_lost,
        contracts_lost,
        amounts_moved,
        status_backwards,
    )
)
