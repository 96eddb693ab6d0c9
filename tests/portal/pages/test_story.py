"""The timeline of a concurso: what each release brought."""

from typing import Any

from portal.pages.story import steps


def release(number: int, tag: str, status: str, **more: Any) -> dict[str, Any]:
    documents = more.pop("documents", [])
    tender = {
        "title": "Papel",
        "statusDetails": status,
        "documents": [{"id": name, "documentTypeDetails": name} for name in documents],
    }
    tender["items"] = [{"id": "1"}]
    tender |= more.pop("tender", {})
    return {"id": f"R{number}", "date": f"2026-03-0{number}T10:00:00-06:00", "tag": [tag], "tender": tender, **more}


def bid(name: str, amount: float | None) -> dict[str, Any]:
    return {
        "id": name,
        "tenderers": [{"id": name, "name": name}],
        **({"value": {"amount": amount, "currency": "GTQ"}} if amount else {}),
    }


AWARD = {
    "id": "A", "status": "active", "suppliers": [{"id": "GT-NIT-1", "name": "ACME"}],
    "value": {"amount": 90.0, "currency": "GTQ"},
}  # fmt: skip


def test_a_whole_process() -> None:
    bids = {"details": [bid("X", 100.0), bid("Y", 90.0)]}
    told = steps(
        [
            release(
                1,
                "tender",
                "Vigente",
                documents=["Bases"],
                tender={"tenderPeriod": {"endDate": "2026-03-04T09:00:00-06:00"}},
            ),
            release(2, "tenderUpdate", "Evaluación", documents=["Bases", "Acta"], bids=bids),
            release(3, "award", "Adjudicado", documents=["Bases", "Acta"], bids=bids, awards=[AWARD]),
            release(
                4,
                "contract",
                "Adjudicado",
                bids=bids,
                awards=[AWARD],
                contracts=[{"id": "C", "contractNumber": "5-2026"}],
            ),
            release(5, "awardCancellation", "Adjudicado", bids=bids, awards=[{**AWARD, "status": "cancelled"}]),
        ]
    )
    assert [step.title for step in told] == [
        "Se publicó la convocatoria",
        "Pasó de Vigente a Evaluación",
        "Se adjudicó: pasó de Evaluación a Adjudicado",
        "Se publicó el contrato",
        "Se anuló la adjudicación",
    ]
    assert [list(step.news) for step in told] == [
        ["1 renglón", "Ofertas hasta el 4 de marzo de 2026, 09:00", "1 documento nuevo: Bases"],
        ["1 documento nuevo: Acta", "2 ofertas recibidas; la menor, de Q90.00"],
        ["Adjudicado a ACME por Q90.00"],
        ["Contrato 5-2026"],
        ["Se anuló la adjudicación a ACME por Q90.00"],
    ]
    assert [step.id for step in told] == ["R1", "R2", "R3", "R4", "R5"]


def test_what_is_moved_is_told_with_what_it_was() -> None:
    first = release(1, "tender", "Vigente", tender={"tenderPeriod": {"endDate": "2026-03-04T09:00:00-06:00"}})
    moved = release(
        2,
        "tenderAmendment",
        "Vigente",
        tender={"tenderPeriod": {"endDate": "2026-03-09T09:00:00-06:00"}, "title": "Papel bond"},
    )
    assert list(steps([first, moved])[1].news) == [
        "Cambió la descripción del concurso",
        "El cierre de ofertas pasó del 4 de marzo de 2026, 09:00 al 9 de marzo de 2026, 09:00",
    ]


def test_a_correction_tells_only_what_it_corrects() -> None:
    """It has only what differs, and may have nulls for what is gone."""
    first = release(1, "tender", "Vigente", documents=["Bases"])
    correction = {
        "id": "R2",
        "date": "2026-03-09T10:00:00-06:00",
        "tag": ["tenderUpdate"],
        "tender": {"title": None, "value": None},
    }
    step = steps([first, correction])[1]
    assert (step.title, step.news) == ("Se actualizó el concurso", ())


def test_offers_without_amounts() -> None:
    first = release(1, "tender", "Vigente")
    opened = release(2, "tenderUpdate", "Evaluación", bids={"details": [bid("X", None)]})
    assert steps([first, opened])[1].news == ("1 oferta recibida",)
