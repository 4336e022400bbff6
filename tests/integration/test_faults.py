"""Faults of an index, of file systems and of what surrounds a run: each is told, and what worked goes on working."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from fault_state import FOLDER, LARGE, LARGER, PIPX_HOME, FaultState, stock
from footprint import changes, footprint
from hosts import Host
from local_index import IndexServer, LocalIndex
from tally import Tally

pytestmark = [pytest.mark.usefixtures("untouched_system_python"), pytest.mark.releases("debian12")]

NOWHERE = "http://127.0.0.1:9/simple"
NO_NAME = "http://index.invalid/simple"
AWAY = "http://192.0.2.1/simple"


@pytest.fixture(scope="module")
def state(host: Host, index: LocalIndex) -> Iterator[FaultState]:
    """Environments and tools that work, on file systems of their own."""
    stock(index)
    with host.mounted(FOLDER, "size=300m,mode=755"), host.mounted(PIPX_HOME, "size=300m,mode=755"):
        found = FaultState(host)
        found.provide(index.url)
        yield found


@pytest.fixture(scope="module")
def server(state: FaultState, index: LocalIndex) -> IndexServer:
    return index.serve(state.host)


# The index: what it does, and what users of pip and of uv are told to do.
INDEX_FAULTS = {
    "500": ("The index itself fails", "The index itself fails"),
    "cut": ("do not install it before|came in part", "came in part|damaged or no wheel"),
    "not-a-zip": ("no wheel", "no wheel"),
    "401": ("python_index_username", "python_index_username"),
    "403": ("python_index_username", "python_index_username"),
    "404": (r"\(python_index_url\)", r"\(python_index_url\)"),
    "garbage": (r"\(python_index_url\)", r"\(python_index_url\)"),
    "binary": ("no package index", r"\(python_index_url\)"),
    "truncated": ("do not install it before|came in part", "came in part|damaged or no wheel"),
    "hash": ("do not install it before", "do not install it before"),
}
IN_SHORT = ("not-a-zip",)


@pytest.mark.parametrize("fault", INDEX_FAULTS)
def test_index_that_fails_breaks_nothing(
    state: FaultState, server: IndexServer, tally: Tally, full: bool, fault: str
) -> None:
    if not full and fault not in IN_SHORT:
        pytest.skip("one of the faults of --full")
    with server.failing(fault):
        failed = state.refused(state.declared(server.url, state.other, new=True))
    for line in failed.message.splitlines():
        by_uv = "/uv failed" in line or "/new-uv failed" in line
        assert re.search(INDEX_FAULTS[fault][by_uv], line), failed.message
    tally.add("faults", f"index: {fault}")
    if full:
        state.converges(server.url, new=True)


@pytest.mark.parametrize("fault", ["hang", "trickle"])
def test_index_that_never_ends_its_answer_is_waited_for_no_longer_than_declared(
    state: FaultState, server: IndexServer, tally: Tally, full: bool, fault: str
) -> None:
    if not full and fault != "trickle":
        pytest.skip("one of the faults of --full")
    with server.failing(fault):
        failed = state.refused(state.declared(server.url, state.other, new=full, python_install_timeout=3))
    for line in failed.message.splitlines():
        assert "took longer than 3 seconds and was ended" in line
        assert "python_install_timeout" in line
    # None of them goes on.
    assert state.host.run(["pgrep", "--full", "--list-full", "pip install|uv pip|/pipx "], check=False).stdout == ""
    tally.add("faults", f"index: {fault}")
    if full:
        state.converges(server.url)


@pytest.mark.parametrize(
    ("url", "cuts"),
    [
        pytest.param(NOWHERE, False, id="refused"),
        pytest.param(NO_NAME, False, id="name not found"),
        pytest.param(AWAY, True, id="network cut"),
    ],
)
def test_index_that_cannot_be_reached_breaks_nothing(
    state: FaultState, tally: Tally, full: bool, url: str, cuts: bool
) -> None:
    if not full:
        pytest.skip("one of the faults of --full; test_index.py and test_uv.py cause some of it")
    # Where the network is left through a proxy, it is the proxy that does not find the name.
    direct = dict.fromkeys(("no_proxy", "NO_PROXY"), "*")
    with state.host.without_network() if cuts else nullcontext():
        failed = state.refused(state.declared(url, state.other, new=True), environment=direct)
    for line in failed.message.splitlines():
        assert "python_index_url" in line, failed.message
    tally.add("faults", "index: unreachable")


# File systems.


@pytest.fixture
def small_space(state: FaultState) -> Iterator[None]:
    """What is left on the file systems of environments and tools is less than a distribution takes."""
    for folder in (FOLDER, PIPX_HOME):
        state.host.run(
            f"left=$(($(stat --file-system --format='%a * %S' {folder}) - {LARGE // 2}));"
            f" fallocate --length $left {folder}/ballast"
        )
    yield
    state.host.run(["rm", "-f", f"{FOLDER}/ballast", f"{PIPX_HOME}/ballast"])


@pytest.mark.usefixtures("small_space")
def test_full_disk_breaks_nothing(state: FaultState, index: LocalIndex, tally: Tally, full: bool) -> None:
    failed = state.refused(state.declared(index.url, LARGER, new=full))
    for line in failed.message.splitlines():
        assert "No space left on device" in line, failed.message
        assert "Free some space" in line, failed.message
    tally.add("faults", "disk full")


@pytest.mark.usefixtures("small_space")
def test_disk_without_a_single_free_block_breaks_nothing(
    state: FaultState, index: LocalIndex, tally: Tally, full: bool
) -> None:
    if not full:
        pytest.skip("one of the faults of --full")
    for folder in (FOLDER, PIPX_HOME):
        state.host.run(f"cat /dev/zero >{folder}/ballast-2; true", check=False)
    try:
        failed = state.refused(state.declared(index.url, state.other, new=True))
    finally:
        state.host.run(["rm", "-f", f"{FOLDER}/ballast-2", f"{PIPX_HOME}/ballast-2"])
    for line in failed.message.splitlines():
        assert "No space left on device" in line, failed.message
        assert "Free some space" in line, failed.message
    tally.add("faults", "disk full to the last block")


def test_disk_that_has_space_again_is_used(state: FaultState, index: LocalIndex) -> None:
    state.converges(index.url)


def test_read_only_disk_is_named(state: FaultState, index: LocalIndex, tally: Tally) -> None:
    for folder in (FOLDER, PIPX_HOME):
        state.host.mount(folder, "remount,ro")
    try:
        failed = state.refused(state.declared(index.url, state.other, new=True))
        # What is there already needs no writing.
        converged = state.run(state.declared(NOWHERE, state.version))
        assert (converged.rc, converged.changed) == (0, 0), converged.text
    finally:
        for folder in (FOLDER, PIPX_HOME):
            state.host.mount(folder, "remount,rw")
    for line in failed.message.splitlines():
        assert "Read-only file system" in line, failed.message
        assert "writable" in line, failed.message
    tally.add("faults", "read-only target")
    state.converges(index.url)


def test_full_and_noexec_tmp_is_in_nobodys_way(state: FaultState, index: LocalIndex, tally: Tally, full: bool) -> None:
    with state.host.mounted("/tmp", "size=64k,mode=1777,noexec"):
        state.host.run("cat /dev/zero >/tmp/ballast; true", check=False)
        state.converges(index.url, new=full)
        assert state.host.listing("/tmp") == ["ballast"]
        assert state.host.listing("/var/tmp") == []
    tally.add("faults", "/tmp full and noexec")


# Rights.


def test_account_without_rights_is_told_where_it_lacks_them(state: FaultState, index: LocalIndex, tally: Tally) -> None:
    declared = state.declared(index.url, state.other, new=True)
    failed = state.refused({**declared, "python_tools": []}, user="alice")
    for line in failed.message.splitlines():
        assert "ermission denied" in line, failed.message
        assert "rights" in line or "owner" in line, failed.message
    tally.add("faults", "no permission")


def test_owner_without_rights_is_told_where_it_lacks_them(state: FaultState, index: LocalIndex, tally: Tally) -> None:
    state.host.run("install -d -o app -m 0500 /srv/closed")
    entry = {"path": "/srv/closed/venv", "packages": ["alpha"], "owner": "app"}
    failed = state.refused({"python_venvs": [entry], "python_tools": [], "python_index_url": index.url})
    assert "As app: /srv/closed" in failed.message
    assert "Permission denied. Check the rights" in failed.message
    tally.add("faults", "no permission of the owner")


# What surrounds a run.

# What is run before the host's Python, for those that Ansible starts a module with.
SURROUNDINGS = {
    "no HOME": "unset HOME",
    "HOME that is not there": "export HOME=/nonexistent",
    "umask 077": "umask 077",
    "LANG=tr_TR.UTF-8": "export LANG=tr_TR.UTF-8 LC_ALL=tr_TR.UTF-8",
    "LC_ALL=C": "export LANG=C LC_ALL=C",
    "no locale": "unset LANG LC_ALL LC_CTYPE",
    "a locale that is not there": "export LANG=xx_YY.UTF-8; unset LC_ALL",
    "ASCII for what is printed": "export LC_ALL=C PYTHONCOERCECLOCALE=0 PYTHONIOENCODING=ascii",
    "no PATH": "unset PATH",
    "no HOME, umask 077, LANG=tr_TR.UTF-8": "unset HOME; umask 077; export LANG=tr_TR.UTF-8 LC_ALL=tr_TR.UTF-8",
    "a clock in 1999": "export FAKETIME='@1999-12-31 00:00:00' LD_PRELOAD=$(find /usr/lib -name libfaketime.so.1)",
    "a clock in 2037": "export FAKETIME='@2037-12-31 00:00:00' LD_PRELOAD=$(find /usr/lib -name libfaketime.so.1)",
}
INTERPRETER = "/usr/local/lib/surrounded-python"


@pytest.fixture(scope="module")
def prepared(state: FaultState) -> FaultState:
    """A host that has the locales, and a library that tells programs another time."""
    state.host.run("apt-get -q install --yes --no-install-recommends locales faketime")
    state.host.run("printf 'tr_TR.UTF-8 UTF-8\\ntr_TR ISO-8859-9\\n' >/etc/locale.gen && locale-gen")
    return state


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_surroundings_are_in_nobodys_way(
    prepared: FaultState, index: LocalIndex, tally: Tally, full: bool, name: str
) -> None:
    """Environments of an owner, in folders that are made, and a tool: every account can use them."""
    if not full and ", " not in name:
        pytest.skip("one of the surroundings of --full")
    host = prepared.host
    host.write(INTERPRETER, f'#!/bin/sh\n{SURROUNDINGS[name]}\nexec /usr/bin/python3 "$@"\n', mode="0755")
    venvs = [
        {"path": f"/srv/odd/ıİğ {kind}/.venv", "packages": ["alpha"], "owner": "app", "installer": kind}
        for kind in ("pip", "uv")[: 2 if full else 1]
    ]
    declared = {
        "python_venvs": venvs,
        "python_tools": [{"name": "pliers", "installer": "pip"}],
        "python_index_url": index.url,
    }
    # A uv of our own is made as well where those are out of sight that are there.
    declared["python_uv"] = full and "umask" in name
    # The link to it is made again, as what it leads to is out of sight there.
    passed_over = ["/srv/odd", PIPX_HOME, *(["/usr/local/bin/uv"] if declared["python_uv"] else [])]
    before = footprint(host, without=passed_over)
    # Where pipx has no home yet, that is made, too.
    with host.mounted("/opt", "size=100m") if "umask" in name else nullcontext():
        provide_surrounded(prepared, declared)
    host.run(["rm", "-r", "/srv/odd"])
    assert changes(before, footprint(host, without=passed_over)) == []
    for fault in name.split(", "):
        tally.add("faults", fault)


def provide_surrounded(prepared: FaultState, declared: dict[str, Any]) -> None:
    """What is declared is there for all accounts after one run, was found by two more, and is gone again."""
    host, venvs = prepared.host, declared["python_venvs"]
    done = prepared.run(declared, ansible_python_interpreter=INTERPRETER)
    assert done.rc == 0, done.text
    assert done.changed == 1
    again = prepared.run(declared, ansible_python_interpreter=INTERPRETER)
    assert (again.rc, again.changed) == (0, 0), again.text
    plainly = prepared.run(declared)
    assert (plainly.rc, plainly.changed) == (0, 0), plainly.text
    for entry in venvs:
        path = str(entry["path"])
        for user in ("app", "alice"):
            host.run([f"{path}/bin/python", "-c", "import alpha, beta"], user=user)
        assert host.owners(path) == {"app"}
    assert host.run(["pliers"], user="alice", login=True).stdout.startswith("pliers ")
    gone = [{**entry, "state": "absent"} for entry in venvs]
    removed = {**declared, "python_venvs": gone, "python_tools": [{"name": "pliers", "state": "absent"}]}
    assert prepared.run(removed, ansible_python_interpreter=INTERPRETER).rc == 0


def test_locale_that_has_no_utf_8_is_refused_by_a_module_and_set_right_by_the_role(
    prepared: FaultState, index: LocalIndex, tally: Tally, full: bool
) -> None:
    if not full:
        pytest.skip("one of the surroundings of --full")
    host, path = prepared.host, "/srv/odd/ıİğ/.venv"
    script = '#!/bin/sh\nexport LANG=tr_TR LC_ALL=tr_TR\nexec /usr/bin/python3 "$@"\n'
    host.write(INTERPRETER, script, mode="0755")
    declared = {"python_venvs": [{"path": path, "packages": ["alpha"]}], "python_index_url": index.url}
    refused = prepared.run(declared, ansible_python_interpreter=INTERPRETER)
    assert "iso8859-9" in refused.message
    assert "PYTHONUTF8" in refused.message
    done = host.apply({**declared, "ansible_python_interpreter": INTERPRETER})
    assert done.rc == 0, done.text
    host.run([f"{path}/bin/python", "-c", "import alpha"])
    again = host.apply(declared)
    assert (again.rc, again.changed) == (0, 0), again.text
    host.run(["rm", "-r", "/srv/odd"])
    tally.add("faults", "a locale without UTF-8")


def test_clock_that_makes_certificates_invalid_is_suspected(
    prepared: FaultState, index: LocalIndex, tally: Tally, tmp_path: Path
) -> None:
    """The clock is a stand-in: a library tells programs another time, for a container has its machine's."""
    host, both = prepared.host, tmp_path / "both.pem"
    made = [*("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=index")]
    made += ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]
    subprocess.run([*made, "-keyout", str(both), "-out", str(tmp_path / "cert.pem")], check=True, capture_output=True)
    certificate = (tmp_path / "cert.pem").read_text()
    host.write("/srv/tls/both.pem", both.read_text() + certificate)
    host.write("/srv/tls/cert.pem", certificate)
    server = index.serve(host, port=8443, certificate="/srv/tls/both.pem")
    more: dict[str, Any] = {"python_ca_bundle": "/srv/tls/cert.pem"}
    for clock, text in (("2020-01-01", "clock may be wrong: set it"), ("2035-01-01", "clock may be wrong, or")):
        setting = f"export FAKETIME='@{clock} 00:00:00' LD_PRELOAD=$(find /usr/lib -name libfaketime.so.1)"
        host.write(INTERPRETER, f'#!/bin/sh\n{setting}\nexec /usr/bin/python3 "$@"\n', mode="0755")
        declared = prepared.declared(server.url, prepared.other, **more)
        failed = prepared.refused(declared, ansible_python_interpreter=INTERPRETER)
        for line in failed.message.splitlines():
            assert text in line, failed.message
        tally.add("faults", f"clock of {clock} (told by a library)")
    done = prepared.run(prepared.declared(server.url, prepared.version, **more))
    assert done.rc == 0, done.text
