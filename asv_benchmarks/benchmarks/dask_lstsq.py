"""Least squares of dask arrays: graphs, a first answer, and answers from kept factors."""

from __future__ import annotations

import numpy as np

import einroute

ROWS, COLUMNS, CHUNK = 300_000, 50, 50_000


class Graphs:
    """Until a computation could begin: 3000 chunks, up to the dictionary that a scheduler receives."""

    params = [["einroute", "dask"]]
    param_names = ["implementation"]
    timeout = 300

    def setup(self, implementation: str) -> None:
        try:
            import dask
            import dask.array as da
        except ImportError as error:
            raise NotImplementedError from error
        self.optimize = dask.optimize
        self.lstsq = einroute.lstsq if implementation == "einroute" else da.linalg.lstsq
        self.a = da.ones((300_000, COLUMNS), chunks=(100, COLUMNS))
        self.b = da.ones(300_000, chunks=100)

    def time_graph(self, implementation: str) -> None:
        dict(self.optimize(self.lstsq(self.a, self.b)[0])[0].__dask_graph__())


class Answers:
    """x of (300,000, 50) in six chunks, in one thread."""

    params = [["einroute", "factorize", "dask"]]
    param_names = ["implementation"]
    timeout = 300

    def setup(self, implementation: str) -> None:
        try:
            import dask.array as da
        except ImportError as error:
            raise NotImplementedError from error
        rng = np.random.default_rng(0)
        self.a = da.from_array(rng.standard_normal((ROWS, COLUMNS)), chunks=(CHUNK, COLUMNS))
        self.b = da.from_array(rng.standard_normal(ROWS), chunks=CHUNK)
        self.matrix = einroute.factorize(self.a) if implementation == "factorize" else self.a
        self.lstsq = da.linalg.lstsq if implementation == "dask" else einroute.lstsq

    def time_lstsq(self, implementation: str) -> None:
        self.lstsq(self.matrix, self.b)[0].compute(scheduler="synchronous")

    def peakmem_lstsq(self, implementation: str) -> None:
        self.lstsq(self.matrix, self.b)[0].compute(scheduler="synchronous")
