import json
from typing import Any

import jsonschema
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guatecompras.errors import GuatecomprasError
from guatecompras.ocds import mapping, profile
from guatecompras.ocds.validation import Fault, Kind, Validator
from tests.ocds import sample_release as sample

VALIDATORS: dict[Kind, Validator] = {"release": Validator("release"), "compiled": Validator("compiled")}
SAMPLES: dict[Kind, dict[str, Any]] = {"release": sample.release(), "compiled": sample.compiled()}
RELEASE = VALIDATORS["release"]


def line(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def agree(validator: Validator, data: bytes) -> bool:
    faults = validator.errors(data)
    assert validator.clear(data) is (not faults), (data, faults)
    return not faults


def test_the_sample_fills_every_path_and_is_clear() -> None:
    assert {sample.path(steps) for steps in sample.nodes(SAMPLES["release"])} == {
        "",
        *(field.path for field in mapping.fields()),
    }
    for kind, validator in VALIDATORS.items():
        assert agree(validator, line(SAMPLES[kind]))


def test_each_kind_refuses_the_other() -> None:
    assert {fault.path for fault in RELEASE.errors(line(SAMPLES["compiled"]))} == {"id", "tag/0"}
    assert {fault.path for fault in VALIDATORS["compiled"].errors(line(SAMPLES["release"]))} == {"id", "tag/0"}


def test_the_two_validators_agree_on_every_spoilt_value() -> None:
    lines = [line(document) for _, document in sample.mutations(SAMPLES["release"])]
    clear = RELEASE.clear_many(lines)
    assert len(lines) > 5000
    assert 500 < sum(clear) < 1500
    # Every one that passes; of the refused every eighth, which still meets each path in several ways.
    for number, (data, is_clear) in enumerate(zip(lines, clear, strict=True)):
        if is_clear or number % 8 == 0:
            assert agree(RELEASE, data) is is_clear


def test_what_is_required_and_nothing_else_may_be_left_out() -> None:
    required = {field.path for field in mapping.fields() if field.required}
    whole = SAMPLES["release"]
    for steps in sample.nodes(whole):
        if not steps or isinstance(steps[-1], int):
            continue
        spoilt = json.loads(line(whole))
        del sample.at(spoilt, steps[:-1])[steps[-1]]
        emptied = not sample.at(spoilt, steps[:-1])
        faults = RELEASE.errors(line(spoilt))
        where = "/".join(map(str, steps))
        if sample.path(steps) in required:
            assert faults == [Fault(where, "falta", "required")]
        elif emptied:
            assert [fault.keyword for fault in faults] == ["minProperties"]
        else:
            assert faults == []


@pytest.mark.parametrize(
    ("steps", "value", "fault"),
    [
        (("tender", "status"), "abierto", Fault("tender/status", 'no está en la lista de códigos: "abierto"', "enum")),
        (("tender", "title"), None, Fault("tender/title", "es nulo y debe ser texto: null", "type")),
        (("tender", "title"), "", Fault("tender/title", "es un texto vacío", "minLength")),
        (("awards", 0, "value", "amount"), -1, Fault("awards/0/value/amount", "es menor que 0: -1", "minimum")),
        (
            ("awards", 0, "value", "amount"),
            "1",
            Fault("awards/0/value/amount", 'es texto y debe ser número: "1"', "type"),
        ),
        (("tender", "items"), [], Fault("tender/items", "es una lista vacía", "minItems")),
        (
            ("tender", "numberOfTenderers"),
            1.0,
            Fault("tender/numberOfTenderers", "es número y debe ser entero: 1.0", "type"),
        ),
        (
            ("date",),
            "2026-02-30T00:00:00-06:00",
            Fault("date", 'no es una fecha válida: "2026-02-30T00:00:00-06:00"', "format"),
        ),
        (("ocid",), "ocds-xqjsxa-1\n", Fault("ocid", 'no tiene la forma debida: "ocds-xqjsxa-1\\n"', "pattern")),
        (("x\u2028y",), 1, Fault("x\\u2028y", "no es un campo del perfil", "additionalProperties")),
    ],
)
def test_faults_say_what_and_where(steps: tuple[Any, ...], value: Any, fault: Fault) -> None:
    spoilt = sample.release()
    sample.at(spoilt, steps[:-1])[steps[-1]] = value
    assert RELEASE.errors(line(spoilt)) == [fault]
    assert not RELEASE.clear(line(spoilt))


def test_messages_are_one_short_line() -> None:
    spoilt = sample.release()
    spoilt["tender"]["status"] = "á\n" * 500
    spoilt["tender"]["title"] = {"x": ["y" * 500]}
    for fault in RELEASE.errors(line(spoilt)):
        assert len(fault.message) < 130
        assert fault.message.isprintable()


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"NaN", b'{"a":1e999}', b"[" * 5000, b'\xef\xbb\xbf{"a":1}'])
def test_what_is_not_json(data: bytes) -> None:
    (fault,) = RELEASE.errors(data)
    assert (fault.path, fault.keyword) == ("", "json")
    assert "\n" not in fault.message
    assert RELEASE.clear_many([data, line(SAMPLES["release"])]) == [False, True]


@pytest.mark.parametrize("data", [b"null", b"[]", b"1", b'"x"', b"{}", b"true"])
def test_json_that_is_no_release(data: bytes) -> None:
    assert not agree(RELEASE, data)


def test_a_key_given_twice_counts_with_its_last_value() -> None:
    data = line(SAMPLES["release"])
    assert agree(RELEASE, b'{"ocid":null,' + data[1:])
    assert not agree(RELEASE, data[:-1] + b',"ocid":null}')


@pytest.mark.parametrize(
    ("number", "clear"),
    [("9223372036854775807", True), ("18446744073709551615", True), ("18446744073709551616", False), ("1e2", False)],
)
def test_integers_beyond_64_bits_are_none(number: str, clear: bool) -> None:
    data = line(SAMPLES["release"]).replace(b'"numberOfTenderers": 1', b'"numberOfTenderers": ' + number.encode())
    assert agree(RELEASE, data) is clear


@pytest.mark.parametrize("twin", [0.0, -0.0])
def test_equal_elements_are_found_whatever_their_number_form(twin: float) -> None:
    spoilt = sample.release()
    item = spoilt["tender"]["items"][0] | {"quantity": 0}
    spoilt["tender"]["items"] = [item, item | {"quantity": twin}]
    assert [fault.keyword for fault in RELEASE.errors(line(spoilt))] == ["uniqueItems"]
    assert not RELEASE.clear(line(spoilt))


NEAR_TIMES = st.from_regex(r"\d{4}-[0-3]\d-[0-3]\dT[0-2]\d:[0-6]\d:[0-6]\d(\.\d{0,11})?(-06:00|Z|\+00:00)\n?")
NEAR_URLS = st.from_regex(r"\Ahttps?:/{0,3}[a-z0-9._:\[\]@%-]*([/?#][!-~ñ ]*){0,3}\n?\Z")


@given(NEAR_TIMES | st.from_regex(profile.DATE_TIME_PATTERN) | st.text(max_size=30))
def test_validators_agree_on_times(text: str) -> None:
    agree(RELEASE, orjson.dumps(SAMPLES["release"] | {"date": text}))


@given(NEAR_URLS | st.from_regex(profile.URL_PATTERN) | st.text(max_size=30))
def test_validators_agree_on_addresses(text: str) -> None:
    agree(RELEASE, orjson.dumps(SAMPLES["release"] | {"sources": [{"id": "x", "url": text}]}))


@given(st.recursive(st.none() | st.booleans() | st.integers(-3, 3) | st.floats(0, 3) | st.text(max_size=2), st.lists))
def test_validators_agree_on_lists(value: Any) -> None:
    agree(RELEASE, orjson.dumps(SAMPLES["release"] | {"parties": value, "tag": value}))


def test_without_format_checks_there_is_no_validator(monkeypatch: pytest.MonkeyPatch) -> None:
    unchecked = {name: check for name, check in jsonschema.FormatChecker.checkers.items() if name != "date-time"}
    monkeypatch.setattr(jsonschema.FormatChecker, "checkers", unchecked)
    with pytest.raises(GuatecomprasError, match="does not check date-time: install"):
        Validator("release")
