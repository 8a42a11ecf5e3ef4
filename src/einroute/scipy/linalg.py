"""`scipy.linalg` with the routed functions in place: ``import einroute.scipy.linalg as linalg``.

`lstsq`, `solve`, `inv` and `pinv` are einroute's, the rest are SciPy's own objects.
"""
# ruff: noqa: F401, F403 - importing names for others is all that this module does.

import typing as _typing

if _typing.TYPE_CHECKING:
    from scipy.linalg import *
else:
    import scipy.linalg as _scipy_linalg

    from einroute._api.scipy_linalg import inv, lstsq, pinv, solve

    __all__ = list(_scipy_linalg.__all__)

    globals().update(
        {
            name: value
            for name, value in vars(_scipy_linalg).items()
            if name[0] != "_" and name not in globals()
        }
    )

    def __getattr__(name):
        return getattr(_scipy_linalg, name)

    def __dir__():
        return dir(_scipy_linalg)
