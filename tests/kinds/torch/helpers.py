"""What torch's tests share: operands, and a mode under which no value goes to the host."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.helpers import SIZES

torch = pytest.importorskip("torch")

from torch.overrides import TorchFunctionMode  # noqa: E402 - torch may be missing
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402 - torch may be missing

#: torch's dtype of each of NumPy's, and one that NumPy has not.
DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64",
          "complex64", "complex128")  # fmt: skip


class NothingRead(TorchDispatchMode):
    """Fails where a value is read, or elements are copied between devices."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = str(func)
        assert "local_scalar_dense" not in name, name
        assert "_to_copy" not in name or (kwargs or {}).get("device") is None, name
        return func(*args, **(kwargs or {}))


def tensors(terms: str, dtype: str, seed: int = 0) -> list[Any]:
    """Operands of small integer values for the subscripts `terms`."""
    rng = np.random.default_rng(seed)
    made = []
    for term in terms.partition("->")[0].split(","):
        values = rng.integers(0 if dtype in {"bool", "uint8"} else -3, 4, [SIZES[c] for c in term])
        values = values + 1j * rng.integers(-3, 4, values.shape) if "complex" in dtype else values
        made.append(torch.as_tensor(np.asarray(values)).to(getattr(torch, dtype)))
    return made


def as_numpy(x: Any) -> np.ndarray[Any, Any]:
    """A tensor's values; of bfloat16 in single precision."""
    x = x.detach().resolve_conj()
    return (x.float() if x.dtype is torch.bfloat16 else x).numpy()


def numpys_einsum(subscripts: str, *operands: Any) -> np.ndarray[Any, Any]:
    """The judge: NumPy's einsum of the same values, in the dtype of all."""
    arrays = [as_numpy(x) if isinstance(x, torch.Tensor) else np.asarray(x) for x in operands]
    return np.asarray(np.einsum(subscripts, *arrays))


class Calls(TorchFunctionMode):
    """Names of the functions of torch that are called meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(func.__name__)
        return func(*args, **(kwargs or {}))
