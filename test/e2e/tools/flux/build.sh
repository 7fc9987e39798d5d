#!/usr/bin/env bash
# Builds flux from the module that go.mod names.
#
# usage: build.sh OUTPUT_FILE
#
# A plain go build fails: flux embeds cmd/flux/manifests/*.yaml, which its release generates and its
# module lacks. -overlay does not help, go refuses it for files of the module cache. So this builds
# with the same go.mod and go.sum from a copy of the module that has one empty manifest, in a
# temporary folder. Only "flux install" and "flux bootstrap" read the manifests; they do not work.
set -euo pipefail

if [ $# -ne 1 ]; then
	echo "usage: $0 OUTPUT_FILE" >&2
	exit 2
fi
mkdir -p "$(dirname "$1")"
output=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$(dirname "$0")"

module=github.com/fluxcd/flux2/v2
go mod download "$module"
dir=$(go list -m -f '{{.Dir}}' "$module")
version=$(go list -m -f '{{.Version}}' "$module")

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cp go.mod go.sum "$tmp"
cp -R "$dir" "$tmp/flux2"
chmod -R u+w "$tmp/flux2" # The module cache is read-only.
mkdir "$tmp/flux2/cmd/flux/manifests"
: >"$tmp/flux2/cmd/flux/manifests/empty.yaml"

# A relative path, so that the same input gives the same binary wherever the folder lies.
cd "$tmp"
go mod edit -replace "$module=./flux2"
CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.VERSION=${version#v}" -o "$output" "$module/cmd/flux"
