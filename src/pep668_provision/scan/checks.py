# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task does that fails or does harm where Python is externally managed, and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from . import rendering
from .commands import MARKER, Harm, find_harms, judge, sets_override
from .finding import Edit, Finding
from .pip_command import Asked, is_environments_path, is_system_program, pip_version, read_arguments
from .pip_files import pip_conf_task
from .replacement import Decision, Replacement, decide
from .rewrite import edits_of, shown, without_entry
from .shell_words import read_words
from .tasks import FREE_FORM, Task, is_yes
from .yaml_nodes import MappingNode, Node, ScalarNode, entries, plain, text_of

_LOOPS = ("loop", "with_items", "with_list")
_OVERRIDE = "PIP_BREAK_SYSTEM_PACKAGES"
_DELETES = Replacement("marker", title="Have every marker as the distribution ships it")
_KEEPS_OTHERS = "what its arguments say beside that has no place in the new task: {}"


def check(task: Task) -> list[Finding]:
    """Return what is found in a task; the override in its environment comes last."""
    made = list(_CHECKS[task.module](task))
    variable = _override_in_environment(task)
    if variable is None:
        return made
    edits = _without_override(task, variable) if made and all(one.edits for one in made) else ()
    if edits:
        made = [replace(one, proposal=shown(task, (*one.edits, *edits))) for one in made]
    left = "" if edits else "whether something in this task needs it is for you to say"
    what = f"{_OVERRIDE} in the environment of a task"
    found = Finding("PM003", "", _line(variable), what, made[0].proposal if edits else "", edits, left, task.steps)
    return [*made, found]


def _finding(task: Task, id_: str, what: str, decision: Decision, *, line: int = 0, is_whole: bool = True) -> Finding:
    """Return a finding with what takes the task's place, as edits where it can be written there.

    ``is_whole`` says that the finding is about all that the task does.
    """
    found = Finding(id_, "", line or _line(task.key), what, steps=task.steps, left=decision.left)
    register = text_of(task.keywords.get("register"))
    if len(decision.replacements) == 1 and not decision.left:
        edits: Sequence[Edit] = edits_of(task, decision.replacements[0])
        proposal = shown(task, edits)
        if edits and proposal:
            return replace(found, proposal=proposal, edits=tuple(edits), registers=register)
        found = replace(found, left="it is written in a way that cannot be changed in place")
    proposal = "\n\n".join(
        rendering.task(one, task.name if is_whole and len(decision.replacements) == 1 else "")
        for one in decision.replacements
    )
    return replace(found, proposal=proposal)


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


# --- the module pip


def _check_pip(task: Task) -> Iterator[Finding]:
    defaults = task.scope.pip_defaults
    virtualenv = task.text("virtualenv") or str(defaults.get("virtualenv") or "")
    executable = task.text("executable") or str(defaults.get("executable") or "")
    if (virtualenv and "omit" not in virtualenv) or (executable and not _is_system_executable(executable)):
        return
    if is_environments_path(task.scope.path):
        return
    asked = _asked_of(task)
    if asked.is_elsewhere:
        return
    overrides = asked.overrides or is_yes(task.text("break_system_packages"))
    id_ = "PM002" if overrides else "PM009" if asked.is_for_user else "PM001"
    yield _finding(task, id_, _told(asked), _decision_for_pip(task, asked, virtualenv, executable))


def _is_system_executable(executable: str) -> bool:
    return is_system_program(executable) or re.fullmatch(r"\s*\{\{[^}]*\}\}\s*", executable) is not None


def _asked_of(task: Task) -> Asked:
    extra = task.text("extra_args") or str(task.scope.pip_defaults.get("extra_args") or "")
    words = read_words(extra)
    asked = read_arguments(words[0].words if words else ())
    names = _joined(task.texts("name"))
    version = task.text("version")
    if version and len(names) == 1:
        names = [names[0] + (version if version[:1] in "=<>!~" else f"=={version}")]
    if is_yes(task.text("editable")) and "editable" in task.arguments:
        asked = replace(asked, editables=(*asked.editables, *names))
        names = []
    state = task.text("state") or "present"
    return replace(
        asked,
        names=(*asked.names, *names),
        requirements=(*asked.requirements, *task.texts("requirements")),
        state=state if state != "present" else asked.state,
        python=pip_version(task.text("executable")),
        chdir=task.text("chdir"),
    )


def _joined(texts: Sequence[str]) -> list[str]:
    """Return requirements from a list that Ansible may have been given as one text with commas."""
    names: list[str] = []
    for text in texts:
        for part in [text] if "{{" in text else text.split(","):
            if names and re.match(r"\s*[=<>!~]", part):
                names[-1] += f",{part.strip()}"
            elif part.strip():
                names.append(part.strip())
    return names


def _unclear(task: Task, virtualenv: str, executable: str) -> str:
    """Return why it does not show what a call of the module does, "" where it does."""
    version = task.text("version")
    if virtualenv:
        return "it has an environment for some of its uses only (omit)"
    if "{{" in executable:
        return "which pip it calls is in a variable"
    if task.scope.pip_defaults:
        return "module_defaults give it arguments"
    if re.search(r"\bomit\b", " ".join(task.texts(*task.arguments))):
        return "which of its arguments it has is decided by variables (omit)"
    if any("{{" in one for one in (task.text("state"), task.text("editable"), *_operands(task.text("extra_args")))):
        return "what it does is in a variable"
    if "{{" in version and not re.fullmatch(r"[=<>!~]*\s*\{\{\s*\w+\s*\}\}", version):
        return "which version it installs is in an expression"
    return ""


def _decision_for_pip(task: Task, asked: Asked, virtualenv: str, executable: str) -> Decision:
    unclear = _unclear(task, virtualenv, executable)
    if unclear:
        return Decision(left=unclear)
    items = _items(task)
    if items is None:
        return Decision(left="what it installs is in the items of a loop")
    decision = decide(asked, items=items, account=text_of(task.keywords.get("become_user")))
    if len(decision.replacements) != 1 or decision.left:
        return decision
    only = decision.replacements[0]
    kept = [name for name in ("state", "umask") if name in task.arguments and name not in dict(only.options)]
    if "umask" in kept and only.module != "pip":
        return replace(decision, left=_KEEPS_OTHERS.format("umask"))
    if only.module == "tool":
        return decision
    return Decision((replace(only, options=(*only.options, *((name, task.text(name)) for name in kept))),))


def _operands(extra: str) -> tuple[str, ...]:
    """Return the words of further arguments that are none of pip's options."""
    words = read_words(extra)
    return read_arguments(words[0].words).names if words else ()


def _items(task: Task) -> list[str] | None:
    """Return the items of a loop over what is installed, [] without a loop; None for a loop that cannot be told."""
    loops = [name for name in task.keywords if name in _LOOPS or name.startswith("with_")]
    if not loops:
        return []
    items = plain(task.keywords[loops[0]]) if len(loops) == 1 and loops[0] in _LOOPS else None
    if (
        not isinstance(items, list)
        or not items
        or any("{{" in item for item in items)
        or "loop_control" in task.keywords
    ):
        return None
    is_item = [re.fullmatch(r"\s*\{\{\s*item\s*\}\}\s*", text) is not None for text in task.texts("name")]
    return items if is_item == [True] and "version" not in task.arguments else None


def _told(asked: Asked) -> str:
    what = ", ".join((*asked.names, *(f"-r {file}" for file in asked.requirements), *asked.editables))
    verb = "removes" if asked.state == "absent" else "installs"
    where = "into an account's own site of" if asked.is_for_user else "into"
    where = "from" if asked.state == "absent" else where
    return f"{verb} {what or 'something'} {where} the system's Python"


# --- commands


def _check_command(task: Task) -> Iterator[Finding]:
    text, node = task.free_form, task.value
    if task.module == "script" or not text:
        return
    for key, value in entries(task.value):
        node = value if key.value in ("cmd", "argv") else node
    in_environment = is_environments_path(task.scope.path)
    if task.module == "command":
        harms = judge(read_words(text), in_environment=in_environment)
    else:
        harms = find_harms(text, in_environment=in_environment)
    is_block = isinstance(node, ScalarNode) and node.style == "|"
    for harm in harms:
        line = _line(node) + harm.line if is_block else _line(node if isinstance(task.value, MappingNode) else task.key)
        yield _finding(
            task, harm.id, _shortened(harm.what), _decision_for_command(task, harm), line=line, is_whole=harm.is_alone
        )


def _decision_for_command(task: Task, harm: Harm) -> Decision:
    decision = _decision_of(harm, task)
    if decision.left:
        return decision
    if not harm.is_alone:
        return replace(decision, left="it is one of several commands, or a shell does something with it")
    beside = [name for name in task.arguments if name not in ("cmd", "argv", "_raw_params", "chdir")]
    if beside:
        return replace(decision, left=_KEEPS_OTHERS.format(", ".join(beside)))
    if any(name in _LOOPS or name.startswith("with_") for name in task.keywords):
        return replace(decision, left="it is in a loop")
    return decision


def _decision_of(harm: Harm, task: Task) -> Decision:
    if harm.asked is not None:
        asked = replace(harm.asked, chdir=task.text("chdir"))
        return decide(asked, account=text_of(task.keywords.get("become_user")))
    if harm.id == "PM004":
        return Decision((_DELETES,))
    if harm.id == "PM005" and harm.words:
        return pip_conf_task(harm.words)
    if harm.id == "PM008":
        return Decision(left="remove it: environments and tools of this collection need no pip on the host")
    return Decision(left="remove it where nothing needs it any more")


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 100 else f"{text[:97]}..."


def harms_of_script(text: str) -> list[Finding]:
    """Return what is found in a shell script, each with the task that could take the command's place."""
    found = []
    for harm in find_harms(text):
        decision = decide(harm.asked) if harm.asked else Decision(left="it is for you to change")
        proposal = "\n\n".join(map(rendering.task, decision.replacements))
        left = decision.left or "it is a command of a script: a task takes its place"
        found.append(Finding(harm.id, "", harm.line, _shortened(harm.what), proposal, left=left))
    return found


# --- modules that write and remove files


def _check_file(task: Task) -> Iterator[Finding]:
    if task.text("state") != "absent":
        return
    path = task.text("path", "dest", "name")
    loop = " ".join(str(plain(task.keywords[name]) or "") for name in task.keywords if name in _LOOPS)
    if MARKER in path:
        left = "" if not loop and not re.search(r"\bitem\b", path) else "it is in a loop"
        yield _finding(task, "PM004", f"removes {path}", Decision((_DELETES,), left))
    elif MARKER in loop:
        yield _finding(task, "PM004", "removes the markers of its loop", Decision((_DELETES,), "it is in a loop"))
    else:
        searched = re.search(r"\{\{\s*(\w+)(?:\.files|\['files'\])", loop)
        if searched and searched[1] in _searches(task.document.text):
            left = f"the task that looks for the files ({searched[1]}) has to go along with it"
            yield _finding(task, "PM004", "removes the markers that were found", Decision((_DELETES,), left))


@lru_cache(maxsize=4)
def _searches(text: str) -> set[str]:
    """Return the names of results, in a file's text, of tasks that look for the marker."""
    found: set[str] = set()
    for part in re.split(r"^\s*-\s", text, flags=re.MULTILINE):
        if MARKER in part:
            found |= set(re.findall(r"register:\s*(\w+)", part))
    return found


def _check_diversion(task: Task) -> Iterator[Finding]:
    if MARKER in task.text("path", "name") and task.text("state") != "absent":
        yield _finding(
            task,
            "PM004",
            f"diverts {task.text('path', 'name')}",
            Decision((_DELETES,), "it is a diversion: remove that first"),
        )


def _check_download(task: Task) -> Iterator[Finding]:
    if "get-pip.py" in task.text("url"):
        yield _finding(task, "PM008", f"downloads {task.text('url')}", _decision_of(Harm("PM008", 1, ""), task))


def _check_written(task: Task) -> Iterator[Finding]:
    if task.text("state") == "absent":
        return
    path = task.text("path", "dest", "destfile", "name")
    for text in task.texts("content", "line", "block"):
        id_ = sets_override(text)
        if id_:
            yield _finding(task, id_, f"writes the override into {path}", Decision(left="leave the override out of it"))


def _check_ini(task: Task) -> Iterator[Finding]:
    setting = f"{task.text('option')}={task.text('value', 'values')}"
    if task.text("state") != "absent" and sets_override(setting):
        path = task.text("path", "dest")
        yield _finding(task, "PM005", f"sets {setting} in {path}", pip_conf_task((), path))


_CHECKS: Mapping[str, Callable[[Task], Iterator[Finding]]] = {
    "pip": _check_pip,
    **dict.fromkeys(FREE_FORM, _check_command),
    "file": _check_file,
    "find": lambda _: iter(()),
    "dpkg_divert": _check_diversion,
    "get_url": _check_download,
    **dict.fromkeys(("copy", "lineinfile", "blockinfile"), _check_written),
    "ini_file": _check_ini,
}


# --- the variable


def _override_in_environment(task: Task) -> ScalarNode | None:
    for key, value in entries(task.keywords.get("environment")):
        if key.value == _OVERRIDE and is_yes(text_of(value)):
            return key
    return None


def _without_override(task: Task, variable: ScalarNode) -> tuple[Edit, ...]:
    environment = task.keywords["environment"]
    if not isinstance(environment, MappingNode) or environment.anchor:
        return ()
    if len(environment.value) == 1:
        return without_entry(task.document, task.node, "environment")
    return without_entry(task.document, environment, str(variable.value))


def overrides_elsewhere(task_nodes: set[int], roots: Sequence[Node]) -> Iterator[Finding]:
    """The overrides in variables, and in environments of plays, blocks and of files that are no playbook."""
    seen = set(task_nodes)
    pending = list(reversed(roots))
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, ScalarNode):
            words = str(node.value).split()
            if "--break-system-packages" in words and words[0].startswith("-"):
                left = "leave it out where the tasks that use it are changed"
                yield Finding("PM002", "", _line(node), "an argument of pip in a variable", left=left)
            continue
        for key, value in entries(node):
            if key.value == _OVERRIDE and is_yes(text_of(value)):
                yield Finding(
                    "PM003",
                    "",
                    _line(key),
                    f"{_OVERRIDE} in an environment",
                    left="leave it out where nothing below calls pip in the system's Python",
                )
        children = [value for _, value in node.value] if isinstance(node, MappingNode) else node.value
        pending += reversed(list(children))
