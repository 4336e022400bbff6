# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module of this collection shares: the settings, how the engine is called, how its errors are shown."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .engine.desired import Desired, validate
from .engine.errors import CommandFailed, ProvisionError, SeveralFailed
from .engine.redact import secrets_in

#: The settings of the data model; each module takes all of them, so that one group of module defaults serves all.
SETTINGS: dict[str, dict[str, Any]] = {
    "python_installer": {"type": "str", "choices": ["auto", "pip", "uv"], "default": "auto"},
    "python_uv": {"type": "bool", "default": False},
    "python_pipx_source": {"type": "str", "choices": ["auto", "system", "index"], "default": "auto"},
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
    "python_proxy": {"type": "str", "default": ""},
    "python_trusted_hosts": {"type": "list", "elements": "str", "default": []},
}


def make_module(**options: dict[str, Any]) -> AnsibleModule:
    """Return the module with its own options and the settings; check mode is supported by each."""
    module = AnsibleModule(argument_spec={**options, **SETTINGS}, supports_check_mode=True)
    # Also a password inside of a URL is masked in everything Ansible prints of this call, were it a refusal.
    module.no_log_values.update(secrets_in(map(str, module.params.values())))
    return module


def read_desired(module: AnsibleModule, **declared: object) -> Desired:
    """Return the declared state of a module call; ends the module with every refused value."""
    settings = {name: module.params[name] for name in SETTINGS}
    try:
        desired = validate({**settings, **declared})
    except ProvisionError as error:
        fail(module, error)
        raise
    module.no_log_values.update(desired.secrets)
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
