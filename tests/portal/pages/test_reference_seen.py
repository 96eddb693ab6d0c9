"""Policy, quality and API documentation in a real browser: accessible, within a phone's width, usable by keyboard and without
script."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from portal.pages import api_docs, policy, quality
from tests.portal.pages.site_app import application
from tests.portal.pages.test_reference import api

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
PAGES = ("/politica", "/politica?q=monto", "/calidad", "/calidad/2026-01", "/api-ocds")

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no Chromium on this machine")


class _Server(uvicorn.Server):
    """A server that tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@pytest.fixture(scope="module")
def site(three_versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    app = application(
        three_versions, tmp_path_factory.mktemp("cache"), policy.router, quality.router, api_docs.router, api
    )
    server = _Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert server.listening.wait(30)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(30)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield found
        found.close()


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    site: str, browser: Any, width: int, scheme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    for path in PAGES:
        page.goto(site + path)
        found = Axe().run(page).response["violations"]
        assert [(path, one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    assert complaints == []
    page.close()


def test_a_column_is_looked_up_by_keyboard_alone(site: str, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.goto(f"{site}/politica")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "q":
            break
    page.keyboard.type("tender_title")
    page.keyboard.press("Enter")
    page.wait_for_url("**/politica?q=tender_title*")
    assert page.locator("article.field h3").first.inner_text() == "Descripción del concurso"
    page.close()


def test_a_link_to_a_field_shows_it(site: str, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{site}/politica#campo-tender-title")
    box = page.locator("#campo-tender-title").bounding_box()
    assert 0 <= box["y"] < 200
    page.close()


def test_an_operation_is_tried_in_the_page(site: str, browser: Any) -> None:
    page = browser.new_page()
    page.goto(f"{site}/api-ocds")
    form = page.locator("#consulta-api-v2-concursos form")
    form.locator("[name=q]").fill("papel")
    form.locator("button").click()
    assert '"q": "papel"' in form.get_by_label("Cuerpo").inner_text()
    assert page.url.endswith("/api-ocds")
    page.close()


def test_an_operation_is_tried_without_script(site: str, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/api-ocds")
    form = page.locator("#consulta-api-v2-concursos form")
    form.locator("[name=q]").fill("papel")
    form.locator("button").click()
    page.wait_for_url("**/api/v2/concursos?q=papel")
    assert '"q":"papel"' in page.content()
    context.close()
