"""The rules on personal data: who is a natural person, what is withheld of whom, what was published before, and what is told."""

import gzip
from pathlib import Path

import orjson
import polars as pl
import pytest

from guatecompras import personal, snapshot
from guatecompras.contract import CONTACT, REJECTS_SCHEMA, TABLES
from guatecompras.demo import month_tables
from guatecompras.errors import GuatecomprasError
from guatecompras.months import Month
from guatecompras.ocds import cohort
from guatecompras.people import is_natural
from guatecompras.personal import FILE, WITHHELD, Policy, load
from guatecompras.policy.document import build
from guatecompras.policy.facts import Facts
from guatecompras.publication import maker_of
from guatecompras.quality.rules import load as load_rules
from guatecompras.settings import Settings
from guatecompras.stores import LocalStore
from resources.sources.demo import DemoSource
from tests.publications import published

MONTH = Month(2026, 1)
# Everything may be published.
OPEN = load("".join(f"[{rule}]\npublish = true\n" for rule in load().withheld))
ONE = {"nombre": "ANA", "correo": "ana@x.example", "telefono": "5544"}


def _party(**told: object) -> pl.DataFrame:
    row = dict.fromkeys(TABLES["partes"].schema) | {"nog": 1, "esquema": "GT-NIT", "identificador": "123"} | told
    return pl.DataFrame([row], schema=TABLES["partes"].schema)


CONTACTS = {
    "contacto_nombre": "ANA",
    "contacto_correo": "ana@x.example",
    "contacto_telefono": "5544",
    "contacto_fax": "5545",
    "direccion": "1a calle",
    "municipio": "MIXCO",
    "contactos_adicionales": [ONE],
}


@pytest.mark.parametrize(
    ("scheme", "legal_kind", "kind", "name", "natural"),
    [
        ("GT-NIT", "INDIVIDUAL", None, "PÉREZ,LÓPEZ,,ANA", True),
        ("GT-NIT", "Comerciante individual", None, "ALMACÉN ANA", True),
        ("GT-NIT", "SOCIEDAD ANÓNIMA", None, "PÉREZ,LÓPEZ,,ANA", False),
        ("GT-GCID", "INDIVIDUAL", None, "ANA PÉREZ", True),
        # Of whom nobody tells what they are: protected, unless their name is a company's or they are of the State.
        ("GT-NIT", None, None, "PÉREZ,LÓPEZ,,ANA", True),
        ("GT-NIT", None, None, "ANA PÉREZ", True),
        ("GT-NIT", None, None, None, True),
        ("GT-NIT", None, None, "PAPELERÍA ANA, SOCIEDAD ANÓNIMA", False),
        ("GT-NIT", None, "Sector Público", "MUNICIPALIDAD DE MIXCO", False),
        ("GT-CISP", None, None, "PÉREZ,LÓPEZ,,ANA", False),
        ("GT-GCUC", None, None, None, False),
    ],
)
def test_who_is_a_natural_person(
    scheme: str, legal_kind: str | None, kind: str | None, name: str | None, natural: bool
) -> None:
    columns = (pl.lit(value, pl.String) for value in (scheme, legal_kind, kind, name))
    assert pl.select(is_natural(*columns)).item() is natural


def test_of_a_natural_person_name_number_and_town_are_left() -> None:
    kept = (
        load()
        .apply("partes", _party(nombre="PÉREZ,LÓPEZ,,ANA", tipo_persona="INDIVIDUAL", **CONTACTS))
        .row(0, named=True)
    )
    told = {name for name, value in kept.items() if value is not None}
    assert told == {"nog", "esquema", "identificador", "nombre", "municipio", "tipo_persona"}


@pytest.mark.parametrize(
    "told", [{"tipo_persona": "SOCIEDAD ANÓNIMA", "nombre": "A, S.A."}, {"esquema": "GT-CISP", "nombre": "MUNI"}]
)
def test_of_others_all_is_left(told: dict[str, str]) -> None:
    party = _party(**told, **CONTACTS)
    assert load().apply("partes", party).equals(party)


def test_each_rule_withholds_what_it_names() -> None:
    """One rule at a time, of whom it is about, of all the fields there are."""
    kinds = {
        "persona": _party(tipo_persona="INDIVIDUAL", nombre="ANA", **CONTACTS),
        "empresa": _party(tipo_persona="SOCIEDAD ANÓNIMA", nombre="A", **CONTACTS),
        "entidad": _party(esquema="GT-CISP", nombre="MUNI", **CONTACTS),
    }
    for rule in (rule for rule in load().rules if rule.of in kinds and not rule.fixed):
        others = "".join(f"[{other}]\npublish = true\n" for other in load().withheld if other != rule.id)
        policy = load(f"{others}[{rule.id}]\npublish = false\n")
        assert policy.withheld == (rule.id,)
        for kind, party in kinds.items():
            row = policy.apply("partes", party).row(0, named=True)
            gone = {name for name in CONTACTS if row[name] is None} - {"contactos_adicionales"}
            for name in (field.name for field in CONTACT.fields):
                if row["contactos_adicionales"] is None or row["contactos_adicionales"][0][name] is None:
                    gone.add(f"contactos_adicionales.{name}")
            assert gone == (set(rule.fields) if kind == rule.of else set()), (rule.id, kind)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Servicios de Ana, CUI 2345 67890 0101", f"Servicios de Ana, CUI {WITHHELD}"),
        ("2345678900101", WITHHELD),
        ("(2345-67890-2216)", f"({WITHHELD})"),
        # No department 23, no municipality 00, other lengths, codes that go on.
        ("2345 67890 2301", None),
        ("2345 67890 0100", None),
        ("23456 67890 0101", None),
        ("23456789001010", None),
        ("A2345678900101", None),
        ("NOG 30000001 del 2026", None),
    ],
)
def test_the_form_of_a_cui(text: str, left: str | None) -> None:
    rows = pl.DataFrame({"nog": [1], "descripcion": [text]})
    assert load().apply("concursos", rows)["descripcion"].to_list() == [left or text]


def test_addresses_in_texts_stay_unless_they_are_withheld() -> None:
    rows = pl.DataFrame({"nog": [1], "descripcion": ["Ofertas a compras@muni.example."]})
    assert load().apply("concursos", rows).equals(rows)
    told = load("[correo_en_texto]\npublish = false\n").apply("concursos", rows)
    assert told["descripcion"].to_list() == [f"Ofertas a {WITHHELD}."]


def _reject(**told: str | int | None) -> dict[str, object]:
    row: dict[str, object] = {"nog": 1, "tabla": "partes", "clave": "nog=1 esquema=GT-NIT identificador=99"}
    return row | {"columna": "identificador", "valor": "99", "nivel": "fila", "motivo": "parte sin papel"} | told


def test_rejects_say_that_there_was_somebody_not_who() -> None:
    entity = "nog=1 esquema=GT-CISP identificador=77"
    rejects = pl.DataFrame(
        [
            _reject(),
            _reject(columna="contacto_correo", valor="x@@y", nivel="valor"),
            _reject(clave=entity, valor="77"),
            _reject(clave="nog=1 esquema=GT-NIT identificador=55", motivo="clave repetida", valor="55"),
            _reject(tabla="ofertas", clave="nog=1 oferta_id=2345678900101", columna="monto", valor="-1"),
        ],
        schema=REJECTS_SCHEMA,
    )
    told = load().apply_to_rejects(rejects).select("clave", "valor").rows()
    somebody = f"nog=1 esquema=GT-NIT identificador={WITHHELD}"
    assert told == [
        (somebody, WITHHELD),
        (somebody, WITHHELD),
        (entity, "77"),
        ("nog=1 esquema=GT-NIT identificador=55", "55"),
        (f"nog=1 oferta_id={WITHHELD}", "-1"),
    ]
    assert OPEN.apply_to_rejects(rejects).equals(rejects)


def test_applying_twice_does_nothing() -> None:
    for name, rows in next(iter(month_tables(MONTH, 40, 1))).items():
        once = load().apply(name, rows)
        assert load().apply(name, once).equals(once)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, cohort.Cohort]:
    """A month made under both policies."""
    made = {}
    for name, policy in (("open", OPEN), ("withheld", load())):
        folder = tmp_path_factory.mktemp(name)
        with DemoSource(60).open(MONTH) as reading:
            taken = snapshot.take(reading, MONTH, folder / "source", policy)
        made[name] = cohort.build(taken, folder, Settings())
    return made


@pytest.mark.parametrize("which", ["releases", "records"])
def test_what_was_public_is_cleaned_to_what_is_made_now(built: dict[str, cohort.Cohort], which: str) -> None:
    before, now = (
        gzip.decompress(getattr(built[name], which).read_bytes()).splitlines() for name in ("open", "withheld")
    )
    assert before != now
    assert load().cleaned(before) == now
    assert load().cleaned(now) == now
    assert OPEN.cleaned(before) == before


def test_what_is_gone_is_marked(built: dict[str, cohort.Cohort]) -> None:
    before = gzip.decompress(built["open"].records.read_bytes()).splitlines()
    marked = load().marked(before)
    assert sum(text.count(WITHHELD.encode()) for text in marked) > len(before) / 2
    assert b"correo.example" in b"".join(before)
    assert b"correo.example" not in b"".join(marked)


# The file.


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[nada]\npublish = true", "there is no rule 'nada'"),
        ("[cui]\nof = 'persona'", "cui: only publish and reason can be set"),
        ("[cui]\npublish = 'yes'", "cui: publish is true or false"),
        ("cui = 1", "cui: only publish and reason can be set"),
        ("[persona_nombre]\npublish = false", "persona_nombre cannot be switched"),
        ("[cui", "the rules on personal data: "),
    ],
)
def test_what_is_wrong_in_a_file_is_told(text: str, wrong: str) -> None:
    with pytest.raises(GuatecomprasError, match=wrong):
        load(text)


def test_a_file_of_an_operator_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rules.toml"
    path.write_text("[persona_correo]\npublish = true\nreason = 'Con su consentimiento.'\n", encoding="utf-8")
    monkeypatch.setenv("GUATECOMPRAS_PERSONAL_DATA", str(path))
    settings = Settings.from_environment()
    rule = next(rule for rule in load(settings.personal_data).rules if rule.id == "persona_correo")
    assert (rule.publish, rule.reason) == (True, "Con su consentimiento.")
    # It decides the bytes, so another version is made.
    assert maker_of(settings) != maker_of(Settings())


def test_which_policies_let_less_be_public() -> None:
    everything, now = None, load().told
    assert not load().covers(everything)
    assert OPEN.covers(everything)
    assert load().covers(now)
    assert OPEN.covers(now)
    assert not load().covers(OPEN.told)
    assert not load("[empresa_contacto]\npublish = false\n").covers(now)


def test_our_own_file_has_a_reason_and_a_basis_for_each_rule() -> None:
    assert FILE.name == "personal.toml"
    for rule in load().rules:
        assert all((rule.title, rule.reason.endswith("."), rule.basis, rule.fields)), rule.id


# What is told.


@pytest.mark.parametrize("policy", [load(), OPEN])
def test_the_public_policy_says_what_is_applied(policy: Policy) -> None:
    told = build(Facts("https://x.example", "", "MINFIN", "https://y.example", personal=policy))
    section = next(section for section in told.sections if section.id == "personales")
    words = [[" ".join(span.text for span in line) for line in block.lines] for block in section.blocks]
    published, withheld = (words[place + 1] for place, lines in enumerate(words) if lines[0].startswith("Qué "))
    assert [len(published), len(withheld)] == [
        sum(rule.publish for rule in policy.rules),
        len(policy.withheld) or 1,
    ]
    assert all(rule.title in published[place] for place, rule in enumerate(r for r in policy.rules if r.publish))
    note = next(entry.note for entry in told.dictionary if entry.field.path == "parties/contactPoint/email")
    assert ("No se publica de personas individuales" in note) is bool(policy.withheld)


def test_what_is_withheld_is_no_fault_of_quality_and_is_told(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    entry = published(store, 1, size=200)
    folder = store.version_folder("2026-01", entry["version"])
    report = orjson.loads((folder / "quality.json").read_bytes())
    coverage = next(check for check in report["checks"] if check["id"] == "coverage")
    assert coverage["passed"]
    there = report["coverage"]["parties/contactPoint"]
    minimum = load_rules()["coverage"].parameters["minimum"]
    assert isinstance(minimum, dict)
    # Without the policy it would be one.
    assert there["present"] / there["possible"] < minimum["parties/contactPoint"]
    assert report["withheld"] == [rule.title for rule in load().rules if not rule.publish]
    assert report["withheld"][0] in (folder / "quality.html").read_text(encoding="utf-8")


def test_nothing_else_reads_the_rules() -> None:
    """One place: only the snapshot, and what was public, are changed by them."""
    callers = {
        path.relative_to(FILE.parents[1]).as_posix()
        for path in FILE.parents[1].rglob("*.py")
        if any(
            call in path.read_text(encoding="utf-8") for call in ("policy.apply", "policy.cleaned(", "policy.marked(")
        )
    }
    assert callers == {"snapshot.py", "ocds/earlier.py", "changes/table.py"}
    assert personal.WITHHELD not in FILE.read_text(encoding="utf-8")
