"""A figure is read exactly, or as absent, or refused: never guessed."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_shortvol.sources.scalars import Unreadable, read_float, read_int, read_signed_float, read_signed_int

DAMAGE = [
    True,
    False,
    "0x10",
    "1_000",
    "1,000",
    "١٢",
    "１２",
    "²",
    " 12",
    "12\n",
    "+1",
    "-1",
    -1,
    -0.5,
    "1e5",
    "NaN",
    "Infinity",
    math.nan,
    math.inf,
    -math.inf,
    "--",
    "9" * 400,
    10**400,
    [],
    {},
    b"12",
]


@pytest.mark.parametrize("absent", [None, ""])
def test_an_absent_figure_is_none(absent: object) -> None:
    assert read_int(absent) is None
    assert read_float(absent) is None


@pytest.mark.parametrize("damage", DAMAGE, ids=repr)
def test_damage_is_never_a_number(damage: object) -> None:
    with pytest.raises(Unreadable):
        read_int(damage)
    with pytest.raises(Unreadable):
        read_float(damage)


@pytest.mark.parametrize("value", [25207039, "25207039", 25207039.0, "25207039.0", "0025207039"])
def test_a_count_is_read_in_every_form_vendors_send(value: object) -> None:
    number = read_int(value)
    assert number == 25207039
    assert type(number) is int


@pytest.mark.parametrize("value", [12.5, "12.5", 10**15 + 1, str(10**15 + 1), 1e300])
def test_a_fraction_or_an_absurd_count_is_no_count(value: object) -> None:
    with pytest.raises(Unreadable):
        read_int(value)


@pytest.mark.parametrize(("value", "expected"), [(475, 475.0), ("475.00", 475.0), (11.36, 11.36), (-0.0, 0.0)])
def test_a_price_is_read_in_every_form_vendors_send(value: object, expected: float) -> None:
    number = read_float(value)
    assert number == expected
    assert type(number) is float
    assert math.copysign(1, number) == 1


@given(st.integers(0, 10**15))
def test_every_count_survives_as_text_and_as_number(count: int) -> None:
    assert read_int(count) == read_int(str(count)) == count


@pytest.mark.parametrize("absent", [None, ""])
def test_an_absent_change_is_none(absent: object) -> None:
    assert read_signed_int(absent) is None
    assert read_signed_float(absent) is None


@pytest.mark.parametrize(
    "damage", [each for each in DAMAGE if each not in ("-1", -1, -0.5)] + ["-", "--1", "-+1", "1-"]
)
def test_damage_is_no_change_either(damage: object) -> None:
    with pytest.raises(Unreadable):
        read_signed_int(damage)
    with pytest.raises(Unreadable):
        read_signed_float(damage)


@given(st.integers(-(10**15), 10**15))
def test_every_change_survives_as_text_and_as_number(change: int) -> None:
    assert read_signed_int(change) == read_signed_int(str(change)) == read_signed_int(float(change)) == change
    assert read_signed_float(str(change)) == change


@pytest.mark.parametrize("zero", [-0.0, "-0", "-0.0"])
def test_no_change_has_no_sign(zero: object) -> None:
    assert read_signed_int(zero) == 0
    number = read_signed_float(zero)
    assert number is not None
    assert math.copysign(1, number) == 1


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=3))
def test_any_json_is_a_plain_number_or_none_or_refused(value: object) -> None:
    for read in (read_int, read_float):
        try:
            number = read(value)
        except Unreadable:
            continue
        assert number is None or 0 <= number <= 10**18
    for read_signed in (read_signed_int, read_signed_float):
        try:
            number = read_signed(value)
        except Unreadable:
            continue
        assert number is None or -(10**18) <= number <= 10**18
