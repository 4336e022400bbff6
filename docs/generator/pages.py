"""All pages of the site, by their path in it."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath

from checkout import CHECKOUT
from docs.generator import ansible_reference, pyinfra_reference

DOCS = CHECKOUT / "docs"
#: Pages that are outside of docs/, and the names they have in the site.
FROM_ELSEWHERE = {"README.md": "overview.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
#: Where a link leads to a file that is not in the site.
REPOSITORY = "https://github.com/pep668/provision/blob/main"
_LINK = re.compile(r"(?<=\]\()([^)#\s]+)(#[^)\s]*)?(?=\))")
_CODE = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)


def authored_pages() -> dict[str, str]:
    """The pages that people write, with their links as they are in the site."""
    files = {str(file.relative_to(CHECKOUT)): str(file.relative_to(DOCS)) for file in sorted(DOCS.rglob("*.md"))}
    return {
        name: relinked((CHECKOUT / file).read_text(), file, name) for file, name in (files | FROM_ELSEWHERE).items()
    }


def reference_pages() -> dict[str, str]:
    """The pages that are written from the sources."""
    modules = {f"reference/modules/{name}": text for name, text in ansible_reference.module_pages().items()}
    venv = ansible_reference.meanings_of("venv", to_modules="modules/")
    return {
        **modules,
        "reference/role.md": ansible_reference.role_page(),
        "reference/playbooks.md": ansible_reference.playbooks_page(),
        "reference/plugins.md": ansible_reference.plugins_page(),
        "reference/pyinfra_facts.md": pyinfra_reference.page(
            "Facts of pyinfra",
            "They only read. How they are asked from the command line is in [With pyinfra](../pyinfra.md).",
            pyinfra_reference.facts(),
            "facts",
            {},
        ),
        "reference/pyinfra_operations.md": pyinfra_reference.page(
            "Operations of pyinfra",
            "Each takes pyinfra's global arguments (`name`, `_sudo`, …) as well.",
            pyinfra_reference.operations(),
            "operations",
            {
                "venv": venv,
                "system_packages": dict.fromkeys(ansible_reference.ENTRIES | {"python_libraries": ()}, _AS_IN_THE_ROLE),
            },
        ),
        "reference/pyinfra_deploys.md": pyinfra_reference.page(
            "Deploys of pyinfra",
            "Called by their full names: `pyinfra inventory.py pep668_provision.deploys.provision`.",
            pyinfra_reference.deploys(),
            "deploys",
            {},
        ),
    }


_AS_IN_THE_ROLE = "As [the variable of the role](role.md)."


def write(folder: Path) -> None:
    """The folder has every page, and the pictures and other files that they show."""
    for name, text in {**authored_pages(), **reference_pages()}.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    for source in sorted(DOCS.rglob("*")):
        if source.is_file() and source.suffix not in (".md", ".py", ".yml", ".pyc"):
            file = folder / source.relative_to(DOCS)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(source.read_bytes())


def relinked(text: str, source: str, page: str) -> str:
    """The text of a file of the checkout, with links that lead from its page of the site to where they led before.

    What is in the site is linked there, other files of the checkout in the repository. Raises ``FileNotFoundError``
    for a link that leads nowhere.
    """

    def lead(found: re.Match[str]) -> str:
        target, anchor = found.group(1), found.group(2) or ""
        if re.match(r"[a-z]+:", target):
            return found.group()
        path = os.path.normpath(PurePosixPath(source).parent / target)
        # What mkdocs finds or not: these are not written yet.
        if not path.startswith("docs/reference/") and not (CHECKOUT / path).exists():
            raise FileNotFoundError(f"{source} links to {target}, which is not there")
        if path in FROM_ELSEWHERE or path.startswith("docs/"):
            in_site = FROM_ELSEWHERE.get(path) or path.removeprefix("docs/")
            return f"{os.path.relpath(in_site, PurePosixPath(page).parent)}{anchor}"
        return f"{REPOSITORY}/{path}{anchor}"

    parts = _CODE.split(text)
    return "".join(part if place % 2 else _LINK.sub(lead, part) for place, part in enumerate(parts))
