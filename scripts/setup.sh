#!/usr/bin/env bash
# Gets this machine ready to build, test and run the project, and says what it does.
#
# Run by the Makefile before anything is built. Asks nothing, may be run any number of times, and is
# done at once when nothing is missing. What it cannot install by itself it names, with the command
# that does.
#
#   scripts/setup.sh            everything that building and testing need
#   scripts/setup.sh --build    what building needs: no Node
#   scripts/setup.sh --lint     what building needs, rustfmt and clippy
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly NODE_MAJOR_MIN=20
# Folders with a package-lock.json: what makes the test vectors, snarkjs among it; what builds and tests the
# contracts; the TypeScript client, with the SDKs of x402 that it is tested with.
readonly NODE_FOLDERS=(fixtures/generate contracts clients/typescript)

readonly FOR=${1:-everything}
case "$FOR" in
    everything | --build | --lint) ;;
    *)
        echo "usage: scripts/setup.sh [--build | --lint]" >&2
        exit 2
        ;;
esac

say() { printf 'setup: %s\n' "$*"; }

fail() {
    printf 'setup: %s\n' "$1" >&2
    shift
    if [ $# -gt 0 ]; then printf '       %s\n' "$@" >&2; fi
    exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# Whether version $1 is at least version $2.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# --- Debian's and Ubuntu's packages ---------------------------------------------------------------

# Runs a command as root: directly, or by sudo where that asks for no password.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        env DEBIAN_FRONTEND=noninteractive "$@"
    else
        sudo -n env DEBIAN_FRONTEND=noninteractive "$@"
    fi
}

can_apt() {
    has apt-get && { [ "$(id -u)" -eq 0 ] || { has sudo && sudo -n true 2>/dev/null; }; }
}

# Reads the lists of packages, once.
apt_lists_read=no
apt_update() {
    [ "$apt_lists_read" = no ] || return 0
    apt_lists_read=yes
    say "apt-get update"
    as_root apt-get update -qq || say "apt-get update failed; going on with the lists there are"
}

apt_install() {
    apt_update
    say "apt-get install $*"
    as_root apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# --- What is needed -------------------------------------------------------------------------------

# Rust: as new as Cargo.toml demands. Toolchains are left to their owner.
check_rust() {
    local wanted found
    wanted=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
    local advice=(
        "Install Rust with rustup:  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
        "or, where rustup is installed:  rustup update stable && rustup default stable"
    )
    # rustup puts it here; a shell that was open before does not look there yet.
    if ! has cargo && [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]; then
        fail "cargo is installed in ${CARGO_HOME:-$HOME/.cargo}/bin, which is not on the PATH." \
            "Run:  . \"${CARGO_HOME:-$HOME/.cargo}/env\""
    fi
    has cargo || fail "cargo is missing; Rust $wanted or newer is needed." "${advice[@]}"
    found=$(cargo --version | awk '{ print $2 }')
    at_least "${found%%-*}" "$wanted" ||
        fail "cargo is $found; Rust $wanted or newer is needed." "${advice[@]}"
}

# The tools of `make lint`, which rustup's default installation has and its minimal one has not.
check_lint_tools() {
    if cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1; then return; fi
    if has rustup; then
        say "rustup component add rustfmt clippy"
        rustup component add rustfmt clippy || fail "rustup could not add rustfmt and clippy."
    else
        fail "rustfmt or clippy is missing: install them from where cargo came from."
    fi
}

# A C and a C++ compiler, which link every program and compile RocksDB and the assembly of hash
# functions; and make.
check_c_tools() {
    if has cc && has c++ && has make; then return; fi
    if can_apt; then
        say "no C compiler, no C++ compiler or no make: installing them"
        apt_install gcc g++ libc6-dev make
        hash -r
        has cc && has c++ || fail "gcc and g++ were installed, but there is no cc or no c++."
    else
        fail "a C compiler (cc), a C++ compiler (c++) or make is missing. Install them:" \
            "Debian, Ubuntu:  sudo apt-get install gcc g++ libc6-dev make" \
            "Fedora:          sudo dnf install gcc gcc-c++ make" \
            "Arch:            sudo pacman -S gcc make" \
            "Alpine:          sudo apk add gcc g++ musl-dev make" \
            "macOS:           xcode-select --install"
    fi
}

# RocksDB is written in C++20.
check_cplusplus() {
    local compiler
    # CXX may be more than one word, such as `ccache g++`.
    read -ra compiler <<<"${CXX:-c++}"
    if echo '#include <concepts>' | "${compiler[@]}" -std=c++20 -x c++ -fsyntax-only - 2>/dev/null; then return; fi
    fail "${CXX:-c++} does not know C++20, in which RocksDB is written: GCC 11 or Clang 10 is needed, or newer." \
        "Where there is a second, newer one, name it:  export CC=gcc-12 CXX=g++-12"
}

# Whether libclang, and the headers that come with clang, are where bindgen looks for them.
finds_libclang() {
    local folder
    for folder in "${LIBCLANG_PATH:-}" "$(llvm-config --libdir 2>/dev/null || true)" \
        /usr/lib/llvm*/lib /usr/lib64/llvm*/lib /usr/lib64 /usr/lib /usr/local/lib /usr/lib/*-linux-gnu \
        /Library/Developer/CommandLineTools/usr/lib \
        /Applications/Xcode.app/Contents/Developer/Toolchains/XcodeDefault.xctoolchain/usr/lib; do
        [ -n "$folder" ] || continue
        # Matches nothing where there is none: then the pattern itself is no file.
        for library in "$folder"/libclang.so* "$folder"/libclang-[0-9]*.so* "$folder"/libclang.dylib; do
            [ -e "$library" ] && return 0
        done
    done
    return 1
}

# libclang: Rust's side of RocksDB is made from its header at build time.
check_libclang() {
    finds_libclang && return
    if can_apt; then
        say "no libclang: installing it"
        apt_install libclang-dev
        finds_libclang || fail "libclang-dev was installed, but libclang is not where it should be." \
            "If you know where it is: export LIBCLANG_PATH=/that/folder"
    else
        fail "libclang is missing; RocksDB's bindings are made with it. Install it:" \
            "Debian, Ubuntu:  sudo apt-get install libclang-dev" \
            "Fedora:          sudo dnf install clang-devel" \
            "Arch:            sudo pacman -S clang" \
            "Alpine:          sudo apk add clang-dev" \
            "macOS:           xcode-select --install" \
            "or, if it is somewhere unusual:  export LIBCLANG_PATH=/that/folder"
    fi
}

node_major() { node --version 2>/dev/null | sed -n 's/^v\([0-9]*\)\..*/\1/p'; }

node_is_new_enough() {
    local major
    major=$(node_major)
    [ -n "$major" ] && [ "$major" -ge "$NODE_MAJOR_MIN" ]
}

# Node: tests hand proofs to snarkjs, test vectors are made with JavaScript libraries, and the Solidity
# compiler is a JavaScript package.
check_node() {
    if node_is_new_enough && has npm; then return; fi
    # Only where the distribution's own package is new enough.
    if can_apt; then
        apt_update
        local candidate
        candidate=$(apt-cache policy nodejs 2>/dev/null | awk '/Candidate:/ { print $2 }')
        candidate=${candidate#*:}
        if [ -n "$candidate" ] && [ "$candidate" != "(none)" ] &&
            at_least "$candidate" "$NODE_MAJOR_MIN"; then
            say "no Node $NODE_MAJOR_MIN or newer: installing the distribution's"
            apt_install nodejs npm
        fi
    fi
    hash -r
    node_is_new_enough ||
        fail "Node $NODE_MAJOR_MIN or newer is needed; found: $(node --version 2>/dev/null || echo none)." \
            "See https://nodejs.org/en/download for every system. To build without it: make build"
    has npm || fail "npm is missing: it comes with Node, or as the package npm."
}

# The packages that a folder's package-lock.json names.
check_node_modules() {
    local folder=$1
    local installed="$folder/node_modules/.package-lock.json"
    if [ -f "$installed" ] && [ ! "$folder/package-lock.json" -nt "$installed" ]; then return; fi
    say "npm ci in $folder"
    (cd "$folder" && npm ci --no-audit --no-fund --loglevel=error) || fail "npm ci failed in $folder."
    # npm may leave an older time on a file that did not change.
    touch "$installed"
}

# Python, for the example in it: its packages, in an environment of its own.
check_python_client() {
    local folder=clients/python
    local installed="$folder/.venv/installed"
    if [ -f "$installed" ] && [ ! "$folder/requirements.txt" -nt "$installed" ]; then return; fi
    if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
        can_apt || fail "python3 or its module venv is missing; tests of the Python example need them." \
            "Debian, Ubuntu:  sudo apt-get install python3 python3-venv"
        say "no python3 or no venv: installing them"
        apt_install python3 python3-venv
    fi
    say "python3 -m venv $folder/.venv; pip install -r $folder/requirements.txt"
    rm -rf "$folder/.venv"
    python3 -m venv "$folder/.venv" &&
        "$folder/.venv/bin/pip" install --quiet --disable-pip-version-check -r "$folder/requirements.txt" ||
        fail "pip could not install the Python example's packages."
    touch "$installed"
}

# A browser, for the tests of pages.
has_chromium() {
    [ -x "${AEP2_CHROMIUM:-}" ] || has chromium || has chromium-browser || has google-chrome
}

check_chromium() {
    has_chromium && return
    if can_apt; then
        say "no Chromium: installing it"
        apt_install chromium
        hash -r
        has_chromium || fail "chromium was installed, but there is no program of that name."
    else
        fail "Chromium is missing; the tests of pages need it. Install it, or name one: export AEP2_CHROMIUM=/its/path" \
            "Debian:  sudo apt-get install chromium" \
            "Fedora:  sudo dnf install chromium" \
            "Arch:    sudo pacman -S chromium"
    fi
}

# Foundry is among the contracts' packages, as programs for the systems that npm has them for.
check_foundry() {
    local tool
    for tool in forge anvil; do
        "contracts/bin/$tool" --version >/dev/null || fail "$tool does not run; see above."
    done
}

check_rust
check_c_tools
check_cplusplus
check_libclang
scripts/rocksdb.sh
ready="$(cargo --version | cut -d' ' -f1,2), $(cc --version | head -n 1)"
case "$FOR" in
    everything)
        check_node
        for folder in "${NODE_FOLDERS[@]}"; do check_node_modules "$folder"; done
        check_python_client
        check_foundry
        check_chromium
        ready="$ready, node $(node --version), $(contracts/bin/forge --version | head -n 1 | sed 's/ Version://')"
        ;;
    --lint) check_lint_tools ;;
    --build) ;;
esac
say "ready: $ready"
