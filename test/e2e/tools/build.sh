#!/usr/bin/env bash
# Builds a program from source and says how far it is.
#
#   build.sh DIR OUTPUT [PACKAGE...]
#
# DIR is the folder of a Go module, OUTPUT the file to write, PACKAGE what to build: the module's only tool unless it is
# given. Several programs go into OUTPUT as a folder, each by the name of its own. A module that a plain "go build" can't
# build brings a build.sh OUTPUT of its own.
# Needs Go and bash. Go's build cache makes every build but the first short.
set -euo pipefail

dir=$1 output=$2
shift 2
name=$(basename "$output")
mkdir -p "$(dirname "$output")"
output=$(cd "$(dirname "$output")" && pwd)/$name
if (($# > 1)); then
    mkdir -p "$output"
    name=${*##*/}
fi
cd "$dir"

# The compiler ends before it needs a garbage collector, which takes a tenth of the time. The few large packages stay
# within this limit with one.
export GOGC=off GOMEMLIMIT=1GiB

build() {
    if [[ -x build.sh ]]; then
        GOFLAGS="$(go env GOFLAGS) -v" ./build.sh "$output"
        return
    fi
    local ldflags="-s -w"
    if [[ " $*" == *" k8s.io/kubernetes/"* ]]; then
        # kubectl can't parse the version of an API server that was built without one.
        ldflags+=" -X k8s.io/component-base/version.gitVersion=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)"
    fi
    CGO_ENABLED=0 go build -v -trimpath -ldflags "$ldflags" -o "$output" "${@:-tool}"
}

# Go prints a line for each module that it downloads and each package that it compiles, and none when there is nothing
# to do. All other lines are errors. The pipe ends when the build does, so Ctrl-C leaves nothing behind.
progress() {
    local line status downloaded=0 compiled=0 said=0
    while true; do
        status=0
        IFS= read -r -t 1 line || status=$?
        if ((status == 0)); then
            case $line in
            "go: downloading "*) downloaded=$((downloaded + 1)) ;;
            *[[:space:]]*) echo "$line" >&2 ;;
            *) compiled=$((compiled + 1)) ;;
            esac
        elif ((status <= 128)); then
            break # the end; a time-out is more than 128
        fi
        if ((said == 0 && SECONDS >= 5)); then # linking alone can take a minute, and prints nothing
            echo "Building $name from source. This takes up to minutes the first time; later builds take seconds."
            said=$SECONDS
        elif ((said > 0 && SECONDS >= said + 10)); then
            echo "  $name: ${SECONDS}s, $downloaded modules downloaded, $compiled packages compiled"
            said=$SECONDS
        fi
    done
    if ((said > 0)); then echo "  $name: ended after ${SECONDS}s, $compiled packages compiled"; fi
}

build "$@" 2>&1 | progress
# Go leaves a program alone that is up to date; make goes by its time.
touch "$output"
