#!/bin/sh
# Gives a host what Ansible's modules need and nothing more.
set -eu
dnf -y install python3 python3-dnf
