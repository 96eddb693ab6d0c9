"""Random numbers that depend on their place only: a stream's name and a counter give the draw (SplitMix64).

No state and no order of use: any chunk, table or process computes the same draw again, so nothing has to be kept.
Integer arithmetic and IEEE additions and multiplications only, never `pow` or `log`, which differ between machines.
What is drawn, and from which tables, is `world` and `month`.
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import polars as pl
import pyarrow as pa

_GOLDEN = 0x9E3779B97F4A7C15
_MIX_1 = 0xBF58476D1CE4E5B9
_MIX_2 = 0x94D049BB133111EB
_SLOT_BITS = 16  # weighted choices are exact to 1 in 65,536


class Draws:
    """The draws of one scope, for example `(seed, "2026-05")`; `name` tells the streams within it apart."""

    def __init__(self, *scope: int | str) -> None:
        self._scope = "/".join(map(str, scope))

    def bits(self, name: str, counter: pl.Series) -> pl.Series:
        """64 uniform bits (UInt64) for each value of `counter` (UInt64)."""
        key = hashlib.blake2b(f"{self._scope}/{name}".encode(), digest_size=8).digest()
        z = counter * _u64(_GOLDEN) + _u64(int.from_bytes(key, "little"))
        z = (z ^ (z // (1 << 30))) * _u64(_MIX_1)
        z = (z ^ (z // (1 << 27))) * _u64(_MIX_2)
        return z ^ (z // (1 << 31))

    def below(self, name: str, counter: pl.Series, bound: int | pl.Series) -> pl.Series:
        """Whole numbers (Int64) in [0, bound), bound at most 2**32."""
        high = self.bits(name, counter) // (1 << 32)
        if isinstance(bound, pl.Series):
            bound = bound.cast(pl.UInt64)
        return (high * bound // (1 << 32)).cast(pl.Int64)

    def unit(self, name: str, counter: pl.Series) -> pl.Series:
        """Numbers (Float64) in [0, 1)."""
        return (self.bits(name, counter) // (1 << 11)).cast(pl.Float64) * 2.0**-53

    def chance(self, name: str, counter: pl.Series, probability: float) -> pl.Series:
        """True with this probability."""
        return self.unit(name, counter) < probability

    def choice(self, name: str, counter: pl.Series, slots: pl.Series) -> pl.Series:
        """One value of a `weighted` table for each counter."""
        return slots.gather(self.bits(name, counter) // (1 << (64 - _SLOT_BITS)))

    def hex_ids(self, name: str, counter: pl.Series) -> pl.Series:
        """32 upper-case hex digits (the look of Guatecompras' MD5 ids) for each counter."""
        if counter.is_empty():
            return pl.Series(dtype=pl.String)
        halves = pl.DataFrame([self.bits(name + "/a", counter).alias("a"), self.bits(name + "/b", counter).alias("b")])
        words = halves.select(pl.concat_list("a", "b").explode()).to_series().rechunk()
        data = words.to_arrow().buffers()[1]
        binary = pl.Series(pa.Array.from_buffers(pa.binary(16), len(counter), [None, data]))
        return binary.bin.encode("hex").str.to_uppercase()


def weighted(values: Sequence[int], weights: Sequence[float]) -> pl.Series:
    """A table of 65,536 slots (Int64) in which each value has its share."""
    return _slots(tuple(values), tuple(weights))


@lru_cache(maxsize=256)
def _slots(values: tuple[int, ...], weights: tuple[float, ...]) -> pl.Series:
    total, done = sum(weights), 0.0
    counts: list[int] = []
    for weight in weights:
        done += weight
        counts.append(round(done / total * (1 << _SLOT_BITS)) - sum(counts))
    kept = [(value, count) for value, count in zip(values, counts, strict=True) if count]
    frame = pl.DataFrame(kept, orient="row", schema={"value": pl.Int64, "count": pl.Int64})
    return frame.select(pl.col("value").repeat_by("count").explode()).to_series().rechunk()


class Quantiles:
    """Distributions given by their values at 0, 5, 25, 50, 75, 95 and 100 %, straight lines between: one a row."""

    _AT = (0, 5, 25, 50, 75, 95, 100)

    def __init__(self, rows: Sequence[Sequence[float]]) -> None:
        points: list[float] = []
        for row in rows:
            for (a, b), (low, high) in zip(pairwise(self._AT), pairwise(row), strict=True):
                points += [low + (high - low) * (step - a) / (b - a) for step in range(a, b)]
            points += [row[-1]]
        self._points = pl.Series(points, dtype=pl.Float64)

    def at(self, row: pl.Series, unit: pl.Series) -> pl.Series:
        """The value (Float64) of distribution `row` (Int64) at `unit`, in [0, 1)."""
        percent = unit * 100.0
        whole = percent.cast(pl.Int64)
        first = row * 101 + whole
        low, high = self._points.gather(first), self._points.gather(first + 1)
        return low + (high - low) * (percent - whole.cast(pl.Float64))


@lru_cache(maxsize=1024)
def _u64(value: int) -> pl.Series:
    return pl.Series([value], dtype=pl.UInt64)
