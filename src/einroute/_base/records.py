"""Frozen dataclasses that take a third of the time to make.

``dataclasses`` compiles six methods for each frozen class, half of the time that ``import einroute`` took.
Here only ``__init__`` is compiled, for the first record: the other methods are shared, or closures over the
fields. What a class shows is the same: fields, ``replace``, ``asdict``, match arguments, signatures, pickles,
FrozenInstanceError.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    T = TypeVar("T", bound=type)

    def dataclass(*, frozen: bool, slots: bool, eq: bool = True) -> Callable[[T], T]:
        """`dataclasses.dataclass` for frozen classes with slots."""
        if not (frozen and slots):
            raise TypeError("frozen or slots is False; use dataclasses.dataclass")

        def decorate(cls: T) -> T:
            cls = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(cls)
            _add(cls, _methods(cls, dataclasses.fields(cls), eq))
            return cls

        return decorate


__all__ = ["dataclass"]

Field = dataclasses.Field[Any]

_ABSENT: Any = object()


def _methods(cls: type, fields: tuple[Field, ...], eq: bool) -> dict[str, Any]:
    """What `dataclasses` would compile for the class."""
    methods: dict[str, Any] = {
        "__init__": _late_init(cls, fields),
        "__repr__": _repr,
        "__setattr__": _setattr,
        "__delattr__": _delattr,
        "__getstate__": _getstate,
        "__setstate__": _setstate,
    }
    if eq:
        methods["__eq__"], methods["__hash__"] = _comparison([f.name for f in fields if f.compare])
    return methods


def _add(cls: type, methods: dict[str, Any]) -> None:
    """Put the methods into the class, but for those that it wrote itself."""
    for name, method in methods.items():
        if name not in vars(cls):
            setattr(cls, name, method)
            if name == "__init__":
                cls.__signature__ = _Signature(cls)  # type: ignore[attr-defined]


def _late_init(cls: Any, fields: tuple[Field, ...]) -> Callable[..., None]:
    """``__init__``, compiled when the first record is made: of most classes none is before the first call."""

    def init(self: Any, *args: Any, **values: Any) -> None:
        cls.__init__ = compiled = _init(cls, fields)
        compiled(self, *args, **values)

    init.__qualname__ = f"{cls.__qualname__}.__init__"
    init.__name__ = "__init__"
    return init


class _Signature:
    """What a class shows as its signature, whether or not ``__init__`` has been compiled."""

    __slots__ = ("_of",)

    def __init__(self, of: type) -> None:
        self._of = of

    def __get__(self, record: object, cls: Any) -> Any:
        if record is not None or cls is not self._of:
            raise AttributeError("__signature__")
        import inspect  # noqa: PLC0415 - whoever asks has loaded it

        compiled = inspect.signature(_init(cls, dataclasses.fields(cls)))
        return compiled.replace(parameters=[*compiled.parameters.values()][1:])


def _init(cls: type, fields: tuple[Field, ...]) -> Callable[..., None]:
    """``__init__`` by the slots' own setters, which a frozen class cannot refuse."""
    # Its module, so that warnings told within are of whoever calls from elsewhere.
    space: dict[str, Any] = {"__name__": cls.__module__, "_absent": _ABSENT}
    parameters, body = ["self"], []
    for f in fields:
        name, value, default = f.name, f.name, ""
        space[f"_set_{name}"] = getattr(cls, name).__set__
        if f.default_factory is not dataclasses.MISSING:
            space[f"_make_{name}"] = f.default_factory
            default, value = "=_absent", f"_make_{name}() if {name} is _absent else {name}"
        elif f.default is not dataclasses.MISSING:
            space[f"_default_{name}"] = f.default
            default = f"=_default_{name}"
        parameters.append(name + default)
        body.append(f"_set_{name}(self, {value})")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    exec(f"def __init__({', '.join(parameters)}):\n " + "\n ".join(body), space)  # noqa: S102 - names of fields
    init: Callable[..., None] = space["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init


def _comparison(names: list[str]) -> tuple[Callable[[Any, Any], Any], Callable[[Any], int]]:
    """``__eq__`` and ``__hash__`` of the tuple of the fields."""
    get: Callable[[Any], Any] = attrgetter(*names)
    values = get if len(names) > 1 else lambda record: (get(record),)

    def equal(self: Any, other: Any) -> Any:
        if self is other:
            return True
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    return equal, lambda self: hash(values(self))


@recursive_repr()
def _repr(self: Any) -> str:
    shown = (f"{f.name}={getattr(self, f.name)!r}" for f in dataclasses.fields(self) if f.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _setattr(_record: Any, name: str, _value: object, /) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _delattr(_record: Any, name: str, /) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _getstate(self: Any) -> list[Any]:
    return [getattr(self, f.name) for f in dataclasses.fields(self)]


def _setstate(self: Any, state: list[Any]) -> None:
    for f, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, f.name, value)
