"""The open-data portal (CKAN), as the last layer: what is public, pushed to it. How is `guatecompras/ckan/`'s business."""

import dagster as dg

from assets.reporting import one_line, spec
from guatecompras.ckan import push, wanted
from guatecompras.datasets.families import FAMILIES
from guatecompras.settings import Settings
from resources.ckan import Ckan, most_bytes, organization
from resources.settings import StoreResource


@dg.multi_asset(
    name="ckan_push",
    specs=[
        spec(
            ("ckan", "push"),
            "The datasets of the open-data portal, up to date with what is public; where nothing changed nothing is written.",
            {"ckan"},
            [("publication", "month"), *(("datasets", family) for family in FAMILIES)],
        )
    ],
)
def ckan_push(context: dg.AssetExecutionContext, store: StoreResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Compare the portal with what is public, and bring it there."""
    with one_line():
        place = store.open()
        datasets = wanted.of_store(place, Settings.from_environment().base_url, organization())
        done = push.push(
            Ckan.from_environment(),
            datasets,
            wanted.file_of(place),
            most_bytes(),
            lambda step: context.log.info(str(step)),
        )
    return dg.MaterializeResult(
        asset_key=dg.AssetKey(["ckan", "push"]),
        metadata={
            "datasets": len(datasets),
            "steps": len(done.steps),
            "linked": done.linked,
            "done": dg.MetadataValue.md("\n".join(f"- {step}" for step in done.steps) or "(nothing changed)"),
        },
    )
