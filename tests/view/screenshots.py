"""Pictures of the view to be looked at, and the one of the README: `make screenshots`."""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from mcp_shortvol.view.document import report_html
from tests.view.answers import NAMES, answer
from tests.view.conftest import QUIET

WIDTHS = (320, 480, 900)
LOOKS = [("light", "en-US"), ("dark", "en-US"), ("light", "zh-CN"), ("dark", "zh-HK")]


def main(folder: Path, readme: Path) -> None:
    """Draw every answer at every width in both themes and in Chinese; the README's picture stands beside it."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=QUIET, chromium_sandbox=False
        )
        for name in NAMES:
            file = folder / f"{name}.html"
            file.write_text(report_html(answer(name)), encoding="utf-8")
            for width in WIDTHS:
                for theme, locale in LOOKS:
                    page = chromium.new_page(
                        viewport={"width": width, "height": 400},
                        color_scheme=theme,
                        locale=locale,
                        device_scale_factor=2,
                    )
                    page.goto(file.as_uri())
                    page.screenshot(path=folder / f"{name}-{width}-{theme}-{locale}.png", full_page=True)
                    page.close()
        page = chromium.new_page(viewport={"width": 760, "height": 400})
        page.goto((folder / "days_20.html").as_uri())
        page.screenshot(path=readme, full_page=True)
        chromium.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
