"""The view in a real Chromium: under the official host side of MCP Apps, and as a file opened from disk."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mcp_shortvol.view.document import report_html, view_html
from tests.view.answers import HOSTILE, NAMES, answer

# What a host that trusts nobody allows; the document's own policy holds beside it.
STRICTEST = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'"
OTHERS = {"no_rows": 0, "no_day": 0, "compared": 0, "interest": 2, "hostile": 2, "no_prices": 2}
DRAWN = {name: OTHERS.get(name, 3) for name in NAMES}
"""How many panels each answer has."""


class Watched:
    """A page of the browser that records every message of the console, every error and every request."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.noise: list[str] = []
        page.on("console", lambda message: self._said(message.type, message.text))
        page.on("pageerror", lambda error: self.noise.append(f"error: {error}"))
        page.on("request", lambda request: self._requested(request.url))

    def _said(self, kind: str, text: str) -> None:
        if kind != "debug":  # the official host side tells of each message in this way
            self.noise.append(f"{kind}: {text}")

    def _requested(self, url: str) -> None:
        if not url.startswith(("about:", "file:", "data:")):
            self.noise.append(f"request: {url}")


@pytest.fixture
def watched(browser: Any) -> Iterator[Callable[..., Watched]]:
    contexts = []

    def opened(width: int = 900, **options: Any) -> Watched:
        context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        contexts.append(context)
        return Watched(context.new_page())

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def file_of(watched: Callable[..., Watched], tmp_path: Path) -> Callable[..., Watched]:
    def opened(name: str, width: int = 900, **options: Any) -> Watched:
        path = tmp_path / "report.html"
        path.write_text(report_html(answer(name)), encoding="utf-8")
        found = watched(width, **options)
        found.page.goto(path.as_uri())
        return found

    return opened


@pytest.fixture
def hosted(watched: Callable[..., Watched], host_script: str) -> Callable[..., Watched]:
    def opened(result: dict[str, Any] | None, width: int = 900, csp: str = STRICTEST, **context: Any) -> Watched:
        found = watched(width)
        found.page.set_content("<body></body>")
        found.page.evaluate(host_script)
        arguments = {"html": view_html(), "csp": csp, "context": {"theme": "light", "locale": "en-US"} | context}
        found.page.evaluate("(given) => startHost(given)", arguments | {"width": width})
        found.page.wait_for_function("host.log.initialized === 1")
        if result is not None:
            found.page.evaluate("host.bridge.sendToolInput({ arguments: {} })")
            found.page.evaluate("(result) => host.bridge.sendToolResult(result)", result)
        return found

    return opened


def result_of(name: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": "as text"}], "structuredContent": answer(name)}


def frame(found: Watched) -> Any:
    return found.page.frame_locator("iframe")


@pytest.mark.parametrize("name", NAMES)
def test_a_host_shows_every_answer_in_silence(hosted: Callable[..., Watched], name: str) -> None:
    found = hosted(result_of(name))
    frame(found).locator("h1").wait_for()
    assert frame(found).locator(".uplot").count() == DRAWN[name]
    assert str(answer(name).get("last_date") or answer(name)["source"]) in frame(found).locator("main").inner_text()
    found.page.wait_for_function("host.log.sizes.length > 0")
    assert found.page.title() == ""
    assert found.noise == []


@pytest.mark.parametrize("name", NAMES)
def test_a_file_shows_every_answer_in_silence(file_of: Callable[..., Watched], name: str) -> None:
    found = file_of(name)
    assert found.page.locator(".uplot").count() == DRAWN[name]
    assert found.page.title() == "Short selling"
    assert found.noise == []


def test_the_frame_grows_to_the_height_it_reports(hosted: Callable[..., Watched]) -> None:
    found = hosted(result_of("days_20"))
    frame(found).locator(".readout").wait_for()
    found.page.wait_for_function("host.log.sizes.at(-1).height > 600")
    last = found.page.evaluate("host.log.sizes.at(-1)")
    assert last["width"] == 900
    # Nothing is left to scroll, and growing has an end.
    found.page.wait_for_timeout(300)
    assert found.page.evaluate("host.log.sizes.at(-1)") == last


def test_theme_locale_and_font_are_the_host_s_and_change_with_it(hosted: Callable[..., Watched]) -> None:
    styles = {"variables": {"--font-sans": "monospace"}}
    found = hosted(result_of("days_20"), theme="dark", locale="zh-HK", styles=styles)
    root = frame(found).locator("html")
    frame(found).get_by_text("每日沽空量").wait_for()
    assert [root.get_attribute("data-theme"), root.get_attribute("lang")] == ["dark", "zh-Hant"]
    assert "monospace" in frame(found).locator("h1").evaluate("(node) => getComputedStyle(node).fontFamily")
    dark = frame(found).locator("body").evaluate("(node) => getComputedStyle(node).backgroundColor")
    found.page.evaluate("host.bridge.setHostContext({ theme: 'light', locale: 'zh-CN' })")
    frame(found).locator("html[data-theme=light]").wait_for()
    frame(found).get_by_text("沽空比率").first.wait_for()
    assert root.get_attribute("lang") == "zh-Hans"
    assert frame(found).locator("body").evaluate("(node) => getComputedStyle(node).backgroundColor") != dark
    assert frame(found).locator(".uplot").count() == 3
    assert found.noise == []


def test_it_answers_the_teardown_and_lets_go(hosted: Callable[..., Watched]) -> None:
    found = hosted(result_of("days_20"))
    frame(found).locator(".readout").wait_for()
    assert found.page.evaluate("host.bridge.teardownResource({})") == {}
    assert found.noise == []


def test_a_failure_is_shown_in_its_own_words(hosted: Callable[..., Watched]) -> None:
    text = f"OpenD refused. {HOSTILE}"
    found = hosted({"content": [{"type": "text", "text": text}], "isError": True})
    frame(found).get_by_text("OpenD refused.").wait_for()
    assert frame(found).locator("main").text_content() == text.replace("\u202e", "")
    assert found.noise == []


def test_before_there_is_an_answer_it_waits_in_words(hosted: Callable[..., Watched]) -> None:
    found = hosted(None)
    frame(found).get_by_text("Waiting for figures").wait_for()
    assert found.noise == []


def test_hostile_text_in_every_field_stays_text(file_of: Callable[..., Watched]) -> None:
    found = file_of("hostile")
    assert found.page.title() == "Short selling"
    assert found.page.locator("main img, main script").count() == 0
    shown = HOSTILE.replace("\u202e", "")  # which would turn the text after it around
    assert shown in (found.page.locator("main h1").text_content() or "")
    assert found.page.locator(".notes li").first.text_content() == shown
    assert found.noise == []


def test_every_figure_is_reached_by_keys_alone_and_said(file_of: Callable[..., Watched]) -> None:
    found = file_of("days_20")
    page, rows = found.page, answer("days_20")["rows"]
    page.keyboard.press("Tab")
    slider = page.locator("[role=slider]")
    assert slider.evaluate("(node) => node === document.activeElement")
    said = []
    page.keyboard.press("Home")
    for _ in rows:
        said.append(page.locator(".readout").inner_text())
        page.keyboard.press("ArrowRight")
    assert [text[:10] for text in said] == [row[0] for row in reversed(rows)]
    for text, row in zip(said, reversed(rows), strict=True):
        assert f"{row[3]:.2f} %" in text
        assert f"{row[1]:,} of {row[2]:,}" in text
        assert f"{row[4]:,.2f}" in text
    assert slider.get_attribute("aria-valuetext", timeout=1000).startswith(rows[0][0])
    page.keyboard.press("Home")
    assert page.locator(".readout strong").inner_text() == rows[-1][0]
    page.keyboard.press("End")
    assert page.locator(".readout strong").inner_text() == rows[0][0]


def test_the_table_has_every_row_for_who_cannot_see_the_picture(file_of: Callable[..., Watched]) -> None:
    for name in ("days_20", "compared", "interest", "weeks"):
        found = file_of(name)
        found.page.locator("summary").click()
        assert found.page.locator("details tbody tr").count() == len(answer(name)["rows"])
        assert found.page.locator("details thead th").count() == len(answer(name)["columns"])


def test_a_finger_and_a_mouse_read_the_day_under_them(file_of: Callable[..., Watched]) -> None:
    found = file_of("days_20", has_touch=True)
    box = found.page.locator(".u-over").first.bounding_box()
    found.page.mouse.move(box["x"] + 5, box["y"] + 20)
    assert found.page.locator(".readout strong").inner_text() == answer("days_20")["rows"][-1][0]
    found.page.touchscreen.tap(box["x"] + box["width"] - 5, box["y"] + 20)
    assert found.page.locator(".readout strong").inner_text() == answer("days_20")["rows"][0][0]


def test_a_missing_trading_day_leaves_a_hole_and_a_holiday_none(file_of: Callable[..., Watched]) -> None:
    found = file_of("missing_day")
    rows = answer("missing_day")["rows"]
    slider = found.page.locator("[role=slider]")
    assert slider.get_attribute("aria-valuemax") == str(len(rows))  # one place more than there are rows
    slider.press("Home")
    said = []
    for _ in range(len(rows) + 1):
        said.append(found.page.locator(".readout").inner_text())
        slider.press("ArrowRight")
    assert sum("no row for this trading day" in text for text in said) == 1
    # The 20 days of the whole answer hold Buddha's Birthday, 25 May 2026.
    whole = file_of("days_20").page.locator("[role=slider]")
    assert whole.get_attribute("aria-valuemax") == "19"


@pytest.mark.parametrize("width", [320, 480, 900])
@pytest.mark.parametrize("name", ["days_5", "days_250", "weeks", "compared", "interest", "nulls"])
def test_it_fits_the_width_it_is_given(file_of: Callable[..., Watched], name: str, width: int) -> None:
    found = file_of(name, width)
    assert found.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["days_20", "compared", "interest", "no_day", "hostile"])
def test_axe_finds_no_violation(file_of: Callable[..., Watched], node_modules: Path, name: str, scheme: str) -> None:
    found = file_of(name, color_scheme=scheme)
    found.page.evaluate("document.querySelectorAll('details').forEach((details) => (details.open = true))")
    found.page.evaluate((node_modules / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    violations = found.page.evaluate("axe.run(document).then((found) => found.violations)")
    assert [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in violations] == []


def test_it_prints_with_its_table(file_of: Callable[..., Watched]) -> None:
    found = file_of("days_20")
    found.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert found.page.locator("details").get_attribute("open") is not None
    assert len(found.page.pdf()) > 10_000
