"""Dense arrays of other libraries: from a description of a library's own calls, its form and its kind."""

from .form import array_form
from .kind import array_kind
from .library import ArrayLibrary
from .routes import array_routes

__all__ = ["ArrayLibrary", "array_form", "array_kind", "array_routes"]
