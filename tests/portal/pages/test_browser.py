"""The pages in a browser: WCAG 2.1 AA by axe at two widths, light and dark; by keyboard alone; without script."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium is installed here")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield started
        started.close()


def opened(browser: Browser, address: str, width: int, **more: Any) -> Page:
    context = browser.new_context(viewport={"width": width, "height": 850}, locale="es-GT", **more)
    page = context.new_page()
    page.goto(address)
    return page


@pytest.fixture(scope="module")
def paths(portal: Any, nogs: list[int], address: str, market: Any, market_address: str) -> list[str]:
    """Addresses of pages of every kind."""
    library = portal.state.library()
    rich = max(nogs, key=lambda nog: len(library.record(nog)))
    buyer, supplier = (library.totals(role).row(0, named=True)["id"] for role in ("buyer", "supplier"))
    largest = market.state.library().totals("supplier", sort="-concursos")["id"][0]
    plain = [
        "/", "/descarga-datos", "/descarga-datos/2026-01", f"/concurso/{rich}", "/explorar", "/explorar?q=compra&estatus=3",
        "/explorar?comprador=de", "/explorar?monto_min=x", "/reportes", "/reportes/por-estatus",
        "/reportes/por-estatus?anio=x", f"/comprador/{buyer}", f"/proveedor/{supplier}", "/concurso/99", "/auditoria",
        f"/auditoria/entidad/{buyer}", f"/auditoria/comparar?a=entidad/{buyer}&b=pais",
        "/oportunidades",
    ]  # fmt: skip
    of_market = [
        "/oportunidades", "/mercado", "/mercado/8512", "/oportunidades?unspsc=x", "/oportunidades?cierre=no-informado",
        f"/proveedor/{largest}", "/mercado?q=xyzzy&ventana=todo",
    ]  # fmt: skip
    return [address + path for path in plain] + [market_address + path for path in of_market]


# Lower than a thumb needs; links within text may be (WCAG 2.2, 2.5.8).
SMALL = """() => [...document.querySelectorAll('.menu a, .button, summary, select, input:not([type=checkbox])')]
  .filter(one => one.offsetParent && one.getBoundingClientRect().height < 36).map(one => one.outerHTML.slice(0, 90))"""


@pytest.mark.parametrize(("width", "scheme", "of_all"), [(390, "light", 1), (1280, "light", 2), (1280, "dark", 2)])
def test_everybody_can_use_them(
    browser: Browser, address: str, market_address: str, paths: list[str], width: int, scheme: str, of_all: int
) -> None:
    """On the phone all of them; wide every second one, in the dark the others. Nothing comes from elsewhere or is refused by the
    policy on content."""
    page = opened(browser, address, width, color_scheme=scheme)
    asked: list[str] = []
    told: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: told.append(message.text))
    for path in paths[scheme == "dark" :: of_all]:
        page.goto(path)
        found = Axe().run(page, options=RULES).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is wider than the screen"
        assert page.evaluate(SMALL) == [], path
    assert [url for url in asked if not url.startswith((address, market_address, "data:"))] == []
    assert [line for line in told if "Content Security Policy" in line] == []
    page.context.close()


def test_what_people_come_for_is_near(browser: Browser, address: str, nogs: list[int]) -> None:
    """The last month's Excel and a concurso by its NOG in one step from the home page, the meaning of a column in two."""
    page = opened(browser, address, 390)
    assert page.get_by_role("link", name="Descargar en Excel").get_attribute("href", timeout=0) is not None
    page.get_by_role("link", name="Qué significa una columna").click()
    page.get_by_role("searchbox").fill("tenderPeriod_endDate")
    page.keyboard.press("Enter")
    page.wait_for_url("**/politica?*")
    assert page.get_by_text("Cierre de recepción de ofertas").first.is_visible()
    page.goto(address)
    page.get_by_label("Busque por NOG o por palabras").fill(str(nogs[0]))
    page.get_by_role("button", name="Buscar").click()
    assert page.url.endswith(f"/concurso/{nogs[0]}")
    page.context.close()


def test_by_keyboard_alone(browser: Browser, address: str, nogs: list[int]) -> None:
    page = opened(browser, address, 1280)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.type(f"NOG {nogs[0]}")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/concurso/{nogs[0]}")
    seen = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        outline = page.evaluate(
            "[getComputedStyle(document.activeElement).outlineStyle, document.activeElement.tagName]"
        )
        if outline[1] == "BODY":
            break
        assert outline[0] != "none", page.evaluate("document.activeElement.outerHTML")
        seen.add(page.evaluate("document.activeElement.getAttribute('href') || document.activeElement.className"))
    assert {"wide", f"/concurso/{nogs[0]}.csv"} <= seen
    page.context.close()


def test_without_script(browser: Browser, address: str) -> None:
    page = opened(browser, f"{address}/explorar", 1280, java_script_enabled=False)
    page.get_by_label("Palabras o NOG").fill("compra")
    page.locator("form summary", has_text="Estatus").click()
    page.get_by_label("Adjudicado", exact=True).check()
    page.get_by_role("button", name="Aplicar").click()
    page.wait_for_url("**/explorar?*estatus=3*")
    assert page.locator("#resultados").inner_text().endswith(("concursos", "concurso"))
    page.locator(".results h3 a").first.click()
    assert "/concurso/" in page.url
    page.context.close()
