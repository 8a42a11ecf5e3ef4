"""Which BLAS kernels the numeric tests are run under."""

from __future__ import annotations

import pytest

from tests import core_types


def test_flags_of_the_first_processor() -> None:
    text = "processor\t: 0\nflags\t\t: fpu sse4_2 avx\n\nprocessor\t: 1\nflags\t\t: fpu\n"
    assert core_types.flags(text) == {"fpu", "sse4_2", "avx"}
    assert core_types.flags("Features\t: fp asimd sve\n") == {"fp", "asimd", "sve"}
    assert core_types.flags("") == frozenset()


@pytest.mark.parametrize(
    ("machine", "present", "expected"),
    [
        (
            "x86_64",
            {"pni", "sse4_2", "avx", "avx2", "fma"},
            {"Prescott", "Nehalem", "Sandybridge", "Haswell", "Zen"},
        ),
        ("x86_64", {"pni", "sse4_2"}, {"Prescott", "Nehalem"}),
        ("AMD64", {"avx512f", "avx512dq", "avx512bw", "avx512vl"}, {"SkylakeX"}),
        ("aarch64", {"asimd", "sve"}, {"ARMV8", "ARMV8SVE"}),
        ("riscv64", {"sse4_2"}, set()),
    ],
)
def test_only_types_whose_instructions_are_there(machine: str, present: set[str], expected: set[str]) -> None:
    assert set(core_types.runnable(machine, present)) == expected


def test_each_numeric_test_file_is_there() -> None:
    from pathlib import Path

    root = Path(__file__).parents[2]
    assert [name for name in core_types.NUMERIC if not (root / name).exists()] == []


def test_a_kernel_that_numpy_itself_cannot_use_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(core_types, "runnable", lambda machine, present: ["Old", "New"])
    monkeypatch.setattr(core_types, "loaded", lambda core: f"the kernel of {core}")
    monkeypatch.setattr(core_types, "broken", lambda core: core == "Old")
    assert core_types.main(["--version"]) == 0
    printed = capsys.readouterr().out
    assert "OPENBLAS_CORETYPE=Old: left out" in printed
    assert "OPENBLAS_CORETYPE=New: the kernel of New" in printed


def test_products_that_cannot_be_made_count_as_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_types, "_PRODUCTS", "raise SystemExit('wrong')")
    assert core_types.broken("Any")
    monkeypatch.setattr(core_types, "_PRODUCTS", "")
    assert not core_types.broken("Any")
