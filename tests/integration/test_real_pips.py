"""What the engine foretells of pip, held against real pips on a real host: every case has to agree.

A case is a pip, a marker, a call, and what overrides the marker. Each runs on the host: there the engine observes and
foretells, then that pip's own ``main`` is called (pip_matrix.py), and its exit status and kind of error are compared
with what was foretold. The number of cases and the seconds they took are in the summary at the end of the run.

Three tables are multiplied out, each for every pip; what they leave out cannot interact:

- ``OVERRIDES`` x ``CALLS`` on a marker that counts; without one those that can still stop pip (``STOPS``). An override
  that is on does with the flag what the variable does with it, wherever it came from (``ALSO_ON``).
- ``MARKERS`` x the calls without the flag, and the commands with an override that is on: an override, like the flag,
  keeps pip from looking at the marker at all, so that no more can come of it and a marker than of it and a valid one.
- ``READINGS``, which are about *where* pip's configuration is read and what in it counts, x the two commands, with and
  without --isolated (``READ_BY``): once it is read it acts as in the first table. Pips that do not know the override
  do not ask for it anywhere, so they only run those that stop every pip (``READINGS_OF_ALL``). Options that the
  configuration sets meet the calls that they can be combined with (``OPTIONS``).

An unprivileged account stands in where a file has to be unreadable: root reads everything.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from checkout import CACHE, CHECKOUT, download_pip
from hosts import Host
from local_index import ON_HOST, LocalIndex
from tests.matrix.cells import FAILS, WORKS, Cell, keep

# Only there: 3.11 is the newest Python that the oldest of these pips runs on.
pytestmark = [pytest.mark.releases("debian12"), pytest.mark.usefixtures("untouched_system_python")]

#: Whether the version has an override; "newest" is the newest of the public index. Another version is another line.
PIPS = {
    "20.3.4": False,
    "22.0.2": False,
    "22.3.1": False,
    "23.0": False,
    "23.0.1": True,
    "24.0": True,
    "25.1.1": True,
    "newest": True,
}
#: Those that run each time: the oldest, and the first of each kind from then on. The others take --full.
EACH_TIME = ("20.3.4", "23.0", "23.0.1", "newest")

TEXTS = "[externally-managed]\nError=Ask the distribution.\nError-en_US=Ask the distro, y'all.\n"
MARKERS: dict[str, dict[str, Any]] = {
    "absent": {},
    "valid": {"text": TEXTS},
    "empty": {"text": ""},
    "garbage": {"text": "nothing of the kind\n"},
    "twice": {"text": "[externally-managed]\nError=a\nError=b\n"},
    "unreadable": {"text": TEXTS, "mode": 0o600},
    "directory": {"folder": True},
    "dangling": {"link": "/nowhere"},
    "device": {"link": "/dev/null"},
    "link": {"link": "/srv/index/marker"},
}

FLAG = "--break-system-packages"
PLACES = ("", " --user", " --target", " --prefix", " --root", " --dry-run", " --dry-run --report")
WITHOUT_FLAG = (*(f"install{place}" for place in PLACES), "install --isolated", "uninstall", "uninstall --isolated")
WITH_FLAG = (*(f"install{place} {FLAG}" for place in PLACES), f"uninstall {FLAG}")
CALLS = (*WITHOUT_FLAG, *WITH_FLAG)
READ_BY = ("install", "uninstall", "install --isolated", "uninstall --isolated")

Files = dict[str, str | None]
Environment = dict[str, str]

ETC, USER, OLD_USER, NAMED = "/etc/pip.conf", "~/.config/pip/pip.conf", "~/.pip/pip.conf", "/srv/named.conf"
VARIABLE = "PIP_BREAK_SYSTEM_PACKAGES"


def text(value: str, section: str = "global", key: str = "break-system-packages") -> str:
    return f"[{section}]\n{key} = {value}\n"


ON, OFF, BAD, EMPTY = text("true"), text("false"), text("maybe"), text("")
DAMAGED = "no section\n"

#: What is read, whichever way: files ("~" is the account's home), and variables.
OVERRIDES: dict[str, tuple[Files, Environment]] = {
    "none": ({}, {}),
    "variable 1": ({}, {VARIABLE: "1"}),
    "variable 0": ({ETC: ON}, {VARIABLE: "0"}),
    "variable bad": ({}, {VARIABLE: "maybe"}),
    "variable empty": ({ETC: ON}, {VARIABLE: ""}),
    "[global] on": ({ETC: ON}, {}),
    "[global] off": ({ETC: OFF}, {}),
    "[global] bad": ({ETC: BAD}, {}),
    "[install] on": ({ETC: text("yes", "install")}, {}),
    "[uninstall] on": ({ETC: text("yes", "uninstall")}, {}),
    "PIP_CONFIG_FILE": ({NAMED: ON}, {"PIP_CONFIG_FILE": NAMED}),
    "damaged": ({ETC: DAMAGED}, {}),
}
#: Those of them that can make a difference to a pip that meets no marker.
STOPS = ("variable bad", "[global] bad", "damaged")
#: Those that are on as "variable 1" is, from somewhere else: what the flag adds to them is the same.
ALSO_ON = ("variable empty", "[global] on", "[install] on", "[uninstall] on", "PIP_CONFIG_FILE")

#: About the override alone.
READINGS: dict[str, tuple[Files, Environment]] = {
    "below /etc/xdg": ({"/etc/xdg/pip/pip.conf": ON}, {}),
    "below a folder of XDG_CONFIG_DIRS": ({"/srv/xdg/pip/pip.conf": ON}, {"XDG_CONFIG_DIRS": "/etc/xdg:/srv/xdg"}),
    "the user's old file": ({OLD_USER: ON}, {}),
    "the user's file": ({USER: ON}, {}),
    "below XDG_CONFIG_HOME": ({"/srv/home/pip/pip.conf": ON}, {"XDG_CONFIG_HOME": "/srv/home"}),
    "the interpreter's file": ({"/usr/pip.conf": ON}, {}),
    "/etc wins over xdg": ({"/etc/xdg/pip/pip.conf": ON, ETC: OFF}, {}),
    "the user's wins over /etc": ({ETC: ON, USER: OFF}, {}),
    "the user's file wins over the old one": ({OLD_USER: OFF, USER: ON}, {}),
    "the interpreter's wins over the user's": ({USER: ON, "/usr/pip.conf": OFF}, {}),
    "the named one wins over the interpreter's": ({"/usr/pip.conf": OFF, NAMED: ON}, {"PIP_CONFIG_FILE": NAMED}),
    "a named file that is there hides the user's": ({USER: ON, NAMED: "[global]\n"}, {"PIP_CONFIG_FILE": NAMED}),
    "a named folder hides the user's": ({USER: ON, NAMED: None}, {"PIP_CONFIG_FILE": NAMED}),
    "a named file that is missing hides nothing": ({USER: ON}, {"PIP_CONFIG_FILE": NAMED}),
    "no named file": ({USER: ON}, {"PIP_CONFIG_FILE": ""}),
    "all files off": ({ETC: ON, USER: ON, "/usr/pip.conf": ON}, {"PIP_CONFIG_FILE": "/dev/null"}),
    "a command's section wins over a later [global]": ({ETC: text("on", "install"), USER: OFF}, {}),
    "a variable wins over a command's section": ({ETC: text("on", "install")}, {VARIABLE: "off"}),
    "a bad value that would lose": ({ETC: BAD}, {VARIABLE: "1"}),
    "a bad value that is replaced": ({ETC: BAD, USER: ON}, {}),
    "a bad value of the other command": ({ETC: text("maybe", "uninstall")}, {}),
    "an empty value that hides": ({ETC: ON, USER: EMPTY}, {}),
    "an empty value of another section": ({ETC: ON + text("", "install")}, {}),
    "a variable with blanks": ({}, {VARIABLE: " on "}),
    "a value with blanks": ({ETC: text("   ON  ")}, {}),
    "a variable in small letters": ({}, {"PIP_break_system_packages": "t"}),
    "a key with underscores": ({ETC: text("1", key="break_system_packages")}, {}),
    "a key as on the command line": ({ETC: text("1", key="--Break-System-Packages")}, {}),
    "a default": ({ETC: text("1", "DEFAULT")}, {}),
    "a default and a section": ({ETC: text("1", "DEFAULT") + "[install]\nno-color = 1\n"}, {}),
    "a section of neither": ({ETC: text("1", "download")}, {}),
    "percent signs": ({ETC: text("%(x)s")}, {}),
    "a folder as the file": ({ETC: None, USER: ON}, {}),
    "line ends of Windows": ({ETC: ON.replace("\n", "\r\n")}, {}),
    "the language is C": ({}, {"LC_ALL": "C"}),
    "the language is nobody's": ({}, {"LC_ALL": "", "LC_MESSAGES": "", "LANG": ""}),
}
#: About what stops every pip, whether it knows the override or not.
READINGS_OF_ALL: dict[str, tuple[Files, Environment]] = {
    "all files off, and a variable": ({ETC: DAMAGED}, {"PIP_CONFIG_FILE": "/dev/null", VARIABLE: "1"}),
    "a key in two spellings": ({ETC: OFF + "break_system_packages = 1\n"}, {}),
    "a key twice": ({ETC: OFF + "break-system-packages = 1\n"}, {}),
    "not UTF-8": ({ETC: "[global]\nuser-agent = \xff\n"}, {}),
    "a byte order mark": ({ETC: f"\xef\xbb\xbf{ON}"}, {}),
    "line ends of old Macs": ({ETC: ON.replace("\n", "\r")}, {}),
    "the user's file damaged": ({USER: DAMAGED}, {}),
    "the named file damaged": ({NAMED: DAMAGED}, {"PIP_CONFIG_FILE": NAMED}),
    "an environment is required": ({}, {"PIP_REQUIRE_VIRTUALENV": "1"}),
    "an environment is required by a file": ({USER: text("1", key="require-virtualenv")}, {}),
    "an environment is perhaps required": ({}, {"PIP_REQUIRE_VIRTUALENV": "perhaps"}),
}
#: Options that the configuration sets, with the calls beside those of READ_BY that they can be combined with.
OPTIONS: dict[str, tuple[Environment, tuple[str, ...]]] = {
    "target": ({"PIP_TARGET": "/tmp/elsewhere"}, ("install --user", "install --prefix")),
    "prefix": ({"PIP_PREFIX": "/tmp/elsewhere"}, ("install --user",)),
    "root": ({"PIP_ROOT": "/tmp/elsewhere"}, ("install --user",)),
    "user": ({"PIP_USER": "1"}, ("install --target", "install --prefix", "install --root")),
    "user perhaps": ({"PIP_USER": "perhaps"}, ()),
    "dry-run": ({"PIP_DRY_RUN": "1"}, ("install --dry-run",)),
    "dry-run perhaps": ({"PIP_DRY_RUN": "perhaps"}, ()),
    "report": ({"PIP_REPORT": "/dev/null"}, ("install --dry-run",)),
    "dry-run and report": ({"PIP_DRY_RUN": "1", "PIP_REPORT": "/dev/null"}, ("install --user",)),
}


def batch(
    marker: str,
    override: str,
    settings: tuple[Files, Environment],
    calls: tuple[str, ...],
    *,
    with_override_alone: bool = False,
) -> dict[str, Any]:
    return {
        "marker": marker,
        "override": override,
        "files": settings[0],
        "environment": settings[1],
        "calls": calls,
        "unprivileged": marker == "unreadable",
        "pips": [version for version, has_override in PIPS.items() if has_override or not with_override_alone],
    }


def batches(pips: Collection[str]) -> list[dict[str, Any]]:
    """What is run, as one list: a marker, settings, the calls that meet both, and by which of these pips."""
    made = [
        batch("valid", name, settings, WITHOUT_FLAG if name in ALSO_ON else CALLS)
        for name, settings in OVERRIDES.items()
    ]
    made += [batch("absent", name, OVERRIDES[name], CALLS) for name in ("none", "variable 1", *STOPS)]
    for marker in (one for one in MARKERS if one not in ("valid", "absent")):
        made += [batch(marker, "none", OVERRIDES["none"], WITHOUT_FLAG)]
        made += [batch(marker, "variable 1", OVERRIDES["variable 1"], READ_BY)]
    made += [batch("valid", *one, READ_BY, with_override_alone=True) for one in READINGS.items()]
    made += [batch("valid", *one, READ_BY) for one in READINGS_OF_ALL.items()]
    for name, (environment, calls) in OPTIONS.items():
        made += [batch(marker, name, ({}, environment), (*READ_BY, *calls)) for marker in ("valid", "absent")]
    return [{**one, "pips": [pip for pip in one["pips"] if pip in pips]} for one in made]


def provide_pips(pips: Collection[str]) -> dict[str, Path]:
    """The wheel of each of these pips is in the cache; only the newest is asked for each time."""
    folder = CACHE / "pips"

    def provide(wanted: str) -> Path:
        found = list(folder.glob(f"pip-{wanted}-*.whl"))
        if found:
            return found[0]
        target = folder / f"asked-{wanted}"
        shutil.rmtree(target, ignore_errors=True)
        if wanted != "newest":
            wheel = download_pip(wanted, target)
        else:
            # Which one that is cannot be pinned; it runs on a test host and nowhere else.
            options = ["--no-deps", "--only-binary=:all:", "--python-version=3.11", f"--dest={target}"]
            subprocess.run([sys.executable, "-m", "pip", "--quiet", "download", *options, "pip"], check=True)
            (wheel,) = target.glob("pip-*.whl")
        return wheel.replace(folder / wheel.name)

    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(2) as executor:
        return dict(zip(pips, executor.map(provide, pips), strict=True))


@pytest.fixture(scope="module")
def pips_tried(full: bool) -> tuple[str, ...]:
    return tuple(PIPS) if full else EACH_TIME


@pytest.fixture(scope="module")
def compared(
    host: Host, index: LocalIndex, pips_tried: tuple[str, ...], summary_lines: list[str]
) -> list[dict[str, Any]]:
    """Every case, foretold and made: dictionaries with pip, marker, override, call, foretold, happened and agrees."""
    wheels = provide_pips(pips_tried)
    for name, wheel in wheels.items():
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(index.folder / "matrix" / "pips" / name)
    engine = CHECKOUT / "plugins" / "module_utils" / "engine"
    shutil.copytree(engine, index.folder / "matrix" / "engine", ignore=shutil.ignore_patterns("__pycache__"))
    (index.folder / "marker").write_text(TEXTS)
    pips = [(name, f"{ON_HOST}/files/{index.add(f'tiny-{number}', '1.0').name}") for number, name in enumerate(wheels)]
    # The oldest of these pips still needs distutils, which Debian 12 has in a package of its own.
    host.run("apt-get -q update && apt-get -q install --yes --no-install-recommends python3-distutils")
    host.run(f"cp -r {ON_HOST}/matrix /opt/matrix && chmod -R go+rX /opt/matrix")
    host.write("/opt/matrix/pip_matrix.py", Path(__file__).with_name("pip_matrix.py").read_text())
    description = {"pips": pips, "markers": MARKERS, "batches": batches(pips_tried)}
    done = host.run(["python3", "/opt/matrix/pip_matrix.py", "/opt/matrix"], stdin=json.dumps(description))
    outcome = json.loads(done.stdout)
    results: list[dict[str, Any]] = outcome["results"]
    wrong = [one for one in results if not one["agrees"]]
    versions = ", ".join(wheel.name.split("-")[1] for wheel in wheels.values())
    summary_lines.append(
        f"pip, foretold and real: {len(results)} cases of {len(pips)} pips ({versions}) compared in "
        f"{outcome['seconds']:.0f} s, {len(wrong)} of them differ"
    )
    for version in versions.split(", "):
        asked = next(name for name, wheel in wheels.items() if wheel.name.split("-")[1] == version)
        of_it = [one for one in results if one["pip"] == asked]
        said = WORKS if all(one["agrees"] for one in of_it) else FAILS
        keep(Cell("pip", version, "3.11", said))
    return results


def test_each_real_pip_does_what_is_foretold(compared: list[dict[str, Any]]) -> None:
    wrong = [one for one in compared if not one["agrees"]]
    assert not wrong, json.dumps(wrong[:20], indent=1)


def test_every_case_was_made_by_every_pip(compared: list[dict[str, Any]], pips_tried: tuple[str, ...]) -> None:
    cases = {(one["pip"], one["marker"], one["override"], one["call"]) for one in compared}
    made = batches(pips_tried)
    expected = {
        (pip, one["marker"], one["override"], call) for one in made for call in one["calls"] for pip in one["pips"]
    }
    assert cases == expected
    assert len(compared) == len(cases) == sum(len(one["calls"]) * len(one["pips"]) for one in made)


def test_pips_end_in_each_way_that_is_told_apart(compared: list[dict[str, Any]]) -> None:
    assert {one["happened"] for one in compared} == {
        "allowed",
        "blocked",
        "unsupported: option",
        "unsupported: value",
        "unsupported: configuration",
        "unsupported: broke off",
        "unsupported: virtualenv",
        "unsupported: combination",
    }
