"""How labels, numbers and times are written, in every form of an explanation or a record."""

from __future__ import annotations

from math import isfinite

__all__ = ["count", "in_bytes", "in_time", "in_times", "plural", "prime_for", "readable", "shortened"]

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_TIMES = (("s", 1.0), ("ms", 1e-3), ("us", 1e-6))
_COUNTS = (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3))
_BYTES = (("GiB", 2.0**30), ("MiB", 2.0**20), ("KiB", 2.0**10))


def readable(text: str, prime: str = "'") -> str:
    """Labels that nobody wrote as letters: with a prime where others were written, as beside an ellipsis.

    >>> readable("\u0100i,ij->\u0100j"), readable("\u0100\u0101", "")
    ("a'i,ij->a'j", 'ab')
    """
    return "".join(f"{_letter(ord(c) - 0x100)}{prime}" if 0x100 <= ord(c) < 0x180 else c for c in text)


def _letter(number: int) -> str:
    return _LETTERS[number % len(_LETTERS)]


def prime_for(labels: str) -> str:
    """What tells labels that nobody wrote from others among these; nothing where there are no others."""
    return "'" if any(ord(c) < 0x100 for c in labels) else ""


def in_time(seconds: float | None) -> str:
    """A time in the unit that suits it, to three digits; a dash for none.

    >>> in_time(0.00123), in_time(4e-7), in_time(None)
    ('1.23 ms', '400 ns', '-')
    """
    if seconds is None or not isfinite(seconds):
        return "-"
    for unit, scale in _TIMES:
        if seconds >= scale:
            return f"{_digits(seconds / scale)} {unit}"
    return f"{_digits(seconds / 1e-9)} ns"


def in_times(factor: float) -> str:
    """How many times faster something is, to two or three digits; a dash for what was not measured.

    >>> in_times(1234.6), in_times(12.3), in_times(1.234), in_times(0.876), in_times(0.0123), in_times(0.0)
    ('1,235', '12', '1.23', '0.88', '0.012', '-')
    """
    if not (isfinite(factor) and factor > 0):
        return "-"
    return f"{factor:,.0f}" if factor >= 9.95 else f"{factor:.2f}" if factor >= 0.0995 else f"{factor:.3f}"


def count(number: float) -> str:
    """A number of things to three digits.

    >>> count(24e6), count(640)
    ('24 M', '640')
    """
    for unit, scale in _COUNTS:
        if number >= scale:
            return f"{_digits(number / scale)} {unit}"
    return _digits(number)


def in_bytes(number: float) -> str:
    """A number of bytes to three digits.

    >>> in_bytes(1 << 20), in_bytes(24)
    ('1 MiB', '24 bytes')
    """
    for unit, scale in _BYTES:
        if number >= scale:
            return f"{_digits(number / scale)} {unit}"
    return f"{_digits(number)} bytes"


def _digits(value: float) -> str:
    return f"{value:.0f}" if value >= 99.95 else f"{value:.3g}"


def plural(number: int, thing: str) -> str:
    """The number with its noun.

    >>> plural(1, "call"), plural(2000, "call")
    ('1 call', '2,000 calls')
    """
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def shortened(text: str, length: int) -> str:
    """The text if it is no longer than that, else as much of it and an ellipsis.

    >>> shortened("abcdefgh", 5)
    'abcd…'
    """
    return text if len(text) <= length else text[: max(0, length - 1)] + "…"
