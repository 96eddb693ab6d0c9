"""The months, as Dagster partitions: the cohorts of the call for tenders, local time of Guatemala, the running month included."""

import dagster as dg

from guatecompras.months import FIRST_MONTH, TIME_ZONE

MONTHS = dg.MonthlyPartitionsDefinition(FIRST_MONTH, fmt="%Y-%m", timezone=TIME_ZONE, end_offset=1)
