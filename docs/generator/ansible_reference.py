"""The reference of the collection: modules, the role's variables, playbooks, and plugins of other kinds."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from checkout import CHECKOUT, link_collection
from docs.generator.markup import COLLECTION, cell, code, module_link, paragraphs, to_markdown

DESCRIBED = Path(__file__).parent
PLUGIN_KINDS = ("lookup", "filter", "test")
ROLE = f"{COLLECTION}.python"
#: The variables of the role whose entries have keys, and the module and option that these are described for.
ENTRIES = {
    "python_venvs": ("venv", None),
    "python_tools": ("tool", "tools"),
    "python_system_pip": ("pip", None),
}
#: A variable that a playbook lets its user set is one that it has a default for.
_GIVEN = re.compile(r"(?<![\w.])([a-z]\w*) \| default\(")

Document = Mapping[str, Any]


def module_pages() -> dict[str, str]:
    """A page for each module, and a list of them, by file name."""
    modules = {name.rpartition(".")[2]: document for name, document in _ask("module").items()}
    settings = set(_role_variables())
    pages = {f"{name}.md": _module_page(name, document, settings) for name, document in sorted(modules.items())}
    what = {name: cell(to_markdown(one["doc"]["short_description"], to_modules="")) for name, one in modules.items()}
    rows = "".join(f"| [{code(f'{COLLECTION}.{name}')}]({name}.md) | {what[name]} |\n" for name in sorted(modules))
    introduction = (
        f"# Modules\n\nOf the collection {code(COLLECTION)}, by their full names; "
        f"`ansible-doc {COLLECTION}.venv` shows the same in a terminal. Defaults for all that take them: "
        f"{code(f'group/{COLLECTION}.provision')} in `module_defaults`.\n\n"
    )
    return {**pages, "index.md": f"{introduction}| module | what it does |\n|---|---|\n{rows}"}


def role_page() -> str:
    """Every variable of the role, as a manual has it: name, type, default, choices, description, example."""
    modules = _ask("module")
    introduction = (
        "pyinfra's deploy takes the same keys as data of a host. "
        "A misspelt key, a wrong type and an unknown value are refused before anything changes."
    )
    parts = [f"# Variables of the role {ROLE}\n\n{introduction}\n"]
    for name, option in _role_variables().items():
        parts.append(f"\n## {name}\n\n{_facts(option)}\n\n{paragraphs(option['description'], to_modules='modules/')}\n")
        parts.append(f"\n```yaml\n{example_of(name).strip()}\n```\n")
        if name in ENTRIES:
            module, within = ENTRIES[name]
            options = modules[f"{COLLECTION}.{module}"]["doc"]["options"]
            parts.append(_table_of_keys(name, options[within]["suboptions"] if within else options, options))
    return "".join(parts)


def playbooks_page() -> str:
    """Every playbook with what it does, how it is called, and its variables."""
    described = _described("calls.yml")
    introduction = (
        f"Called by their full names from anywhere: `ansible-playbook -i inventory.yml {COLLECTION}.audit --become`. "
        "Each but `this_machine` takes `-e target=GROUP`, whose default is `all`."
    )
    parts = [f"# Playbooks\n\n{introduction}\n"]
    for file in playbook_files():
        entry = described[file.stem]
        parts.append(
            f"\n## {COLLECTION}.{file.stem}\n\n{entry['what'].strip()}\n\n```sh\n{entry['call'].strip()}\n```\n"
        )
        if entry["variables"]:
            parts.append("\n| variable | type | default | meaning |\n|---|---|---|---|\n")
        checked = _argument_spec(file)
        for name, variable in entry["variables"].items():
            parts.append(_playbook_row(name, variable, checked.get(name, {})))
    return "".join(parts)


def plugins_page() -> str:
    """Every lookup, filter and test."""
    parts = [
        "# Lookup, filter and test plugins\n\nThe playbooks are made with these; your own can use them just as well.\n"
    ]
    for kind in PLUGIN_KINDS:
        for name, document in sorted(_ask(kind).items()):
            doc = document["doc"]
            parts.append(f"\n## {name} ({kind})\n\n{_sentence(doc['short_description'])}\n\n")
            parts.append(f"{paragraphs(doc['description'], to_modules='modules/')}\n")
            parts.append(_options(doc.get("options", {}), level=3, to_modules="modules/"))
            parts.append(_examples(document, level=3))
            parts.append(_returned(document, level=3, to_modules="modules/"))
    return "".join(parts)


def meanings_of(module: str, *, to_modules: str) -> dict[str, str]:
    """What each option of a module means."""
    options = _ask("module")[f"{COLLECTION}.{module}"]["doc"]["options"]
    return {name: paragraphs(one["description"], to_modules=to_modules) for name, one in options.items()}


def example_of(variable: str) -> str:
    """What is shown as the example of a variable of the role."""
    return str(_described("variables.yml")[variable])


def playbook_files() -> list[Path]:
    """The playbooks that are called; the others in the folder hold variables."""
    files = sorted((CHECKOUT / "playbooks").glob("*.yml"))
    return [file for file in files if isinstance(yaml.safe_load(file.read_text()), list)]


def variables_taken(playbook: Path) -> set[str]:
    """The variables that a playbook checks or has a default for, without its own results and the role's variables."""
    text = playbook.read_text()
    own = {*re.findall(r"register: (\w+)", text), *_role_variables()}
    found = {name for name in _GIVEN.findall(text) if not name.startswith("ansible_")}
    return found.union(_argument_spec(playbook)) - own


def _playbook_row(name: str, variable: Mapping[str, str], checked: Document) -> str:
    """A row of a playbook's table; a variable that a module's option is given from means what that means."""
    option: Document = {"description": variable.get("meaning", ""), "type": variable.get("type", "str")}
    if "option" in variable:
        module, _, key = variable["option"].partition(".")
        option = _ask("module")[f"{COLLECTION}.{module}"]["doc"]["options"][key]
    kind = checked.get("type") or option["type"]
    kind = f"{kind} of {option['elements']}" if option.get("elements") and kind == "list" else kind
    meaning = paragraphs(option["description"], to_modules="modules/")
    if checked.get("choices"):
        meaning += f" One of {', '.join(code(one) for one in checked['choices'])}."
    default = variable.get("default") or (code(_as_yaml(option["default"])) if option.get("default") else "none")
    return f"| `{name}` | {kind} | {cell(default)} | {cell(meaning)} |\n"


def _module_page(name: str, document: Document, settings: set[str]) -> str:
    doc = document["doc"]
    own = {option: one for option, one in doc["options"].items() if option not in settings or name in _DECLARING}
    shared = [option for option in doc["options"] if option not in own]
    parts = [
        f"# {COLLECTION}.{name}\n\n{_sentence(doc['short_description'])}\n\n",
        f"{paragraphs(doc['description'], to_modules='')}\n",
        _examples(document, level=2),
        "\n## Options\n" if own else "\n## Options\n\nNone of its own.\n",
        _options(own, level=3, to_modules=""),
    ]
    if shared:
        links = ", ".join(f"[{code(option)}](../role.md#{option})" for option in shared)
        parts.append(f"\n### Settings\n\nIt takes these variables of the role as well: {links}.\n")
    parts += [_returned(document, level=2, to_modules=""), _attributes(doc)]
    if doc.get("notes"):
        notes = "".join(f"- {paragraphs(note, to_modules='')}\n" for note in _listed(doc["notes"]))
        parts.append(f"\n## Notes\n\n{notes}")
    see = [one["module"] for one in doc.get("seealso") or () if "module" in one]
    if see:
        parts.append(f"\nSee also: {', '.join(module_link(one, '') for one in see)}.\n")
    return "".join(parts)


#: What is a setting for other modules is what these are about.
_DECLARING = ("plan", "plan_in_full", "environments")


def _options(options: Mapping[str, Document], *, level: int, to_modules: str, within: str = "") -> str:
    parts = []
    for name, option in _required_first(options):
        title = f"{within}{name}"
        parts.append(f"\n{'#' * level} {title}\n\n{_facts(option)}\n\n")
        parts.append(f"{paragraphs(option['description'], to_modules=to_modules)}\n")
        parts.append(_options(option.get("suboptions") or {}, level=level, to_modules=to_modules, within=f"{title}."))
    return "".join(parts)


def _required_first(options: Mapping[str, Document]) -> list[tuple[str, Document]]:
    return sorted(options.items(), key=lambda item: not item[1].get("required", False))


def _facts(option: Document) -> str:
    """Type, whether it has to be given, default, choices, other names: the line below a name."""
    # Entries are looked at by the engine, so Ansible takes them as they come.
    kind = (
        "list of entries" if option.get("type") == "raw" and option.get("default") == [] else option.get("type", "str")
    )
    facts = [f"{kind} of {option['elements']}" if option.get("elements") else kind]
    if option.get("required"):
        facts.append("**required**")
    elif option.get("default") is not None:
        facts.append(f"default {code(_as_yaml(option['default']))}")
    if option.get("choices"):
        facts.append(f"one of {', '.join(code(one) for one in option['choices'])}")
    if option.get("aliases"):
        facts.append(f"also called {', '.join(code(one) for one in option['aliases'])}")
    return "; ".join(facts)


def _table_of_keys(variable: str, keys: Mapping[str, Document], all_keys: Mapping[str, Document]) -> str:
    """The keys of a variable's entries; ``scope`` and ``user`` are options of the module beside its list of tools."""
    if keys is not all_keys:
        keys = {**keys, **{name: all_keys[name] for name in ("scope", "user")}}
    own = {name: one for name, one in keys.items() if not name.startswith("python_")}
    rows = "".join(
        f"| `{name}` | {cell(_facts(one))} | {cell(paragraphs(one['description'], to_modules='modules/'))} |\n"
        for name, one in _required_first(own)
    )
    return f"\nKeys of an entry of `{variable}`:\n\n| key | | meaning |\n|---|---|---|\n{rows}"


def _examples(document: Document, *, level: int) -> str:
    text = (document.get("examples") or "").strip()
    return f"\n{'#' * level} Examples\n\n```yaml\n{text}\n```\n" if text else ""


def _returned(document: Document, *, level: int, to_modules: str) -> str:
    rows = "".join(_return_rows(document.get("return") or {}, to_modules))
    head = "\n\n| value | type | |\n|---|---|---|\n"
    return f"\n{'#' * level} Returned values{head}{rows}" if rows else ""


def _return_rows(values: Mapping[str, Document], to_modules: str, within: str = "") -> Iterator[str]:
    for name, value in values.items():
        kind = value.get("type", "str")
        kind = f"{kind} of {value['elements']}" if value.get("elements") else kind
        text = paragraphs(value["description"], to_modules=to_modules)
        if value.get("sample") is not None and not value.get("contains"):
            text += f"\n\nFor example {code(_shortened(json.dumps(value['sample'], ensure_ascii=False)))}"
        yield f"| `{within}{name}` | {kind} | {cell(text)} |\n"
        yield from _return_rows(value.get("contains") or {}, to_modules, f"{within}{name}.")


def _attributes(doc: Document) -> str:
    rows = "".join(
        f"| `{name}` | {one['support']} | {cell(paragraphs(one['description'], to_modules=''))}"
        f"{cell(' ' + paragraphs(one['details'], to_modules='') if one.get('details') else '')} |\n"
        for name, one in sorted((doc.get("attributes") or {}).items())
    )
    return f"\n## Attributes\n\n| | support | |\n|---|---|---|\n{rows}" if rows else ""


def _role_variables() -> dict[str, Document]:
    text = (CHECKOUT / "roles" / "python" / "meta" / "argument_specs.yml").read_text()
    return dict(yaml.safe_load(text)["argument_specs"]["main"]["options"])


def _argument_spec(playbook: Path) -> dict[str, Document]:
    """What the playbook itself checks its variables with."""
    found: dict[str, Document] = {}
    for play in yaml.safe_load(playbook.read_text()):
        for task in play.get("tasks", ()):
            found |= task.get("ansible.builtin.validate_argument_spec", {}).get("argument_spec", {})
    return found


@cache
def _ask(kind: str) -> dict[str, Any]:
    """What ansible-doc says of everything of a kind in the collection."""
    folder = {"module": "modules"}.get(kind, kind)
    names = [f"{COLLECTION}.{file.stem}" for file in sorted((CHECKOUT / "plugins" / folder).glob("*.py"))]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(link_collection())}
    command = ["ansible-doc", "--json", "--type", kind, *names]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return dict(json.loads(done.stdout))


def _described(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((DESCRIBED / name).read_text()))


def _listed(text: str | Sequence[str]) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


def _sentence(text: str) -> str:
    return f"{to_markdown(text, to_modules='').rstrip('.')}."


def _as_yaml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _shortened(text: str, length: int = 160) -> str:
    return text if len(text) <= length else f"{text[:length].rstrip()} …"
