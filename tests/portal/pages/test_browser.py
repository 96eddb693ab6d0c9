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
def paths(portal: Any, nogs: list[int]) -> list[str]:
    library = portal.state.library()
    rich = max(nogs, key=lambda nog: len(library.record(nog)))
    buyer, supplier = (library.totals(role).row(0, named=True)["id"] for role in ("buyer", "supplier"))
    return [
        "/", "/descarga-datos", "/descarga-datos/2026-01", f"/concurso/{rich}", "/explorar", "/explorar?q=compra&estatus=3",
        "/explorar?comprador=de", "/explorar?monto_min=x", f"/comprador/{buyer}", f"/proveedor/{supplier}", "/concurso/99",
    ]  # fmt: skip


@pytest.mark.parametrize(("width", "scheme", "of_all"), [(390, "light", 1), (1280, "light", 2), (1280, "dark", 2)])
def test_everybody_can_use_them(
    browser: Browser, address: str, paths: list[str], width: int, scheme: str, of_all: int
) -> None:
    """On the phone all of them; wide every second one, in the dark the others."""
    for path in paths[scheme == "dark" :: of_all]:
        page = opened(browser, address + path, width, color_scheme=scheme)
        found = Axe().run(page, options=RULES).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is wider than the screen"
        page.context.close()


def test_targets_are_large_enough_for_a_thumb(browser: Browser, address: str, paths: list[str]) -> None:
    """WCAG 2.2's 24 px at least; what is a button or in the menu, 44."""
    for path in paths:
        page = opened(browser, address + path, 390)
        small = page.evaluate(
            """() => [...document.querySelectorAll('.menu a, .button, summary, select, input:not([type=checkbox])')]
               .filter(one => one.offsetParent && one.getBoundingClientRect().height < 36).map(one => one.outerHTML.slice(0, 90))"""
        )
        assert small == [], path
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


def test_nothing_is_fetched_from_elsewhere_and_the_policy_holds(
    browser: Browser, address: str, paths: list[str]
) -> None:
    for path in paths:
        page = browser.new_context().new_page()
        asked: list[str] = []
        told: list[str] = []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.on("console", lambda message, told=told: told.append(message.text))
        page.goto(address + path)
        assert [url for url in asked if not url.startswith((address, "data:"))] == []
        assert [line for line in told if "Content Security Policy" in line] == []
        page.context.close()
