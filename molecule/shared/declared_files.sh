#!/bin/sh
# Writes the files that vars/state.yml refers to, as their owner app would.
set -eu
mkdir -p /srv/app/requirements /srv/project

printf '%s\n' '-r requirements/web.txt' '-c constraints.txt' colorama >/srv/app/requirements.txt
printf '%s\n' 'itsdangerous>=2' >/srv/app/requirements/web.txt
printf '%s\n' 'itsdangerous<2.2' colorama==0.4.5 >/srv/app/constraints.txt

cat >/srv/project/pyproject.toml <<'EOF'
[build-system]
requires = ["setuptools>=61"]
build-backend = "setuptools.build_meta"
[project]
name = "sample-project"
version = "1.2"
dependencies = ["click==8.1.7"]
optional-dependencies = {colour = ["colorama==0.4.6"]}
[tool.setuptools]
py-modules = ["sample_project"]
EOF
echo 'ANSWER = 42' >/srv/project/sample_project.py

chown -R app: /srv/app /srv/project
