"""The policy as PDF, set by Typst with the fonts that it brings: no network, no font of the machine, always the same bytes.

How it looks is `data/policy/policy.typ`; what it says is `document.py`'s. It is tagged for screen readers (PDF/UA-1).
"""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import orjson

from guatecompras.months import Month
from guatecompras.policy.codelists import Codelist
from guatecompras.policy.dictionary import Entry, grouped
from guatecompras.policy.document import Policy, Section
from guatecompras.policy.facts import day_words
from guatecompras.policy.modalities import Lag
from guatecompras.policy.prose import spans
from guatecompras.policy.texts import FOLDER
from guatecompras.spanish import duration, percent, plain

Json = dict[str, Any]


def draw(policy: Policy) -> bytes:
    """The PDF. Raises RuntimeError (Typst's own) when the template does not fit the document."""
    # A compiler: only who draws loads it.
    import typst  # noqa: PLC0415

    return typst.compile(
        str(FOLDER / "policy.typ"),
        root=str(FOLDER),
        sys_inputs={"policy": orjson.dumps(_told(policy)).decode()},
        ignore_system_fonts=True,
        pdf_standards="ua-1",
        timestamp=int(_dated(policy).timestamp()),
        format="pdf",
    )


def _dated(policy: Policy) -> datetime:
    """The date that the document bears: that of the newest data, or of the policy where there is none."""
    written = policy.revisions[0].date
    return policy.facts.as_of or datetime(written.year, written.month, written.day, tzinfo=UTC)


def _told(policy: Policy) -> Json:
    facts, dated = policy.facts, _dated(policy)
    return {
        "publisher": facts.publisher,
        "url": f"{facts.base_url.rstrip('/')}/politica",
        "version": policy.version,
        "date": [dated.year, dated.month, dated.day],
        "date_words": day_words(dated),
        "month_words": Month.parse(facts.latest.month).in_spanish if facts.latest else "",
        "sections": [_section(section) for section in policy.sections],
        "points": [[words, [section.title for section in found]] for words, found in policy.points.items()],
        "months": [
            [Month.parse(month.month).in_spanish, plain(month.counts.get("concursos", 0)), day_words(month.published)]
            for month in policy.facts.months
        ],
        "formats": policy.formats,
        "lag": _lag(policy.lag),
        "dictionary": [[group, [_entry(entry) for entry in held]] for group, held in _groups(policy.dictionary)],
        "tables": policy.flat_tables,
        "codelists": [_codelist(codelist) for codelist in policy.codelists],
        "extensions": [asdict(extension) for extension in policy.extensions],
        "rules": [_rule(policy, place) for place in range(len(policy.rules))],
        "measured": policy.measured,
        "presence": [
            [row.name, plain(row.concursos), [percent(share) for share in row.shares]] for row in policy.presence
        ],
        "differences": [[entry.field.path, entry.note] for entry in policy.differences],
        "absent": policy.absent,
        "unpublished": policy.unpublished,
        "faults": [
            [fault.meaning, fault.holds, plain(fault.failed), plain(fault.applicable), percent(fault.share)]
            for fault in policy.faults
        ],
        "rarest": [[entry.field.title, entry.field.path, percent(entry.share), entry.note] for entry in policy.rarest],
        "revisions": [[revision.version, day_words(revision.date), revision.changes] for revision in policy.revisions],
    }


def _section(section: Section) -> Json:
    return {
        "id": section.id,
        "title": section.title,
        "blocks": [asdict(block) for block in section.blocks],
        "made": section.made,
    }


def _groups(dictionary: Iterable[Entry]) -> Iterable[tuple[str, list[Entry]]]:
    return grouped(dictionary).items()


def _entry(entry: Entry) -> Json:
    field = entry.field
    return {
        "path": field.path,
        "title": field.title,
        "description": field.description,
        "type": entry.kind,
        "required": field.required,
        "codelist": field.codelist,
        "columns": entry.column_words,
        "origin": entry.origin,
        "extension": entry.extension.title if entry.extension else "",
        "share": percent(entry.share),
    }


def _codelist(codelist: Codelist) -> Json:
    return asdict(codelist) | {"intro": [asdict(span) for span in spans(codelist.intro)]}


def _rule(policy: Policy, place: int) -> list[str]:
    rule = policy.rules[place]
    ceiling = f"Q{plain(rule.ceiling)}" if rule.ceiling is not None else ""
    return [str(rule.code), rule.name, rule.method, ceiling, rule.term, rule.rationale]


def _lag(lag: Lag | None) -> list[str]:
    return [duration(lag.half), duration(lag.most)] if lag else []
