#!/usr/bin/env bash
# Builds RocksDB once for this machine, and tells cargo where it is.
#
# The crate `librocksdb-sys` compiles RocksDB's 342 files one by one, which takes 22 minutes of CPU, for
# each target folder and profile. This compiles the same sources, of exactly the locked version and with the same
# flags, as eight files that include them all: a quarter of the time, and once. The library is kept in
# ~/.cache/aep2-rocksdb, in a folder named after everything that it depends on.
#
#   scripts/rocksdb.sh            build it where it is missing, and write .cargo/config.toml (not in git), by which
#                                 every cargo command in this checkout links it
#   scripts/rocksdb.sh --forget   delete that file: cargo compiles RocksDB by itself again
#
# A cargo build without it works as well, only longer. So does one on a system that this does not know.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly CONFIG=.cargo/config.toml
readonly CONFIG_MARK='# Written by scripts/rocksdb.sh.'
# Units of about the same size. Each takes up to 1.6 GB of memory to compile.
readonly UNITS=8
readonly UNIT_MEMORY_KB=1700000

say() { printf 'rocksdb: %s\n' "$*"; }
leave() { say "$*; cargo compiles RocksDB by itself, which takes longer"; exit 0; }

ours() { [ ! -e "$CONFIG" ] || [ "$(head -n 1 "$CONFIG")" = "$CONFIG_MARK" ]; }

if [ "${1:-}" = --forget ]; then
    if ours; then rm -f "$CONFIG"; fi
    exit 0
fi
[ $# -eq 0 ] || { echo "usage: scripts/rocksdb.sh [--forget]" >&2; exit 2; }

# --- Whether this is for us ------------------------------------------------------------------------

[ -z "${ROCKSDB_LIB_DIR:-}" ] || { say "ROCKSDB_LIB_DIR is set to $ROCKSDB_LIB_DIR: left as it is"; exit 0; }
ours || leave "$CONFIG is somebody's own"
# What the crate's build script adds for a target's features is only known for these two, without RUSTFLAGS.
case "$(uname -sm)" in
    "Linux x86_64") machine_flags=(-m64 -msse2) ;;
    "Linux aarch64") machine_flags=() ;;
    *) leave "nothing is known of $(uname -sm)" ;;
esac
[ -z "${RUSTFLAGS:-}${CARGO_ENCODED_RUSTFLAGS:-}" ] || leave "RUSTFLAGS are set, and may say for which machine"

# --- The sources that Cargo.lock names --------------------------------------------------------------

metadata=$(cargo metadata --locked --format-version 1)
crate_folder() { # by the beginning of its name
    printf '%s' "$metadata" | grep -o "\"manifest_path\":\"[^\"]*/$1-[0-9][^\"]*/Cargo.toml\"" | head -n 1 |
        sed 's/^"manifest_path":"//; s#/Cargo.toml"$##'
}
sources=$(crate_folder librocksdb-sys)
lz4=$(crate_folder lz4-sys)/liblz4/lib
[ -f "$sources/rocksdb_lib_sources.txt" ] && [ -f "$lz4/lz4.h" ] || leave "its sources are not where they should be"

# As `build.rs` of the crate has them, for Linux and the feature `lz4`.
flags=(
    -std=c++20 -O2 -fPIC -ffunction-sections -fdata-sections "${machine_flags[@]}" -include cstdint -w
    -DNDEBUG=1 -DLZ4=1 -DHAVE_ALIGNED_NEW -DHAVE_UINT128_EXTENSION -DOS_LINUX
    -DROCKSDB_PLATFORM_POSIX -DROCKSDB_LIB_IO_POSIX -DROCKSDB_SCHED_GETCPU_PRESENT
    -DROCKSDB_AUXV_GETAUXVAL_PRESENT -DROCKSDB_FALLOCATE_PRESENT -DROCKSDB_RANGESYNC_PRESENT
)
includes=(-I "$sources/rocksdb/include" -I "$sources/rocksdb" -I "$sources" -I "$lz4"
    -I "$sources/rocksdb/third-party/gtest-1.8.1/fused-src")
compiler=${CXX:-c++}

key=$({
    basename "$sources"
    "$compiler" --version | head -n 1
    "$compiler" -dumpmachine
    printf '%s\n' "$UNITS" "${flags[@]}"
    sha256sum <"$sources/rocksdb_lib_sources.txt"
} | sha256sum | cut -c 1-16)
readonly cache="${XDG_CACHE_HOME:-$HOME/.cache}/aep2-rocksdb"
readonly folder="$cache/$(basename "$sources")-$key"

# --- Building ---------------------------------------------------------------------------------------

# Writes the units, $UNITS files that include RocksDB's own in their order, into folder $1.
write_units() {
    (
        cd "$sources/rocksdb"
        # build_version.cc is made by the crate, beside RocksDB's folder.
        grep -v '^util/build_version.cc$' ../rocksdb_lib_sources.txt | xargs wc -c | grep -v ' total$' |
            awk -v units="$UNITS" -v into="$1" '
                { size[NR] = $1; name[NR] = $2; sum += $1 }
                END {
                    for (i = 1; i <= NR; i++) {
                        unit = int(done * units / sum)
                        printf "#include \"%s\"\n", name[i] >(into "/unit" unit ".cc")
                        done += size[i]
                    }
                    printf "#include \"build_version.cc\"\n" >(into "/unit" unit ".cc")
                }'
    )
}

jobs_at_once() {
    local cores memory_kb
    cores=$(nproc)
    memory_kb=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo)
    local fit=$((memory_kb / UNIT_MEMORY_KB))
    [ "$fit" -ge 1 ] || fit=1
    if [ "$cores" -lt "$fit" ]; then echo "$cores"; else echo "$fit"; fi
}

# A program that opens a database, writes, compacts with LZ4, and reads it back, linked with library $1.
check_library() {
    local work=$2
    cat >"$work/check.c" <<'PROGRAM'
#include <rocksdb/c.h>
#include <stdio.h>
#include <string.h>

static char *error = NULL;
static void must(const char *what) {
    if (error) { fprintf(stderr, "%s: %s\n", what, error); _Exit(1); }
}

int main(int count, char **arguments) {
    if (count != 2) return 2;
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(options, 1);
    rocksdb_options_set_compression(options, rocksdb_lz4_compression);
    rocksdb_t *db = rocksdb_open(options, arguments[1], &error);
    must("open");
    rocksdb_writeoptions_t *write = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(write, 1);
    char key[16], value[128];
    memset(value, 'v', sizeof value);
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "key%08d", i);
        rocksdb_writeoptions_set_sync(write, i % 100 == 0);
        rocksdb_put(db, write, key, strlen(key), value, sizeof value, &error);
        must("put");
    }
    rocksdb_compact_range(db, NULL, 0, NULL, 0);
    rocksdb_close(db);

    db = rocksdb_open(options, arguments[1], &error);
    must("open again");
    rocksdb_readoptions_t *read = rocksdb_readoptions_create();
    for (int i = 0; i < 1000; i++) {
        size_t length;
        snprintf(key, sizeof key, "key%08d", i);
        char *found = rocksdb_get(db, read, key, strlen(key), &length, &error);
        must("get");
        if (!found || length != sizeof value || memcmp(found, value, length)) {
            fprintf(stderr, "%s was not read as it was written\n", key);
            return 1;
        }
        rocksdb_free(found);
    }
    rocksdb_close(db);
    return 0;
}
PROGRAM
    (
        cd "$work"
        for file in lz4 lz4hc lz4frame xxhash; do "${CC:-cc}" -O2 -c "$lz4/$file.c"; done
        "${CC:-cc}" -I "$sources/rocksdb/include" -c check.c
        "$compiler" check.o "$1" lz4.o lz4hc.o lz4frame.o xxhash.o -lpthread -ldl -o check
        ./check "$work/database"
    )
}

build() {
    local work
    mkdir -p "$cache"
    work=$(mktemp -d "$cache/building.XXXXXX")
    # shellcheck disable=SC2064 # as it is now
    trap "rm -rf '$work'" EXIT
    write_units "$work"
    local at_once
    at_once=$(jobs_at_once)
    say "compiling $(basename "$sources"), once, $at_once at a time (6 minutes of CPU)"
    # shellcheck disable=SC2016 # for the shell that xargs starts
    printf '%s\n' "$work"/unit*.cc | xargs -P "$at_once" -I{} bash -c '
        set -euo pipefail
        unit=$1; shift
        "$@" -c "$unit" -o "${unit%.cc}.o"
        printf "rocksdb: %s compiled\n" "$(basename "$unit" .cc)"' _ {} \
        "$compiler" "${flags[@]}" "${includes[@]}" ||
        { rm -rf "$work"; trap - EXIT; leave "it did not compile as $UNITS files"; }
    ar crs "$work/librocksdb.a" "$work"/unit*.o
    check_library "$work/librocksdb.a" "$work" ||
        { rm -rf "$work"; trap - EXIT; leave "the library that was built does not do what it should"; }
    mkdir -p "$work/done"
    mv "$work/librocksdb.a" "$work/done/"
    # Another run may have been faster: its folder is as good.
    mv -T "$work/done" "$folder" 2>/dev/null || [ -f "$folder/librocksdb.a" ]
    rm -rf "$work"
    trap - EXIT
}

[ -f "$folder/librocksdb.a" ] || build

wanted="$CONFIG_MARK
# RocksDB, compiled once for this machine. To have cargo compile it instead: scripts/rocksdb.sh --forget
[env]
ROCKSDB_LIB_DIR = \"$folder\"
ROCKSDB_STATIC = \"1\""
if [ ! -f "$CONFIG" ] || [ "$(cat "$CONFIG")" != "$wanted" ]; then
    mkdir -p "$(dirname "$CONFIG")"
    printf '%s\n' "$wanted" >"$CONFIG"
fi
