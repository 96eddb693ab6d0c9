"""What a month is like, in numbers that other months can be compared with: counts by method, status and category, amounts.

Whether a month differs too much is for the checks in `months/` and `versions/` to say.
"""

from guatecompras.quality.check import Distributions, Month


def measure(month: Month) -> Distributions:
    """The distributions of a month: name -> category -> number."""
    return {}
