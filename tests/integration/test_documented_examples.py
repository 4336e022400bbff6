"""What README.md, CONTRIBUTING.md and docs/ show is executed, on a host that has what the pages presuppose.

Declarations, tasks and plays are tried in check mode, what pyinfra takes in a dry run. With --full they are done, the
commands of the pages too, and a second time changes nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import documented_host
import pytest
from documented_commands import Desk, as_files, command_lines, file_of
from documented_host import INDEX_PASSWORD

from hosts import ROLE, Host, Outcome, Task
from local_index import LocalIndex
from pyinfra_runs import PROVISION, Pyinfra
from tests.docs.code_blocks import Block, blocks, read_yaml

pytestmark = pytest.mark.releases("debian13")

BLOCKS = blocks()


@dataclass(frozen=True)
class LeftOut:
    """Blocks, or lines of them, that are not executed here: of a file, with these words in them, and why."""

    file: str
    words: str
    reason: str

    def means(self, file: str, text: str) -> bool:
        return file == self.file and self.words in text


ON_THE_SPOT = "typed on the machine itself, as docs/start.md is, which tests/package types word by word"
BUILDS = "tests/integration/test_image_builds.py builds images in these ways"
LEFT_OUT = (
    LeftOut("docs/start.md", "", "tests/package types it word by word"),
    LeftOut("docs/audit.md", "artifacts:", "a job of GitLab"),
    LeftOut("docs/recipes/gitlab_ci.md", "", "jobs of GitLab"),
    LeftOut("docs/recipes/github_actions.md", "", "a workflow of GitHub"),
    LeftOut("README.md", 'python: "3.12"', "Debian 13 has no Python 3.12"),
    LeftOut(
        "docs/migration.md",
        "# Debian 12 has pip refuse:",
        "a playbook before it is rewritten, and what is left to do in it",
    ),
    LeftOut("docs/recipes/geerlingguy_pip.md", "pip_install_packages", "what is replaced, a role of others"),
    LeftOut("docs/recipes/container_image.md", "ansible_connection", BUILDS),
    LeftOut("docs/pyinfra.md", "@podman/", BUILDS),
    LeftOut("docs/pyinfra.md", "@local", ON_THE_SPOT),
    LeftOut("docs/recipes/laptop.md", "~/provision/bin", ON_THE_SPOT),
    LeftOut("docs/recipes/homebrew.md", "~/provision/bin", ON_THE_SPOT),
    LeftOut("docs/recipes/wsl.md", "~/provision/bin", ON_THE_SPOT),
    LeftOut("docs/images.md", "ansible-playbook", BUILDS),
    LeftOut("docs/scale.md", "pull_repository", "tests/integration/test_pull.py has a host converge itself"),
    LeftOut("CONTRIBUTING.md", "", "parts of the engine's own files, and commands of a developer"),
)
#: Where a page has the way it was before the way that it is to be.
BECOMES = "# becomes\n"
#: What only looks, and reports that are written each time.
READS = (
    "--dry",
    "--check",
    "provision.audit",
    "provision.explain",
    "provision.remediate",
    "provision.bootstrap",
    " fact ",
)


def is_left_out(block: Block, text: str = "") -> bool:
    return any(one.means(block.file, text or block.text) for one in LEFT_OUT)


def of(*languages: str) -> list[Block]:
    return [one for one in BLOCKS if one.language in languages and not is_left_out(one)]


def with_places(found: Sequence[Block]) -> list[Any]:
    return [pytest.param(one, id=one.place) for one in found]


DECLARATIONS = of("yaml")
#: What pyinfra takes: deploys, and files of hosts' data. The inventory and the test of a developer are no such thing.
FOR_PYINFRA = [one for one in of("python") if "def test_" not in one.text and file_of(one) != "inventory.py"]
TESTS = [one for one in of("python") if "def test_" in one.text]
COMMANDS = {
    (one.file, line.partition("  #")[0].strip()): one
    for one in of("sh", "")
    for line in command_lines(one)
    if not is_left_out(one, line)
}


def test_what_is_left_out_is_there(summary_lines: list[str]) -> None:
    shown: Counter[str] = Counter()
    for entry in LEFT_OUT:
        meant = [one for one in BLOCKS if entry.means(one.file, one.text)]
        assert meant, f"{entry.file} has nothing like {entry.words!r} any more"
        shown[entry.reason] += len(meant)
    executed = f"{len(DECLARATIONS)} declarations, {len(FOR_PYINFRA)} files for pyinfra"
    summary_lines.append(
        f"examples of the documentation executed: {executed}; with --full {len(COMMANDS)} commands too"
    )
    summary_lines += [f"  not here: {count} blocks, {reason}" for reason, count in shown.items()]


# Declarations, tasks and plays.


def plays_of(block: Block, index: LocalIndex) -> list[dict[str, Any]]:
    """What is in a block as plays: a declaration is given to the role, tasks get a play around them."""
    digest = documented_host.digest_of(index, "black", "24.10.0")
    text = block.text.rpartition(BECOMES)[2].replace("<64 digits>", digest)
    data = read_yaml(Block(block.file, block.line, block.language, text))
    if isinstance(data, Mapping):
        data = [{"gather_facts": False, "vars": data, "roles": [ROLE]}]
    elif not any("hosts" in one for one in data):
        handlers = {
            task["notify"]: {"name": task["notify"], "ansible.builtin.debug": {}} for task in data if "notify" in task
        }
        given = {"python_venvs": [{"path": "/srv/app/.venv", "packages": ["flask"], "owner": "app"}]}
        data = [{"gather_facts": False, "vars": given, "tasks": data, "handlers": list(handlers.values())}]
    return [{**asking(index), **play, "name": block.place, "hosts": "all"} for play in data]


def asking(index: LocalIndex) -> dict[str, Any]:
    """What has the tasks of a play ask the tests' index. The role has a variable for that."""
    return {"module_defaults": {"group/pep668.provision.provision": {"python_index_url": index.url}}}


def account_of(block: Block) -> str:
    """Who a block is for: what names a home is for the one whose home it is."""
    return "alice" if "ansible.builtin.env" in block.text else "root"


def variables(index: LocalIndex) -> dict[str, Any]:
    return {
        "python_index_url": index.url,
        "python_ca_bundle": "/etc/ssl/certs/example-ca.pem",
        "vaulted_index_password": INDEX_PASSWORD,
    }


@pytest.fixture(scope="module")
def stocked(index: LocalIndex) -> LocalIndex:
    documented_host.stock(index)
    return index


@pytest.fixture(scope="module")
def prepared(host: Host, stocked: LocalIndex, full: bool, tmp_path_factory: pytest.TempPathFactory) -> Host:
    documented_host.prepare(host, stocked, tmp_path_factory.mktemp("certificates"))
    if full:
        # With a pip, each dry run asks it what it would install.
        host.run("apt-get -q install --yes --no-install-recommends python3-pip python3-venv")
    return host


def play(host: Host, plays: Sequence[Mapping[str, Any]], index: LocalIndex, user: str, *, check: bool) -> Outcome:
    home = "/root" if user == "root" else f"/home/{user}"
    around = ["env", f"HOME={home}", "ANSIBLE_GATHERING=smart", "ANSIBLE_PIPELINING=true"]
    return host.play(plays, variables(index), check=check, diff=check, user=user, around=around)


@pytest.fixture(scope="module")
def dry_runs(prepared: Host, stocked: LocalIndex) -> dict[str, list[Task]]:
    """What all declarations and tasks of the pages come to in check mode, by their places; few starts for many."""

    def try_many(user: str, mine: Sequence[Block]) -> Outcome:
        # One that fails does not end the others.
        plays = [{**one, "ignore_errors": True} for block in mine for one in plays_of(block, stocked)]
        return play(prepared, plays, stocked, user, check=True)

    by_account = {user: [one for one in DECLARATIONS if account_of(one) == user] for user in ("root", "alice")}
    halves = [by_account["root"][::2], by_account["root"][1::2]]
    with ThreadPoolExecutor(len(halves)) as pool:
        outcomes = list(pool.map(lambda half: try_many("root", half), halves))
    # Who has no root's rights has this already: it is the first command of these pages.
    prepared.run("apt-get -q install --yes --no-install-recommends python3-venv")
    outcomes.append(try_many("alice", by_account["alice"]))
    tried: dict[str, list[Task]] = {}
    for outcome in outcomes:
        assert outcome.tasks, outcome.text
        for task in outcome.tasks:
            tried.setdefault(task.play, []).append(task)
    return tried


def failures(tasks: Sequence[Task]) -> list[str]:
    return [f"{task.name}: {task.result}" for task in tasks if task.failed]


@pytest.mark.parametrize("block", with_places(DECLARATIONS))
def test_a_declaration_is_tried(block: Block, dry_runs: dict[str, list[Task]]) -> None:
    tasks = dry_runs.get(block.place, [])
    assert tasks, "it did not run"
    assert not failures(tasks)


@pytest.mark.full
@pytest.mark.parametrize("block", with_places(DECLARATIONS))
def test_a_declaration_is_provided_and_a_second_run_changes_nothing(
    block: Block, prepared: Host, stocked: LocalIndex
) -> None:
    documented_host.clear(prepared)
    plays, user = plays_of(block, stocked), account_of(block)
    foreseen = play(prepared, plays, stocked, user, check=True)
    assert not foreseen.failed, foreseen.text
    done = play(prepared, plays, stocked, user, check=False)
    assert (done.rc, failures(done.tasks)) == (0, []), done.text
    assert bool(foreseen.changed) is bool(done.changed), (foreseen.text, done.text)
    again = play(prepared, plays, stocked, user, check=False)
    # A report goes into a folder of this one run.
    assert (again.rc, again.changed) == (0, block.text.count("audit_report:")), again.text


# What is typed, and files for pyinfra.

INVENTORY = "docs/pyinfra.md"
DEPLOY = "- name: Deploy the application\n"


def files_for(page: str, index: LocalIndex) -> dict[str, str]:
    """What is in the folder in which a page's commands are typed; the inventory is that of one page."""
    files = as_files([one for one in BLOCKS if one.file == INVENTORY and one.language == "python"])
    files |= as_files([one for one in BLOCKS if one.file == page and one.language == "yaml"])
    files["files/requirements.txt"] = "flask==3.0.3\n"
    (deploy,) = (one for one in BLOCKS if one.text.startswith(DEPLOY))
    files["deploy.yml"] = deploy.text
    for name in ("deploy.yml", "site.yml"):
        if name in files and "hosts:" in files[name]:
            plays = read_yaml(Block(page, 0, "yaml", files[name]))
            files[name] = json.dumps([{**asking(index), **one} for one in plays])
    return files


def desk_for(block: Block, folder: Path, host: Host, index: LocalIndex, pyinfra: Pyinfra, user: str = "") -> Desk:
    return Desk(folder, host, pyinfra, variables(index), user).lay_out(files_for(block.file, index))


def try_with_pyinfra(block: Block, desk: Desk, index: LocalIndex, *, dry: bool) -> Any:
    """A file for pyinfra has been used: a deploy has run, hosts' data has been that of the project's own."""
    name = file_of(block) or "deploy.py"
    documented_host.give_shop_to(desk.host, "app" if 'user="app"' in block.text else "shop")
    desk.lay_out({name: block.text})
    operation = name if name == "deploy.py" else PROVISION
    data = {} if "python_index_url" in block.text else {"python_index_url": index.url}
    data["python_ca_bundle"] = "/etc/ssl/certs/example-ca.pem"
    return desk.run_pyinfra(f"pyinfra -y inventory.py {operation}", dry=dry, data=data)


def connecting(block: Block) -> str:
    """The account that pyinfra connects as, where the page's own data does not say it."""
    return "alice" if "as the connecting account" in block.text or 'ssh_user = "alice"' in block.text else ""


@pytest.mark.parametrize("block", with_places(FOR_PYINFRA))
def test_a_file_for_pyinfra_is_tried(
    block: Block, prepared: Host, stocked: LocalIndex, pyinfra: Pyinfra, tmp_path: Path
) -> None:
    desk = desk_for(block, tmp_path, prepared, stocked, pyinfra, connecting(block))
    run = try_with_pyinfra(block, desk, stocked, dry=True)
    assert run.succeeded, run.text


@pytest.mark.full
@pytest.mark.parametrize("block", with_places(FOR_PYINFRA))
def test_a_file_for_pyinfra_does_what_it_says_and_a_second_run_changes_nothing(
    block: Block, prepared: Host, stocked: LocalIndex, pyinfra: Pyinfra, tmp_path: Path
) -> None:
    documented_host.clear(prepared)
    desk = desk_for(block, tmp_path, prepared, stocked, pyinfra, connecting(block))
    run = try_with_pyinfra(block, desk, stocked, dry=False)
    assert run.succeeded, run.text
    again = try_with_pyinfra(block, desk, stocked, dry=False)
    # A command of one's own is started each time.
    assert (again.rc, again.changed) == (0, block.text.count("server.shell(")), again.text


@pytest.mark.full
@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_a_command_is_typed(
    page: str, line: str, prepared: Host, stocked: LocalIndex, pyinfra: Pyinfra, tmp_path: Path
) -> None:
    documented_host.clear(prepared)
    documented_host.give_shop_to(prepared, "app" if "deploy.py" in line else "shop")
    desk = desk_for(COMMANDS[page, line], tmp_path, prepared, stocked, pyinfra)
    if "take_back" in line:
        # There has to be one before it.
        for release in ("3.0.3", "3.1.0"):
            assert desk.ansible(f"ansible-playbook -i inventory.yml deploy.yml -e release={release}", dry=False).rc == 0
    for dry in (True, False):
        done = type_it(desk, line, stocked, dry=dry)
        assert done.rc == 0, done.text
    again = type_it(desk, line, stocked, dry=False)
    assert again.rc == 0, again.text
    if not any(word in line for word in READS):
        assert again.changed == 0, again.text


def type_it(desk: Desk, line: str, index: LocalIndex, *, dry: bool) -> Any:
    if line.startswith("pyinfra"):
        return desk.run_pyinfra(line, dry=dry, data={"python_index_url": index.url})
    return desk.ansible(line, dry=dry)


@pytest.mark.full
@pytest.mark.parametrize("block", with_places(TESTS))
def test_the_test_of_a_page_passes(block: Block, prepared: Host, stocked: LocalIndex) -> None:
    documented_host.clear(prepared)
    names: dict[str, Any] = {"Host": Host, "LocalIndex": LocalIndex}
    exec(compile(block.text, block.place, "exec"), names)  # noqa: S102  # it is this project's
    (test,) = (value for name, value in names.items() if name.startswith("test_"))
    test(prepared, stocked)
