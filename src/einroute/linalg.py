"""The routed functions of `numpy.linalg`, with its signatures.

They differ from their namesakes in `einroute` exactly as `numpy.linalg`'s differ from `numpy`'s: `tensordot`
takes `axes` and `vecdot` takes `axis` by keyword, `matmul` has no ``out``, `outer` takes one-dimensional
operands only.
"""

import typing as _typing

from einroute._base.signature import publish as _publish

if _typing.TYPE_CHECKING:
    from einroute._api.typed import inv, lstsq, matrix_power, multi_dot, pinv, solve
    from einroute._api.typed import linalg_matmul as matmul
    from einroute._api.typed import linalg_outer as outer
    from einroute._api.typed import linalg_tensordot as tensordot
    from einroute._api.typed import linalg_vecdot as vecdot
else:
    from einroute._api.linalg_products import linalg_matmul as matmul
    from einroute._api.linalg_products import linalg_outer as outer
    from einroute._api.linalg_products import linalg_tensordot as tensordot
    from einroute._api.linalg_products import linalg_vecdot as vecdot
    from einroute._api.lstsq import lstsq, pinv
    from einroute._api.matrix_power import matrix_power
    from einroute._api.products import multi_dot
    from einroute._api.solve import inv, solve

__all__ = [
    "inv",
    "lstsq",
    "matmul",
    "matrix_power",
    "multi_dot",
    "outer",
    "pinv",
    "solve",
    "tensordot",
    "vecdot",
]

_publish(__name__, __all__, globals())
