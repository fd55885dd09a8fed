#!/usr/bin/env bash
# Runs every lint and prints the results in the TAP format; findings are comment lines.
#
# usage: run.sh BUILD          BUILD: a build folder with the module, for the names in it
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
build=${1:?usage: run.sh BUILD}
number=0
failed=0

lint() {
    local name=$1 findings
    shift
    number=$((number + 1))
    if findings=$(/usr/bin/python3 -B "$here/$name.py" "$@" 2>&1); then
        echo "ok $number - lint $name"
    else
        echo "not ok $number - lint $name"
        sed 's/^/# /' <<<"$findings"
        failed=1
    fi
}

echo "1..11"
for name in includes purity onewriter shape format potfiles catalogue scripts static testnames; do
    lint "$name"
done
lint exports "$build"
exit $failed
