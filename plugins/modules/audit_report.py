#!/usr/bin/python
# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: audit_report
short_description: Write the report of an audit of many hosts
description:
  - Collects what M(pep668.provision.audit) returned on each host of the play and writes it on the controller as JSON,
    CSV, Markdown and one HTML page that needs no network.
  - Runs once for the whole play and asks no host anything.
  - Hosts that could not be reached, and those on which the audit failed, are in the report with the reason.
  - New files can be read by their owner alone, for they tell where hosts are weak. A file that is there keeps its mode.
    All are complete before the first takes its place.
version_added: 0.1.0
author:
  - pep668.provision maintainers (@pep668)
options:
  directory:
    description: Where the files are written on the controller, relative to the directory that Ansible was started in.
    type: path
    default: audit
  registered:
    description: The variable that the task with M(pep668.provision.audit) registers.
    type: str
    required: true
  hosts:
    description: The hosts that are reported on. All of the play where it is not given.
    type: list
    elements: str
  fail_on:
    description:
      - The least severity that RV(verdict) says something about.
      - With any but V(none), a host that could not be audited is one more reason.
      - The task itself does not fail of it, so that a later one decides.
    type: str
    choices: [none, info, warning, error]
    default: none
attributes:
  action:
    support: full
    description: Has an action that runs on the controller; nothing is sent to a host.
  async:
    support: none
    description: Supports being run with C(async).
  bypass_host_loop:
    support: full
    description: Runs once for the play, so it needs a strategy that keeps hosts together, as C(linear) does.
  check_mode:
    support: full
    description: In check mode no file is written, and everything is returned.
  diff_mode:
    support: none
    description: Returns details on what has changed.
seealso:
  - module: pep668.provision.audit
"""

EXAMPLES = r"""
- name: Audit each host
  pep668.provision.audit:
  register: audit_result
  ignore_errors: true
  ignore_unreachable: true

- name: Write audit.json, audit.csv, audit.md and audit.html
  pep668.provision.audit_report:
    directory: audit
    registered: audit_result
  run_once: true
"""

RETURN = r"""
msg:
  description: The lines of a table of the hosts, the worst first, and of one of the rules by number of hosts.
  returned: success
  type: list
  elements: str
files:
  description: Where the files are.
  returned: success
  type: list
  elements: str
  sample: [/home/alice/audit/audit.json, /home/alice/audit/audit.csv]
hosts:
  description: How many hosts there are by the worst that was found, or why they were not audited.
  returned: success
  type: dict
  sample: {error: 3, warning: 8, info: 2, clean: 180, unreachable: 6, failed: 1}
findings:
  description: How many findings there are by severity.
  returned: success
  type: dict
  sample: {error: 4, warning: 17, info: 5}
verdict:
  description: Why this counts as failed with O(fail_on); empty where it does not.
  returned: success
  type: str
  sample: "audit_fail_on is error: 4 errors, 17 warnings and 5 infos on 13 of 200 audited hosts."
"""
