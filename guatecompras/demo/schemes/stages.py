"""Which schemes there are, and the actors they are played by. What each plants is `offers`', `purchases`' business."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import polars as pl

from guatecompras.contract import CONTACT
from guatecompras.demo.draws import Draws
from guatecompras.demo.schemes import offers, purchases
from guatecompras.demo.schemes.cases import UNITS, Case, Edit, Stage
from guatecompras.demo.world import (
    COMPANY,
    PERSON,
    World,
    buyer_fields,
    buyers,
    supplier_fields,
    suppliers_of,
    towns,
    world,
)
from guatecompras.months import Month


@dataclass(frozen=True)
class Scheme:
    """`name` is the stream it draws from and what `truth` calls it; `entities`: how many buyers of its own it has."""

    name: str
    build: Callable[[Stage], Iterator[Case]]
    entities: int = 2


# The place of a scheme numbers its suppliers: a new one comes last.
SCHEMES: tuple[Scheme, ...] = (
    Scheme("splitting", purchases.splitting, 4),
    Scheme("just under", purchases.just_under),
    Scheme("repeated", purchases.repeated, 3),
    Scheme("rotation", offers.rotation, 8),
    Scheme("same winner", offers.same_winner, 4),
    Scheme("phantoms", offers.phantoms, 4),
    Scheme("contacts", offers.contacts),
    Scheme("identical", offers.identical),
    Scheme("steps", offers.steps),
    Scheme("gaps", offers.gaps, 4),
    Scheme("single", offers.single),
    Scheme("all out", offers.all_out),
    Scheme("lowest out", offers.lowest_out),
    Scheme("strict buyers", offers.strict_buyers, 8),
    Scheme("weak bidders", offers.weak_bidders, 4),
    Scheme("order", offers.order, 4),
    Scheme("deserted", purchases.deserted, 6),
    Scheme("new suppliers", purchases.new_suppliers),
    Scheme("persons", purchases.persons),
    Scheme("bad nits", offers.bad_nits),
    Scheme("hurry", purchases.hurry),
    Scheme("short", purchases.short),
    Scheme("late", offers.late),
    Scheme("growth", purchases.growth, 4),
    Scheme("everything", purchases.everything, 4),
    Scheme("captive", purchases.captive, 16),
    Scheme("signed", purchases.signed),
)
_ENTITIES = sum(scheme.entities for scheme in SCHEMES)

# Numbers that the base does not give: of suppliers, of entities, of the bodies of their NITs (eight digits, entities' last).
_FIRST_SUPPLIER, _FIRST_NIT, _NIT_STEP = 1_000_000, 12_500_000, 7
_FIRST_ENTITY, _FIRST_CISP, _FIRST_ENTITY_NIT = 2_001, 22_100_001, 48_950


@lru_cache(maxsize=4)
def cases(month: Month, seed: int) -> tuple[Case, ...]:
    """Everything that is planted in a month, in the order of the calls."""
    played: list[Case] = []
    first = 0
    for number, scheme in enumerate(SCHEMES):
        played += scheme.build(Stage(month, seed, number, scheme.name, first, scheme.entities))
        first += scheme.entities
    return tuple(sorted(played, key=lambda case: case.published))


@lru_cache(maxsize=2)
def _buyers(seed: int) -> dict[str, Any]:
    """The entities: associations of neighbouring municipalities."""
    places = towns()
    named = list(zip(places["nombre"], places["nombre_departamento"], strict=True))
    joined = [
        (*named[number % len(named)], named[(number + 1 + number // len(named)) % len(named)][0])
        for number in range(_ENTITIES)
    ]
    rows = [
        {
            "entidad": _FIRST_ENTITY + number,
            "cisp": _FIRST_CISP + number,
            "nombre": f"MANCOMUNIDAD DE {town} Y {neighbour}",
            "tipo_entidad": 6,
            "nivel_id": 60,
            "nivel": "Mancomunidad",
            "peso": 0.0,
            "peso_formal": 0.0,
            "correo": f"mancomunidad{number + 1}",
            "clase": "central",
            "municipio": town,
            "departamento": region,
            "lugar": f"{town}, {region}",
            "salud": False,
            "igss": False,
        }
        for number, (town, region, neighbour) in enumerate(joined)
    ]
    return buyer_fields(*buyers(Draws(seed, "mundo", "esquemas"), rows, _FIRST_ENTITY_NIT))


def unit_row(entity: int, unit: int) -> int:
    """The row of a planted unit."""
    return entity * UNITS + unit


def stage_world(seed: int, suppliers: list[int], edits: tuple[Edit, ...]) -> World:
    """The country with the schemes' buyers and these suppliers, a row each, instead of its own."""
    counter = pl.Series(suppliers, dtype=pl.UInt64)
    number = counter.cast(pl.Int64)
    kind = pl.select(pl.when(pl.lit(number) % 2 == 1).then(PERSON).otherwise(COMPANY)).to_series()
    draws = Draws(seed, "mundo", "esquemas")
    body = _FIRST_NIT + number * _NIT_STEP + draws.below("nit/proveedor", counter, _NIT_STEP)
    frame = suppliers_of(draws, counter + _FIRST_SUPPLIER, kind, body).with_columns(
        # Drawn of whoever else is there, who are others in each month.
        contactos_adicionales=pl.lit(None, dtype=pl.List(CONTACT))
    )
    return replace(world(seed), **_buyers(seed), **supplier_fields(_edited(frame, suppliers, edits)))


def _edited(frame: pl.DataFrame, suppliers: list[int], edits: tuple[Edit, ...]) -> pl.DataFrame:
    """The parties with what is written over what was drawn."""
    keyed = frame.with_columns(_who=pl.Series(suppliers, dtype=pl.Int64))
    for column in sorted({edit.column for edit in edits}):
        given = {edit.supplier: edit.text for edit in edits if edit.column == column}
        text = pl.col("_who").replace_strict(given, default=pl.col(column), return_dtype=pl.String)
        keyed = keyed.with_columns(text.alias(column))
    return keyed.drop("_who")
