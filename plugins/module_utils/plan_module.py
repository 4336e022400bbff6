# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that plans a whole declared state, with those parts of the engine that are sent along."""

from __future__ import annotations

from .engine.desired import VARIABLES, suggestions
from .engine.errors import ProvisionError
from .engine.host import Host
from .engine.look import look, report_plan
from .engine.parts import PartNotSent
from .provision_module import fail, make_module, read_desired

ENTRIES = ("python_venvs", "python_tools", "python_libraries", "python_system_pip")


def main() -> None:
    # Not a list for Ansible: it would make one of a text, and what is declared is judged as it is.
    module = make_module(
        **{name: {"type": "raw", "default": []} for name in ENTRIES},
        python_restore_marker={"type": "bool", "default": False},
        python_pip_conf_override={"type": "str", "choices": ["keep", "absent"], "default": "keep"},
        variable_names={"type": "list", "elements": "str", "default": []},
    )
    desired = read_desired(module, **{name: module.params[name] for name in VARIABLES if name in module.params})
    host = Host()
    try:
        state, plan = look(desired, host, rehearsing=module.check_mode)
    except PartNotSent as part:
        # The action has it run again, with every part.
        module.exit_json(changed=False, part_not_sent=str(part))
        return
    except ProvisionError as error:
        fail(module, error)
        return
    for warning in (*suggestions(module.params["variable_names"]), *plan.warnings):
        module.warn(warning)
    module.exit_json(changed=False, **report_plan(desired, state, plan, processors=host.processors))
