#!/bin/sh
# Gets libvirt's private headers for exactly the installed libvirt0 package.
#
# usage: fetch-headers.sh OUTDIR
#
# The distribution's source package of the installed version is downloaded with a source list of our own
# (the system's apt configuration stays as it is), and only the headers that a driver module may include are
# unpacked: never src/qemu, never the tree's config.h. OUTDIR/version names what is there; a second run with
# the same version does nothing.
set -eu

out=${1:?usage: fetch-headers.sh OUTDIR}
fail() { echo "fetch-headers: $*" >&2; exit 1; }

version=$(dpkg-query -W -f '${source:Version}' libvirt0 2>/dev/null) ||
    fail "package libvirt0 is not installed; install libvirt-daemon-system and libvirt-dev first"
if [ "$(cat "$out/version" 2>/dev/null)" = "$version" ]; then
    exit 0
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT INT TERM
mkdir -p "$tmp/parts" "$tmp/lists/partial" "$tmp/cache/archives/partial" "$tmp/src"

# Only Debian's own lists, turned into deb-src.
for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -f "$f" ] || continue
    sed -n 's/^[[:space:]]*deb\([[:space:]].*debian.*\)$/deb-src\1/p' "$f" >>"$tmp/parts/from-lists.list"
done
for f in /etc/apt/sources.list.d/*.sources; do
    [ -f "$f" ] || continue
    grep -qi '^URIs:.*debian' "$f" || continue
    sed 's/^Types:.*/Types: deb-src/' "$f" >"$tmp/parts/$(basename "$f")"
done

apt() {
    apt-get -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$tmp/parts" \
            -o Dir::State::lists="$tmp/lists" -o Dir::Cache="$tmp/cache" \
            -o APT::Get::List-Cleanup=0 -o APT::Sandbox::User=root "$@"
}
apt -q update >"$tmp/log" 2>&1 || { cat "$tmp/log" >&2; fail "cannot reach Debian's package archive (no network?); \
give a tree of libvirt $version headers with -Dlibvirt_headers=DIR instead"; }
(cd "$tmp/src" && apt -q source --download-only "libvirt=$version") >"$tmp/log" 2>&1 || { cat "$tmp/log" >&2;
    fail "the archive has no source package libvirt $version (it is probably older than the archive's present one): \
upgrade libvirt with 'apt-get install libvirt0 libvirt-daemon-system libvirt-dev', or give -Dlibvirt_headers=DIR"; }

tar=$(find "$tmp/src" -name "libvirt_*.orig.tar.?z")
[ -f "$tar" ] || fail "the source package holds no .orig.tar"
debian=$(find "$tmp/src" -name "libvirt_*.debian.tar.?z")
if tar -xOf "$debian" --wildcards 'debian/patches/*' |
       grep -E '^\+\+\+ b/src/.*\.(h|x)' | grep -v '^+++ b/src/qemu/' | grep -q .; then
    fail "Debian's patches of $version change private headers; apply them and give the tree with -Dlibvirt_headers=DIR"
fi

rm -rf "$out.new"
mkdir -p "$out.new"
tar -xf "$tar" -C "$out.new" --strip-components=1 --wildcards --no-wildcards-match-slash \
    '*/src/*.h' '*/src/util/*.h' '*/src/conf/*.h' '*/src/cpu/*.h' '*/src/hypervisor/*.h' '*/src/security/*.h' \
    '*/src/locking/*.h' '*/src/logging/*.h' '*/src/access/*.h' '*/src/storage_file/*.h' \
    '*/src/rpc/virnetsocket.h' '*/src/remote/remote_protocol.x' '*/src/remote/qemu_protocol.x'
[ -e "$out.new/src/qemu" ] && fail "src/qemu was unpacked: this must not happen"
rm -f "$out.new/config.h"
echo "$version" >"$out.new/version"
rm -rf "$out"
mv "$out.new" "$out"
