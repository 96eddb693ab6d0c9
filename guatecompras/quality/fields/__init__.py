"""Checks of single values: each published field by itself, whatever else its process says. One a file.

What several of them share is in `cells`, `codelists`, `contacts`, `documents` and `identifiers`.
"""

from guatecompras.quality.check import Check
from guatecompras.quality.fields import (
    clean_text,
    codelist_closed,
    codelist_open,
    coverage,
    currency_known,
    date_range,
    document_format,
    document_type,
    document_url,
    email_format,
    empty_text,
    identifier_format,
    identifier_scheme,
    language_code,
    nit_check_digit,
    process_identifier,
    telephone_format,
    unspsc_code,
    unspsc_segment,
)

CHECKS: tuple[Check, ...] = tuple(
    module.CHECK
    for module in (
        coverage,
        empty_text,
        clean_text,
        date_range,
        codelist_closed,
        codelist_open,
        currency_known,
        process_identifier,
        identifier_scheme,
        identifier_format,
        nit_check_digit,
        unspsc_code,
        unspsc_segment,
        document_type,
        document_format,
        document_url,
        language_code,
        email_format,
        telephone_format,
    )
)
