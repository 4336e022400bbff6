"""What of requirements a site does not meet: versions, extras, dependencies, constraints and where it came from."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from made_up_host import MadeUpHost
from pep668_provision.engine.requirement import RequirementError
from pep668_provision.engine.requirements_file import read_requirements
from pep668_provision.engine.satisfaction import Asked, find_unmet, read_asked, read_lines
from pep668_provision.engine.site import Site, read_distributions

DIST = "/usr/lib/python3/dist-packages"
LOCAL_DIST = "/usr/local/lib/python3.11/dist-packages"
ENVIRONMENT = {"python_version": "3.11", "sys_platform": "linux", "os_name": "posix"}


def with_installed(
    made_up: MadeUpHost,
    name: str,
    version: str = "1.0",
    *requires: str,
    directory: str = DIST,
    source: object = None,
) -> MadeUpHost:
    """A distribution with what its metadata requires, and with the source that pip recorded (PEP 610)."""
    folder = f"{directory}/{name}-{version}.dist-info"
    lines = "".join(f"Requires-Dist: {one}\n" for one in requires)
    made_up.with_file(f"{folder}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{lines}")
    if source is not None:
        made_up.with_file(f"{folder}/direct_url.json", json.dumps(source))
    return made_up


def site_of(made_up: MadeUpHost, *directories: str) -> Site:
    looked_in = directories or (LOCAL_DIST, DIST)
    return Site(looked_in, "", read_distributions(made_up.host, looked_in), ENVIRONMENT)


def unmet(
    made_up: MadeUpHost, *texts: str, constraints: Sequence[str] = (), editable: bool = False
) -> list[tuple[str, str]]:
    asked = read_asked(texts, editable=editable)
    return [
        (one.name, one.reason) for one in find_unmet(made_up.host, site_of(made_up), asked, read_asked(constraints))
    ]


# Versions


@pytest.mark.parametrize(
    ("installed", "wanted"),
    [
        ("1.0", "six"),
        ("1.0", "six==1.0"),
        ("1.0", "six==1"),
        ("1.0", "six===1.0"),
        ("1.0", "six>=0.9,<2"),
        ("1.0", "six!=1.1"),
        ("1.4.2", "six~=1.4"),
        ("1.4.2", "six==1.4.*"),
        ("2.0rc1", "six>=1"),
        ("2.0rc1", "six"),
        ("2.0rc1", "six>=2.0rc1"),
        ("1.0+local.1", "six==1.0"),
        ("1.0.post1", "six>=1.0"),
        ("not-a-version", "six"),
        ("1.0", "SIX"),
    ],
)
def test_a_version_that_is_enough_is_met(made_up: MadeUpHost, installed: str, wanted: str) -> None:
    assert unmet(with_installed(made_up, "six", installed.replace("-", "_")), wanted) == []


@pytest.mark.parametrize(
    ("installed", "wanted", "asked_for"),
    [
        ("1.0", "six==1.1", "==1.1"),
        ("1.0", "six>=1.1", ">=1.1"),
        ("1.0", "six>0.9,<1.0", "<1.0,>0.9"),
        ("1.0", "six===1.0.0", "===1.0.0"),
        ("2.0", "six~=1.4", "~=1.4"),
        ("1.0rc1", "six>=1.0", ">=1.0"),
        ("2.0rc1", "six<2.0", "<2.0"),
        ("1.0", "six==1.0+local", "==1.0+local"),
        ("not_a_version", "six>=1", ">=1"),
    ],
)
def test_a_version_that_is_not_enough_is_told_with_both(
    made_up: MadeUpHost, installed: str, wanted: str, asked_for: str
) -> None:
    with_installed(made_up, "six", installed)
    assert unmet(made_up, wanted) == [("six", f"six is {installed}, asked for is {asked_for}")]


@pytest.mark.parametrize("wanted", ["Foo_Bar", "foo.bar==1.0", "FOO--bar"])
@pytest.mark.parametrize("installed", ["foo_bar", "Foo.Bar", "foo-bar"])
def test_names_are_compared_normalised(made_up: MadeUpHost, installed: str, wanted: str) -> None:
    assert unmet(with_installed(made_up, installed), wanted) == []


def test_what_is_missing_is_told_in_the_order_asked_for(made_up: MadeUpHost) -> None:
    with_installed(made_up, "b")
    expected = [("c", "c is not installed"), ("foo-bar", "foo-bar is not installed")]
    assert unmet(made_up, "c", "b", "Foo_Bar", "c") == expected


def test_the_first_on_the_path_is_judged(made_up: MadeUpHost) -> None:
    with_installed(made_up, "six", "2.0", directory=LOCAL_DIST)
    with_installed(made_up, "six", "1.0")
    assert unmet(made_up, "six>=2") == []
    assert unmet(made_up, "six<2") == [("six", "six is 2.0, asked for is <2")]


@pytest.mark.parametrize(
    ("wanted", "is_met"),
    [
        ("six; sys_platform == 'win32'", True),
        ("six; python_version < '3.9'", True),
        ("six; sys_platform == 'linux'", False),
        ("six; platform_release >= '5'", False),
    ],
    ids=["another system", "another Python", "this one", "cannot be judged"],
)
def test_what_is_for_other_hosts_is_met(made_up: MadeUpHost, wanted: str, is_met: bool) -> None:
    assert (unmet(made_up, wanted) == []) is is_met


# Dependencies and extras


def test_a_missing_dependency_is_told_with_who_needs_it(made_up: MadeUpHost) -> None:
    with_installed(made_up, "flask", "3.0", "Jinja2>=3", "click")
    with_installed(made_up, "jinja2", "3.1", "MarkupSafe>=2.0")
    with_installed(made_up, "markupsafe", "1.1")
    assert unmet(made_up, "flask") == [
        ("markupsafe", "markupsafe, which jinja2 needs, is 1.1, asked for is >=2.0"),
        ("click", "click, which flask needs, is not installed"),
    ]


def test_dependencies_of_what_has_to_be_replaced_are_no_concern(made_up: MadeUpHost) -> None:
    with_installed(made_up, "flask", "2.0", "old-thing")
    assert [name for name, _ in unmet(made_up, "flask>=3")] == ["flask"]


def test_a_dependency_of_several_is_told_once_for_each(made_up: MadeUpHost) -> None:
    with_installed(made_up, "a", "1.0", "c", "c")
    with_installed(made_up, "b", "1.0", "c")
    assert unmet(made_up, "a", "b", "a") == [
        ("c", "c, which a needs, is not installed"),
        ("c", "c, which b needs, is not installed"),
    ]


def test_distributions_that_need_each_other_come_to_an_end(made_up: MadeUpHost) -> None:
    with_installed(made_up, "a", "1.0", "b[x]")
    with_installed(made_up, "b", "1.0", "a", "c; extra == 'x'")
    with_installed(made_up, "c", "1.0", "a[y]", "c")
    assert unmet(made_up, "a") == []
    assert unmet(made_up, "a>=2", "c") == [("a", "a is 1.0, asked for is >=2")]


@pytest.mark.parametrize(
    ("wanted", "missing"),
    [
        pytest.param("a", [], id="without extras"),
        pytest.param("a[x]", ["for-x"], id="one"),
        pytest.param("a[x,y]", ["for-x", "for-b"], id="two, one of them through another"),
        pytest.param("a[Dash_ed]", ["for-dashed"], id="another spelling"),
        pytest.param("a[none]", [], id="there is no such"),
    ],
)
def test_extras_need_what_they_bring(made_up: MadeUpHost, wanted: str, missing: list[str]) -> None:
    with_installed(made_up, "a", "1.0", "for-x; extra == 'x'", "b[z]; extra == 'y'", "for-dashed; extra == 'dash-ed'")
    with_installed(made_up, "b", "1.0", "for-b; extra == 'z'", "for-no-one; extra == 'w'")
    assert [name for name, _ in unmet(made_up, wanted)] == missing


def test_extras_asked_for_after_the_distribution_itself_count(made_up: MadeUpHost) -> None:
    with_installed(made_up, "a", "1.0", "for-x; extra == 'x'")
    assert [name for name, _ in unmet(made_up, "a", "a[x]")] == ["for-x"]


def test_an_extra_of_the_distribution_itself_is_followed(made_up: MadeUpHost) -> None:
    with_installed(made_up, "a", "1.0", "a[x,y]; extra == 'all'", "for-x; extra == 'x'", "for-y; extra == 'y'")
    assert [name for name, _ in unmet(made_up, "a[all]")] == ["for-x", "for-y"]


def test_dependencies_of_other_hosts_are_not_needed(made_up: MadeUpHost) -> None:
    with_installed(made_up, "a", "1.0", "tomli; python_version < '3.11'", "pywin32; sys_platform == 'win32'")
    assert unmet(made_up, "a") == []


# Constraints


@pytest.mark.parametrize(
    ("constraint", "reason"),
    [
        pytest.param("b<2", "b, which a needs, is 2.0, asked for is <2", id="of a dependency"),
        pytest.param("a<2", "a is 2.0, asked for is <2", id="of what is asked for"),
        pytest.param("A==1.0", "a is 2.0, asked for is ==1.0", id="another spelling"),
        pytest.param("c<2", "", id="of something else"),
        pytest.param("b<2; sys_platform == 'win32'", "", id="of another system"),
        pytest.param("b", "", id="without a version"),
        pytest.param("https://x.test/b-3.0.zip", "", id="an address"),
    ],
)
def test_a_constraint_limits_what_is_there(made_up: MadeUpHost, constraint: str, reason: str) -> None:
    with_installed(made_up, "a", "2.0", "b")
    with_installed(made_up, "b", "2.0")
    with_installed(made_up, "c", "2.0")
    assert [found for _, found in unmet(made_up, "a", constraints=[constraint])] == ([reason] if reason else [])


def test_a_constraint_asks_for_nothing(made_up: MadeUpHost) -> None:
    assert unmet(made_up, constraints=["a==1.0"]) == []


def test_lines_of_requirements_files_are_asked_for_like_texts(made_up: MadeUpHost) -> None:
    made_up.with_file("/srv/r.txt", "six>=1\n-e /srv/pkg\n-c limits.txt\n").with_file("/srv/limits.txt", "six<2\n")

    def read(path: str) -> bytes:
        return made_up.real(path).read_bytes()

    tree = read_requirements(("/srv/r.txt",), read_bytes=read, environ={})
    asked = read_lines(tree.requirements)
    assert [(one.name, one.text, one.editable) for one in asked] == [("six", "six>=1", False), ("", "/srv/pkg", True)]
    with_installed(made_up, "six", "2.0")
    with_installed(made_up, "pkg", source={"url": "file:///srv/pkg", "dir_info": {"editable": True}})
    (found,) = find_unmet(made_up.host, site_of(made_up), asked, read_lines(tree.constraints))
    assert found.reason == "six is 2.0, asked for is <2"


# Where it came from


def git(url: str = "https://x.test/pkg", *, asked: str | None = None, commit: str = "c0ffee") -> dict[str, object]:
    details = {"vcs": "git", "commit_id": commit}
    return {"url": url, "vcs_info": {**details, **({"requested_revision": asked} if asked else {})}}


@pytest.mark.parametrize(
    ("wanted", "source"),
    [
        pytest.param("git+https://x.test/pkg", git(), id="git"),
        pytest.param("git+https://x.test/pkg/", git(), id="a slash at the end"),
        pytest.param("git+https://x.test/pkg@v1", git(asked="v1"), id="a revision"),
        pytest.param("git+https://x.test/pkg@feature/x", git(asked="feature/x"), id="a branch with a slash"),
        pytest.param("git+https://x.test/pkg@c0ffee", git(asked="c0ffee"), id="a commit"),
        pytest.param("git+https://x.test/pkg@c0ffee", git(asked="v1"), id="the commit of the tag"),
        pytest.param("git+https://x.test/@me/pkg@v1", git("https://x.test/@me/pkg", asked="v1"), id="an @ in the path"),
        pytest.param("git+https://x.test/pkg@v1#egg=pkg", git(asked="v1"), id="with its name"),
        pytest.param("pkg @ git+https://x.test/pkg@v1", git(asked="v1"), id="a direct reference"),
        pytest.param("git+https://me:s3cret@x.test/pkg", git(), id="credentials that pip leaves out"),
        pytest.param("git+ssh://git@x.test/pkg", git("ssh://git@x.test/pkg"), id="an account that pip keeps"),
        pytest.param("git+ssh://git@x.test/pkg@v1", git("ssh://git@x.test/pkg", asked="v1"), id="both"),
        pytest.param("git+https://x.test/c++", git("https://x.test/c++"), id="a plus in the path"),
        pytest.param(
            "git+https://me:s3cret@x.test/https://y.test/pkg", git("https://x.test/https://y.test/pkg"), id="a mirror"
        ),
        pytest.param("git+file:///srv/pkg@v1", git("file:///srv/pkg", asked="v1"), id="a repository of this host"),
        pytest.param("hg+https://x.test/pkg", {**git(), "vcs_info": {"vcs": "hg", "commit_id": "1"}}, id="Mercurial"),
        pytest.param("https://x.test/pkg-1.0.zip", {"url": "https://x.test/pkg-1.0.zip"}, id="an archive"),
        pytest.param("https://me:s3cret@x.test/p.zip", {"url": "https://x.test/p.zip"}, id="archive with credentials"),
        pytest.param("/srv/pkg", {"url": "file:///srv/pkg", "dir_info": {}}, id="a directory"),
        pytest.param("/srv/pkg/", {"url": "file:///srv/pkg", "dir_info": {}}, id="a directory with a slash"),
        pytest.param("file:///srv/c++", {"url": "file:///srv/c++", "dir_info": {}}, id="a directory with a plus"),
        pytest.param("/srv/my pkg", {"url": "file:///srv/my%20pkg", "dir_info": {}}, id="a directory with a blank"),
        pytest.param("file:///srv/my%20pkg", {"url": "file:///srv/my%20pkg", "dir_info": {}}, id="its URL"),
        pytest.param("/srv/pkg-1.0.tar.gz", {"url": "file:///srv/pkg-1.0.tar.gz"}, id="a file"),
        pytest.param("pkg @ file:///srv/pkg", {"url": "file:///srv/pkg", "dir_info": {}}, id="a name for it"),
    ],
)
def test_what_came_from_there_is_met(made_up: MadeUpHost, wanted: str, source: dict[str, object]) -> None:
    assert unmet(with_installed(made_up, "pkg", source=source), wanted) == []


@pytest.mark.parametrize(
    ("wanted", "source"),
    [
        pytest.param("git+https://x.test/pkg", None, id="from an index"),
        pytest.param("git+https://x.test/pkg", git("https://x.test/other"), id="another repository"),
        pytest.param("git+https://x.test/pkg", git("https://y.test/pkg"), id="another host"),
        pytest.param("git+https://x.test/pkg", git("http://x.test/pkg"), id="another scheme"),
        pytest.param("git+https://x.test/pkg@v2", git(asked="v1"), id="another revision"),
        pytest.param("git+https://x.test/pkg", git(asked="v1"), id="a revision that is not wanted any more"),
        pytest.param("git+https://x.test/pkg@v1", git(), id="no revision"),
        pytest.param("hg+https://x.test/pkg", git(), id="another system"),
        pytest.param("git+https://x.test/pkg", {"url": "https://x.test/pkg", "vcs_info": 7}, id="damaged"),
        pytest.param("git+https://x.test/pkg", {"url": "https://x.test/pkg"}, id="an archive"),
        pytest.param("https://x.test/pkg-1.0.zip", {"url": "https://x.test/pkg-2.0.zip"}, id="another archive"),
        pytest.param("/srv/pkg", {"url": "file:///srv/pkg", "dir_info": {"editable": True}}, id="in place, not wanted"),
        pytest.param(
            "https://x.test/@me/p-1.0.zip", {"url": "https://y.test/@me/p-1.0.zip"}, id="another host, an @ in the path"
        ),
        pytest.param("/srv/pkg", {"url": "file:///srv/pkg2", "dir_info": {}}, id="another directory"),
        pytest.param("/srv/pkgX", {"url": "file:///srv/pkg", "dir_info": {}}, id="another directory, with an X"),
    ],
)
@pytest.mark.parametrize("form", ["{}", "pkg @ {}"], ids=["as it is", "as a direct reference"])
def test_what_came_from_elsewhere_is_not_met(made_up: MadeUpHost, wanted: str, source: object, form: str) -> None:
    with_installed(made_up, "pkg", source=source)
    address = f"file://{wanted}" if wanted.startswith("/") and form != "{}" else wanted
    (found,) = unmet(made_up, form.format(address))
    if form == "{}":
        assert found[1] == f"{wanted} is not installed"
    else:
        assert found == ("pkg", f"pkg 1.0 did not come from {address}")


@pytest.mark.parametrize(
    ("wanted", "source", "is_met"),
    [
        pytest.param("/srv/pkg", {"url": "file:///srv/pkg", "dir_info": {"editable": True}}, True, id="in place"),
        pytest.param("/srv/pkg/", {"url": "file:///srv/pkg", "dir_info": {"editable": True}}, True, id="with a slash"),
        pytest.param(
            "file:///srv/c++:1", {"url": "file:///srv/c++:1", "dir_info": {"editable": True}}, True, id="with a plus"
        ),
        pytest.param("/srv/pkg", {"url": "file:///srv/pkg", "dir_info": {}}, False, id="a copy"),
        pytest.param("/srv/pkg", {"url": "file:///srv/pkg", "dir_info": 7}, False, id="damaged"),
        pytest.param("/srv/pkg", None, False, id="from an index"),
        pytest.param(
            "/srv/other", {"url": "file:///srv/pkg", "dir_info": {"editable": True}}, False, id="another in place"
        ),
    ],
)
def test_what_is_to_be_used_in_place_is(made_up: MadeUpHost, wanted: str, source: object, is_met: bool) -> None:
    assert (unmet(with_installed(made_up, "pkg", source=source), wanted, editable=True) == []) is is_met


def test_an_old_pips_development_install_is_known_by_its_link(made_up: MadeUpHost) -> None:
    made_up.with_file("/srv/pkg/pkg.egg-info/PKG-INFO", "Name: pkg\nVersion: 1.0\nRequires-Dist: six\n\n")
    made_up.with_file(f"{DIST}/pkg.egg-link", "/srv/pkg\n.")
    assert unmet(made_up, "/srv/pkg/", editable=True) == [("six", "six, which pkg needs, is not installed")]
    assert unmet(made_up, "/srv/pkg") == [("", "/srv/pkg is not installed")]
    assert unmet(made_up, "/srv/other", editable=True) == [("", "/srv/other is not installed")]
    assert unmet(made_up, "/srv/pkgX", editable=True) == [("", "/srv/pkgX is not installed")]


def test_a_dependencys_address_does_not_matter(made_up: MadeUpHost) -> None:
    with_installed(made_up, "a", "1.0", "pkg @ https://x.test/pkg.zip")
    assert unmet(with_installed(made_up, "pkg"), "a") == []


def test_dependencies_and_extras_of_a_path_count(made_up: MadeUpHost) -> None:
    source = {"url": "file:///srv/pkg", "dir_info": {}}
    with_installed(made_up, "pkg", "1.0", "six", "for-x; extra == 'x'", source=source)
    assert [name for name, _ in unmet(made_up, "/srv/pkg")] == ["six"]
    assert [name for name, _ in unmet(made_up, "/srv/pkg[x]")] == ["six", "for-x"]


def test_a_named_address_is_met_by_that_name_alone(made_up: MadeUpHost) -> None:
    with_installed(made_up, "other", source=git())
    assert unmet(made_up, "git+https://x.test/pkg") == []
    assert unmet(made_up, "git+https://x.test/pkg#egg=pkg") == [
        ("pkg", "git+https://x.test/pkg#egg=pkg is not installed")
    ]


@pytest.mark.parametrize("form", ["https://me:s3cret@x.test/a.zip", "six @ https://me:s3cret@x.test/six.zip"])
def test_no_reason_shows_credentials(made_up: MadeUpHost, form: str) -> None:
    (found,) = unmet(with_installed(made_up, "six"), form)
    assert "s3cret" not in found[1]
    assert "https://****@x.test/" in found[1]
    assert "s3cret" not in Asked(read_asked([form])[0].spec).text


def test_an_address_is_used_in_place_as_well_as_a_path(made_up: MadeUpHost) -> None:
    with_installed(made_up, "pkg", source={"url": "file:///srv/pkg", "dir_info": {"editable": True}})
    assert unmet(made_up, "file:///srv/pkg", "pkg @ file:///srv/pkg", editable=True) == []
    assert [reason for _, reason in unmet(made_up, "git+https://x.test/pkg", editable=True)] == [
        "git+https://x.test/pkg is not installed"
    ]


@pytest.mark.parametrize("text", ["six", "six[x]>=1"])
def test_a_name_is_not_used_in_place(text: str) -> None:
    with pytest.raises(RequirementError, match="no path or URL"):
        read_asked([text], editable=True)


@pytest.mark.parametrize(
    ("wanted", "in_place", "is_met"),
    [
        pytest.param("git+https://x.test/pkg@main#egg=pkg", True, True, id="by its name"),
        pytest.param("pkg @ git+https://x.test/pkg", True, True, id="by its name in front"),
        pytest.param("git+https://x.test/pkg#egg=pkg", False, False, id="a copy"),
        pytest.param("git+https://x.test/pkg", True, False, id="without a name"),
        pytest.param("git+https://x.test/other#egg=other", True, False, id="another one"),
    ],
)
def test_a_checkout_in_place_is_known_by_its_name(
    made_up: MadeUpHost,
    wanted: str,
    in_place: bool,
    is_met: bool,  # a table's columns
) -> None:
    """pip records only where it keeps the checkout."""
    with_installed(made_up, "pkg", source={"url": "file:///srv/src/pkg", "dir_info": {"editable": in_place}})
    assert (unmet(made_up, wanted, editable=True) == []) is is_met
