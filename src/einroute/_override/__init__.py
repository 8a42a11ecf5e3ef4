"""`override`, `install` and `uninstall`: einroute's functions in the place of NumPy's and SciPy's."""

from .overriding import install, override, uninstall

__all__ = ["install", "override", "uninstall"]
