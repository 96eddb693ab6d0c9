"""The domain: Guatecompras tables in, an OCDS publication out. Plain Python; nothing here knows Dagster.

What reads the outside world (databases, web APIs, alerts) lives in `resources/`; when and how things run in `pipelines/`.
"""

__version__ = "0.1.0"
