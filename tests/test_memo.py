"""Results by the objects they were made of."""

from mcp_shortvol.memo import Memo


def test_the_same_objects_and_options_give_what_was_made_before() -> None:
    made: list[int] = []
    memo: Memo[int] = Memo()
    rows, others = [1, 2], [1, 2]

    def make() -> int:
        made.append(len(made))
        return made[-1]

    assert memo.of((rows,), "a", make) == memo.of((rows,), "a", make) == 0
    assert memo.of((rows,), "b", make) == 1
    assert memo.of((others,), "a", make) == 2  # equal, and another object
    assert memo.of((rows, others), "a", make) == 3


def test_no_new_object_is_taken_for_one_that_is_gone() -> None:
    memo: Memo[list[int]] = Memo()
    for number in range(300):
        rows = [number]
        assert memo.of((rows,), None, lambda rows=rows: list(rows)) == [number]  # type: ignore[misc]


def test_only_the_newest_are_held() -> None:
    memo: Memo[int] = Memo(2)
    first, second, third = object(), object(), object()
    for each in (first, second, first, third):
        memo.of((each,), None, lambda: 1)
    assert memo.of((first,), None, lambda: 2) == 1
    assert memo.of((second,), None, lambda: 2) == 2
