"""The markers that OS packages ship, on hosts with each kind of package database: which there are and in what state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from made_up_host import MARKER, MadeUpHost
from package_databases import (
    BREWED,
    FILE,
    LOCAL,
    OTHER,
    OTHER_TEXT,
    digest_of,
    with_apk,
    with_dpkg,
    with_homebrew,
    with_pacman,
)
from pep668_provision.engine import shipped_marker
from pep668_provision.engine.errors import ProvisionError
from pep668_provision.engine.host import Host
from pep668_provision.engine.package_manager import MANAGERS
from pep668_provision.engine.process import Command, Completed
from pep668_provision.engine.shipped_marker import ShippedMarker, observe_shipped_markers

READ = Host.read_bytes
DATABASES = [
    pytest.param(with_dpkg, ("libpython3.13-stdlib", "1.0-1", "amd64", "dpkg"), id="dpkg"),
    pytest.param(with_pacman, ("python", "1:3.13.7-1", "x86_64", "pacman"), id="pacman"),
    pytest.param(lambda one: with_pacman(one, key="md5digest"), ("python", "1:3.13.7-1", "x86_64", "pacman"), id="md5"),
    pytest.param(lambda one: with_pacman(one, packed=False), ("python", "1:3.13.7-1", "x86_64", "pacman"), id="plain"),
    pytest.param(with_apk, ("python3", "3.13.7-r0", "x86_64", "apk"), id="apk"),
    pytest.param(
        lambda one: with_apk(one, prefix="Q2", database="/usr/lib/apk/db/installed"),
        ("python3", "3.13.7-r0", "x86_64", "apk"),
        id="apk 3",
    ),
]


def observe_one(made_up: MadeUpHost) -> ShippedMarker:
    (found,) = observe_shipped_markers(made_up.host)
    assert found.needs_restoring is (found.state in ("missing", "changed"))
    assert found.detail.endswith(".")
    assert not found.detail.endswith("..")
    return found


@pytest.mark.parametrize(("build", "owner"), DATABASES)
def test_a_marker_is_intact_changed_or_missing(
    made_up: MadeUpHost, build: Callable[[MadeUpHost], MadeUpHost], owner: tuple[str, ...]
) -> None:
    build(made_up).with_file(FILE, MARKER)
    found = observe_one(made_up)
    assert (found.package, found.version, found.architecture, found.database) == owner
    assert (found.path, found.state) == (FILE, "intact")
    # Less than an edit of a letter is enough.
    assert observe_one(made_up.with_file(FILE, f"{MARKER}\n")).state == "changed"
    assert observe_one(made_up.with_file(FILE)).state == "changed"
    gone = observe_one(made_up.without(FILE))
    assert (gone.path, gone.package, gone.state) == (FILE, owner[0], "missing")
    assert owner[0] in gone.detail
    # Even where its folder is gone, too.
    assert observe_one(made_up.without("/usr/lib/python3.13")).state == "missing"
    assert made_up.runner.started == []


@pytest.mark.parametrize(
    ("target", "content", "state"),
    [
        pytest.param("/dev/null", None, "changed", id="nothing"),
        pytest.param("/etc/marker", OTHER_TEXT, "changed", id="another text"),
        pytest.param("/etc/marker", MARKER, "intact", id="the same text"),
    ],
)
def test_a_link_counts_by_what_is_behind_it(made_up: MadeUpHost, target: str, content: str | None, state: str) -> None:
    with_dpkg(made_up).with_link(FILE, target)
    if content is not None:
        made_up.with_file(target, content)
    found = observe_one(made_up)
    assert found.state == state
    assert state == "intact" or f"a symbolic link to {target} stands in place" in found.detail


def test_a_directory_is_no_marker(made_up: MadeUpHost) -> None:
    found = observe_one(with_dpkg(made_up).with_directory(FILE))
    assert (found.state, "something that is no file stands" in found.detail) == ("changed", True)


def test_without_a_digest_only_what_pip_reads_is_judged(made_up: MadeUpHost) -> None:
    with_dpkg(made_up, digests=False)
    assert observe_one(made_up).state == "missing"
    found = observe_one(made_up.with_file(FILE, OTHER_TEXT))
    assert (found.state, "no digest is recorded" in found.detail) == ("intact", True)
    assert observe_one(made_up.with_file(FILE, "garbage")).state == "changed"


def test_a_broken_mtree_has_no_digest(made_up: MadeUpHost) -> None:
    with_pacman(made_up).with_file(FILE, OTHER_TEXT)
    made_up.with_file(f"{LOCAL}/python-1:3.13.7-1/mtree", b"\x1f\x8b\x08broken")
    assert "no digest is recorded" in observe_one(made_up).detail


def test_a_host_can_have_several(made_up: MadeUpHost) -> None:
    with_dpkg(with_dpkg(made_up), OTHER).with_file(OTHER, MARKER)
    found = observe_shipped_markers(made_up.host)
    assert [(one.path, one.package, one.state) for one in found] == [
        (OTHER, "libpython3.11-stdlib", "intact"),
        (FILE, "libpython3.13-stdlib", "missing"),
    ]


def test_one_that_two_architectures_share_is_one(made_up: MadeUpHost) -> None:
    with_dpkg(with_dpkg(made_up), architecture="i386").with_file(FILE, MARKER)
    assert observe_one(made_up).state == "intact"


@pytest.mark.parametrize(
    ("by", "stands", "parts"),
    [
        pytest.param(":", False, ["an administrator", "nothing stands", "out is dpkg-divert --local"], id="local"),
        pytest.param(
            "site-policy", False, ["the package site-policy", "out is dpkg-divert --package site-policy"], id="package"
        ),
        pytest.param(":", True, ["another file stands", "move that away, then dpkg-divert --local"], id="replaced"),
    ],
)
def test_a_diversion_is_found(made_up: MadeUpHost, by: str, stands: bool, parts: list[str]) -> None:
    records = f"/bin/sh\n/bin/sh.distrib\ndash\n{FILE}\n{FILE}.distrib\n{by}\n{OTHER}\n{OTHER}.distrib\n:\n"
    with_dpkg(made_up).with_file("/var/lib/dpkg/diversions", records).with_file(f"{FILE}.distrib", MARKER)
    if stands:
        made_up.with_file(FILE, OTHER_TEXT)
    found = observe_one(made_up)
    assert (found.state, found.package) == ("diverted", "libpython3.13-stdlib")
    for part in (*parts, f"{FILE}.distrib", f"--rename --remove {FILE}"):
        assert part in found.detail


@pytest.mark.parametrize(
    "records",
    [
        pytest.param(f"{FILE}\n{FILE}.theirs\nlibpython3.13-stdlib\n", id="by its own package"),
        pytest.param(f"{OTHER}\n{FILE}\n:\n", id="to its path"),
        pytest.param("", id="none"),
    ],
)
def test_a_diversion_of_others_is_none(made_up: MadeUpHost, records: str) -> None:
    with_dpkg(made_up).with_file("/var/lib/dpkg/diversions", records).with_file(FILE, MARKER)
    assert observe_one(made_up).state == "intact"


DPKG = "/etc/dpkg/dpkg.cfg"
EXCLUDE = "path-exclude=/usr/lib/python3*/EXTERNALLY-MANAGED\n"


@pytest.mark.parametrize(
    ("files", "by"),
    [
        pytest.param({DPKG: f"# ours\n{EXCLUDE}"}, DPKG, id="file"),
        pytest.param({f"{DPKG}.d/90-no-marker": EXCLUDE}, f"{DPKG}.d/90-no-marker", id="directory"),
        pytest.param({DPKG: "path-exclude /usr/lib/*"}, DPKG, id="blank, and a star over slashes"),
        pytest.param({DPKG: f'path-exclude = "{FILE}"'}, DPKG, id="quotes"),
        pytest.param({f"{DPKG}.d/a": f"path-include={FILE}\n", DPKG: EXCLUDE}, DPKG, id="excluded last"),
        pytest.param({f"{DPKG}.d/a": EXCLUDE, DPKG: f"path-include={FILE}\n"}, "", id="included last"),
        pytest.param({f"{DPKG}.d/a.dpkg-old": EXCLUDE}, "", id="a file that dpkg does not read"),
        pytest.param({DPKG: f"#{EXCLUDE}path-exclude=/usr/share/*\n"}, "", id="others"),
    ],
)
def test_a_path_exclude_is_found(made_up: MadeUpHost, files: Mapping[str, str], by: str) -> None:
    with_dpkg(made_up)
    for path, text in files.items():
        made_up.with_file(path, text)
    found = observe_one(made_up)
    assert found.state == ("excluded" if by else "missing")
    assert not by or f"{by} keeps dpkg from writing it (path-exclude " in found.detail
    # As long as it is there, nobody misses it.
    assert observe_one(made_up.with_file(FILE, MARKER)).state == "intact"


PACMAN = "/etc/pacman.conf"


@pytest.mark.parametrize(
    ("text", "missing", "changed"),
    [
        ("[options]\nNoExtract = usr/share/* usr/lib/python*/EXTERNALLY-MANAGED\n", "excluded", "excluded"),
        ("[options]\nInclude = /etc/pacman.d/*.conf\n", "excluded", "excluded"),
        ("[options]\nNoUpgrade = usr/lib/python3.13/EXTERNALLY-MANAGED\n", "missing", "excluded"),
        ("[options]\nNoExtract = usr/lib/*\nNoExtract = !usr/lib/python3*\n", "missing", "changed"),
        ("[options]\n#NoExtract = usr/lib/*\nNoExtract =\n", "missing", "changed"),
        ("[options]\nInclude = /etc/pacman.conf\n", "missing", "changed"),
    ],
)
def test_what_pacman_is_told_not_to_write_is_found(made_up: MadeUpHost, text: str, missing: str, changed: str) -> None:
    with_pacman(made_up).with_file(PACMAN, text).with_file("/etc/pacman.d/a.conf", f"NoExtract = {FILE[1:]}\n")
    found = observe_one(made_up)
    assert found.state == missing
    assert missing == "missing" or "keeps pacman from writing it (NoExtract = " in found.detail
    assert observe_one(made_up.with_file(FILE, OTHER_TEXT)).state == changed


def observe_rpm(
    made_up: MadeUpHost, stdout: str, *, status: int | None = 0, stderr: str = ""
) -> tuple[tuple[ShippedMarker, ...], list[tuple[str, ...]]]:
    """What is found where rpm answers so, and what it was asked."""
    asked = []

    def answer(command: Command, _environ: Mapping[str, str]) -> Completed:
        asked.append(command.argv)
        return Completed(command, status, stdout, stderr)

    return observe_shipped_markers(replace(made_up.with_program("/usr/bin/rpm").host, runner=answer)), asked


RPM_FILE = "/usr/lib64/python3.13/EXTERNALLY-MANAGED"


def rpm_lines(*, digest: str = "", state: str = "0") -> str:
    whose = "python313-base\t3.13.7-1.1\tx86_64"
    lines = [f"{whose}\t/usr/lib64/python3.13/os.py\t{'0' * 64}\t0", f"{whose}\t{RPM_FILE}\t{digest}\t{state}"]
    return "\n".join([*lines, *lines, "file /usr/lib/python3.13/EXTERNALLY-MANAGED is not owned by any package", ""])


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_rpm_is_asked_once_about_every_interpreters_folder(made_up: MadeUpHost, algorithm: str) -> None:
    made_up.with_directory("/usr/lib/python3.13").with_directory("/usr/lib64/python3.13").with_file(RPM_FILE, MARKER)
    made_up.with_directory("/usr/lib/python-exec").with_directory("/usr/lib/python2.7")
    lines = rpm_lines(digest=digest_of(algorithm))
    (found,), asked = observe_rpm(made_up, lines, status=1)
    assert (found.path, found.package, found.version) == (RPM_FILE, "python313-base", "3.13.7-1.1")
    assert (found.state, found.database) == ("intact", "rpm")
    ((*_, first, second),) = asked
    assert (first, second) == (FILE, RPM_FILE)
    assert observe_rpm(made_up.with_file(RPM_FILE, "x"), lines)[0][0].state == "changed"
    assert observe_rpm(made_up.without(RPM_FILE), lines)[0][0].state == "missing"
    assert observe_rpm(made_up, rpm_lines(digest=digest_of(algorithm), state="2"))[0][0].state == "excluded"


def test_a_release_whose_packages_ship_none_has_none(made_up: MadeUpHost) -> None:
    made_up.with_directory("/usr/lib64/python3.14")
    answer = "error: file /usr/lib64/python3.14/EXTERNALLY-MANAGED: No such file or directory"
    assert observe_rpm(made_up, "", status=1, stderr=answer)[0] == ()
    # One that was put there by hand is nobody's.
    made_up.with_file("/usr/lib64/python3.14/EXTERNALLY-MANAGED", MARKER)
    answer = "file /usr/lib64/python3.14/EXTERNALLY-MANAGED is not owned by any package\n"
    assert observe_rpm(made_up, answer, status=1)[0] == ()


def test_rpm_is_not_asked_where_there_is_no_python(made_up: MadeUpHost) -> None:
    assert observe_rpm(made_up, "") == ((), [])


@pytest.mark.parametrize("status", [1, None])
def test_a_database_that_cannot_be_read_is_no_host_without_markers(made_up: MadeUpHost, status: int | None) -> None:
    with pytest.raises(ProvisionError, match="rpm does not say what packages own"):
        observe_rpm(made_up.with_directory("/usr/lib64/python3.14"), "", status=status, stderr="error: rpmdb: corrupt")


def test_rpm_on_a_host_of_dpkg_is_not_asked(made_up: MadeUpHost) -> None:
    found, asked = observe_rpm(with_dpkg(made_up).with_file(FILE, MARKER), "")
    assert ([one.database for one in found], asked) == (["dpkg"], [])


def test_of_homebrew_is_known_what_the_formula_says(made_up: MadeUpHost) -> None:
    with_homebrew(made_up)
    found = observe_one(made_up)
    assert (found.path, found.package, found.version) == (f"{BREWED}/EXTERNALLY-MANAGED", "python@3.13", "3.13.7_1")
    assert (found.state, found.database) == ("missing", "brew")
    found = observe_one(made_up.with_file(f"{BREWED}/EXTERNALLY-MANAGED", OTHER_TEXT))
    assert (found.state, "no digest is recorded" in found.detail) == ("intact", True)
    assert observe_one(made_up.with_file(f"{BREWED}/EXTERNALLY-MANAGED", "")).state == "changed"


def test_a_formula_that_makes_no_marker_misses_none(made_up: MadeUpHost) -> None:
    assert observe_shipped_markers(with_homebrew(made_up, marks=False).host) == ()


def test_homebrew_beside_the_distributions_packages_counts_too(made_up: MadeUpHost) -> None:
    with_homebrew(with_dpkg(made_up))
    assert [one.database for one in observe_shipped_markers(made_up.host)] == ["brew", "dpkg"]


def test_without_any_database_there_are_none(made_up: MadeUpHost) -> None:
    assert observe_shipped_markers(made_up.with_file(FILE, MARKER).host) == ()


def test_each_package_manager_has_a_database_that_is_read() -> None:
    assert {one.database for one in MANAGERS.values()} == {"dpkg", "pacman", "apk", "rpm", "brew"}


def test_what_cannot_be_compared_is_not_judged(made_up: MadeUpHost, monkeypatch: pytest.MonkeyPatch) -> None:
    with_dpkg(made_up).with_file(FILE, OTHER_TEXT)
    assert observe_one(made_up).state == "changed"
    # As in FIPS mode.
    monkeypatch.setattr(shipped_marker, "content_digest", lambda _algorithm, _data: None)
    found = observe_one(made_up)
    assert (found.state, "this Python has no md5, so its content is not judged" in found.detail) == ("intact", True)

    def unreadable(host: Host, path: str, limit: int = 2**20, *, follow: bool = True) -> bytes | None:
        return None if path == FILE else READ(host, path, limit, follow=follow)

    monkeypatch.setattr(Host, "read_bytes", unreadable)
    found = observe_one(made_up)
    assert (found.state, "it cannot be read, so its content is not judged" in found.detail) == ("intact", True)
