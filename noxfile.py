"""The checks behind scripts/test, which makes the environment they run in and starts nox.

Every check is counted: a pytest run by its tests, a linter and a Molecule scenario as one. A failing check does not
keep the others of its session from running. The counts are kept in .cache/results for the line at the end.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

import nox
from nox.command import CommandFailed

sys.path.insert(0, str(Path(__file__).parent / "molecule" / "images"))

from checkout import CACHE, CHECKOUT, REQUIREMENTS, build_collection, link_collection
from container_engine import EngineUnavailable, engine_name, prepare_engine
from host_images import read_recipes
from pythons import OLDEST_MINOR, running_pythons, version_of

nox.options.sessions = ["lint", "gates", "unit", "sanity", "browser", "docs", "package", "hosts"]
nox.options.default_venv_backend = "none"

RESULTS = CACHE / "results"
# Kept from one run to the next, unlike the results.
SECONDS = CACHE / "seconds.json"
RELIABILITY = CACHE / "reliability"
# The oldest Python that the newest ansible-core runs with.
SANITY_MINOR = 12
#: Percent of the engine, and of its branches alone, that its own unit tests have to run.
COVERED = 95
IN_CI = os.environ.get("CI") == "true"
# In two runs of mypy: each has a conftest.py, and mypy knows a module by its name alone.
TYPED = [
    *("src/pep668_provision", "plugins/plugin_utils", "molecule/images", "noxfile.py", "scripts/artefacts.py"),
    *("docs/generator", "tests/browser", "tests/docs", "tests/mutation", "tests/sanity", "tests/unit"),
]
TYPED_ON_HOSTS = [
    "tests/conftest.py",
    *("tests/integration", "tests/benchmark", "tests/matrix", "tests/package", "tests/reliability"),
]
# What scripts/reliability runs in full: the made-up inputs, and test files of tests/integration.
INPUTS = "inputs"
FAULTS = [
    *("kills", "package_managers_under_faults", "faults", "faults_of_the_session"),
    *("concurrency", "locking", "healing", "versioned_venvs", "bad_input", "privilege", "credentials", "supply_chain"),
]
BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
SCENARIOS = sorted(path.parent.name for path in CHECKOUT.glob("molecule/*/molecule.yml"))


class Checks:
    """The checks of one session: run one after the other, counted, and judged at the end."""

    def __init__(self, session: nox.Session) -> None:
        self.session = session
        self.failed: list[str] = []
        #: Of each title: how many passed, how many failed, in how many seconds.
        self.counts: dict[str, tuple[int, int, float]] = {}
        self.lock = Lock()

    def run(self, title: str, *command: str, environment: dict[str, str] | None = None) -> None:
        """The command has run; it counts as one check."""
        self.session.log(f"== {title}")
        started = time.monotonic()
        try:
            self.session.run(*command, env=environment, external=True)
        except CommandFailed:
            self._count(title, 0, 1, started)
        else:
            self._count(title, 1, 0, started)

    def run_side_by_side(self, commands: dict[str, list[str]], environment: dict[str, str]) -> None:
        """The commands have run, as many at a time as there are processors; what each printed is shown when it ends.

        Those of pytest (one of a command's first four words) count each of their tests, others one.
        """

        def run(title: str, command: list[str]) -> None:
            started = time.monotonic()
            report = report_of(title) if "pytest" in command[:4] else None
            argv = [*command, f"--junit-xml={report}"] if report else command
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env={**os.environ, **environment},
                check=False,
            )
            with self.lock:
                if done.returncode == 0:
                    keep_seconds(title, time.monotonic() - started)
                self.session.log(f"== {title}: {' '.join(argv)}")
                sys.stdout.write(done.stdout)
                sys.stdout.flush()
                if report:
                    self._count_report(title, report, started, passed=done.returncode == 0)
                else:
                    self._count(title, int(done.returncode == 0), int(done.returncode != 0), started)

        # The longest first, so that the last to end does not keep the others' processors idle.
        took = read_seconds()
        titles = sorted(commands, key=lambda title: -took.get(title, float("inf")))
        self.session.log(f"side by side: {', '.join(titles)}")
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as executor:
            for ended in [executor.submit(run, title, commands[title]) for title in titles]:
                ended.result()

    def fail(self, title: str, reason: str) -> None:
        """A check that had to run could not, and counts as failed."""
        self.session.warn(f"{title}: {reason}")
        self._count(title, 0, 1, time.monotonic())

    def leave_out(self, what: str, reason: str) -> None:
        """This is said to have not been run, here and once more at the end."""
        self.session.warn(f"NOT RUN: {what}: {reason}")
        RESULTS.mkdir(parents=True, exist_ok=True)
        with (RESULTS / "not-run").open("a") as lines:
            lines.write(f"NOT RUN: {what}: {reason}\n")

    def finish(self) -> None:
        """The session has failed when one of its checks has."""
        if self.failed:
            self.session.error(f"failed: {', '.join(self.failed)}")

    def _count_report(self, title: str, report: Path, started: float, *, passed: bool) -> None:
        counted = read_report(report)
        # A run that ends before its first test, by a conftest that cannot be read say, has failed too.
        self._count(title, counted[0], counted[1] or int(not passed), started)

    def _count(self, title: str, passed: int, failed: int, started: float) -> None:
        seconds = time.monotonic() - started
        self.counts[title] = (passed, failed, seconds)
        if failed:
            self.failed.append(title)
        RESULTS.mkdir(parents=True, exist_ok=True)
        with (RESULTS / "counts").open("a") as counts:
            counts.write(f"{passed} {failed} {title} ({seconds:.0f} s)\n")


def read_seconds() -> dict[str, float]:
    """How long each of the side by side runs took the last time, by title; empty before the first."""
    kept: dict[str, float] = json.loads(SECONDS.read_text()) if SECONDS.is_file() else {}
    return kept


def keep_seconds(title: str, seconds: float) -> None:
    """The next time it is known how long the run of that title takes."""
    SECONDS.parent.mkdir(parents=True, exist_ok=True)
    SECONDS.write_text(json.dumps(read_seconds() | {title: round(seconds, 1)}, indent=1))


def report_of(title: str) -> Path:
    """Where the pytest run of that title leaves its JUnit report; an earlier one is gone."""
    report = RESULTS / f"{title.replace(' ', '-')}.xml"
    report.unlink(missing_ok=True)
    return report


def read_report(report: Path) -> tuple[int, int]:
    """How many tests of a JUnit report passed and failed; skipped ones are neither."""
    if not report.is_file():
        return 0, 0
    suites = list(ET.parse(report).getroot().iter("testsuite"))  # noqa: S314  # written by our own pytest just now
    total, skipped = (sum(int(suite.get(key, 0)) for suite in suites) for key in ("tests", "skipped"))
    failed = sum(int(suite.get(key, 0)) for suite in suites for key in ("failures", "errors"))
    return total - skipped - failed, failed


def ansible_environment() -> dict[str, str]:
    """This checkout is the collection pep668.provision, for ansible-core, ansible-lint and Molecule."""
    return {"ANSIBLE_COLLECTIONS_PATH": str(link_collection()), "ANSIBLE_HOME": str(CACHE / "ansible")}


@nox.session
def lint(session: nox.Session) -> None:
    """Form, types, and the rules of ansible-lint's production profile."""
    if session.posargs:
        session.error(f"lint takes no arguments, and got {' '.join(session.posargs)}")
    checks = Checks(session)
    checks.run("ruff format", "ruff", "format", "--check", ".")
    checks.run("ruff", "ruff", "check", ".")
    checks.run("mypy", "mypy", *TYPED)
    checks.run("mypy, tests on hosts", "mypy", *TYPED_ON_HOSTS)
    checks.run("yamllint", "yamllint", "--strict", ".")
    checks.run("ansible-lint", "ansible-lint", "--offline", environment=ansible_environment())
    checks.finish()


@nox.session
def gates(session: nox.Session) -> None:
    """The collection's documentation, the changelog, shell scripts, workflows and the forms of a repository host."""
    if session.posargs:
        session.error(f"gates takes no arguments, and got {' '.join(session.posargs)}")
    programs = Path(environment_for(session, sys.executable, "gates")).parent
    checks = Checks(session)
    built = CACHE / "gates"
    collection = str(build_collection(built))
    references = ("--validate-collection-refs=dependent", "--disallow-unknown-collection-refs")
    checks.run(
        "antsibull-docs",
        *(str(programs / "antsibull-docs"), "lint-collection-docs", "--plugin-docs", *references, collection),
        environment={"ANSIBLE_COLLECTIONS_PATH": str(built)},
    )
    antsibull_changelog = str(programs / "antsibull-changelog")
    checks.run("antsibull-changelog", antsibull_changelog, "lint")
    changelog = (sys.executable, "tests/sanity/changelog.py", "check")
    checks.run("the changelog is its fragments'", *changelog, environment={"ANTSIBULL_CHANGELOG": antsibull_changelog})
    scripts = [path for folder in ("scripts", "molecule") for path in sorted(Path(folder).rglob("*")) if path.is_file()]
    # SC2119 takes a function's own optional arguments for those of the script.
    shellcheck = (str(programs / "shellcheck"), "--external-sources", "--exclude=SC2119")
    checks.run("shellcheck", *shellcheck, *(str(path) for path in scripts if is_shell(path)))
    github = Path(".github")
    chooser = github / "ISSUE_TEMPLATE" / "config.yml"
    schemas = {
        "github-workflows": sorted(github.glob("workflows/*.yml")),
        "github-issue-forms": sorted({*github.glob("ISSUE_TEMPLATE/*.yml")} - {chooser}),
        "github-issue-config": [chooser],
        "dependabot": [github / "dependabot.yml"],
    }
    for schema, files in schemas.items():
        command = (str(programs / "check-jsonschema"), f"--builtin-schema=vendor.{schema}", *map(str, files))
        checks.run(schema, *command)
    checks.run("zizmor", str(programs / "zizmor"), "--offline", "--persona=pedantic", ".github")
    checks.run("pre-commit", str(programs / "pre-commit"), "validate-config")
    checks.finish()


def is_shell(path: Path) -> bool:
    """Whether a file is a script of the shell, by its name or its first line."""
    return path.suffix == ".sh" or path.read_text().startswith(("#!/bin/sh\n", "#!/usr/bin/env bash\n"))


@nox.session
def changelog(session: nox.Session) -> None:
    """CHANGELOG.md and changelogs/changelog.yaml say of this version what changelogs/fragments/ say, as of today."""
    program = Path(environment_for(session, sys.executable, "gates")).with_name("antsibull-changelog")
    session.run(sys.executable, "tests/sanity/changelog.py", "write", env={"ANTSIBULL_CHANGELOG": str(program)})


@nox.session
def unit(session: nox.Session) -> None:
    """The engine on made-up hosts, by this Python and by the oldest one found that the engine has to run on.

    Without arguments, which go to pytest, it is measured what of the engine its own tests run.
    """
    checks = Checks(session)
    here = version_of(sys.executable)
    if session.posargs:
        commands = {f"unit tests, Python {here}": ["pytest", "tests/unit", *session.posargs]}
    else:
        session.run("coverage", "erase", external=True)
        commands = {
            f"unit tests of the engine, Python {here}": ["coverage", "run", "-m", "pytest", "tests/unit/engine"],
            f"other unit tests, Python {here}": ["pytest", "tests/unit", "--ignore=tests/unit/engine"],
        }
    minor, oldest = min(running_pythons().items(), default=(sys.version_info.minor, sys.executable))
    if minor >= sys.version_info.minor:
        checks.leave_out(f"unit tests on a Python older than {here}", "none was found")
    else:
        engine = [environment_for(session, oldest), "-m", "pytest", "tests/unit/engine", "tests/unit/bad_input"]
        commands[f"unit tests of the engine, Python {version_of(oldest)}"] = [*engine, *session.posargs]
    checks.run_side_by_side(commands, {})
    if not session.posargs:
        judge_coverage(checks)
    checks.finish()


def judge_coverage(checks: Checks) -> None:
    """It is told what the engine's own tests did not run of it; too many branches of that are a failed check."""
    told = CACHE / "coverage" / "engine.json"
    checks.session.run("coverage", "combine", "--quiet", external=True)
    checks.run("coverage of the engine", "coverage", "report", f"--fail-under={COVERED}")
    checks.session.run("coverage", "json", "--quiet", "--fail-under=0", "-o", str(told), external=True)
    branches = json.loads(told.read_text())["totals"]["percent_branches_covered"]
    checks.session.log(f"of the engine's branches alone, {branches:.1f} % were taken")
    if branches < COVERED:
        checks.fail("coverage of the engine's branches", f"it is to be {COVERED} %")


def link_pythons(folder: Path) -> str:
    """A PATH on which python3.X is an interpreter that runs, where there is one: pyenv's shims may not."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for minor, python in running_pythons().items():
        (folder / f"python3.{minor}").symlink_to(Path(python).resolve())
    rest = [entry for entry in os.environ["PATH"].split(os.pathsep) if Path(entry).name != "shims"]
    return os.pathsep.join([str(folder), *rest])


def environment_for(session: nox.Session, python: str, name: str = "unit") -> str:
    """A virtual environment of that interpreter has what requirements/NAME.txt says; returns its python."""
    wanted = REQUIREMENTS / f"{name}.txt"
    digest = hashlib.sha256(wanted.read_bytes() + python.encode()).hexdigest()
    folder = CACHE / f"{name}-{version_of(python)}"
    stamp = folder / "complete"
    if not stamp.is_file() or stamp.read_text() != digest:
        session.run(python, "-m", "venv", "--clear", str(folder), external=True, silent=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        session.run(*pip, "install", "--require-hashes", "--requirement", str(wanted), external=True)
        stamp.write_text(digest)
    return str(folder / "bin" / "python")


@nox.session
def hosts(session: nox.Session) -> None:
    """Real hosts: integration tests and Molecule scenarios. Arguments: scenarios, or "integration"; default all."""
    unknown = sorted(set(session.posargs) - {*SCENARIOS, "integration"})
    if unknown:
        session.error(f"no scenario {', '.join(unknown)}; there are integration, {', '.join(SCENARIOS)}")
    checks = Checks(session)
    try:
        engine = prepare_engine()
    except EngineUnavailable as reason:
        if IN_CI:
            checks.fail("hosts", f"no container engine: {reason}")
            checks.finish()
        checks.leave_out(f"integration tests and scenarios {', '.join(SCENARIOS)}", f"no container engine: {reason}")
        return
    environment = {**ansible_environment(), **engine, "MOLECULE_COMMAND_BORDERS": "0", "NO_COLOR": "1"}
    commands = {}
    integration = not session.posargs or "integration" in session.posargs
    if integration and engine_name() != "podman":
        checks.leave_out("integration tests", f"they need podman, and PROVISION_ENGINE is {engine_name()}")
    elif integration:
        # The newest Debian, which most tests run on, first; what only other families differ in, together.
        debians = sorted((name for name, recipe in read_recipes().items() if recipe.integration), reverse=True)
        runs = {release: [release] for release in debians}
        runs["other families"] = [name for name in read_recipes() if name not in debians]
        for name, releases in runs.items():
            chosen = [f"--release={release}" for release in releases]
            commands[f"integration tests, {name}"] = ["pytest", "tests/integration", *chosen, "--durations=15"]
        commands["oldest and newest versions"] = ["pytest", "tests/matrix/test_controllers.py", "--ends"]
    for scenario in SCENARIOS:
        if not session.posargs or scenario in session.posargs:
            commands[f"scenario {scenario}"] = ["molecule", "test", "--scenario-name", scenario]
    checks.run_side_by_side(commands, environment)
    checks.finish()


@nox.session
def sanity(session: nox.Session) -> None:
    """ansible-test sanity on the built collection: what users get is what is checked, by the newest ansible-core."""
    checks = Checks(session)
    search = link_pythons(CACHE / "pythons")
    newest = max(running_pythons().items(), default=(0, ""))
    if newest[0] >= SANITY_MINOR:
        python = environment_for(session, newest[1], "sanity")
    else:
        python = sys.executable
        reason = f"no Python from 3.{SANITY_MINOR} on was found, and it needs one; that of the tests is taken"
        checks.leave_out("sanity tests of the newest ansible-core", reason)
    environment = {"PATH": os.pathsep.join([str(Path(python).parent), search])}
    checks.run("ansible-test sanity", python, "tests/sanity/run.py", *session.posargs, environment=environment)
    checks.finish()


@nox.session
def browser(session: nox.Session) -> None:
    """The page of the audit in a real browser; pictures of it are kept in .cache/results. Arguments go to pytest."""
    checks = Checks(session)
    title = "audit page in a browser"
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program:
        environment = {"PROVISION_BROWSER": program}
        checks.run_side_by_side({title: ["pytest", "tests/browser", *session.posargs]}, environment)
    elif IN_CI:
        checks.fail(title, f"none of {', '.join(BROWSERS)} was found")
    else:
        checks.leave_out(title, f"none of {', '.join(BROWSERS)} was found")
    checks.finish()


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation's site is in .cache/site, and what is shown in it has been tested. Arguments go to pytest."""
    checks = Checks(session)
    pages, site = CACHE / "docs", CACHE / "site"
    sources = os.pathsep.join(str(CHECKOUT / folder) for folder in (".", "src", "molecule/images"))
    written = {**ansible_environment(), "PYTHONPATH": sources}
    checks.run("pages of the documentation", sys.executable, "-m", "docs.generator", str(pages), environment=written)
    mkdocs = str(Path(environment_for(session, sys.executable, "docs")).with_name("mkdocs"))
    # Not with --quiet: what is not said is not counted either. The variable keeps its makers' advertisement away.
    quiet = {"NO_MKDOCS_2_WARNING": "1"}
    checks.run("site of the documentation", mkdocs, "build", "--strict", environment=quiet)
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None and IN_CI:
        checks.fail("documentation in a browser", f"none of {', '.join(BROWSERS)} was found")
    if program is None:
        checks.leave_out("documentation in a browser", f"none of {', '.join(BROWSERS)} was found")
    tested = {
        **ansible_environment(),
        "PROVISION_SITE": str(site),
        **({"PROVISION_BROWSER": program} if program else {}),
    }
    checks.run_side_by_side({"documentation": ["pytest", "tests/docs", *session.posargs]}, tested)
    checks.finish()


@nox.session
def package(session: nox.Session) -> None:
    """What scripts/build makes, and hosts provisioned from it, out of empty environments. Arguments go to pytest."""
    checks = Checks(session)
    title, environment, left_out = "released artefacts", {}, []
    try:
        environment = prepare_engine()
    except EngineUnavailable as reason:
        if IN_CI:
            checks.fail(f"{title}, on hosts", f"no container engine: {reason}")
        else:
            checks.leave_out(f"{title}, on hosts", f"no container engine: {reason}")
        left_out = ["-k", "not test_a_host"]
    checks.run_side_by_side({title: ["pytest", "tests/package", *left_out, *session.posargs]}, environment)
    checks.finish()


@nox.session
def pins(session: nox.Session) -> None:
    """requirements/*.txt say what the *.in beside them ask for, with hashes; --upgrade takes the newest versions of it.

    Without arguments a pin moves only where what asks for it has changed.
    """
    if session.posargs not in ([], ["--upgrade"]):
        session.error(f"pins takes --upgrade alone, and got {' '.join(session.posargs)}")
    pins_file = REQUIREMENTS / "pins.txt"
    uv = str(Path(environment_for(session, sys.executable, pins_file.stem)).with_name("uv"))
    compile_ = (uv, "pip", "compile", "--quiet", "--generate-hashes", "--universal")
    said = ("--custom-compile-command", "nox -s pins")
    with session.chdir(REQUIREMENTS):
        # The others are held to what the tests run with.
        names = sorted((path.stem for path in Path().glob("*.in")), key=lambda name: (name != "test", name))
        for name in names:
            if name == "pips":
                continue
            oldest = {"unit": f"3.{OLDEST_MINOR}", "sanity": f"3.{SANITY_MINOR}"}.get(name, "3.11")
            command = (*compile_, *said, *session.posargs, "--python-version", oldest)
            session.run(*command, f"{name}.in", "--output-file", f"{name}.txt", external=True)
        lines = ["# Made by: nox -s pins\n"]
        for line in Path("pips.in").read_text().splitlines():
            if not line.startswith("#"):
                one = CACHE / "pip.in"
                one.write_text(f"{line}\n")
                command = (*compile_, "--no-deps", "--no-header", "--no-annotate", "--python-version", "3.11", str(one))
                lines.append(str(session.run(*command, external=True, silent=True)))
        Path("pips.txt").write_text("".join(lines))


@nox.session
def findings(session: nox.Session) -> None:
    """docs/findings.md is written from the rules of the audit."""
    session.run("python", "tests/unit/engine/audit/findings_page.py", env={"PYTHONPATH": "src"})


@nox.session
def matrix(session: nox.Session) -> None:
    """Each version of Ansible, pyinfra, Python, pip and pipx is tried, and README.md has the table.

    Arguments go to pytest; with some the table stays as it is.
    """
    checks = Checks(session)
    try:
        engine = prepare_engine()
    except EngineUnavailable as reason:
        session.error(f"versions are tried on real hosts, and there is no container engine: {reason}")
    cells = CACHE / "matrix" / "cells"
    cells.parent.mkdir(parents=True, exist_ok=True)
    cells.unlink(missing_ok=True)
    environment = {**ansible_environment(), **engine, "PROVISION_MATRIX": str(cells)}
    commands = {
        "versions of Ansible and pyinfra": ["pytest", "tests/matrix/test_controllers.py", *session.posargs],
        "versions of pipx": ["pytest", "tests/matrix/test_pipx.py", *session.posargs],
    }
    if not session.posargs:
        commands["versions of pip"] = ["pytest", "tests/integration/test_real_pips.py", "--full"]
    checks.run_side_by_side(commands, environment)
    if not session.posargs:
        written = {"PYTHONPATH": os.pathsep.join(str(CHECKOUT / folder) for folder in (".", "molecule/images"))}
        session.run(sys.executable, "-m", "tests.matrix.table", str(cells), env=written, external=True)
    checks.finish()


@nox.session
def mutation(session: nox.Session) -> None:
    """Changed versions of what decides in the engine have been tried against its tests. Arguments: files, as plan."""
    mutmut = Path(environment_for(session, sys.executable, "mutation")).with_name("mutmut")
    session.run(sys.executable, "tests/mutation/run.py", str(mutmut), *session.posargs, external=True)


@nox.session
def reliability(session: nox.Session) -> None:
    """Every fault that docs/reliability.md speaks of, on real hosts. Arguments: parts, see scripts/reliability."""
    unknown = sorted(set(session.posargs) - {INPUTS, *FAULTS})
    if unknown:
        session.error(f"no part {', '.join(unknown)}; there are {INPUTS}, {', '.join(FAULTS)}")
    parts = session.posargs or [INPUTS, *FAULTS]
    checks = Checks(session)
    try:
        engine = prepare_engine()
    except EngineUnavailable as reason:
        session.error(f"these faults are caused on real hosts, and there is no container engine: {reason}")
    RELIABILITY.mkdir(parents=True, exist_ok=True)
    environment = {**ansible_environment(), **engine, "PROVISION_INPUTS": "full"}
    commands = {}
    for part in parts:
        tally = RELIABILITY / f"{part}.tally"
        tally.unlink(missing_ok=True)
        tests = ["tests/unit/bad_input"] if part == INPUTS else [f"tests/integration/test_{part}.py", "--full"]
        commands[part] = ["env", f"PROVISION_TALLY={tally}", "pytest", *tests]
    started = time.monotonic()
    checks.run_side_by_side(commands, environment)
    session.log(f"these parts took {(time.monotonic() - started) / 60:.0f} minutes")
    figures = (sys.executable, "tests/reliability/figures.py")
    for part in parts:
        passed, failed, seconds = (str(number) for number in checks.counts[part])
        session.run(*figures, "keep", str(RELIABILITY), part, passed, failed, seconds, external=True)
    session.run(*figures, "write", str(RELIABILITY), INPUTS, *FAULTS, external=True)
    checks.finish()


@nox.session
def benchmark(session: nox.Session) -> None:
    """This project beside what users have today, on hosts over SSH. Arguments: see scripts/benchmark --help."""
    folders = ("tests/benchmark", "tests/integration", "molecule/images")
    environment = {"PYTHONPATH": os.pathsep.join(str(CHECKOUT / folder) for folder in folders)}
    command = [sys.executable, "tests/benchmark", *session.posargs]
    # After Ctrl-C it has the seconds it takes to remove its hosts.
    session.run(*command, env=environment, external=True, interrupt_timeout=300, terminate_timeout=60)
