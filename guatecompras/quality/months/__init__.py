"""Checks of a month as a whole: by itself, and against the months before. One a file."""

from guatecompras.quality.check import Check
from guatecompras.quality.months import (
    concentration,
    contract_coverage,
    counts,
    coverage_fallen,
    distribution_award_statuses,
    distribution_award_values,
    distribution_categories,
    distribution_counts,
    distribution_document_types,
    distribution_estimated_values,
    distribution_methods,
    distribution_results,
    distribution_statuses,
    distribution_tenderers,
    identifiers_across_months,
    repeated_values,
    schema,
    segmentation,
    volume,
)

CHECKS: tuple[Check, ...] = tuple(
    module.CHECK
    for module in (
        schema,
        segmentation,
        counts,
        volume,
        coverage_fallen,
        identifiers_across_months,
        repeated_values,
        concentration,
        contract_coverage,
        distribution_counts,
        distribution_results,
        distribution_methods,
        distribution_statuses,
        distribution_categories,
        distribution_tenderers,
        distribution_award_statuses,
        distribution_document_types,
        distribution_estimated_values,
        distribution_award_values,
    )
)
