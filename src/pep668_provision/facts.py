# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pyinfra facts: what Python is on a host, and what the host lacks of a declared state. They only read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pyinfra.api.command import StringCommand
from pyinfra.api.exceptions import FactValueError
from pyinfra.api.facts import FactBase
from pyinfra.context import host

from .declared import Declared, declared_by
from .remote import Call, read_answer


class _EngineFact(FactBase[dict[str, Any]]):
    """A call of the engine that only reads, in one command."""

    abstract = True

    @staticmethod
    def default() -> dict[str, Any]:
        return {}

    def process(self, output: list[str]) -> dict[str, Any]:
        return read_answer(output)


class PythonHost(_EngineFact):
    """What the module ``python_info`` returns: interpreters, markers, pips, pipx, uv, what each allows, an explanation.

    On a host without a Python that the engine runs with (3.8 or newer) it is ``{"missing": {"package_manager": "apt",
    "packages": ["python3"]}}``.

    + interpreters: absolute paths of further interpreters, or of directories with bin/python3 in them
    + packages: requirements for which ``explanation`` is to name the ways; pyinfra prints them, so without credentials

    .. code:: python

        from pep668_provision.facts import PythonHost

        python = host.get_fact(PythonHost)["interpreters"][0]
        if python["system_install"] == "blocked":
            ...
    """

    abstract = False

    def command(self, interpreters: Sequence[str] = (), packages: Sequence[str] = ()) -> StringCommand:
        asked = {"interpreters": interpreters, "packages": packages}
        # From the command line a single one comes as it is.
        lists = {name: [one] if isinstance(one, str) else list(one) for name, one in asked.items() if one}
        return StringCommand(Call("python_info", further={"interpreters": [], **lists}).script())


class Audit(_EngineFact):
    """What the module ``audit`` returns: what is wrong with the host's Python, by what that is known, and what to do.

    On a host without Python it is as of ``PythonHost``. Without root's rights ``unread`` says what could not be read.

    + roots: directories below which environments are looked for
    + accounts: names of the accounts whose homes are looked at; default: root's and those of persons
    + left_out: ids of rules that are not to be checked
    + time_budget: seconds that may be spent on the host

    .. code:: python

        from pep668_provision.facts import Audit

        for finding in host.get_fact(Audit, left_out=["EM103"]).get("findings", ()):
            print(finding["id"], finding["subject"], finding["remedy"])
    """

    abstract = False

    def command(
        self,
        roots: Sequence[str] = (),
        accounts: Sequence[str] = (),
        left_out: Sequence[str] = (),
        time_budget: float | str | None = None,
    ) -> StringCommand:
        asked = {"roots": roots, "accounts": accounts, "left_out": left_out}
        # From the command line a single one comes as it is.
        lists = {name: [one] if isinstance(one, str) else list(one) for name, one in asked.items() if one}
        budget = {} if time_budget is None else {"time_budget": time_budget}
        return StringCommand(Call("audit", further={**lists, **budget}).script())


class StateFact(_EngineFact):
    """One that is about a declared state; ``ask`` is what the engine is asked for it."""

    abstract = True
    ask: ClassVar[str]


class ProvisionPlan(StateFact):
    """What the module ``plan`` returns, and ``warnings``: the fewest steps to a declared state, each with its reason.

    On a host without Python it is as of ``PythonHost``.

    + declared: the ``python_*`` variables; default: those of the host's data
    + vars: a file of variables for the role, laid over them
    + rehearsing: whether what an earlier operation would provide (a file, an account) may still be missing

    Credentials do not travel with it; where an index wants some, ``state: latest`` is for the operations to find out.

    .. code:: python

        from pep668_provision.facts import ProvisionPlan

        plan = host.get_fact(ProvisionPlan, declared={"python_libraries": ["requests"]})
        print(plan["converged"], plan["steps"])
    """

    abstract = False
    ask = "plan"

    def command(
        self,
        declared: Declared | Mapping[str, object] | None = None,
        vars: str | None = None,  # noqa: A002  # the name the deploy has
        rehearsing: bool = True,  # noqa: FBT001, FBT002  # pyinfra hands arguments on by position
    ) -> StringCommand:
        return StringCommand(_call(self.ask, declared, vars, {"rehearsing": rehearsing}).script())


class ProvisionRehearsal(StateFact):
    """What would be in environments and tools after a run: ``before`` and ``after``, each a name to {package: version}.

    Unlike a plan this asks the installers, and the index where they do. Arguments are as of ``ProvisionPlan``.
    """

    abstract = False
    ask = "rehearse"

    def command(
        self,
        declared: Declared | Mapping[str, object] | None = None,
        vars: str | None = None,  # noqa: A002  # the name the deploy has
    ) -> StringCommand:
        return StringCommand(_call(self.ask, declared, vars).script())


def _call(
    ask: str,
    declared: Declared | Mapping[str, object] | None,
    variables: str | None,
    further: Mapping[str, object] | None = None,
) -> Call:
    # An operation hands on what the call wants on its standard input.
    return Call(ask, _state(declared, variables), further or {}, has_stdin=isinstance(declared, Declared))


def _state(declared: Declared | Mapping[str, object] | None, variables: str | None) -> Declared:
    """Return what a fact is about; what an operation declares comes with its credentials on standard input."""
    if isinstance(declared, Declared):
        return declared
    if declared is None:
        return declared_by(host, variables).without_credentials()
    state = Declared.accept(declared)
    if state.secrets:
        raise FactValueError(
            "pyinfra prints the arguments of a fact, and these hold a credential: declare it in the host's data."
        )
    return state
