"""os-release in the form in which releases ship it, quoting included, and the family each belongs to.

The texts lie in os_releases/FAMILY/RELEASE. What says nothing about identity is left out of them: addresses, most
colours, names in bug trackers. To add a release is to add a file.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pep668_provision.engine.distro import FAMILIES, identify

UNKNOWN = "unknown"
#: The texts by "FAMILY/RELEASE".
RELEASES = {
    f"{path.parent.name}/{path.name}": path.read_text()
    for path in sorted(Path(__file__).parent.glob("os_releases/*/*"))
}

#: Of releases whose ID nobody knows: what they are like decides, the nearest first.
LIKE = {
    "ubuntu debian": "debian",
    "debian": "debian",
    "rhel centos fedora": "el",
    "centos rhel fedora": "el",
    "rhel fedora centos": "el",
    "rhel fedora": "el",
    "fedora": "fedora",
    "mandriva fedora": "fedora",
    "manjaro arch": "arch",
    "arch": "arch",
    "suse opensuse": "opensuse",
    "opensuse suse": "opensuse",
    "suse": "opensuse",
    "alpine": "alpine",
    "coreos": None,
    "": None,
}


@pytest.mark.parametrize("release", RELEASES, ids=str)
def test_a_release_belongs_to_its_family(release: str) -> None:
    found = identify(RELEASES[release])
    assert (found.family.name if found.family else UNKNOWN) == release.partition("/")[0]
    assert found.id in RELEASES[release].lower()
    assert found.version in RELEASES[release]


@pytest.mark.parametrize("like", LIKE)
@pytest.mark.parametrize("quote", ['"', "'"])
def test_a_release_nobody_knows_belongs_where_it_says(like: str, quote: str) -> None:
    found = identify(f"NAME=New\nID=brand-new\nID_LIKE={quote}{like}{quote}\nVERSION_ID=1\n")
    assert (found.family.name if found.family else None) == LIKE[like]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("\n\n# nothing here\n", id="a comment alone"),
        pytest.param("NAME=Something\nVERSION_ID=1\n", id="without an ID"),
        pytest.param("ID=\nID_LIKE=\n", id="empty values"),
        pytest.param('ID="\nID_LIKE="\n', id="open quotes"),
        pytest.param("<html><body>404 Not Found</body></html>\n", id="a web page"),
        pytest.param("\x7fELF\x02\x01\x01\x00\x00", id="a program"),
        pytest.param("debian\n12\n", id="words alone"),
        pytest.param("Debian GNU/Linux 12 \\n \\l\n", id="an issue file"),
        pytest.param("DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=24.04\n", id="lsb-release"),
        pytest.param("#ID=debian\n", id="commented out"),
        pytest.param("MY_ID=debian\nIDENTITY=debian\nVARIANT_ID=debian\n", id="other keys"),
        pytest.param('ID="not debian"\n', id="an ID of two words"),
        pytest.param("ID=debianish\nID_LIKE=debians\n", id="nearly"),
    ],
)
def test_a_text_that_tells_no_release_has_no_family(text: str) -> None:
    assert identify(text).family is None


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: text.replace("\n", "\r\n"), id="line ends of another system"),
        pytest.param(lambda text: text.rstrip("\n"), id="no last line end"),
        pytest.param(lambda text: "\n# comment\n\n" + text, id="comments and blanks before"),
        pytest.param(lambda text: "\n".join(reversed(text.splitlines())), id="another order"),
    ],
)
def test_how_the_text_is_written_changes_nothing(change: object) -> None:
    assert callable(change)
    for text in RELEASES.values():
        found, written = identify(text), identify(change(text))
        assert (written.id, written.version, written.family) == (found.id, found.version, found.family)


def test_every_family_has_releases_here() -> None:
    # macOS has no os-release.
    families = {release.partition("/")[0] for release in RELEASES}
    assert families == {family.name for family in FAMILIES} - {"homebrew"} | {UNKNOWN}
