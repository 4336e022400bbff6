"""What pip would do to files of OS packages: its answers to the question, and the files of wheels."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from made_up_host import MadeUpHost
from package_databases import INFO, LOCAL
from pep668_provision.engine.desired import IndexSettings, validate
from pep668_provision.engine.errors import CommandFailed, ProvisionError
from pep668_provision.engine.installer import Workplace
from pep668_provision.engine.installer_pip_site import Found, SitePip
from pep668_provision.engine.interpreter import Interpreters
from pep668_provision.engine.overwrite import Overwrite
from pep668_provision.engine.overwriting import Verdict, judge_installation, judge_removal
from pep668_provision.engine.process import Command, Completed
from pep668_provision.engine.site import Site, read_distributions

DIST = "/usr/lib/python3/dist-packages"
LOCAL_DIST = "/usr/local/lib/python3.11/dist-packages"
SIX = f"{DIST}/six-1.16.0.dist-info"
DISTRIBUTIONS_OWN = {
    "purelib": "/usr/lib/python3/dist-packages",
    "platlib": "/usr/lib64/python3/dist-packages",
    "scripts": "/usr/bin",
    "data": "/usr",
}
ADMINISTRATORS = {
    "purelib": LOCAL_DIST,
    "platlib": LOCAL_DIST,
    "scripts": "/usr/local/bin",
    "data": "/usr/local",
}
WOULD_REMOVE = f"""\
Found existing installation: six 1.16.0
Uninstalling six-1.16.0:
  Would remove:
    {SIX}/*
    {DIST}/six.py
  Would not remove (might be manually added):
    {DIST}/six/local.py
Proceed (Y/n)? \
"""
# pip 24 and later.
NO_RECORD = """\
error: uninstall-no-record-file

\u00d7 Cannot uninstall six 1.16.0
\u2570\u2500> The package's contents are unknown: no RECORD file was found for six.

hint: The package was installed by debian. You should check if it can uninstall the package.
"""
OLDER = (
    "WARNING: something else\nERROR: Cannot uninstall 'six'. It is a distutils installed project and thus we cannot"
    " accurately determine which files belong to it.\n"
)
OUTSIDE = (
    f"Found existing installation: six 1.16.0\nNot uninstalling six at {DIST}, outside environment /usr\n"
    "Can't uninstall 'six'. No files were found to uninstall.\n"
)


@dataclass
class StandInPip:
    """Stands in for the process runner: a pip that answers, and leaves the wheels it is to fetch."""

    made_up: MadeUpHost
    answers: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    wheels: dict[str, dict[str, str]] = field(default_factory=dict)
    places: Mapping[str, str] | None = None
    commands: list[Command] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)

    def __call__(self, command: Command, _environ: Mapping[str, str]) -> Completed:
        self.commands.append(command)
        words = command.argv[command.argv.index("pip") + 1 :] if "pip" in command.argv else ("",)
        if words[0] == "uninstall":
            return Completed(command, *self.answers[words[-1]])
        if words[0] == "wheel":
            return self._fetch(command)
        assert "-c" in command.argv, command.argv
        return Completed(command, 1 if self.places is None else 0, json.dumps(self.places))

    def _fetch(self, command: Command) -> Completed:
        folder = Path(self.made_up.host.real(command.argv[command.argv.index("--wheel-dir") + 1]))
        self.fetched += Path(command.argv[-1]).read_text().splitlines()
        assert folder.is_dir()
        for name, files in self.wheels.items():
            with zipfile.ZipFile(folder / name, "w") as archive:
                for path, text in files.items():
                    archive.writestr(path, text)
        return Completed(command, 0)

    @property
    def asked(self) -> list[str]:
        return [command.argv[-1] for command in self.commands if "uninstall" in command.argv]


@pytest.fixture
def pip(debian: MadeUpHost) -> StandInPip:
    """A pip that puts things where the distribution has its own, on a Debian whose package has six."""
    debian.with_file(f"{SIX}/METADATA", "Name: six\n").with_file(f"{DIST}/six.py").with_program("/usr/bin/tool")
    debian.with_file(f"{SIX}/RECORD", f"six.py,,\n{SIX[len(DIST) + 1 :]}/METADATA,,\n")
    debian.with_file(f"{INFO}/python3-six.list", f"/.\n{DIST}/six.py\n{SIX}/METADATA\n")
    debian.with_file(f"{INFO}/tool:amd64.list", "/.\n/usr/bin\n/usr/bin/tool\n")
    return StandInPip(debian, {"six": (0, WOULD_REMOVE, "")}, places=DISTRIBUTIONS_OWN)


def site_of(made_up: MadeUpHost) -> Site:
    return Site((LOCAL_DIST, DIST), "", read_distributions(made_up.host, (LOCAL_DIST, DIST)))


def working(pip: StandInPip, tmp_path: Path, **keys: object) -> SitePip:
    interpreter = Interpreters(pip.made_up.host).default()
    assert interpreter is not None
    host = replace(pip.made_up.host, runner=pip)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (entry,) = validate({"python_system_pip": [{"name": "six", **keys}]}).system_pip
    return SitePip(Workplace(host, None, str(scratch), IndexSettings()), interpreter, entry)


def installing(pip: StandInPip, tmp_path: Path, *names: str, **keys: object) -> Verdict:
    site_pip = working(pip, tmp_path, **keys)
    found = {name: Found("9.0", f"{name} @ https://x.test/{name}.whl") for name in names}
    return judge_installation(site_pip.work.host, site_pip, site_of(pip.made_up), found)


def removing(pip: StandInPip, tmp_path: Path, *names: str) -> Verdict:
    site_pip = working(pip, tmp_path, state="absent")
    site = site_of(pip.made_up)
    return judge_removal(site_pip.work.host, site_pip, [site.distributions[name] for name in names])


# The question


def test_what_pip_would_remove_is_told_with_its_package(pip: StandInPip, tmp_path: Path) -> None:
    expected = Overwrite("six", "1.16.0", ("python3-six",), "deletes", (f"{SIX}/*", f"{DIST}/six.py"))
    assert installing(pip, tmp_path, "six") == Verdict((expected,))
    (question,) = [command for command in pip.commands if "uninstall" in command.argv]
    # It is answered with no, and nothing makes pip go on without an answer.
    assert question.stdin == "n\n"
    assert "--yes" not in question.argv
    assert (question.env["PIP_NO_INPUT"], question.env["PIP_YES"]) == ("0", "0")
    assert str(expected) == (f"six 1.16.0 of the OS package python3-six: pip deletes {SIX}/*, {DIST}/six.py")


@pytest.mark.parametrize(
    ("stderr", "said"),
    [
        pytest.param(
            NO_RECORD,
            "Cannot uninstall six 1.16.0. The package's contents are unknown: no RECORD file was found for six",
            id="no RECORD",
        ),
        pytest.param(OLDER, OLDER.splitlines()[1][len("ERROR: ") :], id="older pip"),
        pytest.param("Traceback: all is lost\nmore\n", "Traceback: all is lost", id="something else"),
        pytest.param("\n", "it said nothing", id="nothing"),
    ],
)
def test_what_pip_cannot_remove_is_told_with_what_it_says(
    pip: StandInPip, tmp_path: Path, stderr: str, said: str
) -> None:
    pip.answers["six"] = (1, "Found existing installation: six 1.16.0\n", stderr)
    expected = Overwrite("six", "1.16.0", ("python3-six",), "cannot", said=said)
    assert installing(pip, tmp_path, "six").overwrites == (expected,)
    assert str(expected) == f"six 1.16.0 of the OS package python3-six: pip cannot replace it ({said})"


def test_what_pip_leaves_alone_is_hidden_by_the_new_one(pip: StandInPip, tmp_path: Path) -> None:
    pip.answers["six"] = (0, OUTSIDE, "")
    pip.places = ADMINISTRATORS
    assert installing(pip, tmp_path, "six") == Verdict((), ("six 1.16.0 of the OS package python3-six",))


@pytest.mark.parametrize("option", ["--ignore-installed", "-I"])
def test_pip_that_leaves_alone_what_is_there_is_not_asked(pip: StandInPip, tmp_path: Path, option: str) -> None:
    pip.places = ADMINISTRATORS
    verdict = installing(pip, tmp_path, "six", extra_args=option)
    assert verdict == Verdict((), ("six 1.16.0 of the OS package python3-six",))
    assert pip.asked == []


def test_what_is_left_alone_and_is_nobodys_is_not_told(pip: StandInPip, tmp_path: Path) -> None:
    pip.made_up.with_distributions(LOCAL_DIST, {"own": "1.0"})
    pip.places = ADMINISTRATORS
    assert installing(pip, tmp_path, "own", extra_args="-I") == Verdict()


def test_what_no_package_owns_is_not_asked_about(pip: StandInPip, tmp_path: Path) -> None:
    pip.made_up.with_distributions(LOCAL_DIST, {"six": "1.17.0", "idna": "3.0"})
    pip.places = ADMINISTRATORS
    assert installing(pip, tmp_path, "six", "idna", "new") == Verdict()
    assert pip.asked == []


def test_each_distribution_is_asked_about(pip: StandInPip, tmp_path: Path) -> None:
    pip.made_up.with_distributions(DIST, {"idna": "3.3"})
    pip.made_up.with_file(f"{INFO}/python3-idna.list", f"/.\n{DIST}/idna-3.3.dist-info/METADATA\n")
    pip.answers["idna"] = (1, "", NO_RECORD)
    found = installing(pip, tmp_path, "idna", "new", "six").overwrites
    assert [(one.name, one.how) for one in found] == [("idna", "cannot"), ("six", "deletes")]


# Removing


def test_removing_what_a_package_has_is_told(pip: StandInPip, tmp_path: Path) -> None:
    pip.made_up.with_distributions(LOCAL_DIST, {"own": "1.0"})
    (found,) = removing(pip, tmp_path, "own", "six").overwrites
    assert (found.name, found.how, found.packages) == ("six", "deletes", ("python3-six",))
    assert pip.asked == ["six"]


def test_what_pip_would_leave_in_place_cannot_be_removed(pip: StandInPip, tmp_path: Path) -> None:
    pip.answers["six"] = (0, OUTSIDE, "")
    (found,) = removing(pip, tmp_path, "six").overwrites
    assert (found.how, found.said) == ("cannot", "it leaves what the distribution installed alone")


# Wheels


def wheel(name: str, *files: str, entry_points: str = "", purelib: bool = True) -> dict[str, dict[str, str]]:
    info = f"{name}-9.0.dist-info"
    content = {**dict.fromkeys(files, ""), f"{info}/METADATA": "", f"{info}/RECORD": ""}
    content[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nRoot-Is-Purelib: {str(purelib).lower()}\n"
    if entry_points:
        content[f"{info}/entry_points.txt"] = entry_points
    return {f"{name}-9.0-py3-none-any.whl": content}


def owned(pip: StandInPip, path: str, package: str = "owner") -> StandInPip:
    pip.made_up.with_file(path).with_file(f"{INFO}/{package}.list", f"/.\n{path}\n")
    return pip


@pytest.mark.parametrize(
    ("path", "files", "entry_points"),
    [
        pytest.param(f"{DIST}/new/mod.py", ["new/mod.py"], "", id="a module"),
        pytest.param("/usr/bin/new", ["new-9.0.data/scripts/new"], "", id="a script"),
        pytest.param("/usr/bin/new", [], "[console_scripts]\nnew = new:main\n", id="a console script"),
        pytest.param("/usr/bin/New.x", [], "[gui_scripts]\nNew.x=new:main [extra]\n", id="a graphical one"),
        pytest.param("/usr/share/man/man1/new.1", ["new-9.0.data/data/share/man/man1/new.1"], "", id="data"),
        pytest.param(f"{DIST}/mod.py", ["new-9.0.data/purelib/mod.py"], "", id="purelib of its data"),
        pytest.param("/usr/lib64/python3/dist-packages/m.so", ["new-9.0.data/platlib/m.so"], "", id="platlib of it"),
    ],
)
def test_a_new_file_over_one_of_a_package_is_told(
    pip: StandInPip, tmp_path: Path, path: str, files: list[str], entry_points: str
) -> None:
    owned(pip, path).wheels = wheel("new", "new/__init__.py", *files, entry_points=entry_points)
    (found,) = installing(pip, tmp_path, "new").overwrites
    assert found == Overwrite("new", "", ("owner",), "overwrites", (path,))
    assert pip.fetched == ["new @ https://x.test/new.whl"]
    assert str(found) == f"new: pip overwrites {path} of the OS package owner"


def test_the_files_of_a_wheel_for_one_platform_lie_where_these_do(pip: StandInPip, tmp_path: Path) -> None:
    path = "/usr/lib64/python3/dist-packages/new.so"
    owned(pip, path).wheels = wheel("new", "new.so", purelib=False)
    owned(pip, f"{DIST}/new.so", "another")
    (found,) = installing(pip, tmp_path, "new").overwrites
    assert found.files == (path,)


def test_pacmans_files_count_as_well(made_up: MadeUpHost, tmp_path: Path) -> None:
    made_up.with_os_release("ID=arch\n").with_interpreter("3.13.5").with_program("/usr/bin/tool")
    made_up.with_file(f"{LOCAL}/tool-1.0-1/files", "%FILES%\nusr/bin/\nusr/bin/tool\n")
    pip = StandInPip(made_up, wheels=wheel("new", entry_points="[console_scripts]\ntool = new:main\n"))
    pip.places = DISTRIBUTIONS_OWN
    (found,) = installing(pip, tmp_path, "new").overwrites
    assert (found.packages, found.files) == (("tool",), ("/usr/bin/tool",))


@pytest.mark.parametrize(
    "entry_points",
    [
        pytest.param("[console_scripts]\nTool = new:main\n", id="another case"),
        pytest.param("[other]\ntool = new:main\n", id="another group"),
        pytest.param("no section\n", id="damaged"),
        pytest.param("", id="none"),
    ],
)
def test_what_lies_beside_a_packages_files_is_no_concern(pip: StandInPip, tmp_path: Path, entry_points: str) -> None:
    # Somebody's file is there, in a package's directory, and a package's file of another directory has its name.
    pip.made_up.with_file(f"{DIST}/new.py")
    pip.wheels = wheel("new", "new.py", "tool", "new-9.0.data/headers/tool", entry_points=entry_points)
    assert installing(pip, tmp_path, "new") == Verdict()
    assert pip.fetched == ["new @ https://x.test/new.whl"]


def test_a_file_that_a_package_lists_and_that_is_gone_is_no_concern(pip: StandInPip, tmp_path: Path) -> None:
    pip.made_up.without("/usr/bin/tool")
    pip.wheels = wheel("new", entry_points="[console_scripts]\ntool = new:main\n")
    assert installing(pip, tmp_path, "new") == Verdict()


@pytest.mark.parametrize(
    ("installed", "fetched"),
    [
        pytest.param("old", "old", id="the same name"),
        pytest.param("My_Old", "My__Old", id="names of a wheel's own kind"),
    ],
)
def test_files_that_pip_removes_first_do_not_count(
    pip: StandInPip, tmp_path: Path, installed: str, fetched: str
) -> None:
    # An administrator's installation that once went over a package's file.
    folder = f"{DIST}/{installed}-1.0.dist-info"
    pip.made_up.with_file(f"{folder}/METADATA").with_file(f"{folder}/RECORD", "../../../bin/tool,,\n")
    pip.wheels = wheel(fetched, "new.py", entry_points="[console_scripts]\ntool = new:main\n")
    name = installed.lower().replace("_", "-")
    assert installing(pip, tmp_path, name) == Verdict()
    pip.made_up.with_file(f"{folder}/RECORD", "other.py,,\n")
    (tmp_path / "scratch").joinpath("found.txt").unlink()
    (tmp_path / "scratch").rmdir()
    assert [one.name for one in installing(pip, tmp_path, name).overwrites] == [name]


def test_another_distributions_file_is_not_this_ones(pip: StandInPip, tmp_path: Path) -> None:
    folder = f"{LOCAL_DIST}/other-1.0.dist-info"
    pip.made_up.with_file(f"{folder}/METADATA").with_file(f"{folder}/RECORD", "/usr/bin/tool,,\n")
    pip.wheels = {**wheel("new", entry_points="[console_scripts]\ntool = new:main\n"), **wheel("other", "other.py")}
    (found,) = installing(pip, tmp_path, "other", "new").overwrites
    assert found.name == "new"


@pytest.mark.parametrize(
    "places",
    [
        pytest.param(ADMINISTRATORS, id="/usr/local"),
        pytest.param({key: f"/home/alice/.local/{key}" for key in ADMINISTRATORS}, id="an account's"),
        pytest.param(dict.fromkeys(ADMINISTRATORS, "/usr/local"), id="/usr/local itself"),
    ],
)
def test_where_no_package_has_files_nothing_is_fetched(pip: StandInPip, tmp_path: Path, places: dict[str, str]) -> None:
    pip.places = places
    assert installing(pip, tmp_path, "new") == Verdict()
    assert not [command for command in pip.commands if "wheel" in command.argv]


@pytest.mark.parametrize("place", ["purelib", "scripts", "data"])
def test_one_place_with_files_of_packages_is_enough_to_look(pip: StandInPip, tmp_path: Path, place: str) -> None:
    pip.places = {**ADMINISTRATORS, place: "/usr/localized"}
    assert installing(pip, tmp_path, "new") == Verdict()
    assert pip.fetched == ["new @ https://x.test/new.whl"]


def test_what_is_told_already_is_not_fetched(pip: StandInPip, tmp_path: Path) -> None:
    pip.wheels = wheel("new")
    installing(pip, tmp_path, "six", "new")
    assert pip.fetched == ["new @ https://x.test/new.whl"]


def test_where_nothing_is_new_nothing_is_started(pip: StandInPip, tmp_path: Path) -> None:
    assert installing(pip, tmp_path) == Verdict()
    assert pip.commands == []


@pytest.mark.parametrize("places", [None, {}, {"purelib": "/usr/lib"}], ids=["no answer", "nothing", "a part"])
def test_a_python_that_does_not_say_where_things_go_is_refused(
    pip: StandInPip, tmp_path: Path, places: dict[str, str] | None
) -> None:
    pip.places, pip.wheels = places, wheel("new", entry_points="[console_scripts]\ntool = new:main\n")
    with pytest.raises(ProvisionError, match="/usr/bin/python3 does not say where it puts"):
        installing(pip, tmp_path, "new")


def test_a_fetch_that_fails_is_told(pip: StandInPip, tmp_path: Path) -> None:
    site_pip = working(pip, tmp_path)

    def run(command: Command, environ: Mapping[str, str]) -> Completed:
        if "wheel" in command.argv:
            return Completed(
                command, 1, "", "ERROR: No matching distribution found for new at https://me:s3cret@x.test\n"
            )
        return pip(command, environ)

    host = replace(site_pip.work.host, runner=run)
    site_pip = replace(site_pip, work=replace(site_pip.work, host=host))
    found = {"new": Found("9.0", "new @ https://x.test/new.whl")}
    with pytest.raises(CommandFailed, match="to see what it would overwrite, failed") as caught:
        judge_installation(host, site_pip, site_of(pip.made_up), found, frozenset({"s3cret"}))
    assert "s3cret" not in str(caught.value)


# In words


def test_many_files_are_counted() -> None:
    some = Overwrite("new", "", ("a", "b"), "overwrites", tuple(f"/usr/{number}" for number in range(7)))
    assert str(some) == "new: pip overwrites /usr/0, /usr/1, /usr/2, /usr/3, /usr/4 and 2 more of the OS package a, b"
