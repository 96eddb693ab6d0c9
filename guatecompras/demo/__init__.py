"""A synthetic Guatecompras: any number of concursos for any month, the same everywhere for the same seed.

`month` writes the months, `world` the country they happen in, `schemes` what may be planted, `draws` the random numbers.
The source adapter is `resources/sources/demo.py`.
"""

from guatecompras.demo.month import CHUNK, HORIZON_DAYS, LAST_MONTH, DemoMonth, month_tables
from guatecompras.demo.plan import MAX_SIZE

__all__ = ["CHUNK", "HORIZON_DAYS", "LAST_MONTH", "MAX_SIZE", "DemoMonth", "month_tables"]
