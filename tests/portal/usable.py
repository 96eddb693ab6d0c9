"""Pages as everybody uses them, in a real browser. Which pages, and over what publication, the tests say."""

from collections.abc import Iterable
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from tests.portal.conftest import serving

CHROMIUM = Path("/usr/bin/chromium")
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


def usable(published: Path, folder: Path, paths: Iterable[str]) -> None:
    """Assert that pages keep WCAG by axe on a phone and wide, light and dark, that nothing is wider than the screen, and that the
    policy of contents refuses nothing."""
    told: list[str] = []
    with serving(published, folder) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=_ARGUMENTS)
        for width, scheme in ((390, "light"), (1280, "dark")):
            page = browser.new_context(viewport={"width": width, "height": 850}, color_scheme=scheme).new_page()
            page.on("console", lambda message: told.append(message.text))
            for path in paths:
                page.goto(server.url + path)
                found = Axe().run(page).response["violations"]
                assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], path
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        browser.close()
    assert told == []
