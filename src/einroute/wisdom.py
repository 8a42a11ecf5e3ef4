"""What trials found about calls: kept in files, and read from them.

While a call comes again and again, einroute may try other plans for it and keep the fastest, as the option
``tune`` of `einroute.config` says. What was found is known for the process; here it is written into a file
and read by other processes. ``EINROUTE_WISDOM=FILE`` does both: it is read before the first plan, and written
when a trial has ended and at exit.
"""

from ._base.signature import publish as _publish
from ._execute.wisdom_file import forget, load, save

__all__ = ["forget", "load", "save"]

_publish(__name__, __all__, globals())
