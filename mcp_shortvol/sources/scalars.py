"""Figures as vendors send them → int or float, or a refusal to guess.

Vendors send the same field as a JSON number or as a decimal string. Null, an empty string and an absent field (the
caller's `dict.get`) mean that there is no figure. Anything else that is not a plain number is damage, as is one below
zero that is no change, and damage is never read as a number: not true as 1, not "1_000", not "0x10", not full-width
digits, not NaN.
"""

import re
from collections.abc import Callable
from typing import TypeVar

__all__ = ["Unreadable", "read_float", "read_int", "read_signed_float", "read_signed_int"]

N = TypeVar("N", int, float)

# Above every figure that a market has produced by some orders of magnitude; a larger one is damage.
_MOST_SHARES = 10**15
_MOST_MONEY = 10**18

_MOST_DIGITS = 19
_DECIMAL = re.compile(r"[0-9]{1,19}(?:\.[0-9]{1,19})?")


class Unreadable(ValueError):
    """A figure is there, but it is not a number that the field could hold. The value itself is never repeated."""


def read_int(value: object) -> int | None:
    """A count of shares or trades, at most 10**15; a fraction is damage, a fraction of zero (12.0, "12.0") is not.

    Returns None where there is no figure; raises Unreadable.
    """
    if type(value) is int and 0 <= value <= _MOST_SHARES:
        return value  # what most cells are
    if value is None or value == "":
        return None
    if type(value) is str and value.isdecimal() and value.isascii() and len(value) <= _MOST_DIGITS:
        number = int(value)
    else:
        number = _whole(_number(value))
    if not 0 <= number <= _MOST_SHARES:
        raise Unreadable("not a count of shares")
    return number


def read_float(value: object) -> float | None:
    """A price, a percentage or an amount of money, at most 10**18.

    Returns None where there is no figure; raises Unreadable.
    """
    if type(value) is float and 0 <= value <= _MOST_MONEY:
        return value + 0.0  # what most cells are; the sum is 0.0 for -0.0
    if value is None or value == "":
        return None
    return _number(value)


def read_signed_int(value: object) -> int | None:
    """A change of a count, of either sign; otherwise as `read_int`."""
    return _signed(value, read_int)


def read_signed_float(value: object) -> float | None:
    """A change of a price, a percentage or an amount of money, of either sign; otherwise as `read_float`."""
    return _signed(value, read_float)


def _signed(value: object, read: Callable[[object], N | None]) -> N | None:
    if type(value) is str and value.startswith("-"):
        size = read(value[1:])
    elif (type(value) is int or type(value) is float) and value < 0:
        size = read(-value)
    else:
        return read(value)
    if size is None:
        raise Unreadable("a sign alone")
    return 0 - size  # and not -size, which is -0.0 for 0.0


def _number(value: object) -> float:
    # `type` and not `isinstance`: a bool is an int to Python, and damage here.
    if type(value) is str and _DECIMAL.fullmatch(value):
        number: float = float(value)
    elif type(value) is int or type(value) is float:
        number = value
    else:
        raise Unreadable("not a number")
    # Compared before it is converted: an int of 400 digits has no float. NaN fails every comparison.
    if not 0 <= number <= _MOST_MONEY:
        raise Unreadable("out of range")
    return float(number)


def _whole(number: float) -> int:
    if not number.is_integer():
        raise Unreadable("not a whole number")
    return int(number)
