#!/bin/sh
# Lets pacman own what a published image has from the start: pacman-own.sh PACKAGE... The lists are gone again afterwards.
set -eu
pacman -Sy --noconfirm "$@"
rm -rf /var/lib/pacman/sync /var/cache/pacman/pkg/*
