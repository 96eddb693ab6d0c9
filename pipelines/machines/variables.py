"""Which environment variables spread months over machines: apart from `broker.py`, which reads them and needs Celery installed."""

from guatecompras.variables import Variable

BROKER_VARIABLE, BACKEND_VARIABLE = "GUATECOMPRAS_CELERY_BROKER", "GUATECOMPRAS_CELERY_BACKEND"
MONTHS_VARIABLE = "GUATECOMPRAS_MONTHS_AT_ONCE"
VARIABLES = (
    Variable(
        BROKER_VARIABLE,
        "the Celery broker that hands months to workers: redis://:PASSWORD@HOST:6379/0; "
        "with TLS rediss://…?ssl_cert_reqs=required",
        secret=True,
    ),
    Variable(
        BACKEND_VARIABLE,
        "where Celery notes who works at what, if it is not the broker",
        secret=True,
    ),
    Variable(MONTHS_VARIABLE, "months under way at once on all machines: the workers' --concurrency, added up"),
)
