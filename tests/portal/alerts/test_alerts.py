"""Alerts: what is new is posted once, to a real server that fails in every way, and what fails is posted again, the same."""

import hmac
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from guatecompras.errors import GuatecomprasError, NotTakenError
from guatecompras.gathered.collect import bring
from guatecompras.market import collection
from guatecompras.stores import LocalStore
from pipelines.cli import main
from portal.alerts import telling
from portal.alerts.queries import read
from portal.alerts.state import held
from portal.alerts.telling import Outcome, Public, tell
from portal.settings import Settings
from resources.webhooks import DELIVERY, SIGNATURE, Webhooks
from tests.portal.conftest import Api
from tests.publications import published

Json = dict[str, Any]
NOW = datetime(2026, 2, 10, 18, tzinfo=UTC)
SECRET = "un secreto"
TAKEN, SLOW = 204, 0


class Sink:
    """A server of webhooks. `answers`: the status of each post to a path, in turn, and 204 when they are used up; SLOW: none."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: dict[str, list[int]] = {}
        self.headers: dict[str, str] = {}
        self.over = threading.Event()
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sink.got.append((self.path, dict(self.headers), body))
                told = sink.answers.get(self.path)
                status = told.pop(0) if told else TAKEN
                if status == SLOW:
                    sink.over.wait()
                    return
                self.send_response(status)
                for name, value in sink.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def bodies(self, path: str) -> list[Json]:
        return [json.loads(body) for at, _, body in self.got if at == path]

    def nogs(self, path: str) -> list[int]:
        return [row["nog"] for body in self.bodies(path) for row in body["results"]]


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    yield made
    made.over.set()
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a month. Not to be changed."""
    root = tmp_path_factory.mktemp("alerts") / "before"
    published(LocalStore(root), 1, "2026-01", 150)
    return root


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with the next one, and its market. Not to be changed."""
    store = LocalStore(tmp_path_factory.mktemp("alerts") / "after")
    for month in ("2026-01", "2026-02"):
        published(store, 1, month, 150)
    bring(store, lambda parts: [collection.plan(store, parts)])
    return store.root


def _public(store: Path, cache: Path) -> Public:
    return Public.of_store(Settings(store=str(store), cache=str(cache), base_url="https://compras.example"))


@pytest.fixture
def old(before: Path, tmp_path: Path) -> Public:
    return _public(before, tmp_path / "cache")


@pytest.fixture
def new(after: Path, tmp_path: Path) -> Public:
    return _public(after, tmp_path / "cache")


def _file(folder: Path, *queries: dict[str, str]) -> Path:
    path = folder / "queries.toml"
    path.write_text(
        "\n".join(
            "[[query]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in one.items()) for one in queries
        ),
        encoding="utf-8",
    )
    return path


def _all(sink: Sink, name: str = "todo", **more: str) -> dict[str, str]:
    return {"name": name, "search": "abiertos=false", "webhook": f"{sink.url}/{name}"} | more


class Runs:
    """Runs over one file of searches and one state; `waits`: how long it would have waited between tries."""

    def __init__(self, folder: Path, *queries: dict[str, str]) -> None:
        self.state, self.waits, self._queries = folder / "state.json", list[float](), read(_file(folder, *queries))

    def __call__(self, public: Public, hooks: Webhooks | None = None, existing: bool = False) -> list[Outcome]:
        calls = hooks or Webhooks(timeouts=(5, 0.2), wait=self.waits.append)
        with held(self.state) as state:
            return tell(
                public,
                self._queries,
                state,
                lambda query, delivery, body: calls.post(query.webhook, delivery, body, query.secret),
                NOW,
                existing=existing,
            )


def _all_nogs(public: Public) -> list[int]:
    return sorted(public.library.held.numbers["nog"].tolist())


def test_what_is_new_is_told_once(sink: Sink, old: Public, new: Public, tmp_path: Path) -> None:
    run = Runs(tmp_path, _all(sink))
    there = _all_nogs(old)
    assert run(old) == [Outcome("todo", len(there), 0, 0, 0, "")]
    assert sink.got == []
    fresh = sorted(set(_all_nogs(new)) - set(there))
    assert len(fresh) > telling.ROWS
    assert run(new) == [Outcome("todo", 0, len(fresh), 2, 0, "")]
    assert sorted(sink.nogs("/todo")) == fresh
    assert [len(body["results"]) for body in sink.bodies("/todo")] == [telling.ROWS, len(fresh) - telling.ROWS]
    assert run(new) == [Outcome("todo", 0, 0, 0, 0, "")]
    assert len(sink.got) == 2


def test_what_is_there_is_told_where_that_is_asked(sink: Sink, old: Public, tmp_path: Path) -> None:
    run = Runs(tmp_path, _all(sink))
    (told,) = run(old, existing=True)
    assert (told.marked, told.new) == (0, len(_all_nogs(old)))
    assert sorted(sink.nogs("/todo")) == _all_nogs(old)


def test_a_body_says_what_the_api_says(
    sink: Sink, before: Path, tmp_path: Path, api_of: Callable[[Path], Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    public = _public(before, tmp_path / "cache")
    Runs(tmp_path, _all(sink, secret_env="HOOK_SECRET"))(public, existing=True)
    (_, headers, body), *_ = sink.got
    told = json.loads(body)
    rows = api_of(before).get("/api/v2/concursos", {"limit": 1000}).json()["results"]
    by_nog = {row["nog"]: row for row in rows}
    for row in told.pop("results"):
        assert row.pop("url") == f"https://compras.example/concurso/{row['nog']}"
        assert row == by_nog[row["nog"]]
    assert headers[DELIVERY] == told.pop("id")
    assert told == {
        "created": "2026-02-10T18:00:00+00:00",
        "query": {"name": "todo", "search": "abiertos=false"},
        "publication": {"sequence": public.sequence},
    }
    assert headers["Content-Type"] == "application/json"
    assert headers[SIGNATURE] == "sha256=" + hmac.new(SECRET.encode(), body, "sha256").hexdigest()


def test_searches_find_what_the_api_finds(
    sink: Sink, market_store: Path, tmp_path: Path, api_of: Callable[[Path], Api]
) -> None:
    """Open ones unless it says otherwise; with or without an address before it; how a list is shown is not looked at."""
    api, public = api_of(market_store), _public(market_store, tmp_path / "cache")
    found = api.get("/api/v2/concursos", {"limit": 1}).json()["results"][0]
    searches = {
        "departamento=": {"abiertos": "true"},
        f"https://x.example/api/v2/concursos?unidad={found['unit_id']}&abiertos=false&sort=monto&limit=1": {
            "unidad": found["unit_id"]
        },
        "/oportunidades?unspsc=85&pagina=3&cierre=": {"unspsc": "85", "abiertos": "true"},
        "unspsc=42&unspsc=43&mes=2026-01&abiertos=false": {"unspsc": ["42", "43"], "mes": "2026-01"},
    }
    queries = read(_file(tmp_path, *(_all(sink, f"q{at}", search=text) for at, text in enumerate(searches))))
    totals = []
    for query, asked in zip(queries, searches.values(), strict=True):
        nogs = public.library.held.numbers["nog"][query.found(public.library, None, datetime.now(UTC))].tolist()
        rows = api.get("/api/v2/concursos", {"limit": 1000} | asked).json()["results"]
        assert sorted(nogs) == sorted(row["nog"] for row in rows)
        totals.append(len(nogs))
    assert all(totals)
    assert len(set(totals)) == len(totals)


def test_what_opportunities_alone_ask_narrows_too(sink: Sink, market_store: Path, tmp_path: Path) -> None:
    new = _public(market_store, tmp_path / "cache")
    bands = [
        _all(sink, band, search=f"abiertos=false&monto={band}")
        for band in ("hasta-25000", "25000-90000", "90000-900000", "desde-900000")
    ]
    dated = [_all(sink, name, search=f"abiertos=false&cierre={name}") for name in ("informado", "no-informado")]
    found = [len(query.found(new.library, new.market, NOW)) for query in read(_file(tmp_path, *bands, *dated))]
    assert sum(found[4:]) == len(_all_nogs(new))
    assert all(found[4:])
    assert 0 < sum(found[:4]) < len(_all_nogs(new))
    (query,) = read(_file(tmp_path, bands[0]))
    with pytest.raises(GuatecomprasError, match="monto needs the market"):
        query.found(new.library, None, NOW)


@pytest.mark.parametrize(
    ("answers", "fault"),
    [
        ([500, 503, 429], ""),
        ([SLOW, 500], ""),
        ([500] * 4, "HTTP 500"),
        ([SLOW] * 4, "ReadTimeout"),
        ([410], "HTTP 410"),
        ([302], "HTTP 302"),
    ],
)
def test_a_hook_is_tried_again_where_that_helps(
    sink: Sink, old: Public, tmp_path: Path, answers: Sequence[int], fault: str
) -> None:
    run = Runs(tmp_path, {**_all(sink), "search": f"abiertos=false&oferente={_a_supplier(old)}"})
    sink.answers["/todo"] = list(answers)
    (told,) = run(old, existing=True)
    assert (told.fault, told.delivered, told.waiting) == (fault, int(not fault), int(bool(fault)))
    posts = len(answers) + (not fault)
    assert len(sink.got) == posts
    assert len({body for _, _, body in sink.got}) == len({headers[DELIVERY] for _, headers, _ in sink.got}) == 1
    assert len(run.waits) == posts - 1
    assert all(half <= waited <= 2 * half for half, waited in zip((0.5, 1, 2), run.waits, strict=False))


def _a_supplier(public: Public) -> str:
    return str(public.library.totals("supplier").row(0, named=True)["id"])


def test_the_wait_that_a_hook_asks_for_is_kept(sink: Sink, tmp_path: Path) -> None:
    waits: list[float] = []
    sink.answers["/x"], sink.headers = [429, 429], {"Retry-After": "7"}
    Webhooks(wait=waits.append).post(f"{sink.url}/x", "1", b"{}")
    assert waits == [7, 7]


def test_a_hook_that_fails_stops_no_other_and_gets_the_same_next_time(
    sink: Sink, old: Public, new: Public, tmp_path: Path
) -> None:
    nobody = Sink()
    nobody.server.server_close()
    run = Runs(
        tmp_path, {**_all(sink, "nadie"), "webhook": f"{nobody.url}/secreto"}, _all(sink, "falla"), _all(sink, "bien")
    )
    run(old)
    sink.answers["/falla"] = [500] * 4
    first = {one.name: one for one in run(new)}
    assert (first["nadie"].fault, first["nadie"].waiting) == ("ConnectionError", 2)
    assert (first["falla"].fault, first["falla"].waiting, first["falla"].delivered) == ("HTTP 500", 2, 0)
    assert (first["bien"].fault, first["bien"].delivered) == ("", 2)
    tried = sink.bodies("/falla")[0]
    second = {one.name: one for one in run(new)}
    assert (second["falla"].new, second["falla"].delivered, second["falla"].waiting) == (0, 2, 0)
    assert sink.bodies("/falla")[4] == tried
    assert sorted(sink.nogs("/falla")[4 * telling.ROWS :]) == sorted(sink.nogs("/bien"))
    assert (second["bien"].delivered, second["nadie"].waiting) == (0, 2)


def test_after_a_crash_between_post_and_state_the_same_comes_again(
    sink: Sink, old: Public, new: Public, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Runs(tmp_path, _all(sink))
    run(old)
    post = Webhooks.post

    def dies(self: Webhooks, url: str, delivery: str, body: bytes, secret: bytes | None = None) -> None:
        post(self, url, delivery, body, secret)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Webhooks, "post", dies)
        with pytest.raises(KeyboardInterrupt):
            run(new)
    assert len(sink.got) == 1
    (told,) = run(new)
    assert (told.new, told.delivered, told.waiting) == (0, 2, 0)
    (_, first, body), (_, again, same), (_, other, _) = sink.got
    assert (first[DELIVERY], body) == (again[DELIVERY], same)
    assert other[DELIVERY] != first[DELIVERY]


def test_a_search_that_is_written_otherwise_starts_anew(sink: Sink, old: Public, new: Public, tmp_path: Path) -> None:
    Runs(tmp_path, _all(sink))(old)
    (told,) = Runs(tmp_path, {**_all(sink), "search": "abiertos=false&q="})(new)
    assert (told.marked, told.new) == (len(_all_nogs(new)), 0)
    assert sink.got == []


def test_one_run_at_a_time(sink: Sink, old: Public, tmp_path: Path) -> None:
    run = Runs(tmp_path, _all(sink))
    with held(run.state), pytest.raises(GuatecomprasError, match="another run holds"):
        run(old)


@pytest.mark.parametrize("text", ["", "{}", "[", '{"schema":2,"queries":{}}'])
def test_a_state_that_is_none_is_refused_and_kept(sink: Sink, old: Public, tmp_path: Path, text: str) -> None:
    run = Runs(tmp_path, _all(sink))
    run.state.write_text(text)
    with pytest.raises(GuatecomprasError, match=r"state\.json is"):
        run(old)
    assert run.state.read_text() == text


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"webhook": "ftp://x/"}, "no http or https"),
        ({"webhook_env": "X"}, "webhook or webhook_env"),
        ({"secret_env": "HOOK_NOT_SET"}, "HOOK_NOT_SET is not set"),
        ({"hook": "x"}, "hook is none of"),
        ({"search": "departamneto=x"}, "departamneto"),
        ({"search": "estatus=999"}, "catálogo"),
        ({"search": "guantes"}, "guantes"),
        ({"search": "q=a&q=b"}, "q is given more than once"),
        ({"search": "monto=mucho"}, "monto is none of hasta-25000"),
        ({"search": "monto_min=-1"}, "monto_min"),
        ({"name": " "}, "without a name"),
    ],
)
def test_a_file_that_is_wrong_is_refused_in_one_line(tmp_path: Path, wrong: dict[str, str], told: str) -> None:
    path = _file(tmp_path, {"name": "a", "search": "", "webhook": "https://x.example/"} | wrong)
    with pytest.raises(GuatecomprasError, match=told) as error:
        read(path)
    assert "\n" not in str(error.value)


def test_two_of_a_name_are_refused(sink: Sink, tmp_path: Path) -> None:
    with pytest.raises(GuatecomprasError, match="more than one query 'todo'"):
        read(_file(tmp_path, _all(sink), _all(sink)))


def test_the_command(sink: Sink, before: Path, after: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUATECOMPRAS_PORTAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOOK", f"{sink.url}/secreto")
    query = {"name": "todo", "search": "abiertos=false", "webhook_env": "HOOK"}
    fixed = ["alerts", "--queries", str(_file(tmp_path, query)), "--state", str(tmp_path / "state.json"), "--store"]
    first = CliRunner().invoke(main, [*fixed, str(before)])
    assert first.exit_code == 0, first.output
    assert first.output.startswith("todo: ")
    assert "there already, 0 new, 0 deliveries taken, 0 wait" in first.output
    sink.answers["/secreto"] = [410]
    second = CliRunner().invoke(main, [*fixed, str(after)])
    assert second.exit_code == 1
    assert "todo: HTTP 410" in second.output
    assert "secreto" not in second.output
    third = CliRunner().invoke(main, [*fixed, str(after)])
    assert third.exit_code == 0
    assert "0 new, 2 deliveries taken, 0 wait" in third.output
    empty = CliRunner().invoke(main, [*fixed, str(tmp_path / "nothing")])
    assert empty.exit_code == 1


def test_an_address_that_is_none_is_not_tried_again() -> None:
    waits: list[float] = []
    with pytest.raises(NotTakenError, match="InvalidURL"):
        Webhooks(wait=waits.append).post("http://:0:0/", "1", b"{}")
    assert waits == []
