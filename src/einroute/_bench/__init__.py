"""The benchmarks' cases, and the race between the implementations of each.

There is one table of cases, `cases.CASES`. ``python -m einroute bench``, the asv suite and the README's
figures all read it. `statement`, `stopwatch`, `case`, `spelled` and `cases` import nothing of ours but each
other: the asv suite takes them from the checkout, whatever commit is installed and measured.
"""
