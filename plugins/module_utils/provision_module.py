# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module of this collection shares: the settings, how the engine is called, how its errors are shown."""

from __future__ import annotations

import sys
from typing import Any, Callable, Mapping

from ansible.module_utils.basic import AnsibleModule

from .engine.desired import Desired, validate
from .engine.errors import CommandFailed, ProvisionError, SeveralFailed
from .engine.redact import MASK, redact, redact_declared, secrets_in, spellings

#: The settings of the data model; each module takes all of them, so that one group of module defaults serves all.
SETTINGS: dict[str, dict[str, Any]] = {
    "python_installer": {"type": "str", "choices": ["auto", "pip", "uv"], "default": "auto"},
    "python_uv": {"type": "bool", "default": False},
    "python_pipx_source": {"type": "str", "choices": ["auto", "system", "index"], "default": "auto"},
    "python_pipx_pin": {"type": "str", "default": ""},
    "python_uv_pin": {"type": "str", "default": ""},
    "python_require_pins": {"type": "bool", "default": False},
    "python_manage_system_packages": {"type": "bool", "default": True},
    "python_lock_timeout": {"type": "int", "default": 300},
    "python_install_timeout": {"type": "int", "default": 3600},
    "python_index_url": {"type": "str", "default": ""},
    "python_extra_index_urls": {"type": "list", "elements": "str", "default": []},
    "python_find_links": {"type": "list", "elements": "str", "default": []},
    "python_no_index": {"type": "bool", "default": False},
    "python_index_username": {"type": "str", "default": ""},
    "python_index_password": {"type": "str", "default": "", "no_log": True},
    "python_ca_bundle": {"type": "path", "default": ""},
    "python_client_cert": {"type": "path", "default": ""},
    "python_proxy": {"type": "str", "default": ""},
    "python_trusted_hosts": {"type": "list", "elements": "str", "default": []},
}


class ProvisionModule(AnsibleModule):
    """A module whose log and results are without credentials, and otherwise as they are.

    Ansible replaces a secret in all of a result, also inside of words: with the password "p" the package pipx would be
    another one. Its own log leaves a token in a URL that has no password beside it.
    """

    def _log_invocation(self) -> None:
        given = self.params
        self.params = self._shown_params()
        try:
            super()._log_invocation()
        finally:
            self.params = given

    def _return_formatted(self, kwargs: dict[str, Any]) -> None:
        secrets = self._secrets()
        # Names, versions and paths of a result are the engine's, which puts no credential there; texts may quote one.
        shown = {
            name: _map_texts(value, lambda text: redact(text, secrets) if kwargs.get("failed") else redact(text))
            for name, value in kwargs.items()
        }
        shown.setdefault("invocation", {"module_args": self._shown_params()})
        self.no_log_values.clear()
        super()._return_formatted(shown)

    def warn(self, warning: str, **kwargs: Any) -> None:
        super().warn(redact(warning, self._secrets()), **kwargs)

    def _secrets(self) -> frozenset[str]:
        texts: list[str] = []
        _map_texts(self.params, texts.append)
        password = str(self.params.get("python_index_password") or "")
        username = str(self.params.get("python_index_username") or "")
        return secrets_in(texts) | (spellings(password, username) if password else spellings(username))

    def _shown_params(self) -> dict[str, Any]:
        shown: dict[str, Any] = _map_texts(self.params, redact_declared)
        hidden = ["python_index_password"]
        if not self.params.get("python_index_password"):
            # A user without a password is a token.
            hidden.append("python_index_username")
        shown.update({name: MASK for name in hidden if shown.get(name)})
        return shown


def _map_texts(value: Any, change: Callable[[str], Any]) -> Any:
    """Return a value with each text in it, also in lists and mappings, changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {name: _map_texts(one, change) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_map_texts(one, change) for one in value]
    return value


def make_module(**options: dict[str, Any]) -> AnsibleModule:
    """Return the module with its own options and the settings; check mode is supported by each."""
    return ProvisionModule(argument_spec={**options, **SETTINGS}, supports_check_mode=True)


def read_desired(module: AnsibleModule, **declared: object) -> Desired:
    """Return the declared state of a module call; ends the module with every refused value."""
    settings = {name: module.params[name] for name in SETTINGS}
    names = sys.getfilesystemencoding()
    if names != "utf-8" and not str((settings, declared)).isascii():
        text = (
            f"This task's Python takes file names as {names}, and what is declared has other characters than ASCII's."
        )
        advice = "Set PYTHONUTF8 to 1 in the task's environment, as the role does."
        fail(module, ProvisionError(text, advice=advice))
    try:
        desired = validate({**settings, **declared})
    except ProvisionError as error:
        fail(module, error)
        raise
    return desired


def fail(module: AnsibleModule, error: ProvisionError) -> None:
    """End the module with what is wrong, what can be done, and the command that failed if one did."""
    details = _details(error)
    if isinstance(error, SeveralFailed):
        details = {"failures": [{"msg": str(one), **_details(one)} for one in error.errors]}
    module.fail_json(msg=str(error), **details)


def _details(error: ProvisionError) -> dict[str, Any]:
    if not isinstance(error, CommandFailed):
        return {}
    return {"cmd": list(error.command), "rc": error.status, "stdout": error.stdout, "stderr": error.stderr}
