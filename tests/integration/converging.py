"""What each change is tried with: check, run, check, run. The checks must say what the runs do, the second run nothing.

All four are tasks of one playbook run: a host is as ready for the next task as for the next playbook.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hosts import Host, Outcome

Result = dict[str, Any]

#: What a task says it does: module results have some of these.
TOLD = ("changed", "action", "packages", "reasons", "diff")
TOLD_OF_A_TOOL = ("name", "version", "action", "bin_dir")


def converge(host: Host, module: str, arguments: Mapping[str, Any], *, changed: bool = True) -> Result:
    """The host is as these arguments of venv or tool ask, foretold exactly by check mode; returns the run's result.

    changed: whether there is something to do. Afterwards neither check mode nor another run finds anything.
    """
    outcome = run_tasks(host, module, [(arguments, True), (arguments, False)] * 2)
    assert outcome.rc == 0, outcome.text
    foretold, done, checked, repeated = (with_action(task.result) for task in outcome.tasks)
    assert told(foretold) == told(done), outcome.text
    assert done["changed"] is changed, outcome.text
    for result in (checked, repeated):
        assert result["changed"] is False, result
        assert not result.get("diff"), result
        assert told(result, without=("changed", "action", "reasons", "diff")) == told(
            done, without=("changed", "action", "reasons", "diff")
        )
    return done


def refuse(host: Host, module: str, arguments: Mapping[str, Any]) -> str:
    """These arguments are refused, with the message that is returned; check mode says the same.

    What an earlier task could have provided (a file, an account, an interpreter) is a warning in check mode.
    """
    outcome = run_tasks(host, module, [(arguments, True), (arguments, False)], ignore_errors=True)
    assert outcome.rc == 0, outcome.text
    assert "Traceback" not in outcome.text
    foretold, refused = outcome.tasks
    assert refused.failed, outcome.text
    message = str(refused.result["msg"])
    expected = message if foretold.failed else f"A real run would stop here: {message}"
    assert expected in (foretold.result.get("msg"), *foretold.result.get("warnings", ())), outcome.text
    return message


def run_tasks(
    host: Host, module: str, calls: Iterable[tuple[Mapping[str, Any], bool]], *, ignore_errors: bool = False
) -> Outcome:
    """One playbook run with a task for each of the calls: arguments, and whether it is in check mode."""
    tasks: Sequence[Mapping[str, Any]] = [
        {
            "name": f"{'Check' if check else 'Run'} {module}",
            f"pep668.provision.{module}": dict(arguments),
            "check_mode": check,
            "diff": True,
            "ignore_errors": ignore_errors,
        }
        for arguments, check in calls
    ]
    # As many set it: a module goes to the host by the connection that starts it. What the role does is tested without.
    return host.play([{"hosts": "all", "gather_facts": False, "tasks": tasks}], {"ansible_ssh_pipelining": True})


def with_action(result: Result) -> Result:
    """The result with the module's own action, which the JSON callback overwrites and the diff's header still has."""
    header: str = (result.get("diff") or {}).get("after_header", "(unchanged)")
    return result | {"action": header.rpartition("(")[2].rstrip(")")}


def told(result: Result, *, without: Iterable[str] = ()) -> Result:
    """What a result of venv or tool says about what is done, as data that can be compared."""
    found = {key: result[key] for key in TOLD if key in result and key not in without}
    for tool in result.get("tools", ()):
        found[f"tool {tool['name']}"] = {key: tool[key] for key in TOLD_OF_A_TOOL if key not in without}
    return found
