"""Fake hosts below real pyinfra: nothing is connected to, answers are handed out, and what reaches a host is kept.

run = FakeRun({"python_venvs": [{"path": "/srv/v"}]}, log=caplog)
prepared = run.prepare(provision)
executed = run.execute()
"""

from __future__ import annotations

import base64
import json
import logging
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pyinfra.api.connect import connect_all
from pyinfra.api.facts import FactBase
from pyinfra.api.host import Host
from pyinfra.api.inventory import Inventory
from pyinfra.api.operation import add_op
from pyinfra.api.operations import run_ops
from pyinfra.api.state import State
from pyinfra.connectors.fake import FakeConnector
from pyinfra.connectors.util import CommandOutput, OutputLine, make_unix_command_for_host
from pyinfra.context import ctx_host, ctx_state

from pep668_provision.engine.answer_words import ANSWER, ERROR, PREFIX
from pep668_provision.engine.bootstrap import MISSING
from pep668_provision.engine.desired import VenvEntry

CASES = Path(__file__).parent
#: What a call of the engine looks like where pyinfra prints it: the question and the request follow.
ENGINE = "python3 -I -S -X utf8 -c *pep668_provision.engine* "
#: The host that is looked at, and one that has everything.
WEB, OTHER = "@fake/web1", "@fake/web2"

#: What the engine answers about a host that has everything; a case gives only what differs.
PLAN: Mapping[str, Any] = {
    "converged": True,
    "system_packages": [],
    "package_manager": "apt",
    "package_manager_repair": [],
    "lists_need_refresh": False,
    "package_options": {},
    "markers": [],
    "pip_configs": [],
    "system_pip": [],
    "venvs": [],
    "tools": [],
    "batches": [],
    "steps": [],
    "warnings": [],
}
CONVERGED: Mapping[str, Any] = {"changed": True, "steps": [], "before": {}, "after": {}, "warnings": []}

Reply = Mapping[str, Any]


@dataclass(frozen=True)
class Sent:
    """A command that reached a host: as it is printed, as a shell gets it, and what is on its standard input."""

    text: str
    line: str
    stdin: Sequence[str]


class KeepingConnector(FakeConnector):
    """pyinfra's own fake, which also keeps each command with its arguments and answers for the engine."""

    def __init__(self, state: State, host: Host) -> None:
        super().__init__(state, host)
        self.sent: list[Sent] = []
        #: What each plan is answered, in order; then there is nothing to do.
        self.answers: list[Reply] = []
        #: What commands with such a text in them are answered.
        self.replies: Mapping[str, Reply] = {}

    def run_shell_command(
        self,
        command: Any,
        print_output: bool = False,  # noqa: FBT002  # pyinfra's signature
        print_input: bool = False,  # noqa: FBT002  # the same
        **arguments: Any,
    ) -> tuple[bool, CommandOutput]:
        shown = str(command)
        stdin = arguments.pop("_stdin", None) or []
        shell = {name: value for name, value in arguments.items() if name not in ("_success_exit_codes", "_timeout")}
        shell.pop("_get_pty", None)
        whole = make_unix_command_for_host(self.state, self.host, command, **shell)
        self.sent.append(Sent(shown, whole.get_raw_value(), stdin))
        super().run_shell_command(whole, print_output=print_output, print_input=print_input)
        return printed(self._reply_to(shown))

    def _reply_to(self, text: str) -> Reply:
        for part, reply in self.replies.items():
            if part in text:
                return reply
        if text.startswith(f"{ENGINE}plan "):
            return self.answers.pop(0) if self.answers else {"plan": {}}
        if "askpass" in text:
            # Where pyinfra keeps a program that prints the password it is given.
            return {"stdout": ["/tmp/askpass"]}
        return {"converged": {}} if text.startswith(ENGINE) else {}


def batches(plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The one batch that a small plan's environments and tools are, none without any."""
    steps = [step for step in plan.get("steps", ()) if step["kind"] in ("venv", "tool")]
    positions = {kind: [entry["position"] for entry in plan.get(kind, ())] for kind in ("venvs", "tools")}
    return [{**positions, "label": "", "steps": steps}] if steps else []


def printed(reply: Reply) -> tuple[bool, CommandOutput]:
    """What a host prints: ``plan`` and ``converged`` are answers, ``missing`` and ``error`` what they are called."""
    lines = list(reply.get("stdout", ()))
    if "plan" in reply:
        answer = {
            **PLAN,
            "converged": not reply["plan"].get("steps"),
            "batches": batches(reply["plan"]),
            **reply["plan"],
        }
        assert answer.keys() == PLAN.keys()
        lines.append(f"{PREFIX} {ANSWER} {json.dumps(answer)}")
    if "converged" in reply:
        lines.append(f"{PREFIX} {ANSWER} {json.dumps({**CONVERGED, **reply['converged']})}")
    if "missing" in reply:
        lines.append(f"{PREFIX} {MISSING} {reply['missing']}")
    if "error" in reply:
        lines.append(f"{PREFIX} {ERROR} {json.dumps({'message': reply['error']})}")
    output = [OutputLine("stdout", line) for line in lines]
    output += [OutputLine("stderr", line) for line in reply.get("stderr", ())]
    return reply.get("success", True), CommandOutput(output)


@dataclass
class Stage:
    """What happened to the host in one stage: the lines about it, commands that were run, and plans asked for."""

    log: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    plans: list[Sent] = field(default_factory=list)


class FakeRun:
    """A run of pyinfra on two fake hosts, without its command line."""

    def __init__(
        self,
        data: Mapping[str, object],
        *,
        log: pytest.LogCaptureFixture,
        others: Mapping[str, object] | None = None,
        diff: bool = False,
    ) -> None:
        log.set_level(logging.DEBUG, logger="pyinfra")
        quick = {"fake_delay": 0, "fake_delay_jitter": 0}
        both = [(WEB, {**quick, **data}), (OTHER, {**quick, **(data if others is None else others)})]
        inventory = Inventory((both, {}))
        for host in inventory:
            host.connector_cls = KeepingConnector
        self.state = State(inventory)
        self.state.print_noop_info = True
        self.state.config.DIFF = diff
        self.host: Host = inventory.get_host(WEB)
        self.other: Host = inventory.get_host(OTHER)
        self._log = log
        connect_all(self.state)

    @property
    def connector(self) -> KeepingConnector:
        return connector_of(self.host)

    @property
    def sent(self) -> list[Sent]:
        """Every command that reached the host, those that only look as well."""
        return self.connector.sent

    @property
    def failed(self) -> list[str]:
        return sorted(host.name for host in self.state.failed_hosts)

    @property
    def names(self) -> list[str]:
        """What the operations are called, in their order."""
        return [name for one in self.state.get_op_order() for name in sorted(self.state.op_meta[one].names)]

    @property
    def foreseen(self) -> bool:
        """Whether an operation would change the host."""
        return self.state.get_meta_for_host(self.host).ops_change > 0

    def prepare(
        self,
        operate: Callable[..., Any],
        arguments: Mapping[str, Any] | None = None,
        *,
        answers: Sequence[Reply] = (),
        replies: Mapping[str, Reply] | None = None,
    ) -> Stage:
        """An operation or deploy was called for both hosts, as a dry run does it."""
        with self._stage(answers, replies) as stage:
            # One of venv's own arguments is called as add_op's first one.
            add_op(self.state, partial(operate, **(arguments or {})))
        return stage

    def execute(self, *, answers: Sequence[Reply] = (), replies: Mapping[str, Reply] | None = None) -> Stage:
        """The operations were run on the hosts that are still there."""
        with self._stage(answers, replies) as stage:
            run_ops(self.state)
            for one in self.state.ops[self.host].values():
                # One without a text is how an operation fails: nothing is run.
                texts = [str(command) for command in one.operation_meta._commands or ()]
                stage.commands += [shortened(text) for text in texts if text]
        return stage

    def fact(self, fact: type[FactBase[Any]], arguments: Mapping[str, Any], reply: Reply) -> Any:
        """What a fact of the host is, when it prints this."""
        self.connector.replies = {ENGINE: reply}
        with ctx_state.use(self.state), ctx_host.use(self.host):
            return self.host.get_fact(fact, **arguments)

    @contextmanager
    def _stage(self, answers: Sequence[Reply], replies: Mapping[str, Reply] | None) -> Iterator[Stage]:
        stage, before = Stage(), len(self.sent)
        self._log.clear()
        self.connector.answers, self.connector.replies = list(answers), replies or {}
        yield stage
        stage.log = [shortened(line) for line in self.said(self.host)]
        stage.plans = [one for one in self.sent[before:] if one.text.startswith(f"{ENGINE}plan ")]
        assert len(stage.plans) >= len(answers), f"never asked for: {self.connector.answers}"

    def said(self, host: Host) -> list[str]:
        """The lines about a host that a user sees."""
        seen = (record.getMessage() for record in self._log.records if record.levelno >= logging.INFO)
        prefix = f"[{host.name}] "
        told = (text.removeprefix(prefix) for text in seen if text.startswith(prefix))
        return [line for text in told for line in text.splitlines()]


def connector_of(host: Host) -> KeepingConnector:
    assert isinstance(host.connector, KeepingConnector)
    return host.connector


def shortened(text: str) -> str:
    """A call of the engine as its question and those variables of the request that are not what they are without it."""
    before, engine, call = text.partition(ENGINE)
    if not engine:
        return text
    ask, _, request = call.partition(" ")
    declared = json.loads(request).get("declared", {})
    said = [f"{name}={_without_defaults(value)!r}" for name, value in declared.items() if value]
    return " ".join([f"{before}{ask}", *said])


def _without_defaults(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    usual = {one.name: one.default for one in fields(VenvEntry)} | {"scope": "global"}
    return [
        {name: said for name, said in one.items() if said and said != usual.get(name)} if isinstance(one, dict) else one
        for one in value
    ]


def request_in(line: str) -> dict[str, Any]:
    """The request that travels in a command; what is declared is ``None`` in it where it is on the standard input.

    So may the engine be, which stands before it otherwise.
    """
    *_, packed = re.findall(r"\beN[o-r][A-Za-z0-9+/]{9,}={0,2}", line)
    request: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(packed)))
    return request


def without_host(refusal: str) -> str:
    """A refusal without the name of the host it begins with; which host is looked at first is not told by pyinfra."""
    return re.sub(r"^@fake/web\d: ", "", refusal)


def cases(folder: str) -> list[Any]:
    """The data files of a folder, one parameter each, called by its name."""
    found = sorted((CASES / folder).glob("*.json"))
    assert found, folder
    return [pytest.param(path, id=path.stem) for path in found]


def read_case(path: Path, allowed: Sequence[str]) -> dict[str, Any]:
    """A case; a key that nobody reads is refused, for it would check nothing."""
    case: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    unknown = sorted(set(case) - set(allowed))
    assert not unknown, f"{path.name}: {unknown}"
    return case
