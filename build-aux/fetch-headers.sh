#!/bin/sh
# Gets libvirt's private headers for exactly the installed libvirt0 package.
#
# usage: fetch-headers.sh OUTDIR
#
# The distribution's source package of the installed version is downloaded with a source list of our own (the
# system's apt configuration stays as it is; no root needed), and only the headers that a driver module may
# include are unpacked: never src/qemu, never the tree's config.h. OUTDIR/version names what is there; a second
# run with the same version does nothing.
set -eu

instead="or give a tree with the headers of libvirt0's version with -Dlibvirt_headers=DIR"
fail() { printf 'fetch-headers: %s\n' "$*" >&2; exit 1; }
fail_with_log() { cat "$tmp/log" >&2; fail "$@"; }

# The distribution's own package lists, as apt itself sees them: whatever the format of the source files is, and
# without the lists of others (their Origin is another one). Written to $tmp/own; false when there is none.
own_lists() {
    apt-get "$@" indextargets --format '$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)' 'Created-By: Packages' |
        grep -i "^$distribution|" | sort -u >"$tmp/own"
    [ -s "$tmp/own" ]
}

# Writes the deb-src lines to $tmp/parts.
write_source_list() {
    keyring=/usr/share/keyrings/$distribution-archive-keyring.gpg
    signed=
    if [ -f "$keyring" ]; then signed="[signed-by=$keyring] "; fi
    # Nothing: `apt-get update` never ran here. Then look into lists of our own.
    if ! own_lists; then
        apt-get -o Dir::State::lists="$tmp/all" -o APT::Sandbox::User=root -q update >"$tmp/log" 2>&1 || true
        own_lists -o Dir::State::lists="$tmp/all" || fail_with_log \
            "apt knows no package list of $distribution (no network, or no source list in /etc/apt): mend that," \
            "$instead"
    fi
    while IFS='|' read -r _ uri release component; do
        echo "deb-src $signed$uri $release $component"
    done <"$tmp/own" >"$tmp/parts/own.list"
}

private_apt() {
    apt-get -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$tmp/parts" \
            -o Dir::State::lists="$tmp/lists" -o Dir::Cache="$tmp/cache" \
            -o APT::Get::List-Cleanup=0 -o APT::Sandbox::User=root -q "$@" >"$tmp/log" 2>&1
}

# Downloads the source package; sets $tar (upstream's tree) and $packaging.
download() {
    private_apt update ||
        fail_with_log "the package archive cannot be reached: is there a network? Try again later, $instead"
    (cd "$tmp/src" && private_apt source --download-only "libvirt=$version") || fail_with_log \
        "the archive has no source package libvirt $version; most likely the archive has moved on: bring the" \
        "installed packages up to date (apt-get update; apt-get install libvirt0 libvirt-dev libvirt-daemon-system)," \
        "$instead"
    tar=$(find "$tmp/src" -name 'libvirt_*.orig.tar.?z')
    packaging=$(find "$tmp/src" -name 'libvirt_*.debian.tar.?z')
    if [ ! -f "$tar" ] || [ ! -f "$packaging" ]; then
        fail "the source package of libvirt $version is not laid out as expected"
    fi
}

# The upstream tree alone is enough as long as the packaging patches no header that we use.
refuse_patched_headers() {
    tar -xOf "$packaging" --wildcards 'debian/patches/*' >"$tmp/patches"
    patched=$(sed -n '/^+++ b\/src\/qemu\//d; s|^+++ b/\(src/[^[:space:]]*\.[hx]\).*|\1|p' "$tmp/patches")
    [ -z "$patched" ] ||
        fail "the packaging of libvirt $version patches $patched: apply that by hand, and give the tree with" \
            "-Dlibvirt_headers=DIR"
}

unpack() {
    rm -rf "$out.new"
    mkdir -p "$out.new"
    # --touch: newer than what was built with the headers of another version
    tar -xf "$tar" -C "$out.new" --touch --strip-components=1 --wildcards --no-wildcards-match-slash \
        '*/src/*.h' '*/src/util/*.h' '*/src/conf/*.h' '*/src/cpu/*.h' '*/src/hypervisor/*.h' '*/src/security/*.h' \
        '*/src/locking/*.h' '*/src/logging/*.h' '*/src/access/*.h' '*/src/storage_file/*.h' \
        '*/src/rpc/virnetsocket.h' '*/src/remote/remote_protocol.x' '*/src/remote/qemu_protocol.x' 2>"$tmp/log" ||
        fail_with_log "the source package of libvirt $version lacks some of the headers"
    [ ! -e "$out.new/src/qemu" ] || fail "src/qemu was unpacked: this must not happen"
    rm -f "$out.new/config.h"
    echo "$version" >"$out.new/version"
    rm -rf "$out"
    mv "$out.new" "$out"
}

out=${1:?usage: fetch-headers.sh OUTDIR}
version=$(dpkg-query -W -f '${source:Version}' libvirt0 2>/dev/null) || version=
[ -n "$version" ] || fail "package libvirt0 is not installed: install libvirt-dev and libvirt-daemon-system first"
if [ "$(cat "$out/version" 2>/dev/null)" = "$version" ] && [ -f "$out/src/driver-hypervisor.h" ] &&
   [ -f "$out/src/remote/remote_protocol.x" ]; then
    exit 0
fi

distribution=$(. "${OS_RELEASE:-/etc/os-release}" && echo "$ID")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM
mkdir -p "$tmp/parts" "$tmp/all/partial" "$tmp/lists/partial" "$tmp/cache/archives/partial" "$tmp/src"
mkdir -p "$(dirname "$out")"

echo "fetch-headers: getting the headers of libvirt $version from its source package" >&2
write_source_list
download
refuse_patched_headers
unpack
