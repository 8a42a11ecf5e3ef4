"""Cost of a step and how long it should take.

The constants are the machine's (see `machine`); only their ratios matter, since costs are compared with each
other.  This module imports nothing of ours but them.
"""

from __future__ import annotations

from .machine import SHIPPED, Machine, RouteFit, machine
from .records import dataclass

#: Seconds of Python and dispatch behind one NumPy call made by a route: the unit of `Cost.calls`.
CALL = SHIPPED.call
#: Bytes a second from the last-level cache, as routes' own prices have it.
SHARED = SHIPPED.shared
#: Multiply-adds a second of BLAS on one core, in double precision, where no step is decided.
GEMM = SHIPPED.gemm
#: Multiply-adds that OpenBLAS gives each of its threads at least, and up to which its kernels for small
#: matrices, of real numbers, do them alone.
_SHARE, _SMALL = 262144, 1_000_000
#: Multiply-adds from which it shares a matrix by a vector.
_SHARE_VECTOR = 65536
#: Bytes a second that one core writes of what another one has read.
_CONTESTED = 4e9
#: Bytes of a line of a cache, and bytes whose pages the processor has at hand; seconds of a line beyond.
_LINE, _PAGES, _FAR = 64, 8 << 20, 2e-9


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
    scale : float
        What all but the calls is multiplied by, as measured on this machine.
    held : float
        Bytes that lie in one cache meanwhile; 0: as many as are moved. Of what moves its operands several
        times it is less.
    """

    flops: float = 0.0
    bytes: float = 0.0
    calls: float = 1.0
    rate: float = 1e9
    scale: float = 1.0
    held: float = 0.0

    @property
    def seconds(self) -> float:
        here = machine()
        work = max(self.flops / self.rate, _moved(self.bytes, self.held or self.bytes, here))
        return self.calls * here.call + self.scale * work

    def fitted(self, fit: RouteFit) -> Cost:
        """What a route's own estimate becomes by what the route took on this machine."""
        calls = self.calls + fit.overhead / machine().call
        return Cost(self.flops, self.bytes, calls, self.rate, self.scale * fit.scale, self.held)

    def __add__(self, other: Cost) -> Cost:
        flops = self.flops + other.flops
        time = self.flops / self.rate + other.flops / other.rate
        return Cost(
            flops=flops,
            bytes=self.bytes + other.bytes,
            calls=self.calls + other.calls,
            rate=flops / time if time else self.rate,
            held=max(self.held or self.bytes, other.held or other.bytes),
        )


def moving(nbytes: float, held: float = 0.0) -> float:
    """Seconds in which one core moves this many bytes, of so many that lie in one cache."""
    return _moved(nbytes, held or nbytes, machine())


def _moved(nbytes: float, held: float, here: Machine) -> float:
    if held < here.own_bytes:
        return nbytes / here.own
    return nbytes / (here.shared if held < here.shared_bytes else here.memory)


def scattered(held: float) -> float:
    """Seconds that a line of the cache takes which lies far from the last one, in so many bytes."""
    if held < _PAGES:
        return moving(_LINE, held)
    return _FAR * SHIPPED.memory / machine().memory


def streaming(nbytes: float, threads: int) -> float:
    """Seconds in which threads together move this many bytes, each once."""
    return moving(nbytes) / (1 + machine().more_bandwidth * (threads - 1))


def first_touched(nbytes: int) -> float:
    """Seconds that one core takes to touch so much new memory for the first time.

    Nothing for what malloc keeps at hand; larger arrays come from the system, page by page.
    """
    here = machine()
    return nbytes / here.fresh if nbytes >= here.fresh_bytes else 0.0


def contested(nbytes: float) -> float:
    """Seconds that writing so much memory takes more where cores have read other halves than they write.

    What no cache holds nobody has any more.
    """
    return min(nbytes, machine().shared_bytes) / 2 / _CONTESTED


def blas_threads(threads: int) -> int:
    """Of so many threads, those that BLAS may use as the environment says."""
    return min(threads, machine().blas_threads)


def gemm_threads(flops: int, is_complex: bool, threads: int) -> int:
    """Of so many threads, those among which OpenBLAS shares a GEMM of so many multiply-adds."""
    if not is_complex and flops <= _SMALL:
        return 1
    return max(1, min(blas_threads(threads), flops // _SHARE))


def product_threads(m: int, n: int, k: int, is_complex: bool, threads: int) -> int:
    """Of so many threads, those among which OpenBLAS shares a product of two matrices, or by a vector."""
    if min(m, n) > 1:
        return gemm_threads(m * n * k, is_complex, threads)
    return blas_threads(threads) if m * n * k > _SHARE_VECTOR else 1


def gemm_rate(m: int, n: int, k: int, itemsize: int, is_complex: bool, threads: int) -> float:
    """Multiply-adds a second of one GEMM: BLAS's peak less what short dimensions lose.

    The half-rate lengths (1, 1 and 2 as shipped) fit dgemm from 8x8x8 to 1000x1000x1000 within a third.
    """
    here = machine()
    peak = here.gemm
    if (itemsize // 2 if is_complex else itemsize) == 4:
        peak *= here.gemm_single
    if is_complex:
        peak *= here.gemm_complex
    half = here.gemm_half
    shape = (m / (m + half)) * (n / (n + half)) * (k / (k + 2 * half))
    threads = product_threads(m, n, k, is_complex, threads)
    return peak * shape * (1 + here.more_gemm * (threads - 1))
