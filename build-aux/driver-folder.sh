#!/bin/sh
# Makes a folder that can be LIBVIRT_DRIVER_DIR: our module, and links to the other modules of the installed libvirt.
#
# usage: driver-folder.sh MODULE FOLDER
#
# FOLDER is made anew. The stock modules stay where they are and are not changed.
set -eu

module=$(readlink -f "${1:?usage: driver-folder.sh MODULE FOLDER}")
folder=${2:?usage: driver-folder.sh MODULE FOLDER}
stock=$("$(dirname "$0")/stock-modules.sh")

rm -rf "$folder"
mkdir -p "$folder"
for other in "$stock"/libvirt_driver_*.so; do
    if [ -e "$other" ]; then ln -s "$other" "$folder/"; fi
done
ln -sf "$module" "$folder/libvirt_driver_qemu.so"
