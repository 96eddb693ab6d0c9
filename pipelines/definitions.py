"""All definitions, for `dagster`: assets and checks, jobs, schedules, sensors, resources. No work and no I/O at import."""

import dagster as dg

from assets.audit import social_audit
from assets.ckan import ckan_push
from assets.downloads import downloads
from assets.integrity import integrity_history, monthly_integrity
from assets.market import market_families
from assets.ocds import ocds_documents
from assets.publication import (
    publication_changes,
    publication_collections,
    publication_index,
    publication_month,
    publication_search,
)
from assets.quality import quality_report
from assets.reports import monthly_datasets, monthly_reports
from assets.source import source_tables
from assets.tables import flat_tables
from pipelines.jobs import (
    ckan_job,
    collections_job,
    housekeeping_job,
    index_job,
    integrity_job,
    month_job,
    reports_job,
)
from pipelines.schedules import SCHEDULES
from pipelines.sensors import SENSORS
from resources.alerts import Alerts
from resources.settings import SourceResource, StoreResource


def build_definitions(source: str = "", store: str = "") -> dg.Definitions:
    """The definitions over a source and a store, each by its URI; empty ones come from the environment when a run starts."""
    return dg.Definitions(
        assets=[
            source_tables,
            ocds_documents,
            flat_tables,
            quality_report,
            downloads,
            publication_changes,
            publication_search,
            publication_month,
            publication_index,
            publication_collections,
            social_audit,
            monthly_reports,
            monthly_datasets,
            monthly_integrity,
            integrity_history,
            market_families,
            ckan_push,
        ],
        jobs=[month_job, index_job, collections_job, reports_job, integrity_job, ckan_job, housekeeping_job],
        schedules=SCHEDULES,
        sensors=SENSORS,
        resources={"source": SourceResource.of(source), "store": StoreResource(uri=store), "alerts": Alerts()},
    )


defs = build_definitions()
