"""What the dashboard lists: the benchmarks, and of each the parameters, that have a result."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

from asv.benchmarks import Benchmarks
from asv.results import iter_results
from asv.util import load_json, write_json

#: Measured values of a benchmark: for each of its parameters those that some result has.
Values = list[set[str]]


def values(results: str) -> dict[str, Values]:
    """The parameters that have a result in any file of a results folder, by the benchmark's name."""
    found: dict[str, Values] = {}
    for result in iter_results(results):
        for name in result.get_all_result_keys():
            params = result.get_result_params(name)
            measured = result.get_result_value(name, params)
            for value, combination in zip(measured, itertools.product(*params), strict=True):
                if value is None or math.isnan(value):  # not run, or refused by its setup
                    continue
                kept = found.setdefault(name, [set() for _ in params])
                for one, seen in zip(combination, kept, strict=True):
                    seen.add(one)
    return found


def list_measured(results: str) -> None:
    """Leave in asv's list of benchmarks what has a result; asv writes the list anew whenever it measures."""
    path = Benchmarks.get_benchmark_file_path(results)
    if not Path(path).is_file():
        return  # nothing was measured: asv says so
    benchmarks: dict[str, Any] = load_json(path, api_version=Benchmarks.api_version)
    found = values(results)
    kept = {
        name: benchmark | {"params": _measured(benchmark["params"], found[name])}
        for name, benchmark in benchmarks.items()
        if name in found
    }
    write_json(path, kept, Benchmarks.api_version)


def _measured(params: list[list[str]], found: Values) -> list[list[str]]:
    return [[one for one in choices if one in seen] for choices, seen in zip(params, found, strict=True)]
