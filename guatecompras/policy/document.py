"""The policy as one document: its sections in order, each with its prose and what is generated for it.

What a section's generated part looks like is up to who shows it (a page, the PDF); what is in it is said here.
"""

from dataclasses import dataclass
from datetime import date

from guatecompras import tables
from guatecompras.policy import codelists, extensions, gaps, modalities
from guatecompras.policy.dictionary import Entry, entries, unpublished
from guatecompras.policy.facts import Facts
from guatecompras.policy.prose import Block, read
from guatecompras.policy.texts import prose, table


@dataclass(frozen=True)
class Section:
    """`made` names what is generated below the prose, empty for nothing; `answers`: what it answers, in words."""

    id: str
    title: str
    blocks: tuple[Block, ...]
    made: str
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Revision:
    """A version of the policy."""

    version: str
    date: date
    changes: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """All that a page or the PDF shows. `presence` and `lag` are empty where nothing could be measured."""

    facts: Facts
    revisions: tuple[Revision, ...]
    sections: tuple[Section, ...]
    points: dict[str, tuple[Section, ...]]
    formats: tuple[tuple[str, str], ...]
    dictionary: tuple[Entry, ...]
    flat_tables: tuple[tuple[str, str], ...]
    codelists: tuple[codelists.Codelist, ...]
    extensions: tuple[extensions.Extension, ...]
    rules: tuple[modalities.Rule, ...]
    measured: tuple[str, ...]
    presence: tuple[modalities.Presence, ...]
    lag: modalities.Lag | None
    differences: tuple[Entry, ...]
    absent: tuple[tuple[str, str], ...]
    unpublished: tuple[tuple[str, str], ...]
    faults: tuple[gaps.Fault, ...]
    rarest: tuple[Entry, ...]

    @property
    def version(self) -> str:
        return self.revisions[0].version


def build(facts: Facts) -> Policy:
    """The policy of what is public. The same facts give the same policy."""
    dictionary = entries(facts.quality["coverage"] if facts.quality else None, facts.personal)
    sections = _sections(facts)
    return Policy(
        facts=facts,
        revisions=_revisions(),
        sections=sections,
        points={
            words: tuple(section for section in sections if words in section.answers)
            for words in table("sections")["points"].values()
        },
        formats=tuple(table("sections")["formats"].items()),
        dictionary=dictionary,
        flat_tables=tuple((name, spec.description) for name, spec in tables.SPECS.items()),
        codelists=codelists.all_codelists(),
        extensions=extensions.all_extensions(),
        rules=modalities.rules(),
        measured=tuple(modalities.MEASURED),
        presence=modalities.presence(facts.tables) if facts.tables else (),
        lag=modalities.lag(facts.tables) if facts.tables else None,
        differences=tuple(entry for entry in dictionary if entry.note),
        absent=tuple(table("differences")["absent"].items()),
        unpublished=tuple(unpublished()),
        faults=gaps.faults(facts.quality) if facts.quality else (),
        rarest=tuple(gaps.rarest(dictionary)),
    )


def _sections(facts: Facts) -> tuple[Section, ...]:
    words, points = facts.words(), table("sections")["points"]
    return tuple(
        Section(
            id=told["id"],
            title=told["title"],
            blocks=read(prose(told["id"]), words),
            made=told.get("made", ""),
            answers=tuple(points[point] for point in told["answers"]),
        )
        for told in table("sections")["sections"]
    )


def _revisions() -> tuple[Revision, ...]:
    return tuple(
        Revision(told["version"], told["date"], tuple(told["changes"])) for told in table("history")["versions"]
    )
