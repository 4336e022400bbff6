"""Texts of Ansible's documentation as Markdown: O(name), V(value), C(code), M(module), L(text,url) and the others."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

#: The collection whose modules have a page in this site.
COLLECTION = "pep668.provision"
#: Where ansible-core's own are described.
ELSEWHERE = "https://docs.ansible.com/ansible/latest/collections"

_MARKED = re.compile(r"\b(O|V|RV|E|C|M|P|L|U|B|I|R)\(((?:[^()\\]|\\.|\([^()]*\))*)\)|\bHORIZONTALLINE\b")


def to_markdown(text: str, *, to_modules: str) -> str:
    """The text as Markdown; ``to_modules`` leads from the page to the folder with the modules' pages."""
    parts: list[str] = []
    end = 0
    for found in _MARKED.finditer(text):
        parts += [escape(text[end : found.start()]), _marked(found, to_modules)]
        end = found.end()
    return "".join([*parts, escape(text[end:])])


def paragraphs(text: str | Sequence[str], *, to_modules: str) -> str:
    """Each entry of a description as a paragraph."""
    entries = [text] if isinstance(text, str) else list(text)
    return "\n\n".join(to_markdown(entry, to_modules=to_modules) for entry in entries)


def cell(text: str) -> str:
    """A text for a cell of a table."""
    return text.replace("|", "\\|").replace("\n\n", "<br>").replace("\n", " ")


def code(text: object) -> str:
    """The text as code, whatever is in it."""
    shown = str(text)
    fence = "``" if "`" in shown else "`"
    return f"{fence}{' ' if fence == '``' else ''}{shown}{' ' if fence == '``' else ''}{fence}" if shown else "`''`"


def escape(text: str) -> str:
    """The text as it is, where Markdown would see signs of its own."""
    return re.sub(r"([*_`\[\]<])", r"\\\1", text).replace("\\<", "&lt;")


def module_link(name: str, to_modules: str) -> str:
    """A link to where this module is described."""
    if name.startswith(f"{COLLECTION}."):
        return f"[{code(name)}]({to_modules}{name.rpartition('.')[2]}.md)"
    namespace, collection, module = name.split(".")
    return f"[{code(name)}]({ELSEWHERE}/{namespace}/{collection}/{module}_module.html)"


def _marked(found: re.Match[str], to_modules: str) -> str:
    if found.group(1) is None:
        return "\n\n---\n\n"
    kind, inner = found.group(1), re.sub(r"\\(.)", r"\1", found.group(2))
    shown: dict[str, Callable[[], str]] = {
        "M": lambda: module_link(inner, to_modules),
        "L": lambda: _link(*inner.rsplit(",", 1)),
        "U": lambda: f"<{inner}>",
        "B": lambda: f"**{escape(inner)}**",
        "I": lambda: f"*{escape(inner)}*",
        "R": lambda: escape(inner.split(",")[0]),
        "P": lambda: code(inner.partition("#")[0]),
    }
    # An option of another module is written MODULE#module:OPTION.
    return shown.get(kind, lambda: code(re.sub(r"^[\w.]+#\w+:", "", inner)))()


def _link(text: str, address: str) -> str:
    return f"[{escape(text)}]({address.strip()})"
