"""Frozen dataclasses of ours beside those of the standard library."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from einroute._base.records import dataclass as ours


def _made(dataclass: Callable[..., Any]) -> Any:
    @dataclass(frozen=True, slots=True)
    class Point:
        """A point."""

        x: int
        y: float = 0.5
        tags: list[str] = dataclasses.field(default_factory=list, compare=False)
        note: str = dataclasses.field(default="", repr=False)

        def moved(self) -> Any:
            return dataclasses.replace(self, x=self.x + 1)

    return Point


OURS, THEIRS = _made(ours), _made(dataclasses.dataclass)


@ours(frozen=True, slots=True)
class Kept:
    """For pickles, which look a class up by its name."""

    x: int
    y: tuple[int, ...] = ()


@ours(frozen=True, slots=True, eq=False)
class Single:
    """Compared by identity."""

    x: Any


@ours(frozen=True, slots=True)
class Judged:
    """Has methods of its own."""

    x: int

    def __post_init__(self) -> None:
        if self.x < 0:
            raise ValueError("x is negative")
        object.__setattr__(self, "x", self.x * 2)

    def __hash__(self) -> int:
        return 7

    def __repr__(self) -> str:
        return "judged"


CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((1,), {}),
    ((1, 2.0), {}),
    ((1,), {"note": "n"}),
    ((), {"x": 1, "tags": ["a"]}),
    ((1, 2.0, ["a"], "n"), {}),
]


@pytest.mark.parametrize(("args", "keywords"), CALLS)
def test_a_record_shows_itself_as_a_dataclass(args: Any, keywords: Any) -> None:
    mine, reference = OURS(*args, **keywords), THEIRS(*args, **keywords)
    assert repr(mine) == repr(reference)
    assert dataclasses.asdict(mine) == dataclasses.asdict(reference)
    assert dataclasses.astuple(mine) == dataclasses.astuple(reference)
    assert repr(mine.moved()) == repr(reference.moved())
    assert hash(mine) == hash(reference)
    assert mine == OURS(*args, **keywords)
    assert not hasattr(mine, "__dict__")


def test_what_the_classes_show() -> None:
    assert OURS.__match_args__ == THEIRS.__match_args__
    assert OURS.__slots__ == THEIRS.__slots__
    assert OURS.__doc__ == THEIRS.__doc__
    assert [f.name for f in dataclasses.fields(OURS)] == [f.name for f in dataclasses.fields(THEIRS)]
    assert dataclasses.is_dataclass(OURS)


@pytest.mark.parametrize("args", [(), (1, 2, 3, 4, 5)])
def test_arguments_that_do_not_fit(args: Any) -> None:
    for made in (OURS, THEIRS):
        with pytest.raises(TypeError, match=r"__init__\(\)"):
            made(*args)


def test_factories_are_called_each_time() -> None:
    assert OURS(1).tags is not OURS(1).tags


def test_equality() -> None:
    assert OURS(1) != OURS(2)
    assert OURS(1, tags=["a"]) == OURS(1, tags=["b"])  # not compared
    assert OURS(1) != THEIRS(1)
    assert Single(1) != Single(1)
    one = Single(1)
    assert one == one  # noqa: PLR0124 - identity is what is tested
    assert {one: 2}[one] == 2


@pytest.mark.parametrize("made", [OURS, THEIRS])
def test_records_do_not_change(made: Any) -> None:
    record = made(1)
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'x'"):
        record.x = 2
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'x'"):
        del record.x
    with pytest.raises((dataclasses.FrozenInstanceError, TypeError)):
        record.other = 2
    assert record.x == 1


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_and_pickles(again: Callable[[Any], Any]) -> None:
    assert again(Kept(1, (2, 3))) == Kept(1, (2, 3))


def test_what_a_class_wrote_itself_stays() -> None:
    record = Judged(3)
    assert (record.x, hash(record), repr(record)) == (6, 7, "judged")
    with pytest.raises(ValueError, match="x is negative"):
        Judged(-1)


def test_a_record_that_holds_itself_can_be_shown() -> None:
    held: list[Any] = []
    record = Single(held)
    held.append(record)
    assert repr(record) == "Single(x=[...])"


def test_other_dataclasses_are_left_to_the_standard_library() -> None:
    loose: Any = ours
    with pytest.raises(TypeError, match=r"use dataclasses\.dataclass"):
        loose(frozen=False, slots=True)


def test_signatures_before_and_after_the_first_record() -> None:
    ours_, theirs = _made(ours), _made(dataclasses.dataclass)
    for _ in range(2):
        own, right = (inspect.signature(cls).parameters for cls in (ours_, theirs))
        assert [(p.name, p.kind) for p in own.values()] == [(p.name, p.kind) for p in right.values()]
        assert "self" not in own
        for made in (ours_, theirs):
            assert made(1, y=2.0).moved() == made(2, 2.0)
            for arguments in ((), (1, 2, 3, 4, 5)):
                with pytest.raises(TypeError, match=r"__init__\(\)"):
                    made(*arguments)
    assert not callable(ours_(1))
    with pytest.raises(AttributeError):
        _ = ours_(1).__signature__


def test_a_subclass_and_its_base_have_their_own() -> None:
    @ours(frozen=True, slots=True)
    class Base:
        x: int

    @ours(frozen=True, slots=True)
    class Longer(Base):
        y: int = 3

    class Plain(Base):
        pass

    assert (Longer(1).y, Base(2).x, Plain(5).x, Longer(1, 2).y) == (3, 2, 5, 2)
    assert list(inspect.signature(Longer).parameters) == ["x", "y"]


def test_many_threads_make_the_first_record() -> None:
    for _ in range(20):
        cls = _made(ours)
        with ThreadPoolExecutor(8) as pool:
            assert {made.x for made in pool.map(cls, range(8))} == set(range(8))
