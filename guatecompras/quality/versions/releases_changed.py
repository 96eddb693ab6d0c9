"""Check: a release that is public says the same under its id for good; news are a new release."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, Previous, judge
from guatecompras.quality.loss import NOTHING, with_previous

_DIGEST = "sha256"


def _find(month: Month, previous: Previous) -> Finding:
    # Another code may write the same facts in other words, all releases at once: that is a decision of ours, which the
    # manifest shows, and says nothing about the source. What matters whoever caused it (ids and fields that are gone,
    # amounts that moved) the other checks of this room judge in any case.
    if not previous.same_code or _DIGEST not in previous.scan("releases").collect_schema():
        return NOTHING
    before = previous.scan("releases").select("id", before=_DIGEST)
    rows = month.scan("releases").select("nog", "id", now=_DIGEST).join(before, on="id")
    return judge(rows, pl.col("now") != pl.col("before"), "id", "id")


CHECK = Check(
    id="releases_changed",
    version="1",
    level="version",
    dimension="estabilidad",
    asset="tables/releases",
    paths=("id",),
    meaning="Una publicación ya pública no cambia: lo nuevo se da a conocer en una publicación nueva.",
    description="Releases of the public version say the same, byte for byte; judged when the same code made both versions.",
    find=with_previous(_find),
)
