"""One synthetic month: the nine contract tables, chunk by chunk, each table computable on its own.

A `Plan` holds what the concursos of a chunk have in common (who, how, when, how it ended); each table is then derived
from it by place-addressed draws, so asking for one table never needs another one to be kept. Calibrated on the official
file of May 2026 and on the finished concursos of one municipality; see the numbers beside the constants.
The words and the parties are `world`'s business; delivering the tables as a source is `resources/sources/demo.py`'s.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache

import polars as pl

from guatecompras.contract import PLAUSIBLE_YEARS, TABLES
from guatecompras.demo.draws import Draws, weighted
from guatecompras.demo.plan import CHILDREN, DAY, EPOCH, MAX_SIZE, Plan, Rows, nogs_of
from guatecompras.demo.schemes import planted
from guatecompras.demo.world import World, world
from guatecompras.errors import MonthError
from guatecompras.months import FIRST_MONTH, TIME_ZONE, Month

CHUNK = 5_000
LAST_MONTH = f"{PLAUSIBLE_YEARS[1]}-12"
HORIZON_DAYS = 120  # nothing happens later than this after the month

_KEPT_PLANS = 64  # 320,000 concursos, 64 MB

_UTC_SHIFT = 6 * 3_600

# How a finished month ended: 477 finished concursos of a municipality, desiertos and prescindidos by yearly totals.
ADJUDICADO, DESIERTO, PRESCINDIDO, NO_ADJUDICADO, EVALUACION, SUSPENDIDO, VIGENTE = 3, 5, 4, 20, 2, 18, 1
_OUTCOMES = {
    ADJUDICADO: 65.0, DESIERTO: 12.0, PRESCINDIDO: 13.0, NO_ADJUDICADO: 6.0, EVALUACION: 2.4,
    SUSPENDIDO: 1.0, VIGENTE: 0.6,
}  # fmt: skip
# Bidders per concurso with bidders, January to July 2026 (%).
_BIDDERS = {
    1: 57.03, 2: 18.73, 3: 10.71, 4: 5.44, 5: 2.99, 6: 1.73, 7: 1.06, 8: 0.67, 9: 0.47, 10: 0.4,
    11: 0.25, 12: 0.2, 14: 0.15, 17: 0.1, 20: 0.05, 23: 0.02,
}  # fmt: skip
# Attributes of an item beyond the two every one has: mean 1.19, up to 64.
_EXTRAS = {0: 33.0, 1: 39.0, 2: 15.5, 3: 6.5, 4: 3.0, 6: 2.0, 9: 0.6, 14: 0.25, 30: 0.1, 64: 0.03}
# Documents at publication: mean 3.33 over all modalities, up to 30.
_DOCUMENTS = {
    "directa": {1: 2.0, 2: 32.0, 3: 38.0, 4: 16.0, 5: 7.0, 6: 3.0, 7: 1.0, 8: 1.0},
    "formal": {10: 10.0, 11: 15.0, 12: 20.0, 13: 20.0, 15: 15.0, 17: 12.0, 19: 6.0, 20: 2.0},
}
_SHARE_CONTRACT = {"formal": 0.62, "especial": 0.22, "directa": 0.022, "ausencia": 0.05}
_SHARE_OPENING_SEEN = 0.46  # of the openings, those that the nightly publication shows before the decision
_NUMBER_FORMATS = ("DAJ-{}-{}", "{}-{}", "CONTRATO ADMINISTRATIVO {}-{}", "AC-{}-{}")


def month_tables(month: Month, size: int, seed: int, schemes: bool = False) -> Iterator[dict[str, pl.DataFrame]]:
    """Yield the nine tables of a finished month, some 5,000 of its `size` concursos at a time, in ascending NOG.

    Every frame has exactly the contract's columns and types and is sorted by (nog, the table's order); the same
    (month, size, seed) gives the same rows everywhere. `schemes`: after those of the month come the planted ones.
    Raises MonthError outside FIRST_MONTH to LAST_MONTH, ValueError when `size` is not 1 to MAX_SIZE.
    """
    return DemoMonth(month, size, seed, schemes).chunks()


class DemoMonth:
    """One synthetic month of which tables can be asked one by one. Raises as `month_tables` does.

    Keeps what it decided about the first concursos (some 200 bytes each): nine tables must not cost nine times.
    """

    def __init__(self, month: Month, size: int, seed: int, schemes: bool = False) -> None:
        if not FIRST_MONTH <= str(month) <= LAST_MONTH:
            raise MonthError(f"{month} has no demo: months go from {FIRST_MONTH} to {LAST_MONTH}")
        if not 1 <= size <= MAX_SIZE:
            raise ValueError(f"size must be 1 to {MAX_SIZE:,}: {size}")
        self._month, self._size, self._seed, self._schemes = month, size, seed, schemes
        self._kept: dict[int, Plan] = {}

    def chunks(self) -> Iterator[dict[str, pl.DataFrame]]:
        """All tables, CHUNK concursos at a time."""
        for plan in self._plans():
            yield {name: _table(plan, name) for name in TABLES}

    def table(self, name: str) -> Iterator[pl.DataFrame]:
        """The frames of one table, without computing the others."""
        for plan in self._plans():
            yield _table(plan, name)

    def last_update(self) -> datetime:
        """The latest `fecha_actualizacion` (naive, local)."""
        latest = max(int(_seconds_of_update(plan).sort()[-1]) for plan in self._plans())
        return EPOCH + timedelta(seconds=latest)

    def _plans(self) -> Iterator[Plan]:
        for start in range(0, self._size, CHUNK):
            plan = self._kept.get(start)
            if plan is None:
                plan = _plan(self._month, self._size, self._seed, start, min(start + CHUNK, self._size))
                if len(self._kept) < _KEPT_PLANS:
                    self._kept[start] = plan
            yield plan
        if self._schemes:
            yield planted(self._month, self._size, self._seed)


def _table(plan: Plan, name: str) -> pl.DataFrame:
    frame = _BUILDERS[name](plan)
    table = TABLES[name]
    return frame.select(pl.col(column).cast(dtype) for column, dtype in table.schema.items()).sort("nog", *table.order)


def _plan(month: Month, size: int, seed: int, start: int, stop: int) -> Plan:
    """Decide the concursos `start` to `stop` of the month: who, how, when."""
    draws = Draws(seed, str(month), size)
    country = world(seed)
    place = pl.int_range(start, stop, eager=True, dtype=pl.UInt64)
    frame = pl.DataFrame({"nog": _nogs(month, size, draws, place)})
    frame = _who(frame, draws, country, place)
    frame = frame.with_columns(publicacion=_publication(month, size, draws, place))
    frame = _outcome(frame, draws, country, place)
    frame = _reception(frame, draws, country, place)
    frame = _decision(frame, draws, country, place)
    return Plan(month, draws, country, place, frame)


def _nogs(month: Month, size: int, draws: Draws, place: pl.Series) -> pl.Series:
    """Ascending NOGs."""
    first, step = nogs_of(month, size)
    return first + place.cast(pl.Int64) * step + draws.below("nog", place, step)


def _who(frame: pl.DataFrame, draws: Draws, country: World, place: pl.Series) -> pl.DataFrame:
    """Modality, entity, unit and line of goods: row numbers of the world's frames."""
    modality = draws.choice("modalidad", place, country.modality_slots)
    kind = country.modalities["clase"].gather(modality)
    small = kind.is_in(["directa", "ausencia"])
    entity = draws.choice("entidad", place, country.entity_slots["directa"]).zip_with(
        small, draws.choice("entidad/formal", place, country.entity_slots["formal"])
    )
    health = country.entity_health.gather(entity)
    line = draws.choice("rubro/salud", place, country.line_slots["salud"]).zip_with(
        health,
        draws.choice("rubro/otros", place, country.line_slots["otros"]).zip_with(
            kind != "formal", draws.choice("rubro/formal", place, country.line_slots["formal"])
        ),
    )
    units = country.entity_units.gather(entity)
    chosen = draws.unit("unidad", place)
    offset = (chosen * chosen * units.cast(pl.Float64)).cast(pl.Int64)
    return frame.with_columns(
        modalidad=modality,
        clase=kind,
        entidad=entity,
        rubro=line,
        # 99.1 % buy through a unit; the rest as the entity itself (unit 0)
        unidad=pl.when(~draws.chance("unidad 0", place, 0.009)).then(country.entity_first_unit.gather(entity) + offset),
        monto=_base_amount(draws, country, modality, place),
    )


def _base_amount(draws: Draws, country: World, modality: pl.Series, place: pl.Series) -> pl.Series:
    """The amount (centavos) the best offer asks: round figures as often as not."""
    quetzales = country.amount.at(modality, draws.unit("monto", place))
    cents = (quetzales * 100.0).cast(pl.Int64)
    rounding = pl.Series([2_500, 100, 1]).gather(draws.choice("redondeo", place, weighted((0, 1, 2), (45, 30, 25))))
    return (cents // rounding * rounding).clip(2_500)


@lru_cache(maxsize=64)
def _calendar(month: Month) -> pl.Series:
    """A weighted table of the month's days (seconds of their midnight): few on Saturdays, fewer on Sundays."""
    days = (month.end - month.start).days
    first = (month.start - EPOCH).days
    weights = [(1.0, 1.0, 1.0, 1.0, 1.0, 0.06, 0.03)[(first + day + 3) % 7] for day in range(days)]
    return weighted([(first + day) * DAY for day in range(days)], weights)


def _publication(month: Month, size: int, draws: Draws, place: pl.Series) -> pl.Series:
    """Through the month in the order of the NOGs, some drafts days later; mostly in office hours, never past 22:30."""
    slots = len(_calendar(month))
    slot = (place.cast(pl.Int64) * slots + draws.below("lugar", place, slots)) // size
    late = slot + draws.below("demora", place, slots // 8)
    day = _calendar(month).gather(late.zip_with(draws.chance("demora?", place, 0.08) & (late < slots), slot))
    evening = draws.below("noche", place, 18_000).set(~draws.chance("noche?", place, 0.06), 0)
    return day + 27_000 + draws.below("hora", place, 36_000) + evening


def _outcome(frame: pl.DataFrame, draws: Draws, country: World, place: pl.Series) -> pl.DataFrame:
    """How it ends and how many offer."""
    outcome = draws.choice("fin", place, weighted(list(_OUTCOMES), list(_OUTCOMES.values())))
    competition = country.lines["competencia"].gather(frame["rubro"])  # above 1: fewer bidders than usual
    table = weighted(list(_BIDDERS), list(_BIDDERS.values()))
    usual, extra = draws.choice("oferentes", place, table), draws.choice("oferentes/más", place, table)
    mood = draws.unit("competencia", place)
    direct = (country.modalities["metodo"] == "direct").gather(frame["modalidad"])
    frame = frame.with_columns(
        fin=pl.when(pl.col("clase") == "ausencia").then(ADJUDICADO).otherwise(outcome),
        _variant=draws.unit("variante", place),
        # who is contracted directly has no competitors
        _offers=pl.when(direct)
        .then(1)
        .when((usual == 1) & (mood > competition))
        .then((usual + extra).clip(upper_bound=23))
        .when((competition > 1.0) & (mood * competition > 1.0))
        .then(1)
        .otherwise(usual),
    )
    discarded = pl.col("fin") == PRESCINDIDO
    frame = frame.with_columns(
        # never opened: still in force, suspended, or half of those dropped
        abierto=~(pl.col("fin").is_in([SUSPENDIDO, VIGENTE]) | (discarded & (pl.col("_variant") < 0.5))),
        tras_adjudicar=discarded & (pl.col("_variant") >= 0.96),  # dropped after the award (Art. 37)
    )
    offers = pl.col("abierto") & (pl.col("fin") != DESIERTO) & ~(discarded & pl.col("_variant").is_between(0.5, 0.62))
    frame = frame.with_columns(oferentes=pl.when(offers).then("_offers").otherwise(0))
    awarded = pl.col("fin") == ADJUDICADO
    again = awarded & (pl.col("clase") != "ausencia") & draws.chance("inhabilita", place, 0.008)
    share = pl.col("clase").replace_strict(_SHARE_CONTRACT, return_dtype=pl.Float64)
    frame = frame.with_columns(inhabilita=again)
    return frame.with_columns(
        reparte=awarded & ~again & (pl.col("oferentes") > 1) & draws.chance("reparte", place, 0.08),
        contrata=awarded & ~again & (draws.unit("contrato", place) < share),
    ).drop("_variant", "_offers")


def _office(draws: Draws, name: str, place: pl.Series, time: pl.Expr) -> pl.Expr:
    """That day, or the Monday after it, at some time between 8:00 and 16:30."""
    day = time // DAY
    weekday = (day + 3) % 7
    day += pl.when(weekday > 4).then(7 - weekday).otherwise(0)
    return day * DAY + 28_800 + draws.below(f"oficina/{name}", place, 30_600)


def _days(draws: Draws, name: str, place: pl.Series, least: int, most: int) -> pl.Series:
    return (draws.below(f"días/{name}", place, most - least + 1) + least) * DAY


def _gap(draws: Draws, name: str, place: pl.Series) -> pl.Series:
    """Three minutes to two hours."""
    return draws.below(f"lapso/{name}", place, 7_000) + 180


def _reception(frame: pl.DataFrame, draws: Draws, country: World, place: pl.Series) -> pl.DataFrame:
    """From the publication to the opening: changes of the bases, suspensions, reception, reopening."""
    days = country.period_days.at(frame["modalidad"], draws.unit("plazo", place))
    short = pl.col("clase") == "ausencia"
    plain = pl.col("publicacion") + (days * float(DAY)).cast(pl.Int64)
    close = _office(draws, "cierre", place, plain) // DAY * DAY + 28_800 + draws.below("cierre", place, 9) * 1_800
    frame = frame.with_columns(cierre=pl.when(short).then(plain).otherwise(close))
    paused = pl.lit(draws.chance("suspende", place, 0.004)) & ~short & (pl.col("fin") != SUSPENDIDO)
    span = pl.col("cierre") - pl.col("publicacion")
    at = {name: draws.below(f"momento/{name}", place, 400) for name in ("modifica", "suspende")}
    frame = frame.with_columns(
        modificacion=pl.when(draws.chance("modifica", place, 0.045) & ~short).then(
            pl.col("publicacion") + span * (200 + at["modifica"]) // 1_000
        ),
        suspension=pl.when(paused | (pl.col("fin") == SUSPENDIDO)).then(
            pl.col("publicacion") + span * (650 + at["suspende"] // 4) // 1_000
        ),
        _paused=paused,
    )
    frame = frame.with_columns(
        reanudacion=pl.when("_paused").then(pl.col("suspension") + DAY + 60),
        cierre=pl.col("cierre") + pl.when("_paused").then(5 * DAY).otherwise(0),
    )
    reopened = (
        pl.col("abierto")
        & pl.col("clase").is_in(["directa", "especial"])
        & pl.col("fin").is_in([ADJUDICADO, DESIERTO, NO_ADJUDICADO, EVALUACION])
        & draws.chance("reabre", place, 0.036)
    )
    pending = pl.col("fin") == EVALUACION
    seen = draws.unit("se ve la apertura", place)
    shown = (
        reopened | pending | ((pl.col("clase") == "formal") & (seen < 0.9)) | (~short & (seen < _SHARE_OPENING_SEEN))
    )
    frame = frame.with_columns(
        recepcion=pl.when(pl.col("abierto") & shown).then(pl.col("cierre") + _gap(draws, "recepción", place)),
        _reopened=reopened,
    )
    frame = frame.with_columns(
        reapertura=pl.when("_reopened").then(_office(draws, "reapertura", place, pl.col("recepcion") + DAY))
    )
    second = _office(draws, "cierre/2", place, pl.col("reapertura") + _days(draws, "cierre/2", place, 2, 4))
    frame = frame.with_columns(cierre=pl.when("_reopened").then(second // DAY * DAY + 32_400).otherwise("cierre"))
    again = pl.col("_reopened") & (pending | draws.chance("se ve la reapertura", place, 0.6))
    return frame.with_columns(
        recepcion_2=pl.when(again).then(pl.col("cierre") + _gap(draws, "recepción/2", place))
    ).drop("_paused", "_reopened")


def _decision(frame: pl.DataFrame, draws: Draws, country: World, place: pl.Series) -> pl.DataFrame:
    """From the opening to the end: awards and their loss, other ends, contracts."""
    days = country.award_days.at(frame["modalidad"], draws.unit("adjudica", place))
    plain = pl.col("publicacion") + (days * float(DAY)).cast(pl.Int64)
    office = _office(draws, "decisión", place, plain)
    opened = pl.max_horizontal("cierre", "recepcion", "recepcion_2") + _gap(draws, "decisión", place)
    frame = frame.with_columns(
        _decided=pl.max_horizontal(opened, pl.when(pl.col("clase") == "ausencia").then(plain).otherwise(office)),
        _soon=pl.max_horizontal(
            opened, _office(draws, "desierto", place, pl.col("cierre") + _days(draws, "desierto", place, 0, 6))
        ),
        _late=pl.max_horizontal(
            opened, _office(draws, "prescinde", place, pl.col("cierre") + _days(draws, "prescinde", place, 1, 14))
        ),
        _early=pl.col("publicacion") + (pl.col("cierre") - pl.col("publicacion")) * 85 // 100,
    )
    frame = frame.with_columns(
        adjudicacion=pl.when((pl.col("fin") == ADJUDICADO) | pl.col("tras_adjudicar")).then("_decided")
    )
    frame = frame.with_columns(
        inhabilitacion=pl.when("inhabilita").then(
            _office(draws, "inhabilita", place, pl.col("adjudicacion") + _days(draws, "inhabilita", place, 2, 9))
        ),
        firma=pl.when("contrata").then(
            _office(draws, "firma", place, pl.col("adjudicacion") + _days(draws, "firma", place, 3, 18))
        ),
    )
    after = _office(draws, "otra vez", place, pl.col("inhabilitacion") + _days(draws, "otra vez", place, 1, 5))
    dropped = _office(draws, "anula", place, pl.col("adjudicacion") + _days(draws, "anula", place, 1, 9))
    frame = frame.with_columns(
        adjudicacion_2=pl.when(pl.col("inhabilita") & (pl.col("oferentes") > 1)).then(after),
        final=pl.when(pl.col("fin") == DESIERTO)
        .then("_soon")
        .when(pl.col("fin") == NO_ADJUDICADO)
        .then("_decided")
        .when(pl.col("tras_adjudicar"))
        .then(dropped)
        .when((pl.col("fin") == PRESCINDIDO) & pl.col("abierto"))
        .then("_late")
        .when(pl.col("fin") == PRESCINDIDO)
        .then("_early")
        .when(pl.col("inhabilita") & (pl.col("oferentes") == 1))
        .then(after),
        contrato=pl.max_horizontal(
            pl.col("firma") + _gap(draws, "contrato", place),
            _office(draws, "contrato", place, pl.col("firma") + _days(draws, "contrato", place, 0, 3)),
        ),
        # whoever loses the award and has no second bidder ends without award
        estatus=pl.when(pl.col("inhabilita") & (pl.col("oferentes") == 1)).then(NO_ADJUDICADO).otherwise("fin"),
    )
    return frame.drop("_decided", "_soon", "_late", "_early")


# The events in the order they happen: column of the plan, tipo, status after it (null: that of the end).
_EVENTS: tuple[tuple[str, str, int | None], ...] = (
    ("publicacion", "publicacion", VIGENTE),
    ("modificacion", "modificacion", VIGENTE),
    ("suspension", "cambio_estatus", SUSPENDIDO),
    ("reanudacion", "cambio_estatus", VIGENTE),
    ("recepcion", "recepcion_ofertas", EVALUACION),
    ("reapertura", "cambio_estatus", VIGENTE),
    ("recepcion_2", "recepcion_ofertas", EVALUACION),
    ("adjudicacion", "adjudicacion", ADJUDICADO),
    ("inhabilitacion", "inhabilitacion", EVALUACION),
    ("adjudicacion_2", "adjudicacion", ADJUDICADO),
    ("final", "cambio_estatus", None),
    ("contrato", "contrato", ADJUDICADO),
)
_EVENT_TIMES = [column for column, _, _ in _EVENTS]


def _rows(plan: Plan, counts: pl.Series | pl.Expr, first: int = 0) -> Rows:
    """`counts` children of each concurso, numbered from `first`."""
    frame = plan.frame.select(parent=pl.int_range(pl.len(), dtype=pl.UInt32), count=counts).filter(pl.col("count") > 0)
    frame = frame.select(
        pl.col("parent").repeat_by("count").explode(),
        number=pl.int_ranges(first, first + pl.col("count")).explode(),
    )
    parent, number = frame["parent"], frame["number"]
    return Rows(parent, number, plan.place.gather(parent) * CHILDREN + number.cast(pl.UInt64))


def _children(plan: Plan, column: str, number: int) -> Rows:
    """One child, number `number`, of each concurso where `column` is not null."""
    return _rows(plan, pl.col(column).is_not_null().cast(pl.Int64), number)


def _time(seconds: pl.Expr) -> pl.Expr:
    """Local seconds as the contract's timestamps."""
    return ((seconds + _UTC_SHIFT) * 1_000_000).cast(pl.Datetime("us", TIME_ZONE))


def _registered(plan: Plan, place: pl.Series, seconds: pl.Series, order: pl.Series) -> tuple[pl.Series, pl.Series]:
    """When event number `order` of a concurso became public: the next night about 01:00, as (seconds, 100 ns).

    Later events come later in the night, so the times of a concurso never coincide.
    """
    night = (seconds // DAY + 1) * DAY + 3_600 + 20 + order * 8 + plan.draws.below("registro", place, 7)
    return night, plan.draws.below("registro/fracción", place, 10_000_000)


def _seconds_of_update(plan: Plan) -> pl.Series:
    """`fecha_actualizacion`: the second in which the last event was public."""
    last = plan.frame.select(pl.max_horizontal(_EVENT_TIMES)).to_series()
    order = plan.frame.select(pl.sum_horizontal(pl.col(_EVENT_TIMES).is_not_null().cast(pl.Int64)) - 1).to_series()
    night, _ = _registered(plan, plan.place * CHILDREN + order.cast(pl.UInt64), last, order)
    return night + 1


def _concursos(plan: Plan) -> pl.DataFrame:
    draws, place, country, frame = plan.draws, plan.place, plan.world, plan.frame
    modality = frame["modalidad"]
    lines = country.lines[frame["rubro"]]
    code = country.modalities["modalidad"].gather(modality)
    second = draws.below("categoría", place, 14) + 1
    others = pl.when(lines["objeto"] == "bienes").then(pl.lit("servicios")).otherwise(pl.lit("bienes"))
    return frame.select(
        "nog",
        descripcion=_titles(plan),
        entidad_compradora=country.entity_number.gather(frame["entidad"]),
        unidad_compradora=country.unit_number.gather(frame["unidad"]).fill_null(0),
        tipo_entidad=country.entity_kind.gather(frame["entidad"]),
        sub_tipo_entidad=country.entity_level.gather(frame["entidad"]),
        modalidad=code,
        sub_modalidad=pl.when(code == 6).then(21 + draws.below("submodalidad", place, 7)),
        tipo_concurso=draws.choice("tipo", place, weighted((1, 2, 3), (97.5, 2, 0.5))),
        recepcion_ofertas=country.modalities["recepcion"].gather(modality),
        categorias=pl.when(draws.chance("categoría?", place, 0.03) & (second != lines["categoria"]))
        .then(pl.concat_list(lines["categoria"], second))
        .otherwise(pl.concat_list(lines["categoria"])),
        objeto=pl.when(~draws.chance("sin objeto", place, 0.0024)).then(lines["objeto"]),
        objetos_adicionales=pl.when(draws.chance("otro objeto", place, 0.004)).then(others),
        # where offers are given they are counted; where the reception closed without any, the source says 0
        numero_oferentes=pl.when(pl.col("abierto") & (pl.col("oferentes") == 0)).then(0),
        valor_estimado=_estimates(plan) / 100,
        moneda=pl.when(_estimates(plan).is_not_null()).then(pl.lit("GTQ")),
        fecha_publicacion=_time(pl.col("publicacion")),
        fecha_cro=_time(pl.col("cierre")),
        estatus_concurso="estatus",
        fecha_actualizacion=_time(pl.lit(_seconds_of_update(plan))),
    )


def _estimates(plan: Plan) -> pl.Series:
    """Estimated values (centavos) of all formal processes and a third of the others, to 12 % above the best offer."""
    place, frame = plan.place, plan.frame
    value = frame["monto"] * (1_000 + plan.draws.below("estimado", place, 121)) // 1_000
    value = pl.select(pl.min_horizontal(value, plan.ceiling())).to_series()
    known = (frame["clase"] == "formal") | plan.draws.chance("estimado?", place, 0.35)
    return value.set(~known, None)


def _titles(plan: Plan) -> pl.Series:
    """Titles with Guatecompras' habits: IGSS forms with tabs and `<br />`, leads, numbers, quotes, double spaces."""
    draws, place, country, frame = plan.draws, plan.place, plan.world, plan.frame
    lines = frame["rubro"]
    number = {
        name: (draws.below(f"título/{name}", place, bound) + 1).cast(pl.String)
        for name, bound in (
            ("evento", 1_900),
            ("código", 399_999),
            ("ppr", 79_999),
            ("siaf", 6_000),
            ("ref", 39_999),
            ("snip", 399_999),
        )
    }
    goods = country.goods[plan.first_good()]
    kind = (
        country.lines["objeto"]
        .gather(lines)
        .replace_strict({"bienes": 0, "servicios": 1, "obras": 2}, return_dtype=pl.Int64)
    )
    row = country.title_first.gather(kind) + draws.below("título", place, country.title_count.gather(kind))
    words = country.titles[row]
    unit = country.units["nombre"].gather(frame["unidad"])
    spot = country.entity_place.gather(frame["entidad"])
    name = pl.when(draws.chance("título/mayúsculas", place, 0.8)).then(goods["titulo"]).otherwise(goods["descripcion"])
    igss = country.entity_igss.gather(frame["entidad"]) & draws.chance("título/igss", place, 0.7)
    counted = (
        pl.when(words["numero"] == 1)
        .then(pl.format("{}-{}", number["evento"], pl.lit(plan.month.year)))
        .otherwise(pl.lit(""))
    )
    target = pl.when(kind == 2).then(spot).otherwise(pl.coalesce(unit, spot))
    snip = pl.when(kind == 2).then(pl.format(". SNIP {}", number["snip"])).otherwise(pl.lit(""))
    year = pl.lit(plan.month.year)
    form = pl.format(
        "EVENTO: \t{}-{}<br />CÓDIGO IGSS: \t{}<br />CÓDIGO PpR:\t{}<br />"
        "PEDIDO SIAF: \t{}-{}<br />REFERENCIA:\t{}<br />{}",
        number["evento"],
        year,
        number["código"],
        number["ppr"],
        number["siaf"],
        year,
        number["ref"],
        goods["titulo"],
    )
    common = pl.concat_str(words["inicio"], counted, words["medio"], name, words["fin"], target, snip, words["cierre"])
    return pl.select(pl.when(igss).then(form).otherwise(common)).to_series()


def _eventos(plan: Plan) -> pl.DataFrame:
    numbered = plan.frame.select("nog", "estatus", *_EVENT_TIMES, place=plan.place * CHILDREN)
    dropped = pl.col("estatus") == PRESCINDIDO  # the source calls this end an annulment
    parts = [
        numbered.select(
            "nog",
            "place",
            tipo=pl.when(dropped).then(pl.lit("anulacion")).otherwise(pl.lit(kind)) if status is None else pl.lit(kind),
            estatus_concurso=pl.col("estatus") if status is None else pl.lit(status, dtype=pl.Int64),
            seconds=pl.col(column),
        ).filter(pl.col("seconds").is_not_null())
        for column, kind, status in _EVENTS
    ]
    events = pl.concat(parts).sort("nog", "seconds")
    events = events.with_columns(order=pl.int_range(pl.len(), dtype=pl.Int64).over("nog"))
    place = events["place"] + events["order"].cast(pl.UInt64)
    night, fraction = _registered(plan, place, events["seconds"], events["order"])
    return events.select(
        "nog",
        "tipo",
        "estatus_concurso",
        evento_id=pl.format("{}-{}", "nog", pl.col("order") + 1),
        # the publication's event follows the publication by a second
        fecha_evento=_time(pl.col("seconds") + (pl.col("tipo") == "publicacion").cast(pl.Int64)),
        fecha_registro=((night + _UTC_SHIFT) * 1_000_000_000 + fraction * 100).cast(pl.Datetime("ns", TIME_ZONE)),
    )


def _partes(plan: Plan) -> pl.DataFrame:
    """The entity, the unit when there is one, and every bidder."""
    country, frame = plan.world, plan.frame
    rows = _rows(plan, pl.col("oferentes"))
    bought = frame.filter(pl.col("unidad").is_not_null())
    parts = (
        (frame["nog"], country.entities[frame["entidad"]]),
        (bought["nog"], country.units[bought["unidad"]]),
        (plan.nog.gather(rows.parent), country.suppliers[plan.bidder(rows)]),
    )
    return pl.concat([parties.with_columns(nog=nog) for nog, parties in parts])


def _renglones(plan: Plan) -> pl.DataFrame:
    country, draws = plan.world, plan.draws
    rows = _rows(plan, plan.item_counts())
    line = plan.frame["rubro"].gather(rows.parent)
    first = country.line_first_good.gather(line)
    chosen = first + (plan.first_good().gather(rows.parent) - first + rows.number) % country.line_goods.gather(line)
    goods = country.goods[chosen]
    most = goods["cantidad"]
    spread = draws.unit("cantidad", rows.place)
    whole = (spread * spread * most.cast(pl.Float64)).cast(pl.Int64) + 1
    metres = goods["unidad"].str.starts_with("Metro")
    hundredths = whole * 100 + draws.below("decimales", rows.place, 100).set(~metres, 0)
    estimate = (_estimates(plan) // plan.item_counts()).gather(rows.parent)
    price = estimate * 100 // hundredths
    return pl.select(
        nog=plan.nog.gather(rows.parent),
        renglon_id=draws.hex_ids("renglón", rows.place),
        orden=rows.number + 1,
        descripcion=goods["descripcion"],
        unspsc=goods["unspsc"].cast(pl.String),
        cantidad=hundredths / 100,
        unidad_medida=goods["unidad"],
        precio_unitario=pl.when(price > 0).then(price / 100),
        moneda=pl.when(price > 0).then(pl.lit("GTQ")),
    )


def _caracteristicas(plan: Plan) -> pl.DataFrame:
    """For each item its obligation, its features and now and then more text."""
    country, draws = plan.world, plan.draws
    items = _rows(plan, plan.item_counts())
    extras = draws.choice("adicionales", items.place, weighted(list(_EXTRAS), list(_EXTRAS.values())))
    frame = pl.DataFrame({"item": pl.int_range(len(extras), eager=True, dtype=pl.UInt32), "count": extras + 2})
    frame = frame.select(pl.col("item").repeat_by("count").explode(), order=pl.int_ranges(0, pl.col("count")).explode())
    item, order = frame["item"], frame["order"]
    place = items.place.gather(item) * CHILDREN + order.cast(pl.UInt64)
    line = plan.frame["rubro"].gather(items.parent)
    feature = line * country.features_per_line + draws.below("características", items.place, country.features_per_line)
    duty = pl.Series(["Obligatorio salvo excepciones", "Obligatorio", "Opcional"]).gather(
        draws.choice("obligatoriedad", items.place, weighted((0, 1, 2), (96, 3, 1)))
    )
    more = country.sentences.gather(draws.below("adicional", place, len(country.sentences)))
    return pl.select(
        nog=plan.nog.gather(items.parent).gather(item),
        renglon_id=draws.hex_ids("renglón", items.place).gather(item),
        caracteristica_id=draws.hex_ids("característica", place),
        orden=order + 1,
        nombre=pl.when(order == 0)
        .then(pl.lit("Tipo de obligatoriedad"))
        .when(order == 1)
        .then(pl.lit("Características"))
        .otherwise(pl.lit("Características Adicionales")),
        valor=pl.when(order == 0)
        .then(duty.gather(item))
        .when(order == 1)
        .then(country.features["texto"].gather(feature).gather(item))
        .otherwise(more),
    )


def _ofertas(plan: Plan) -> pl.DataFrame:
    rows = _rows(plan, pl.col("oferentes"))
    return pl.select(
        nog=plan.nog.gather(rows.parent),
        oferta_id=plan.draws.hex_ids("oferta", rows.place),
        proveedor=plan.world.supplier_id.gather(plan.bidder(rows)),
        monto=plan.bid_amount(rows) / 100,
        moneda=pl.lit("GTQ"),
        fecha=_time(pl.lit(plan.bid_time(rows))),
        estado=plan.bid_state(rows),
    )


def _award_rows(plan: Plan) -> pl.DataFrame:
    """Awards: the first one to bidder 0; to bidder 1 a part of it, or the whole after bidder 0 lost it."""
    frame = plan.frame
    first, second = (
        _children(plan, "adjudicacion", 0),
        _rows(plan, (pl.col("adjudicacion_2").is_not_null() | pl.col("reparte")).cast(pl.Int64), 1),
    )
    parts = []
    for rows, share in ((first, 60), (second, 40)):
        own = frame[rows.parent].select(
            "nog",
            seconds=pl.col("adjudicacion") if rows is first else pl.coalesce("adjudicacion_2", "adjudicacion"),
            lost=pl.coalesce("inhabilitacion", pl.when("tras_adjudicar").then("final"))
            if rows is first
            else pl.lit(None, dtype=pl.Int64),
            cents=pl.when("reparte").then(plan.bid_amount(rows) * share // 100).otherwise(plan.bid_amount(rows)),
            supplier=plan.bidder(rows),
        )
        parts.append(own)
    return pl.concat(parts)


def _award_ids(nog: pl.Series, supplier: pl.Series, country: World) -> pl.Series:
    return pl.select(pl.format("GT-ADJ-{}-{}", nog, country.suppliers["identificador"].gather(supplier))).to_series()


def _adjudicaciones(plan: Plan) -> pl.DataFrame:
    awards = _award_rows(plan)
    return awards.select(
        "nog",
        adjudicacion_id=_award_ids(awards["nog"], awards["supplier"], plan.world),
        proveedor=plan.world.supplier_id.gather(awards["supplier"]),
        monto=pl.col("cents") / 100,
        moneda=pl.lit("GTQ"),
        fecha_adjudicacion=_time(pl.col("seconds")),
        estado=pl.when(pl.col("lost").is_null()).then(pl.lit("habilitado")).otherwise(pl.lit("inhabilitado")),
        fecha_estado=_time(pl.col("lost")),
    )


def _contract_ids(plan: Plan, rows: Rows) -> pl.Series:
    number = plan.draws.hex_ids("contrato", plan.place.gather(rows.parent))
    return pl.select(pl.format("NOG-{}-CON-{}", plan.nog.gather(rows.parent), number)).to_series()


def _contratos(plan: Plan) -> pl.DataFrame:
    """One contract for the first award of some concursos; what ended within the horizon is `terminado`."""
    draws = plan.draws
    rows = _children(plan, "contrato", 0)
    frame = plan.frame[rows.parent]
    amount = plan.bid_amount(rows)
    start = (frame["firma"] // DAY + 1 + draws.below("vigencia", rows.place, 10)) * DAY
    days = pl.Series([30, 60, 90, 120, 180, 240, 330, 365]).gather(draws.below("vigencia/días", rows.place, 8))
    end = start + days * DAY
    horizon = ((plan.month.end - EPOCH).days + HORIZON_DAYS) * DAY
    numbers = (draws.below("contrato/número", rows.place, 480) + 1).cast(pl.String).str.zfill(3)
    style = draws.below("contrato/forma", rows.place, len(_NUMBER_FORMATS))
    numbered = pl.coalesce(
        pl.when(style == row).then(pl.format(text, numbers, pl.lit(plan.month.year)))
        for row, text in enumerate(_NUMBER_FORMATS)
    )
    return frame.select(
        "nog",
        contrato_id=_contract_ids(plan, rows),
        adjudicacion_id=_award_ids(frame["nog"], plan.bidder(rows), plan.world),
        numero_contrato=numbered,
        fecha_suscripcion=_time(pl.col("firma")),
        fecha_registro=_time(pl.col("contrato")),
        vigencia_inicio=_time(pl.lit(start)),
        vigencia_fin=_time(pl.lit(end)),
        monto=pl.when("reparte").then(amount * 60 // 100).otherwise(amount) / 100,
        moneda=pl.lit("GTQ"),
        estado=pl.when(pl.lit(end) < horizon).then(pl.lit("terminado")).otherwise(pl.lit("vigente")),
    )


def _documentos(plan: Plan) -> pl.DataFrame:
    """Documents of the call, of changes to it and of contracts, each dated by its own event."""
    first = plan.world.document_first
    call = _rows(plan, _call_counts(plan))
    formal = plan.formal_papers().gather(call.parent)
    later = 2 + plan.draws.choice("documento", call.place, weighted(range(6), (46, 24, 16, 3, 2, 9)))
    ordinary = call.number.zip_with(call.number < 2, later)
    signed = _rows(plan, pl.when(pl.col("contrato").is_not_null()).then(_signed_counts(plan)).otherwise(0), 50)
    parts = [
        (call, (first["formal"] + call.number).zip_with(formal, first["directa"] + ordinary), "publicacion"),
        *[
            (rows, pl.repeat(first[kind], len(rows.parent), eager=True, dtype=pl.Int64), kind)
            for rows, kind in (
                (_children(plan, "modificacion", 40), "modificacion"),
                (_children(plan, "reapertura", 41), "reapertura"),
            )
        ],
        (signed, first["contrato"] + signed.number - 50, "contrato"),
    ]
    return pl.concat([_document_rows(plan, rows, kind, column) for rows, kind, column in parts])


def _call_counts(plan: Plan) -> pl.Series:
    """Documents at publication; only works have those of a project (SNIP, feasibility, environment)."""
    counts = {
        name: plan.draws.choice(f"documentos/{name}", plan.place, weighted(list(table), list(table.values())))
        for name, table in _DOCUMENTS.items()
    }
    works = plan.world.lines["objeto"].gather(plan.frame["rubro"]) == "obras"
    formal = counts["formal"].clip(upper_bound=13).zip_with(~works, counts["formal"])
    return formal.zip_with(plan.formal_papers(), counts["directa"])


def _signed_counts(plan: Plan) -> pl.Series:
    return plan.draws.choice("documentos/contrato", plan.place, weighted((1, 2, 3), (88, 9, 3)))


def _document_rows(plan: Plan, rows: Rows, kind: pl.Series, column: str) -> pl.DataFrame:
    draws, country = plan.draws, plan.world
    words = country.documents[kind]
    nog = plan.nog.gather(rows.parent)
    extension = country.extensions.gather(draws.choice("extensión", rows.place, country.extension_slots))
    number = draws.below("archivo", rows.place, 8_900) + 100
    draft = words["tipo"].str.starts_with("Proyecto de ") & (
        words["tipo"] != "Proyecto de contrato"
    )  # published before the call
    seconds = plan.frame[column].gather(rows.parent)
    contract = _contract_ids(plan, rows) if column == "contrato" else pl.lit(None, dtype=pl.String)
    return pl.select(
        nog=nog,
        documento_id=draws.hex_ids("documento", rows.place),
        contrato_id=contract,
        tipo=words["tipo"],
        titulo=words["tipo"],
        url=pl.format(
            "http://www.guatecompras.gt/concursos/files/{}/{}@{}%20{}-{}.{}",
            nog // 5_000 + 1,
            nog,
            words["archivo"],
            number,
            pl.lit(plan.month.year),
            extension,
        ),
        extension=extension,
        fecha_publicacion=_time(
            pl.when(draft).then(seconds - _days(draws, "proyecto", rows.place, 4, 8)).otherwise(seconds)
        ),
    )


_BUILDERS: dict[str, Callable[[Plan], pl.DataFrame]] = {
    "concursos": _concursos,
    "eventos": _eventos,
    "partes": _partes,
    "renglones": _renglones,
    "caracteristicas": _caracteristicas,
    "ofertas": _ofertas,
    "adjudicaciones": _adjudicaciones,
    "contratos": _contratos,
    "documentos": _documentos,
}
