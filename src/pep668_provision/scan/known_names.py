# Copyright: the pep668.provision maintainers
# GNU General Public License v3.0 or later (see LICENSE)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that say by themselves what is meant: distributions that are libraries or commands, images with a Python."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """Return the words of a table."""
    return frozenset(text.split())


#: Distributions that Ansible's own modules import on the host: they have to be where the host's own Python finds them.
LIBRARIES = words(
    """
    bcrypt boto boto3 botocore cryptography dbus-python dnspython docker docker-py google-auth hvac jinja2 jmespath
    jsonpatch kubernetes ldap3 libvirt-python lxml mysql-connector-python mysqlclient ncclient netaddr openshift
    openstacksdk packaging paramiko passlib pexpect proxmoxer psutil psycopg psycopg2 psycopg2-binary pymongo pymysql
    pycryptodome pyopenssl python-apt python-consul python-ldap pyvmomi pywinrm pyyaml redis requests requests-oauthlib
    ruamel-yaml selinux six systemd-python toml tomlkit urllib3 websocket-client xmltodict
    """
)
#: Distributions that are commands: what is asked for is the program, and nobody imports them.
TOOLS = words(
    """
    ansible ansible-core ansible-lint awscli azure-cli bandit black borgmatic certbot cookiecutter copier
    docker-compose flake8 glances hatch httpie invoke isort molecule mycli mypy nox pgcli pipenv pip-audit pip-tools
    poetry pre-commit pylint reno ruff s3cmd s4cmd speedtest-cli sqlfluff thefuck tldr tox twine uv virtualenv
    yamllint yq yt-dlp youtube-dl
    """
)
#: What environments have by themselves, and what nobody needs in a system's Python besides its OS package.
OF_PIP = words("pip pip3 setuptools wheel")
#: Images whose own Python is a build of theirs, without a marker; a distribution's interpreter beside it has its own.
UNMARKED_IMAGES = words("python pypy graalpy miniconda3 anaconda3 miniforge3 micromamba mambaforge uv")
