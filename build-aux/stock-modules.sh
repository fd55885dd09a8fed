#!/bin/sh
# Prints the folder of the installed libvirt's own driver modules: it lies beside libvirt.so.0.
set -eu

library=$(/sbin/ldconfig -p | sed -n 's/^[[:space:]]*libvirt\.so\.0 .*=> //p' | head -n 1)
[ -n "$library" ] || { echo "stock-modules: libvirt.so.0 is not installed" >&2; exit 1; }
echo "$(dirname "$(readlink -f "$library")")/libvirt/connection-driver"
