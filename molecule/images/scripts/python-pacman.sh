#!/bin/sh
# Gives a host what Ansible's modules need and nothing more.
set -eu
pacman -Sy --noconfirm python
