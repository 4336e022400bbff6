#!/bin/sh
# Gives a host what Ansible's modules need and nothing more; apt lists are gone afterwards, as in a fresh image.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
apt-get -q install --yes --no-install-recommends python3 python3-apt
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
