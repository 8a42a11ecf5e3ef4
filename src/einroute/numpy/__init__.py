"""NumPy's namespace with the routed functions in place: ``import einroute.numpy as np``.

Every name is NumPy's and means what it means there.  `einsum`, `einsum_path`, `tensordot`, `dot`, `matmul`,
`inner`, `vdot`, `outer`, `vecdot`, `matvec`, `vecmat` and the routed functions of `linalg` are einroute's and
compare and hash equal to NumPy's; everything else is NumPy's own object.  To type checkers this module *is*
NumPy: a changed import must not change what they say.

Of the submodules only `linalg` can be imported by its dotted name.  The others are attributes, the very
modules of NumPy (``np.random``, ``np.testing``), so that nothing exists twice.
"""
# ruff: noqa: F401, F403 - importing names for others is all that this module does.
# No ``from __future__`` and no public helper here: whatever this module binds is a name that NumPy lacks.

import typing as _typing

if _typing.TYPE_CHECKING:
    from numpy import *
else:
    import numpy as _numpy  # noqa: ICN001 - a public alias would be one more name

    from einroute._api.functions import equal_to_numpys as _equal_to_numpys
    from einroute.numpy import linalg

    __all__ = list(_numpy.__all__)

    globals().update(_equal_to_numpys("numpy"))
    # What NumPy has loaded already is copied: a lookup through __getattr__ takes ten times as long, and
    # programs write np.zeros in loops.  What NumPy loads lazily (np.random, np.testing) stays lazy here.
    globals().update(
        {name: value for name, value in vars(_numpy).items() if name[0] != "_" and name not in globals()}
    )

    del _typing  # NumPy has an attribute of this name

    def __getattr__(name):
        return getattr(_numpy, name)  # so that missing and expired names raise what NumPy raises

    def __dir__():
        return dir(_numpy)
