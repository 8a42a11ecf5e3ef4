"""Wisdom in files: written whole, merged, read with care, never trusted further than a plan's name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest

import einroute as er
from einroute._execute import wisdom_file
from einroute._execute.findings import FINDINGS, Finding
from tests.processes import printed

A, B = np.arange(5000).reshape(2, 50, 50) % 7
CALL = ("ij,jk->ik", A, B)


@pytest.fixture(autouse=True)
def _nothing_found():
    er.wisdom.forget()
    yield
    er.wisdom.forget()


@pytest.fixture
def file(tmp_path):
    """A file that says that NumPy's loops do a product of integers."""
    with er.config(tune="now"):
        er.einsum(*CALL)
    (facts,) = FINDINGS.known
    FINDINGS.put(facts, Finding("numpy.einsum", {"numpy.einsum": 1e-6, "dense.integer_matmul": 1e-5}))
    path = tmp_path / "folder" / "wisdom.json"
    er.wisdom.save(path)
    er.wisdom.forget()
    return path


def test_what_is_loaded_decides(file):
    before = er.explain(*CALL).routes
    assert before != ("numpy.einsum",)
    expected = er.einsum(*CALL)
    assert er.wisdom.load(file) == 1
    explained = er.explain(*CALL)
    assert explained.routes == ("numpy.einsum",)
    assert str(file) in str(explained)
    np.testing.assert_array_equal(er.einsum(*CALL), expected)
    for options in ({"tune": "never"}, {"reproducible": True}, {"forbid": "numpy.einsum"}):
        with er.config(**options):
            assert er.explain(*CALL).routes == before
    er.wisdom.forget()
    assert er.explain(*CALL).routes == before


def test_it_can_be_read_by_people(file):
    content = json.loads(file.read_text())
    assert (content["format"], content["version"]) == ("einroute wisdom", 1)
    ((machine, found),) = content["machines"].items()
    assert np.__version__ in machine
    ((facts, finding),) = found.items()
    assert facts.startswith("ij,jk->ik")
    assert finding["chosen"] == "numpy.einsum"


def test_saving_keeps_what_is_there(file):
    content = json.loads(file.read_text())
    (own,) = content["machines"]
    content["machines"][own]["other call"] = {"chosen": "x", "took": {"x": 1.0}}
    content["machines"]["elsewhere"] = {"call": {"chosen": "y", "took": {}}}
    file.write_text(json.dumps(content))
    er.wisdom.load(file)
    FINDINGS.put("third call", Finding("z", {"z": 1e-3}))
    er.wisdom.save(file)
    machines = json.loads(file.read_text())["machines"]
    assert machines["elsewhere"] == content["machines"]["elsewhere"]
    assert {"other call", "third call"} < set(machines[own])


def _changed(**changes):
    def change(content):
        return content | changes

    return change


def _finding(found, facts="facts"):
    def change(content):
        (own,) = content["machines"]
        return content | {"machines": {own: {facts: found}}}

    return change


HOSTILE = {
    "empty": "",
    "cut off": '{"format": "einroute wisdom", "version": 1, "mach',
    "null": "null",
    "another type": "[1, 2]",
    "deep": "[" * 300_000,
    "huge number": "1" * 100_000,
    "not text": b"\xff\x00\xfe",
    "huge": b" " * (17 << 20),
    "other format": _changed(format="fftw wisdom"),
    "later version": _changed(version=2),
    "no version": _changed(version=None),
    "machines": _changed(machines=[]),
    "many machines": _changed(machines={str(i): {} for i in range(100)}),
    "elsewhere": _changed(machines={"another machine": {}}),
    "machine": _changed(machines={"m": 3}),
    "many": _changed(machines={"m": {str(i): {"chosen": "x", "took": {}} for i in range(5000)}}),
    "finding": _finding(3),
    "no name": _finding({"took": {}}),
    "name": _finding({"chosen": ["x"], "took": {}}),
    "long name": _finding({"chosen": "x" * 100_000, "took": {}}),
    "long facts": _finding({"chosen": "x", "took": {}}, "f" * 100_000),
    "took": _finding({"chosen": "x", "took": [1]}),
    "seconds": _finding({"chosen": "x", "took": {"x": "1"}}),
    "true": _finding({"chosen": "x", "took": {"x": True}}),
    "negative": _finding({"chosen": "x", "took": {"x": -1.0}}),
    "endless": _finding({"chosen": "x", "took": {"x": float("inf")}}),
    "no number": _finding({"chosen": "x", "took": {"x": float("nan")}}),
    "large": _finding({"chosen": "x", "took": {"x": 10**400}}),
    "many times": _finding({"chosen": "x", "took": {str(i): 1.0 for i in range(1000)}}),
    "long name of a time": _finding({"chosen": "x", "took": {"x" * 100_000: 1.0}}),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_damaged_or_hostile_is_warned_of_and_ignored(file, what):
    given = HOSTILE[what]
    if callable(given):
        given = json.dumps(given(json.loads(file.read_text())))
    file.write_bytes(given if isinstance(given, bytes) else given.encode())
    with pytest.warns(UserWarning, match="is ignored") as told:
        assert er.wisdom.load(file) == 0
    assert len(told) == 1
    assert len(str(told[0].message)) < 1000
    assert FINDINGS.known == {}


@pytest.mark.parametrize("chosen", ["no.route", "dense.matmul", "", "__import__('os')", "sparse.gather"])
def test_a_plan_that_there_is_not_changes_nothing(file, chosen):
    before = er.explain(*CALL).routes
    file.write_text(file.read_text().replace('"chosen": "numpy.einsum"', f'"chosen": {json.dumps(chosen)}'))
    assert er.wisdom.load(file) == 1
    assert er.explain(*CALL).routes == before
    np.testing.assert_array_equal(er.einsum(*CALL), A @ B)


def test_names_that_a_terminal_would_obey_are_shown_escaped(file):
    content = json.loads(file.read_text())
    (found,) = content["machines"].values()
    (finding,) = found.values()
    finding["took"] |= {"\x1b[2J\x07": 1.0, "\ud800": 2.0, "two\nlines": 3.0}
    file.write_text(json.dumps(content))
    assert er.wisdom.load(file) == 1
    (found,) = FINDINGS.known.values()
    for text in (found.text, str(er.explain(*CALL)), er.explain(*CALL)._repr_html_()):
        text.encode()
        assert not {"\x1b", "\x07"} & set(text)
    assert r"'\x1b[2J\x07' 1 s, '\ud800' 2 s, 'two\nlines' 3 s" in found.text


def test_no_link_folder_or_pipe_is_read(file, tmp_path):
    link = tmp_path / "link.json"
    link.symlink_to(file)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (link, tmp_path, pipe):
        with pytest.warns(UserWarning, match="is ignored: it is "):
            assert er.wisdom.load(path) == 0


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="nobody tells of open files")  # noqa: PTH112
def test_what_is_not_read_is_closed(tmp_path):
    open_files = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the names alone
    for _ in range(3):
        with pytest.warns(UserWarning, match="is ignored: it is no regular file"):
            er.wisdom.load(tmp_path)
    assert len(os.listdir("/proc/self/fd")) == open_files  # noqa: PTH208


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"wisdom\.save"):
        er.wisdom.load(tmp_path / "none")


def test_what_is_no_wisdom_is_replaced_with_a_warning(file):
    file.write_text("[]")
    with pytest.warns(UserWarning, match="is replaced"):
        er.wisdom.save(file)
    assert json.loads(file.read_text())["format"] == "einroute wisdom"


def test_no_device_pipe_or_socket_is_replaced(file, tmp_path, monkeypatch):
    er.wisdom.load(file)
    pipe = tmp_path / "alone" / "pipe"
    pipe.parent.mkdir()
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="no regular file"):
        er.wisdom.save(pipe)
    monkeypatch.setattr(FINDINGS, "settled", None)
    with pytest.warns(UserWarning, match=r"EINROUTE_WISDOM=.* cannot be written: it is no regular file"):
        wisdom_file._Kept(str(pipe)).write()
    assert pipe.is_fifo()
    assert os.listdir(pipe.parent) == ["pipe"]  # noqa: PTH208 - the names alone


@pytest.mark.parametrize("to", ["file", "pipe", "nothing"])
def test_no_link_is_replaced(file, tmp_path, monkeypatch, to):
    """As /dev/stdout is one: where it leads is not for us to say."""
    er.wisdom.load(file)
    old = file.read_bytes()
    end = {"file": file, "pipe": tmp_path / "pipe", "nothing": tmp_path / "nothing"}[to]
    if to == "pipe":
        os.mkfifo(end)
    link = tmp_path / "alone" / "link"
    link.parent.mkdir()
    link.symlink_to(end)
    with pytest.raises(OSError, match="symbolic link"):
        er.wisdom.save(link)
    monkeypatch.setattr(FINDINGS, "settled", None)
    with pytest.warns(UserWarning, match=r"EINROUTE_WISDOM=.* cannot be written: it is a symbolic link"):
        wisdom_file._Kept(str(link)).write()
    assert link.readlink() == end
    assert file.read_bytes() == old
    assert os.listdir(link.parent) == ["link"]  # noqa: PTH208 - the names alone


@pytest.mark.parametrize("path", ["", ".", "..", "/", "folder", "folder/.."])
def test_a_folder_is_refused(file, monkeypatch, path):
    monkeypatch.chdir(file.parent.parent)
    before = sorted(file.parent.parent.rglob("*"))
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        er.wisdom.save(path)
    assert sorted(file.parent.parent.rglob("*")) == before


def test_a_lock_that_cannot_be_had_is_done_without(file):
    lock = file.with_name(f".{file.name}.lock")
    lock.unlink(missing_ok=True)
    lock.mkdir()
    FINDINGS.put("call", Finding("x", {"x": 1e-3}))
    er.wisdom.save(file)
    (found,) = json.loads(file.read_text())["machines"].values()
    assert len(found) == 2


def test_what_is_saved_can_be_loaded_when_there_are_too_many_machines(file):
    content = json.loads(file.read_text())
    other = {"call": {"chosen": "y", "took": {}}}
    content["machines"] = {f"machine {i}": other for i in range(wisdom_file._MACHINES)}
    file.write_text(json.dumps(content))
    FINDINGS.put("call", Finding("x", {"x": 1e-3}))
    er.wisdom.save(file)
    er.wisdom.forget()
    assert er.wisdom.load(file) == 1
    kept = json.loads(file.read_text())["machines"]
    assert len(kept) == wisdom_file._MACHINES
    assert "machine 0" not in kept  # the one that was written longest ago


def test_what_is_saved_can_be_loaded_when_it_is_too_much(file, monkeypatch):
    er.wisdom.load(file)
    FINDINGS.put("f" * 30_000, Finding("x", {"x": 1e-3}))
    FINDINGS.put("call", Finding("x" * 30_000, {"x": 1e-3}))
    for i in range(20):
        FINDINGS.put(f"call {i}", Finding("x", {"x" * 300: 1e-3}))
    monkeypatch.setattr(wisdom_file, "_LETTERS", 3000)
    er.wisdom.save(file)
    er.wisdom.forget()
    assert 3 < er.wisdom.load(file) < 10
    assert {"call 19", "call 18"} < set(FINDINGS.known)


def test_an_interrupted_write_leaves_the_old_file(file, monkeypatch):
    old = file.read_bytes()

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        er.wisdom.save(file)
    assert file.read_bytes() == old


def test_threads_that_save_at_once_lose_nothing(file):
    def save(number):
        FINDINGS.put(f"call {number}", Finding("x", {"x": 1e-3}))
        er.wisdom.save(file)

    threads = [threading.Thread(target=save, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    (found,) = json.loads(file.read_text())["machines"].values()
    assert {f"call {i}" for i in range(8)} < set(found)


SAVING = """
import sys
import einroute as er
from einroute._execute.findings import FINDINGS, Finding
for i in range(15):
    er.wisdom.forget()
    FINDINGS.put(f"{sys.argv[2]} {i}", Finding("x", {"x": 1e-3}))
    er.wisdom.save(sys.argv[1])
"""


def test_processes_that_save_at_once_lose_nothing(file):
    running = [subprocess.Popen([sys.executable, "-c", SAVING, str(file), str(n)]) for n in range(2)]
    assert [one.wait(120) for one in running] == [0, 0]
    (found,) = json.loads(file.read_text())["machines"].values()
    assert {f"{n} {i}" for n in range(2) for i in range(15)} < set(found)


CODE = """
import numpy as np, einroute as er
a, b = np.arange(5000).reshape(2, 50, 50) % 7
print(er.explain("ij,jk->ik", a, b).routes)
"""


def test_the_environments_file_is_read_before_the_first_plan(file):
    assert printed(CODE, EINROUTE_WISDOM=str(file)).strip() == "('numpy.einsum',)"
    home = {"HOME": str(file.parent), "EINROUTE_WISDOM": f"~/{file.name}"}
    assert printed(CODE, **home).strip() == "('numpy.einsum',)" or sys.platform == "win32"
    assert printed(CODE, EINROUTE_WISDOM=str(file) + "none").strip() != "('numpy.einsum',)"


@pytest.mark.parametrize("name", ["n" * 300, "file/below"])
def test_a_place_that_cannot_be_looked_at_fails_no_call(tmp_path, name):
    (tmp_path / "file").touch()
    path = tmp_path / name
    assert "dense" in printed(CODE, EINROUTE_WISDOM=str(path), warnings="ignore")
    if name == "file/below":
        with pytest.raises(FileNotFoundError):
            er.wisdom.load(path)
    else:
        with pytest.warns(UserWarning, match="is ignored"):
            er.wisdom.load(path)


def test_and_written_at_exit(tmp_path):
    path = tmp_path / "new" / "wisdom.json"
    code = CODE + "with er.config(tune='now'):\n    er.einsum('ij,jk->ik', a, b)\n"
    printed(code, EINROUTE_WISDOM=str(path))
    ((found),) = json.loads(path.read_text())["machines"].values()
    assert len(found) == 1


def test_and_written_when_a_trial_settles_but_not_each_time(tmp_path, monkeypatch):
    kept = wisdom_file._Kept(str(tmp_path / "wisdom.json"))
    monkeypatch.setattr(FINDINGS, "settled", kept.settled)
    now = [100.0]
    monkeypatch.setattr(wisdom_file, "monotonic", lambda: now[0])
    for seconds, count in ((0, 1), (1, 1), (8, 1), (2, 4)):
        now[0] += seconds
        FINDINGS.put(f"call at {now[0]}", Finding("x", {"x": 1e-3}))
        (found,) = json.loads((tmp_path / "wisdom.json").read_text())["machines"].values()
        assert len(found) == count


def test_a_file_that_cannot_be_written_is_warned_of_once(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    kept = wisdom_file._Kept(str(tmp_path / "file" / "wisdom.json"))
    monkeypatch.setattr(FINDINGS, "settled", kept.settled)
    with pytest.warns(UserWarning, match="cannot be written"):
        FINDINGS.put("call", Finding("x", {"x": 1e-3}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FINDINGS.put("other", Finding("x", {"x": 1e-3}))
