"""Markers as they were asked for: which are restored, which are left, what an own interpreter gets, what is refused."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from made_up_host import FILES_UID, MARKER, MadeUpHost
from package_databases import FILE, OTHER, with_dpkg
from pep668_provision.engine import lock, marker_change, path_control
from pep668_provision.engine.errors import CommandFailed, InvalidState, ProvisionError
from pep668_provision.engine.host import Host
from pep668_provision.engine.marker_change import MarkerChange, converge_marker, foresee_marker, read_wanted, write_own
from pep668_provision.engine.process import Command, Completed
from pep668_provision.engine.shipped_marker import ShippedMarker

OWN = "/usr/local/bin/python3.14"
OWN_MARKER = "/usr/local/lib/python3.14/EXTERNALLY-MANAGED"
TEXT = "[externally-managed]\nError=Ask us.\nError-de=Frag uns.\n"
MESSAGES: dict[str, Any] = {"text": "Ask us.", "translations": {"de": "Frag uns."}}


@pytest.fixture(autouse=True)
def keep_off_the_machines_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock of a made-up host is not that of the machine, which only root may take."""
    monkeypatch.setattr(lock, "lock_path", lambda _host: str(tmp_path / "lock"))


@pytest.fixture
def trixie(tmp_path: Path) -> MadeUpHost:
    """A made-up Debian 13 with its own python3, whose marker a package ships, and one below /usr/local."""
    made_up = MadeUpHost(tmp_path).with_debian("13").with_debian_python().with_program("/usr/bin/apt-get")
    return with_dpkg(made_up).with_interpreter("3.14.0", prefix="/usr/local", default=False)


def foresee(made_up: MadeUpHost, **options: Any) -> MarkerChange:
    return foresee_marker(read_wanted(options), made_up.host)


def told(change: MarkerChange) -> list[tuple[str, str, str]]:
    return [(one.path, one.state, one.action) for one in change.markers]


def test_what_is_as_shipped_stays(trixie: MadeUpHost) -> None:
    change = foresee(trixie)
    assert told(change) == [(FILE, "intact", "unchanged")]
    assert (change.changed, change.reasons, change.warnings, change.message) == (False, (), (), "")
    assert change.first == change.markers[0]


@pytest.mark.parametrize(
    ("text", "state", "before"),
    [(None, "missing", ""), ("mine\nand yours", "changed", "  mine\n  and yours\n")],
    ids=["missing", "changed"],
)
def test_what_is_not_is_restored(trixie: MadeUpHost, text: str | None, state: str, before: str) -> None:
    with_dpkg(trixie, OTHER).with_file(OTHER, MARKER).without(FILE)
    if text is not None:
        trixie.with_file(FILE, text)
    change = foresee(trixie)
    assert told(change) == [(OTHER, "intact", "unchanged"), (FILE, state, "restored")]
    assert change.changed
    assert change.reasons == (f"{FILE} is {state}",)
    assert (change.before, change.after) == (
        f"{FILE}: {state}\n{before}",
        f"{FILE}: the file of libpython3.13-stdlib 1.0-1\n",
    )
    # The one of interest is the one that changes.
    assert (change.first or change.markers[0]).path == FILE
    # Nothing but a question was asked.
    assert trixie.real(FILE).exists() is (text is not None)


@pytest.mark.parametrize(
    "options", [{"python": "3.13"}, {"python": "/usr/bin/python3"}, {"path": FILE}, {"path": f"/usr/lib/.{FILE[8:]}"}]
)
def test_one_alone_can_be_meant(trixie: MadeUpHost, options: dict[str, str]) -> None:
    with_dpkg(trixie, OTHER).without(FILE)
    assert told(foresee(trixie)) == [(OTHER, "missing", "restored"), (FILE, "missing", "restored")]
    assert told(foresee(trixie, **options)) == [(FILE, "missing", "restored")]


DIVERTED = f"{FILE}\n{FILE}.distrib\n:\n"


def test_a_diversion_ends_where_that_is_asked_for(trixie: MadeUpHost, monkeypatch: pytest.MonkeyPatch) -> None:
    trixie.without(FILE).with_file("/var/lib/dpkg/diversions", DIVERTED)
    assert told(foresee(trixie)) == [(FILE, "diverted", "left")]
    change = foresee(trixie, end_diversion=True)
    assert (told(change), change.warnings) == ([(FILE, "diverted", "restored")], ())
    asked: list[tuple[str, ...]] = []

    def end(command: Command, _environ: Mapping[str, str]) -> Completed:
        asked.append(command.argv)
        trixie.with_file("/var/lib/dpkg/diversions").with_file(FILE, MARKER)
        return Completed(command, 0, "", "")

    monkeypatch.setattr(trixie, "runner", end)
    assert converge_marker(read_wanted({"end_diversion": True}), trixie.host, lock_timeout=0).changed
    assert asked == [("dpkg-divert", "--local", "--rename", "--remove", FILE)]
    assert not foresee(trixie, end_diversion=True).changed


@pytest.mark.parametrize(
    ("by", "stands"),
    [pytest.param(":", True, id="another file stands there"), pytest.param("site-policy", False, id="a package's")],
)
def test_a_diversion_that_takes_a_decision_is_left(trixie: MadeUpHost, by: str, stands: bool) -> None:
    trixie.without(FILE).with_file("/var/lib/dpkg/diversions", DIVERTED.replace(":", by))
    if stands:
        trixie.with_file(FILE, TEXT)
    change = foresee(trixie, end_diversion=True)
    assert (told(change), len(change.warnings)) == ([(FILE, "diverted", "left")], 1)


def test_a_diversion_that_cannot_be_ended_is_told(trixie: MadeUpHost, monkeypatch: pytest.MonkeyPatch) -> None:
    trixie.without(FILE).with_file("/var/lib/dpkg/diversions", DIVERTED)
    monkeypatch.setattr(
        trixie, "runner", lambda command, _: Completed(command, 2, "", "dpkg-divert: error: no space\n")
    )
    with pytest.raises(CommandFailed, match="could not be ended: dpkg-divert: error: no space") as failed:
        converge_marker(read_wanted({"end_diversion": True}), trixie.host, lock_timeout=0)
    assert failed.value.advice == f"By hand it is: dpkg-divert --local --rename --remove {FILE}"
    trixie.uid = 61002
    with pytest.raises(ProvisionError, match="alice may not end that"):
        foresee(trixie, end_diversion=True)


def test_a_link_to_its_folder_means_the_same(trixie: MadeUpHost) -> None:
    trixie.with_link("/usr/lib64", "lib")
    assert told(foresee(trixie, path=f"/usr/lib64{FILE[8:]}")) == [(FILE, "intact", "unchanged")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"python": OWN}, f"No OS package of this host ships an EXTERNALLY-MANAGED marker for {OWN}, so"),
        ({"path": OTHER}, f"No OS package of this host ships {OTHER}."),
    ],
)
def test_where_none_is_shipped_that_is_said(trixie: MadeUpHost, options: dict[str, str], message: str) -> None:
    change = foresee(trixie, **options)
    assert (change.markers, change.first, change.changed) == ((), None, False)
    assert change.message.startswith(message)


def test_a_host_without_any_is_unchanged(made_up: MadeUpHost) -> None:
    change = foresee(made_up.with_interpreter("3.14.0"))
    assert (change.markers, change.changed) == ((), False)
    assert (
        change.message == "No OS package of this host ships an EXTERNALLY-MANAGED marker, so there is none to restore."
    )


def test_what_was_made_so_on_purpose_is_left_with_a_warning(trixie: MadeUpHost) -> None:
    with_dpkg(trixie, OTHER).with_file("/var/lib/dpkg/diversions", f"{FILE}\n{FILE}.distrib\n:\n").without(FILE)
    trixie.with_file("/etc/dpkg/dpkg.cfg", f"path-exclude={OTHER}\n")
    change = foresee(trixie)
    assert told(change) == [(OTHER, "excluded", "left"), (FILE, "diverted", "left")]
    assert not change.changed
    excluded, diverted = change.warnings
    assert excluded.startswith(f"{OTHER} is not restored: ")
    assert diverted.startswith(f"{FILE} is not restored: a diversion of an administrator")
    assert diverted.endswith(f"dpkg-divert --local --rename --remove {FILE}.")


def test_without_the_package_manager_it_is_for_the_administrator(trixie: MadeUpHost) -> None:
    wanted = read_wanted({})
    assert not foresee_marker(wanted, trixie.host, may_use_packages=False).changed
    trixie.without(FILE)
    with pytest.raises(ProvisionError, match=r"by hand: libpython3\.13-stdlib") as caught:
        foresee_marker(wanted, trixie.host, may_use_packages=False)
    assert f"{FILE} is missing" in str(caught.value)


def test_check_mode_meets_what_a_run_would(tmp_path: Path) -> None:
    made_up = with_dpkg(MadeUpHost(tmp_path, uid=61002).with_debian("13")).with_program("/usr/bin/apt-get")
    with pytest.raises(ProvisionError, match="alice may not have apt restore it"):
        foresee(made_up)


# An administrator's own interpreter


@pytest.fixture
def keeper(tmp_path: Path) -> MadeUpHost:
    """A made-up host looked at by the account that owns its files, with a Python below /usr/local."""
    made_up = MadeUpHost(tmp_path, uid=FILES_UID, environ={"HOME": "/srv/keeper"})
    return with_dpkg(made_up).with_interpreter("3.14.0", prefix="/usr/local")


def mark(made_up: MadeUpHost, **options: Any) -> MarkerChange:
    """The interpreter is marked as asked; a second run finds nothing to do."""
    change = foresee(made_up, python=OWN, **options)
    assert change.changed
    write_own(change, made_up.host)
    again = foresee(made_up, python=OWN, **options)
    assert told(again) == [(OWN_MARKER, "intact", "unchanged")]
    assert (again.changed, again.before, again.reasons) == (False, change.after, ())
    return change


def mode_of(made_up: MadeUpHost) -> int:
    return stat.S_IMODE(made_up.real(OWN_MARKER).lstat().st_mode)


def test_an_own_interpreter_is_marked(keeper: MadeUpHost) -> None:
    change = mark(keeper, **MESSAGES)
    assert told(change) == [(OWN_MARKER, "missing", "written")]
    assert (change.before, change.after) == ("", TEXT)
    assert change.reasons == (f"{OWN} has no marker",)
    assert (keeper.real(OWN_MARKER).read_text(), mode_of(keeper)) == (TEXT, 0o644)


def test_another_text_is_replaced(keeper: MadeUpHost) -> None:
    keeper.with_file(OWN_MARKER, MARKER)
    change = mark(keeper, **MESSAGES)
    assert told(change) == [(OWN_MARKER, "changed", "written")]
    assert (change.before, change.after) == (MARKER, TEXT)
    assert change.reasons == (f"the marker of {OWN} has another text",)


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_one_that_pip_could_not_read_becomes_readable(keeper: MadeUpHost, mode: int) -> None:
    keeper.with_file(OWN_MARKER, TEXT, mode=mode)
    mark(keeper, **MESSAGES)
    assert mode_of(keeper) == 0o644


def test_a_link_in_its_place_is_replaced_and_not_followed(keeper: MadeUpHost) -> None:
    keeper.with_file("/etc/theirs", TEXT).with_link(OWN_MARKER, "/etc/theirs")
    mark(keeper, text="Ask us.")
    assert not keeper.real(OWN_MARKER).is_symlink()
    assert keeper.real("/etc/theirs").read_text() == TEXT
    # Nor is a link to the same text the file that pip is to find.
    keeper.without(OWN_MARKER).with_link(OWN_MARKER, "/etc/theirs")
    mark(keeper, **MESSAGES)


def test_foreseeing_writes_nothing(keeper: MadeUpHost) -> None:
    assert foresee(keeper, python=OWN, **MESSAGES).changed
    assert not keeper.real(OWN_MARKER).exists()


def test_the_folder_has_nothing_else_in_it_afterwards(keeper: MadeUpHost) -> None:
    before = set(keeper.real(OWN_MARKER).parent.iterdir())
    mark(keeper, **MESSAGES)
    assert set(keeper.real(OWN_MARKER).parent.iterdir()) - before == {keeper.real(OWN_MARKER)}


def test_a_directory_in_its_place_is_for_the_administrator(keeper: MadeUpHost) -> None:
    with pytest.raises(ProvisionError, match=f"{OWN_MARKER} is a directory"):
        foresee(keeper.with_directory(OWN_MARKER), python=OWN, **MESSAGES)


def test_a_folder_that_may_not_be_written_is_said_to_be(keeper: MadeUpHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(
        ProvisionError, match=r"cannot be written: (keeper|root) may not write in /usr/local/lib/python3\.14"
    ):
        foresee(keeper, python=OWN, **MESSAGES)


def test_what_goes_wrong_in_writing_is_said(keeper: MadeUpHost, monkeypatch: pytest.MonkeyPatch) -> None:
    change = foresee(keeper, python=OWN, **MESSAGES)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ProvisionError, match=f"{OWN_MARKER} cannot be written: No space left on device"):
        write_own(change, keeper.host)
    assert not keeper.real(OWN_MARKER).exists()


def test_one_in_another_accounts_folder_is_written_with_its_rights(
    trixie: MadeUpHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Root looks at a host whose files are another account's, unless the tests are root's.
    monkeypatch.setattr(path_control, "_system_accounts", lambda _host: frozenset({0}))
    change = foresee(trixie, python=OWN, **MESSAGES)
    assert (change.account.uid if change.account else 0) == FILES_UID


def refuse(made_up: MadeUpHost, **options: Any) -> str:
    with pytest.raises(ProvisionError) as caught:
        foresee(made_up, **{**MESSAGES, **options})
    return str(caught.value)


def test_an_interpreter_of_a_package_is_not_marked(trixie: MadeUpHost) -> None:
    # Known by its program or by its modules, and by where it is where no package owns it.
    assert "the distribution manages it (in /usr/bin" in refuse(trixie, python="3.13")
    trixie.with_file("/var/lib/dpkg/info/modules.list", f"{FILE.rpartition('/')[0]}/os.py\n")
    assert "not the administrator's own: the package modules owns /usr/lib/python3.13/os.py" in refuse(
        trixie, python="3.13"
    )
    trixie.with_file("/var/lib/dpkg/info/program.list", "/usr/bin/python3.13\n")
    assert "the package program owns /usr/bin/python3.13" in refuse(trixie, python="3.13")


def test_an_own_one_below_usr_local_that_a_package_owns_is_not_ones_own(trixie: MadeUpHost) -> None:
    trixie.with_file("/var/lib/dpkg/info/vendor-python.list", f"{OWN}\n")
    assert f"the package vendor-python owns {OWN}" in refuse(trixie, python=OWN)


def test_one_that_another_tool_manages_is_not_marked(keeper: MadeUpHost) -> None:
    keeper.with_directory("/usr/local/conda-meta")
    assert "conda manages it (conda-meta in its prefix /usr/local)" in refuse(keeper, python=OWN)


def test_a_virtual_environment_is_not_marked(keeper: MadeUpHost) -> None:
    keeper.with_venv("/srv/v", python="3.14")
    keeper.pythons["/srv/v/bin/python"] = keeper.python_of("3.14")
    message = refuse(keeper, python="/srv/v/bin/python")
    assert "in a virtual environment, where pip looks for no marker" in message


def test_one_that_is_nowhere_is_refused_with_what_is_there(keeper: MadeUpHost) -> None:
    message = refuse(keeper, python="3.4")
    assert "The interpreter 3.4 is not on this host" in message
    assert "Found were: 3.14.0 (/usr/local/bin/python3" in message


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        pytest.param({"path": "EXTERNALLY-MANAGED"}, ["path is", "absolute path"], id="relative path"),
        pytest.param({"path": "/usr/lib/python3.13"}, ["path is", "/EXTERNALLY-MANAGED"], id="no path of a marker"),
        pytest.param({"python": "bin/python3"}, ["python is", "absolute path"], id="relative interpreter"),
        pytest.param({"python": 3.1}, ["python is 3.1", "quotes"], id="number"),
        pytest.param({"text": "x"}, ["python is missing"], id="no interpreter"),
        pytest.param({"python": OWN, "translations": {"de": "x"}}, ["text is missing"], id="translations alone"),
        pytest.param({"python": OWN, "text": ""}, ["text is ''", "not empty"], id="empty"),
        pytest.param(
            {"python": OWN, "text": "x", "translations": {"de": "a\n b"}},
            ["translations[de]", "line 2"],
            id="translation",
        ),
        pytest.param(
            {"python": OWN, "text": "x", "translations": {"Deutsch": "x"}}, ["'Deutsch'", "like de"], id="no language"
        ),
        pytest.param({"path": FILE, "python": OWN}, ["path: it selects"], id="path and python"),
        pytest.param({"path": FILE, "text": "x"}, ["path: it selects", "python is missing"], id="path and message"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any], parts: list[str]) -> None:
    with pytest.raises(InvalidState) as caught:
        read_wanted(options)
    for part in parts:
        assert part in str(caught.value)


def test_every_refusal_is_told_at_once() -> None:
    with pytest.raises(InvalidState) as caught:
        read_wanted({"python": "-x", "text": "", "translations": {"1": "", "de": "\x1b"}})
    assert len(caught.value.problems) == 5


# Under the host's lock


def test_nobody_is_waited_for_where_nothing_changes(trixie: MadeUpHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(marker_change, "holding_lock")
    assert not converge_marker(read_wanted({}), trixie.host, lock_timeout=0).changed


@pytest.mark.parametrize("is_done", [True, False], ids=["did it", "did nothing"])
def test_what_who_held_the_lock_did_is_not_done_again(
    keeper: MadeUpHost, monkeypatch: pytest.MonkeyPatch, is_done: bool
) -> None:
    wanted = read_wanted({"python": OWN, **MESSAGES})

    @contextlib.contextmanager
    def wait_for(host: Host, *, timeout: float) -> Iterator[None]:
        assert timeout == 5
        if is_done:
            write_own(foresee_marker(wanted, host), host)
        yield

    monkeypatch.setattr(marker_change, "holding_lock", wait_for)
    assert converge_marker(wanted, keeper.host, lock_timeout=5).changed is not is_done
    assert keeper.real(OWN_MARKER).read_text() == TEXT


def test_a_marker_of_a_package_comes_back_without_ending_a_diversion(
    trixie: MadeUpHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    trixie.without(FILE)
    asked: list[tuple[str, float]] = []

    def restore(_host: Host, markers: Sequence[ShippedMarker], *, lock_timeout: float) -> tuple[str, ...]:
        asked.extend((one.path, lock_timeout) for one in markers)
        return ("apt took long.",)

    monkeypatch.setattr(marker_change, "restore_markers", restore)
    change = converge_marker(read_wanted({}), trixie.host, lock_timeout=7)
    assert (asked, change.changed, change.warnings) == ([(FILE, 7)], True, ("apt took long.",))
