#!/bin/sh
# Turns a minimal Debian into the machine that wraps its packages as other families': see wrap_packages.py.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
apt-get -q install --yes --no-install-recommends \
    createrepo-c libarchive-tools makepkg pacman-package-manager python3 rpm zstd
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
