#!/bin/sh
# Lets rpm own what a published image has from the start: rpm-own.sh PACKAGE..., names of files in /srv/packages.
set -eu
for package in "$@"; do
    set -- "$@" /srv/packages/*/"$package"-[0-9]*.rpm
    shift
done
rpm --install "$@"
