"""Prints how many bytes Ansible sends for a module: python sent_module.py MODULE [W1.YML]

Built by Ansible's own code, as an action builds it: the zip in base64 inside its wrapper, with the arguments.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml
from ansible.executor.module_common import modify_module
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader, module_loader
from ansible.template import Templar


def main(module: str, variables: str = "") -> None:
    """The number is on standard output."""
    init_plugin_loader()
    found = module_loader.find_plugin_with_context(module)
    built = modify_module(
        module_name=found.resolved_fqcn,
        module_path=found.plugin_resolved_path,
        module_args=yaml.safe_load(Path(variables).read_text()) if variables else {},
        templar=Templar(loader=DataLoader()),
        task_vars={"ansible_python_interpreter": "/usr/bin/python3"},
        module_compression="ZIP_DEFLATED",
    )
    print(len(built.b_module_data))


if __name__ == "__main__":
    main(*sys.argv[1:])
