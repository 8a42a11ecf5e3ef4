"""`numpy.linalg` with the routed functions in place: ``from einroute.numpy.linalg import multi_dot, svd``.

`lstsq`, `solve`, `inv`, `pinv`, `multi_dot`, `matrix_power`, `tensordot`, `matmul`, `vecdot` and `outer` are
einroute's, and compare and hash equal to NumPy's; the rest are NumPy's own objects.
"""
# ruff: noqa: F403 - importing names for others is all that this module does.

import typing as _typing

if _typing.TYPE_CHECKING:
    from numpy.linalg import *
else:
    import numpy.linalg as _numpy_linalg

    from einroute._api.functions import equal_to_numpys as _equal_to_numpys

    __all__ = list(_numpy_linalg.__all__)

    globals().update(_equal_to_numpys("numpy.linalg"))
    globals().update(
        {
            name: value
            for name, value in vars(_numpy_linalg).items()
            if name[0] != "_" and name not in globals()
        }
    )

    del _typing

    def __getattr__(name):
        return getattr(_numpy_linalg, name)

    def __dir__():
        return dir(_numpy_linalg)
