"""The arguments that the tools share: types that say in their schema what is allowed, and read what assistants send.

Every property is single-typed in the schema, because that is what all vendors' bridges accept; an omitted one, null and
an empty string mean the same.
"""

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic.json_schema import SkipJsonSchema

from mcp_shortvol.domain.question import MAX_DAYS
from mcp_shortvol.settings import SourceName

__all__ = [
    "CountArgument",
    "DateArgument",
    "EndDateArgument",
    "FormatArgument",
    "InterestSourceArgument",
    "IntervalArgument",
    "StartDateArgument",
    "SymbolArgument",
    "VolumeSourceArgument",
    "optional",
    "otherwise",
    "whole_number",
]

# A date, or a moment of it: the date that was written counts, whatever zone stands behind.
_ISO_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ][0-9]{2}:[0-9]{2}[0-9:.]{0,10}(?:Z|[+-][0-9:]{2,5})?)?")


def optional(schema: dict[str, Any]) -> None:
    """For `json_schema_extra`: an argument that may be left out shows no default of null."""
    schema.pop("default", None)


def _given(value: object) -> object:
    """None for what an assistant sends when it means to leave an argument out."""
    return None if isinstance(value, str) and value.strip().lower() in {"", "null", "none"} else value


def whole_number(value: object) -> object:
    """What an assistant sent for a number, where it is not a truth value."""
    given = _given(value)
    if isinstance(given, bool):
        raise ValueError("is true or false")  # noqa: TRY004 - pydantic words ValueError only
    if isinstance(given, str) and not re.fullmatch(r"\s*[0-9]{1,15}\s*", given):
        raise ValueError("is not a number")
    return given


def otherwise(default: str) -> BeforeValidator:
    """What stands in where an assistant sent nothing for a choice."""
    return BeforeValidator(lambda value: default if _given(value) is None else value)


def _iso_date(value: object) -> object:
    """A date from ISO text only: pydantic by itself would take 20260501 for seconds since 1970."""
    given = _given(value)
    if given is None or isinstance(given, date):
        return given
    try:
        if isinstance(given, str) and (found := _ISO_DATE.fullmatch(given.strip())):
            return date.fromisoformat(found[1])
    except ValueError:
        pass  # such as 30 February: no better than the rest
    raise ValueError("is not a date of the calendar")


def _symbol(value: object) -> object:
    """A Hong Kong code is a number to many models."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


SymbolArgument = Annotated[
    str,
    BeforeValidator(_symbol),
    Field(
        description="One US or Hong Kong stock, ETF or REIT; any usual spelling.",
        examples=["700.HK", "TSLA.US", "BRK.B"],
    ),
]
CountArgument = Annotated[
    Annotated[int, Field(ge=1, le=MAX_DAYS)] | SkipJsonSchema[None],
    BeforeValidator(whole_number),
    Field(json_schema_extra=optional, description="Trading days, never weeks or months."),
]
DateArgument = Annotated[date | SkipJsonSchema[None], BeforeValidator(_iso_date)]
"""A date that may be left out."""

StartDateArgument = Annotated[
    DateArgument,
    Field(json_schema_extra=optional, description="First trading date, market-local.", examples=["2026-05-01"]),
]
EndDateArgument = Annotated[
    DateArgument,
    Field(json_schema_extra=optional, description="Last trading date; today if left out.", examples=["2026-05-29"]),
]
IntervalArgument = Annotated[
    Literal["day", "week", "month"],
    otherwise("day"),
    Field(description="What a row is. A year of months is 12 rows; count stays in trading days (about 250)."),
]
VolumeSourceArgument = Annotated[
    Literal["auto", "longbridge", "futu_opend", "futu_cloud", "finra"],
    otherwise("auto"),
    Field(description="auto: whichever is set up; FINRA (US) where none is."),
]
InterestSourceArgument = Annotated[
    SourceName,
    otherwise("auto"),
    Field(description="auto: FINRA for US stocks, else whichever is set up. sfc: Hong Kong's weekly file."),
]
FormatArgument = Annotated[
    Literal["summary", "concise", "full"],
    otherwise("concise"),
    Field(
        description="summary: no rows. concise: core columns, the 250 newest rows. full: all; CSV in the text, rows in "
        "the JSON."
    ),
]
