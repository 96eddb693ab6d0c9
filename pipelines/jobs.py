"""The jobs: a month from source to publication, the index over all months, and what is made of published months."""

import dagster as dg

_INDEX = dg.AssetSelection.assets(dg.AssetKey(["publication", "index"]))
# What is made of all months that are public, at once.
_COLLECTIONS = dg.AssetSelection.assets(
    *(dg.AssetKey(["publication", name]) for name in ("years", "history"))
) | dg.AssetSelection.groups("market")

_REPORTS = dg.AssetSelection.groups("reports", "datasets")
_CKAN = dg.AssetSelection.groups("ckan")

# One process a month: a step of its own process costs seconds of imports, and the stages pass files through the same cache.
month_job = dg.define_asset_job(
    "month",
    selection=dg.AssetSelection.all() - _INDEX - _COLLECTIONS - _REPORTS - _CKAN,
    executor_def=dg.in_process_executor,
    description="One month: extract, build and validate OCDS, flatten, check, write the downloads, publish.",
)

index_job = dg.define_asset_job(
    "index",
    selection=_INDEX,
    executor_def=dg.in_process_executor,
    description="Re-read the index of all months and compare every current file with it.",
)

collections_job = dg.define_asset_job(
    "collections",
    selection=_COLLECTIONS,
    executor_def=dg.in_process_executor,
    description="Bring the yearly files, the whole history and the market up to date with the months that are public.",
)

reports_job = dg.define_asset_job(
    "reports",
    selection=_REPORTS,
    executor_def=dg.in_process_executor,
    description="What is made of a month that is published: its predefined reports, and the datasets of the open-data portal.",
)

ckan_job = dg.define_asset_job(
    "ckan",
    selection=_CKAN,
    executor_def=dg.in_process_executor,
    description="Bring the open-data portal (CKAN) up to date with what is public.",
)
