"""Cost of a step and how long it should take.

The constants describe no machine exactly; they were measured on a two-core x86-64 server and only
their ratios matter, since costs are compared with each other.  This module imports nothing of ours.
"""

from __future__ import annotations

from .records import dataclass

#: Seconds of Python and dispatch behind one NumPy call made by a route.
CALL = 0.6e-6
#: Bytes a second that one core reads from memory, from the last-level cache, and from its own caches.
MEMORY, SHARED, OWN = 35e9, 70e9, 150e9
#: What each further core adds to the bytes a second that one alone gets out of memory or last-level cache.
MORE_BANDWIDTH = 0.25
#: Bytes up to which operands are taken to be in the core's own caches, and in the last-level one.
OWN_BYTES, SHARED_BYTES = 1 << 20, 20 << 20
#: Bytes a second of new memory that the system hands one core, and the size from which memory is new.
FRESH, FRESH_BYTES = 13e9, 32 << 20
#: Multiply-adds a second of BLAS on one core, in double precision.
GEMM = 25e9


@dataclass(frozen=True, slots=True)
class Cost:
    """What a step takes.

    Attributes
    ----------
    flops : float
        Multiply-adds.
    bytes : float
        Bytes read and written, copies included.
    calls : float
        Calls into NumPy, in units of `CALL` seconds.
    rate : float
        Multiply-adds a second that the route reaches on this step.
    """

    flops: float = 0.0
    bytes: float = 0.0
    calls: float = 1.0
    rate: float = 1e9

    @property
    def seconds(self) -> float:
        return self.calls * CALL + max(self.flops / self.rate, moving(self.bytes))

    def __add__(self, other: Cost) -> Cost:
        flops = self.flops + other.flops
        time = self.flops / self.rate + other.flops / other.rate
        return Cost(
            flops=flops,
            bytes=self.bytes + other.bytes,
            calls=self.calls + other.calls,
            rate=flops / time if time else self.rate,
        )


def moving(nbytes: float) -> float:
    """Seconds in which one core moves this many bytes."""
    if nbytes < OWN_BYTES:
        return nbytes / OWN
    return nbytes / (SHARED if nbytes < SHARED_BYTES else MEMORY)


def streaming(nbytes: float, threads: int) -> float:
    """Seconds in which threads together move this many bytes, each once."""
    return moving(nbytes) / (1 + MORE_BANDWIDTH * (threads - 1))


def first_touched(nbytes: int) -> float:
    """Seconds that one core takes to touch so much new memory for the first time.

    Nothing for what malloc keeps at hand; larger arrays come from the system, page by page.
    """
    return nbytes / FRESH if nbytes >= FRESH_BYTES else 0.0


def gemm_rate(m: int, n: int, k: int, itemsize: int, is_complex: bool, threads: int) -> float:
    """Multiply-adds a second of one GEMM: BLAS's peak less what short dimensions lose.

    The half-rate lengths (1, 1 and 2) fit dgemm from 8x8x8 to 1000x1000x1000 within a third.
    """
    peak = GEMM * 8 / (itemsize // 2 if is_complex else itemsize)
    if is_complex:
        peak /= 4
    shape = (m / (m + 1)) * (n / (n + 1)) * (k / (k + 2))
    # OpenBLAS starts its threads at about 65 thousand multiply-adds.
    return peak * shape * (threads if m * n * k > 65536 else 1)
