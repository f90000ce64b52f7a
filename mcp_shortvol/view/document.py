"""The view as one self-contained HTML document, assembled from the files beside this one when it is asked for.

Scripts and styles are inlined under a content security policy that allows these very texts by their hashes, and nothing
else: no network, no eval, no further script. An answer that is inlined stands in a data block that no text of it can
end.
"""

import json
from base64 import b64encode
from datetime import date
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from mcp_shortvol.domain.calendar import is_trading_day
from mcp_shortvol.domain.markets import Market

__all__ = ["report_html", "view_html"]

_HERE = Path(__file__).parent
_SCRIPTS = ("uplot/uPlot.iife.min.js", "words.js", "charts.js", "host.js", "view.js")
_STYLES = ("uplot/uPlot.min.css", "view.css")
_FIRST_YEAR = 2014  # Longbridge's and Futu's histories begin later


def view_html() -> str:
    """The document that waits for its answer from the host it is shown in."""
    return _document("")


def report_html(answer: dict[str, Any]) -> str:
    """The document with a structured answer inlined: a file that any browser opens."""
    text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
    # No "<" is left, so that neither a closing tag nor a comment can begin; in JSON the escape means the same.
    safe = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return _document(f'<script type="application/json" id="answer">{safe}</script>\n')


def _document(data: str) -> str:
    style, script = _style(), _script()
    policy = f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'"
    parts = {"{{csp}}": policy, "{{style}}": style, "{{script}}": script, "{{data}}": data}
    text = _read("view.html")
    for mark, part in parts.items():
        text = text.replace(mark, part, 1)
    return text


@cache
def _style() -> str:
    return "\n".join(map(_read, _STYLES))


@cache
def _script() -> str:
    closed = json.dumps(_closings(), separators=(",", ":"))
    return "\n".join(
        (_read(_SCRIPTS[0]), '(() => {\n"use strict";', f"const CLOSED = {closed};", *map(_read, _SCRIPTS[1:]), "})();")
    )


def _closings() -> dict[str, dict[str, str]]:
    """Of each market and year the weekdays without trading, as "0101;0119;…"."""
    years = range(_FIRST_YEAR, date.today().year + 2)  # noqa: DTZ011 - a year more than any zone is in
    return {market.value: {str(year): _closings_of(market, year) for year in years} for market in Market}


def _closings_of(market: Market, year: int) -> str:
    first = date(year, 1, 1).toordinal()
    days = [date.fromordinal(first + number) for number in range(366)]
    closed = [day for day in days if day.year == year and day.weekday() < 5 and not is_trading_day(market, day)]
    return "".join(f"{day:%m%d};" for day in closed)


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
