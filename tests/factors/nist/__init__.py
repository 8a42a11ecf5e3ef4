"""The linear regression sets of NIST's Statistical Reference Datasets, with certified results.

Public domain: National Institute of Standards and Technology, https://www.itl.nist.gov/div898/strd/lls/lls.shtml
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

NAMES = (
    "Norris", "Pontius", "NoInt1", "NoInt2", "Filip", "Longley",
    "Wampler1", "Wampler2", "Wampler3", "Wampler4", "Wampler5",
)  # fmt: skip


@dataclass(frozen=True)
class Regression:
    """One data set.

    Attributes
    ----------
    a : ndarray
        Design matrix (m, n): powers of the one predictor, or the predictors themselves, with a column of ones
        where the model has a constant.
    y : ndarray
        Responses (m,).
    x : ndarray
        Certified coefficients (n,), to 15 digits.
    residual : float
        Certified residual sum of squares.
    """

    a: np.ndarray
    y: np.ndarray
    x: np.ndarray
    residual: float


def read(name: str) -> Regression:
    """Read one of `NAMES`."""
    lines = (Path(__file__).parent / f"{name}.dat").read_text(encoding="ascii").splitlines()
    first, last = (int(number) for number in re.findall(r"\d+", lines[5]))
    data = np.array([[float(word) for word in line.split()] for line in lines[first - 1 : last]])
    parameters = [
        (int(found[1]), float(found[2])) for line in lines if (found := re.match(r"\s+B(\d+)\s+(\S+)", line))
    ]
    residual = next(float(line.split()[2]) for line in lines if line.startswith("Residual  "))
    y, predictors = data[:, 0], data[:, 1:]
    if predictors.shape[1] == 1:
        a = predictors ** np.array([power for power, _ in parameters])
    else:
        a = np.hstack([np.ones((len(y), 1)), predictors])
    return Regression(a, y, np.array([value for _, value in parameters]), residual)
