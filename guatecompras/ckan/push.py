"""Doing what a plan says. Every write is bound to the state that was read (`package_revise` with match): where another writer was
first, what is there is read again and planned anew, so two pushers come to the same end.

An upload is known by its sha256, which is written in the same step; a table is marked as loaded last. So a push that dies goes on
where it stopped.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from guatecompras.ckan import plan
from guatecompras.ckan.plan import Step
from guatecompras.ckan.wanted import KEY, LOADED, TYPES, Dataset, Resource, Table
from guatecompras.errors import GuatecomprasError
from guatecompras.formats.parquets import batches
from guatecompras.formats.xmls import plain

Json = dict[str, Any]

_AGAIN = 8  # times that another writer may be first
_ROWS = 4_000  # rows sent at once


class CkanError(GuatecomprasError):
    """The portal refuses. `status`: of HTTP, 0 where it cannot be reached; `told`: what it says, by field."""

    def __init__(self, message: str, status: int = 0, told: Json | None = None) -> None:
        super().__init__(message)
        self.status, self.told = status, told or {}

    @property
    def transient(self) -> bool:  # type: ignore[override]
        return self.status == 0 or self.status >= 500


class Client(Protocol):
    """The portal's API."""

    def call(self, action: str, data: Json, files: dict[str, Path] | None = None) -> Any:
        """The result of an action. Raises CkanError."""
        ...


@dataclass
class Pushed:
    """What a push did: the steps, in order, and the resources that had to be linked because the portal did not take them."""

    steps: list[Step] = field(default_factory=list)
    linked: list[str] = field(default_factory=list)


def planned(client: Client, datasets: Iterable[Dataset], most_bytes: int) -> Iterator[Step]:
    """What a push would do. Nothing is written."""
    for dataset in datasets:
        yield from plan.steps(dataset, _shown(client, dataset.name), most_bytes)


def push(
    client: Client,
    datasets: Iterable[Dataset],
    file_of: Callable[[str], Path],
    most_bytes: int,
    told: Callable[[Step], None] = lambda _: None,
) -> Pushed:
    """Bring the portal to what is wanted. `file_of`: where a file of the publication is, by its path. Raises CkanError."""
    done = Pushed()
    for dataset in datasets:
        _Pusher(client, dataset, file_of, most_bytes, done, told).run()
    return done


def _shown(client: Client, name: str) -> Json | None:
    try:
        found: Json = client.call("package_show", {"id": name})
    except CkanError as error:
        if error.status == 404:
            return None
        raise
    return found if found.get("state") == "active" else None


class _Pusher:
    """One dataset."""

    def __init__(
        self,
        client: Client,
        dataset: Dataset,
        file_of: Callable[[str], Path],
        most_bytes: int,
        done: Pushed,
        told: Callable[[Step], None],
    ) -> None:
        self._client, self._dataset, self._file_of = client, dataset, file_of
        self._most, self._done, self._told = most_bytes, done, told

    def run(self) -> None:
        overtaken = 0
        there = _shown(self._client, self._dataset.name)
        while todo := plan.steps(self._dataset, there, self._most):
            step = todo[0]
            try:
                there = self._do(step, there)
            except CkanError as error:
                # Another writer was first: what it left is the new beginning.
                if error.status not in (404, 409) or overtaken == _AGAIN:
                    raise
                overtaken += 1
                before, there = there, _shown(self._client, self._dataset.name)
                if there == before:
                    raise
                continue
            self._done.steps.append(step)
            self._told(step)

    def _do(self, step: Step, there: Json | None) -> Json | None:
        if there is None:
            return dict(self._client.call("package_create", {"name": self._dataset.name, **self._dataset.fields}))
        if step.do == "describe":
            return self._revise(there, {"update": plan.merged(self._dataset.fields, there)})
        assert step.resource is not None
        if step.do == "load":
            return self._load(step, there)
        return self._put(step, step.resource, there)

    def _put(self, step: Step, wanted: Resource, there: Json) -> Json:
        """A resource with its file, or as a link, in one step with what is said of it."""
        place = step.id or "-1"
        fields = {**wanted.fields, KEY: wanted.key, "hash": wanted.sha256, "size": wanted.bytes}
        change: Json = (
            {} if step.id else {"update__resources__extend": [{"name": wanted.fields["name"], KEY: wanted.key}]}
        )
        if wanted.bytes <= self._most:
            files = {f"update__resources__{place}__upload": self._file_of(wanted.path)}
            told = {f"update__resources__{place}": fields}
            try:
                return self._revise(there, {**change, **told}, files)
            except CkanError as error:
                if error.status != 413 and "upload" not in str(error.told):
                    raise
                self._done.linked.append(f"{self._dataset.name} {wanted.key}")
        linked = {**fields, "url": wanted.url, "url_type": ""}
        return self._revise(there, {**change, f"update__resources__{place}": linked})

    def _revise(self, there: Json, change: Json, files: dict[str, Path] | None = None) -> Json:
        match = {"id": there["id"], "metadata_modified": there["metadata_modified"]}
        found: Json = self._client.call("package_revise", {"match": match, **change}, files)
        return dict(found["package"])

    def _load(self, step: Step, there: Json) -> Json:
        """The table of a resource, whole: what was there goes first, for rows may have gone."""
        assert step.resource is not None
        assert step.resource.table is not None
        table = step.resource.table
        try:
            self._client.call("datastore_delete", {"resource_id": step.id, "force": True})
        except CkanError as error:
            if error.status != 404:
                raise
        self._client.call("datastore_create", _declared(step.id, table))
        for batch in batches(self._file_of(table.path)):
            for start in range(0, batch.height, _ROWS):
                rows = plain(batch.slice(start, _ROWS)).to_dicts()
                told = {"resource_id": step.id, "force": True, "method": "upsert", "records": rows}
                self._client.call("datastore_upsert", told)
        # Loading says itself that the table is there, which is a change of the dataset.
        now = _shown(self._client, self._dataset.name) or there
        return self._revise(now, {f"update__resources__{step.id}": {LOADED: step.resource.sha256}})


def _declared(resource_id: str, table: Table) -> Json:
    fields = [
        {"id": one.name, "type": TYPES[one.kind], "info": {"label": one.name.capitalize(), "notes": one.meaning}}
        for one in table.columns
    ]
    return {"resource_id": resource_id, "force": True, "fields": fields, "primary_key": list(table.key), "records": []}
