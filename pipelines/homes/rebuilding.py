"""What an empty Dagster home can know again when the one before is lost: which months are public, by the publication's index.

How a backup is restored is the operators' guide's; runs and their events come back by that alone.
"""

import dagster as dg

from assets.publication import told_of
from guatecompras.stores import Store

PUBLISHED = dg.AssetKey(["publication", "month"])


def rebuild(instance: dg.DagsterInstance, store: Store) -> list[str]:
    """Report every public month that the home does not know of as made, without a run; returns those months. Earlier layers of
    a month stay unknown until it is published again: nobody can tell what became of their files."""
    known = instance.get_materialized_partitions(PUBLISHED)
    months = {month: entry for month, entry in store.index()["months"].items() if month not in known}
    for month, entry in months.items():
        told = told_of(entry) | {"rebuilt": "by the index; the run that made it is not known"}
        instance.report_runless_asset_event(dg.AssetMaterialization(PUBLISHED, partition=month, metadata=told))
    return list(months)
