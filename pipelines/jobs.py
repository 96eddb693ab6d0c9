"""The jobs: a month from source to publication, the index over all months, and what is made of published months."""

import dagster as dg

_INDEX = dg.AssetSelection.assets(dg.AssetKey(["publication", "index"]))
# What is made of all months that are public, at once; the flags of a month are made with the month's partition.
_FLAGS_OF_ALL = dg.AssetSelection.assets(dg.AssetKey(["integrity", "history"]))
_COLLECTIONS = (
    dg.AssetSelection.assets(*(dg.AssetKey(["publication", name]) for name in ("years", "history")))
    | dg.AssetSelection.groups("audit", "market")
    | _FLAGS_OF_ALL
)
_INTEGRITY = dg.AssetSelection.groups("integrity")
_REPORTS = dg.AssetSelection.groups("reports", "datasets")
_CKAN = dg.AssetSelection.groups("ckan")

# One process a month: a step of its own process costs seconds of imports, and the stages pass files through the same cache.
# Run again, it is run whole: on another machine nothing is left of the stages that were done, or what is left is older; on the
# same one each of them is found done.
month_job = dg.define_asset_job(
    "month",
    selection=dg.AssetSelection.all() - _INDEX - _COLLECTIONS - _REPORTS - _INTEGRITY - _CKAN,
    executor_def=dg.in_process_executor,
    tags={"dagster/retry_strategy": "ALL_STEPS"},
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
    description="Bring the yearly files, the whole history, the market, the social audit and all months' flags up to date.",
)

reports_job = dg.define_asset_job(
    "reports",
    selection=_REPORTS,
    executor_def=dg.in_process_executor,
    description="What is made of a month that is published: its predefined reports, and the datasets of the open-data portal.",
)

integrity_job = dg.define_asset_job(
    "integrity",
    selection=_INTEGRITY - _FLAGS_OF_ALL,
    executor_def=dg.in_process_executor,
    description="The red flags of a month that is published, with the eleven months before it.",
)

ckan_job = dg.define_asset_job(
    "ckan",
    selection=_CKAN,
    executor_def=dg.in_process_executor,
    description="Bring the open-data portal (CKAN) up to date with what is public.",
)
