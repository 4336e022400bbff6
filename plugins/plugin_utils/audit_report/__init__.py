# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of an audit of many hosts: made and written on the controller.

``answers`` reads what the hosts' modules returned, ``model`` is the report and its JSON, ``figures`` what is counted in
it; ``as_csv``, ``as_markdown``, ``as_html`` and ``as_lines`` are the forms it is read in, ``writing`` writes the files.
What hosts said is somebody else's text: ``shown`` is how it may be shown.
"""
