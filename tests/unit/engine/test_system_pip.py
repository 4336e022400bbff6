"""Entries of python_system_pip: what is taken for what, and each misuse refused with the entry and what is allowed."""

from __future__ import annotations

from typing import Any

import pytest

from pep668_provision.engine.desired import validate
from pep668_provision.engine.errors import InvalidState
from pep668_provision.engine.system_pip import (
    FIELDS,
    POLICIES,
    SCOPES,
    STATES,
    SystemPipEntry,
    make_entry,
    normalized_names,
)


def entry_of(**keys: Any) -> SystemPipEntry:
    (entry,) = validate({"python_system_pip": [keys]}).system_pip
    return entry


def refusal(**keys: Any) -> str:
    """The one sentence by which an entry is refused, after a good one."""
    with pytest.raises(InvalidState) as caught:
        validate({"python_system_pip": [{"name": "good"}, keys]})
    (problem,) = caught.value.problems
    where = "python_system_pip[1]: "
    assert problem.startswith(where), problem
    return problem[len(where) :]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("flask", ("flask",), id="one name"),
        pytest.param(["flask"], ("flask",), id="a list of one"),
        pytest.param(("flask", "jinja2"), ("flask", "jinja2"), id="a tuple"),
        pytest.param("flask,jinja2", ("flask", "jinja2"), id="commas"),
        pytest.param(" flask , jinja2 ", ("flask", "jinja2"), id="commas and blanks"),
        pytest.param("flask,jinja2,", ("flask", "jinja2"), id="a comma at the end"),
        pytest.param("flask,,jinja2", ("flask", "jinja2"), id="two commas"),
        pytest.param("flask>=1,<2", ("flask>=1,<2",), id="two bounds"),
        pytest.param("flask>=1, <2 ,!=1.5,jinja2", ("flask>=1,<2,!=1.5", "jinja2"), id="three bounds and another"),
        pytest.param("flask ~=1.0,===1.0.1", ("flask ~=1.0,===1.0.1",), id="longer operators"),
        pytest.param("flask (>=1,<2),jinja2", ("flask (>=1,<2)", "jinja2"), id="bounds in parentheses"),
        pytest.param("flask[async,dotenv]", ("flask[async,dotenv]",), id="two extras"),
        pytest.param("flask[async, dotenv]>=1,<2,jinja2", ("flask[async,dotenv]>=1,<2", "jinja2"), id="both"),
        pytest.param("a[b],c[d,e,f],g", ("a[b]", "c[d,e,f]", "g"), id="extras of several"),
        # What Ansible makes of a text where an option is a list.
        pytest.param(["flask>=1", "<2", "x[a", "b]"], ("flask>=1,<2", "x[a,b]"), id="a list cut at commas"),
        pytest.param("flask,flask", ("flask",), id="twice the same"),
        pytest.param("/srv/pkg", ("/srv/pkg",), id="a path"),
        pytest.param("git+https://x.test/a@v1#egg=a", ("git+https://x.test/a@v1#egg=a",), id="a URL"),
        pytest.param('flask; python_version < "4"', ('flask; python_version < "4"',), id="a marker"),
        pytest.param([], (), id="an empty list"),
        pytest.param("", (), id="an empty text"),
        pytest.param(["", "flask"], ("flask",), id="an empty item"),
    ],
)
def test_names_come_from_lists_and_from_texts_with_commas(name: object, expected: tuple[str, ...]) -> None:
    assert entry_of(name=name).name == expected


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        pytest.param(7, ["name is 7", "a name or a list of names"], id="a number"),
        pytest.param({"name": "x"}, ["name is {'name'", "a name or a list of names"], id="a mapping"),
        pytest.param(["flask", 7], ["item 1 is 7", "a string"], id="a number in a list"),
        pytest.param(["flask", None], ["item 1 is None", "a string"], id="nothing in a list"),
        pytest.param("<2", ["item 0 is '<2'", "PEP 508 requirement"], id="a bound of nothing"),
        pytest.param("flask 2", ["'flask 2'", "PEP 508"], id="a blank for =="),
        pytest.param("x[a", ["'x[a'", "PEP 508"], id="an open bracket"),
        pytest.param("--upgrade", ["'--upgrade'", "options are not requirements"], id="an option"),
        pytest.param("./pkg", ["'./pkg'", "relative path"], id="a relative path"),
        pytest.param("a\nb", ["control characters"], id="a line break"),
    ],
)
def test_what_is_no_name_is_refused(name: object, parts: list[str]) -> None:
    message = refusal(name=name)
    assert [part for part in parts if part not in message] == [], message


def test_a_refused_name_shows_no_credentials() -> None:
    message = refusal(name=["https://me:s3cret@x.test/a b"])
    assert "s3cret" not in message
    assert "****@x.test" in message


# Version


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ("flask", "2.0", "flask==2.0"),
        ("flask", "2.*", "flask==2.*"),
        ("flask", "==2.0", "flask==2.0"),
        ("flask", ">=2,<3", "flask>=2,<3"),
        ("flask", "~=2.1", "flask~=2.1"),
        ("flask[async,dotenv]", "2.0", "flask[async,dotenv]==2.0"),
        ("flask", "", "flask"),
        ("flask", None, "flask"),
    ],
)
def test_a_version_is_that_of_the_one_name(name: str, version: str | None, expected: str) -> None:
    assert entry_of(name=name, version=version).name == (expected,)


@pytest.mark.parametrize(
    ("keys", "part"),
    [
        pytest.param({"name": "a,b", "version": "1"}, "version is about one name, and there are others", id="two"),
        pytest.param({"name": [], "version": "1"}, "version is about one name", id="none"),
        pytest.param({"name": "a>=1", "version": "1"}, "name says one already", id="a version in the name"),
        pytest.param({"name": "/srv/a", "version": "1"}, "name says one already", id="a path"),
        pytest.param({"name": "a @ https://x.test/a.zip", "version": "1"}, "says one already", id="a direct reference"),
        pytest.param({"name": 'a; os_name == "nt"', "version": "1"}, "says one already", id="a marker"),
        pytest.param({"name": "a", "version": "1", "state": "latest"}, "version goes with state: present", id="latest"),
        pytest.param({"name": "a", "version": "1", "state": "absent"}, "with absent leave it out", id="absent"),
        pytest.param({"name": "a", "version": "1.x.y"}, "version: ", id="no version"),
        pytest.param({"name": "a", "version": ">=x"}, "version: ", id="no bound"),
        # Each of these is one name with what is before it, of another distribution.
        pytest.param({"name": "a", "version": "latest"}, 'like "2.31" or ">=2,<3"', id="a word"),
        pytest.param({"name": "a", "version": "v1.0"}, 'like "2.31" or ">=2,<3"', id="a tag"),
        pytest.param({"name": "a", "version": "-evil"}, 'like "2.31" or ">=2,<3"', id="the end of another name"),
        pytest.param({"name": "a", "version": "@ https://x.test/b.zip"}, 'like "2.31"', id="an address"),
        pytest.param({"name": "a", "version": 2.0}, "version is 2.0: allowed is a string", id="a number"),
    ],
)
def test_a_version_that_cannot_be_meant_is_refused(keys: dict[str, Any], part: str) -> None:
    assert part in refusal(**keys)


# Values


@pytest.mark.parametrize(
    ("umask", "expected"),
    [("0022", 0o022), ("022", 0o022), ("0o077", 0o077), ("000", 0), ("", 0o022), (None, 0o022)],
)
def test_a_umask_is_octal(umask: str | None, expected: int) -> None:
    assert entry_of(name="a", umask=umask).umask == expected


@pytest.mark.parametrize(
    ("umask", "part"),
    [
        pytest.param(18, "write it in quotes", id="what YAML makes of 0022"),
        pytest.param("22", "three octal digits", id="two digits"),
        pytest.param("0089", "three octal digits", id="not octal"),
        pytest.param("u=rwx", "three octal digits", id="symbolic"),
        pytest.param(True, "three octal digits", id="a boolean"),
    ],
)
def test_another_umask_is_refused(umask: object, part: str) -> None:
    message = refusal(name="a", umask=umask)
    assert "umask is" in message
    assert part in message


@pytest.mark.parametrize("executable", ["pip3.11", "pip", "/usr/bin/pip3", "/opt/py/bin/python3.12"])
def test_an_executable_is_a_name_or_a_path(executable: str) -> None:
    assert entry_of(name="a", executable=executable).executable == executable


@pytest.mark.parametrize("executable", ["bin/pip", "pip install", "-m", "~/pip", "/usr/../pip"])
def test_another_executable_is_refused(executable: str) -> None:
    assert f"executable is '{executable}': allowed is" in refusal(name="a", executable=executable)


def test_overwriting_is_allowed_by_normalised_names_alone() -> None:
    assert entry_of(name="a", allow_overwrite=["Foo_Bar", "foo.bar"]).allow_overwrite == ("foo-bar",)
    assert "a distribution name alone" in refusal(name="a", allow_overwrite=["foo==1"])
    assert "allowed is a list" in refusal(name="a", allow_overwrite="foo")


def test_requirements_are_one_absolute_path_or_several() -> None:
    assert entry_of(requirements="/srv/r.txt").requirements == ("/srv/r.txt",)
    assert entry_of(requirements=["/srv/r.txt", "/srv/s.txt"]).requirements == ("/srv/r.txt", "/srv/s.txt")
    assert "an absolute path" in refusal(requirements="r.txt")


@pytest.mark.parametrize("chdir", ["", None])
def test_without_a_directory_pip_runs_in_the_root(chdir: str | None) -> None:
    assert entry_of(name="a", chdir=chdir).chdir == "/"
    assert entry_of(name="a", chdir="/srv/").chdir == "/srv"


@pytest.mark.parametrize(
    ("key", "allowed"),
    [("state", STATES), ("externally_managed", POLICIES), ("scope", SCOPES)],
    ids=["state", "policy", "scope"],
)
def test_a_choice_lists_what_there_is(key: str, allowed: tuple[str, ...]) -> None:
    assert f"{key} is 'other': allowed is one of {', '.join(allowed)}" in refusal(name="a", **{key: "other"})
    for one in allowed:
        assert getattr(entry_of(name="a", **{key: one}), key) == one


def test_an_unknown_key_is_refused_with_the_one_that_was_meant() -> None:
    assert refusal(name="a", extra_arg="--user") == "there is no key 'extra_arg'; did you mean extra_args?"
    assert ", ".join(FIELDS) in refusal(name="a", zzz=1)


# Options


@pytest.mark.parametrize(
    ("extra_args", "changed"),
    [
        pytest.param("--user", {"scope": "user"}, id="user"),
        pytest.param("--upgrade", {"state": "latest"}, id="upgrade"),
        pytest.param("-U", {"state": "latest"}, id="U"),
        pytest.param("--break-system-packages", {"externally_managed": "break"}, id="break"),
        pytest.param(["--user", "-U"], {"scope": "user", "state": "latest"}, id="a list"),
        pytest.param("--no-deps --pre", {"pip_args": ("--no-deps", "--pre")}, id="others are pip's"),
        pytest.param("--user --pre -U", {"scope": "user", "state": "latest", "pip_args": ("--pre",)}, id="mixed"),
        pytest.param("-c '/srv/my c.txt'", {"pip_args": ("-c", "/srv/my c.txt")}, id="quotes"),
        pytest.param("--trusted-host=x.test", {"pip_args": ("--trusted-host=x.test",)}, id="with a value"),
        pytest.param(
            "--target-like --pre", {"pip_args": ("--target-like", "--pre")}, id="only looks like a refused one"
        ),
        pytest.param("", {}, id="none"),
    ],
)
def test_options_that_an_entry_has_a_word_for_are_taken_for_it(extra_args: object, changed: dict[str, Any]) -> None:
    found, plain = entry_of(name="a", extra_args=extra_args), entry_of(name="a")
    assert found == SystemPipEntry(**{**vars(plain), **changed})


@pytest.mark.parametrize(
    ("keys", "policy"),
    [
        ({"break_system_packages": True}, "break"),
        ({"break_system_packages": "yes"}, "break"),
        ({"break_system_packages": False}, "refuse"),
        ({"break_system_packages": False, "externally_managed": "break"}, "break"),
        ({"break_system_packages": True, "externally_managed": "refuse"}, "break"),
        ({"break_system_packages": None}, "refuse"),
    ],
)
def test_the_policy_has_the_name_of_ansibles_own_module_as_well(keys: dict[str, Any], policy: str) -> None:
    assert entry_of(name="a", **keys).externally_managed == policy


def test_upgrade_does_not_bring_back_what_is_to_go() -> None:
    assert entry_of(name="a", state="absent", extra_args="--upgrade").state == "absent"


def test_the_option_user_is_enough_for_an_account() -> None:
    found = entry_of(name="a", user="alice", extra_args="--user")
    assert (found.scope, found.user) == ("user", "alice")


@pytest.mark.parametrize("words", ["--ignore-installed", "-I"])
def test_an_entry_knows_that_it_leaves_alone_what_is_there(words: str) -> None:
    assert entry_of(name="a", extra_args=words).ignores_installed
    assert not entry_of(name="a", extra_args="--pre").ignores_installed


@pytest.mark.parametrize(
    ("words", "option", "instead"),
    [
        ("-t /opt/x", "-t", "python_venvs"),
        ("-t/opt/x", "-t", "python_venvs"),
        ("--target=/opt/x", "--target", "python_venvs"),
        ("--prefix /opt/x", "--prefix", "python_venvs"),
        ("--root /opt/x", "--root", "python_venvs"),
        ("--pre --python /usr/bin/python3", "--python", "for the engine"),
        ("--dry-run", "--dry-run", "for the engine"),
        ("--report -", "--report", "for the engine"),
        ("-y", "-y", "for the engine"),
        ("--yes", "--yes", "for the engine"),
        ("-r /srv/r.txt", "-r", "into requirements"),
        ("-r/srv/r.txt", "-r", "into requirements"),
        ("--requirement=/srv/r.txt", "--requirement", "into requirements"),
        ("-e /srv/x", "-e", "editable: true"),
        ("-e/srv/x", "-e", "editable: true"),
        ("--editable /srv/x", "--editable", "editable: true"),
    ],
)
def test_options_that_make_it_another_call_are_refused(words: str, option: str, instead: str) -> None:
    message = refusal(name="a", extra_args=words)
    assert message.startswith(f"extra_args has {option}: ")
    assert instead in message


@pytest.mark.parametrize(
    ("extra_args", "part"),
    [("--pre '", "its quotes do not match"), (7, "allowed is a list"), ("a\nb", "control characters")],
)
def test_what_is_no_list_of_words_is_refused(extra_args: object, part: str) -> None:
    assert part in refusal(name="a", extra_args=extra_args)


# Contradictions


@pytest.mark.parametrize(
    ("keys", "part"),
    [
        pytest.param({}, "name and requirements are missing", id="nothing at all"),
        pytest.param({"state": "latest"}, "name and requirements are missing", id="only a state"),
        pytest.param({"name": None}, "name and requirements are missing", id="no name"),
        pytest.param(
            {"name": "a", "python": "3.11", "executable": "pip3.11"},
            "python and executable both select an interpreter",
            id="two interpreters",
        ),
        pytest.param({"name": "a", "user": "alice"}, "allowed is user with scope: user", id="an account of the system"),
        pytest.param({"name": "a", "editable": True}, "editable is about paths and URLs", id="an editable name"),
        pytest.param(
            {"name": ["/srv/a", "b"], "editable": True}, "editable is about paths and URLs", id="one editable name"
        ),
        pytest.param({"name": "/srv/a", "state": "absent"}, "'/srv/a' does not tell a name", id="a path that is to go"),
        pytest.param(
            {"name": "git+https://me:s3cret@x.test/a", "state": "absent"},
            "****@x.test/a' does not tell a name",
            id="a URL that is to go",
        ),
    ],
)
def test_a_contradiction_is_refused(keys: dict[str, Any], part: str) -> None:
    message = refusal(**keys)
    assert part in message
    assert "s3cret" not in message


@pytest.mark.parametrize("keys", [{"name": []}, {"name": ""}, {"requirements": []}, {"name": [], "state": "absent"}])
def test_an_empty_list_asks_for_nothing(keys: dict[str, Any]) -> None:
    found = entry_of(**keys)
    assert (found.name, found.requirements) == ((), ())


def test_every_problem_of_every_entry_is_told_at_once() -> None:
    with pytest.raises(InvalidState) as caught:
        validate({"python_system_pip": [{"name": 7, "umask": "9"}, "flask", {}]})
    assert [problem.partition(" ")[0] for problem in caught.value.problems] == [
        "python_system_pip[0]:",
        "python_system_pip[0]:",
        "python_system_pip[1]",
        "python_system_pip[2]:",
    ]


# What an entry is called


def test_a_name_that_is_to_go_may_have_any_form_that_tells_it() -> None:
    found = entry_of(name=["Foo_Bar>=1", "/srv/baz-1.0.tar.gz", "git+https://x.test/q#egg=Quux"], state="absent")
    assert normalized_names(found) == ("foo-bar", "baz", "quux")


def test_an_entry_is_called_by_names_and_files_without_credentials() -> None:
    found = entry_of(
        name=["Flask>=1", "/srv/pkg", "https://me:s3cret@x.test/a", "b @ https://me:s3cret@x.test/b.zip"],
        requirements=["/srv/r.txt"],
    )
    assert found.label == "flask, /srv/pkg, https://****@x.test/a, b, /srv/r.txt"
    assert normalized_names(found) == ("flask", "b")


def test_credentials_of_an_entry_are_among_the_secrets() -> None:
    declared = {"name": "https://me:s3cret@x.test/a.zip", "extra_args": "--index-url https://me:t0ken@x.test"}
    assert validate({"python_system_pip": [declared]}).secrets >= {"s3cret", "t0ken"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param("-c /srv/c.txt", ("/srv/c.txt",), id="apart"),
        pytest.param("-c/srv/c.txt --constraint=d.txt", ("/srv/c.txt", "/srv/app/d.txt"), id="in one word"),
        pytest.param("--constraint ../c.txt --no-deps", ("/srv/c.txt",), id="relative"),
        pytest.param("--constraint https://x.test/c.txt -c", (), id="no file of the host"),
        pytest.param("--no-deps", (), id="none"),
    ],
)
def test_constraints_among_the_arguments_count(arguments: str, expected: tuple[str, ...]) -> None:
    assert make_entry(name=("a",), extra_args=tuple(arguments.split()), chdir="/srv/app").constraints == expected


def test_relative_paths_are_taken_from_the_directory_pip_runs_in() -> None:
    entry = make_entry(name=(".[dev]", "../other", "flask"), requirements=("r.txt", "/srv/x.txt"), chdir="/srv/app")
    assert entry.name == ("/srv/app[dev]", "/srv/other", "flask")
    assert entry.requirements == ("/srv/app/r.txt", "/srv/x.txt")


@pytest.mark.parametrize(
    "asked", [pytest.param({"name": "./app"}, id="name"), pytest.param({"requirements": ["r.txt"]}, id="requirements")]
)
def test_relative_paths_need_a_directory(asked: dict[str, object]) -> None:
    with pytest.raises(InvalidState, match="absolute"):
        validate({"python_system_pip": [asked]})
