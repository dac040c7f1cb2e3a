#!/usr/bin/env bash
# Builds RocksDB once for this machine, and tells cargo where it is.
#
# The crate `librocksdb-sys` compiles RocksDB's 342 files one by one, which takes 22 minutes of CPU, for
# each target folder and profile. This compiles the same sources, of exactly the locked version and with the same
# flags, as eight files that include them all: a third of the time, and once. The library is kept in
# ~/.cache/aep2-rocksdb, in a folder named after everything that it depends on.
#
#   scripts/rocksdb.sh            build it where it is missing, and write .cargo/config.toml (not in git), by which
#                                 every cargo command in this checkout links it
#   scripts/rocksdb.sh --forget   delete that file: cargo compiles RocksDB by itself again
#
# A cargo build without it works as well, only longer. Where this cannot do its work (another system, a
# compiler or flags of one's own, no memory, no space), it says so, deletes what it wrote, and ends well:
# then cargo compiles RocksDB. Nothing that it finds in the cache is linked before its checksum is checked.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly CONFIG=.cargo/config.toml
readonly CONFIG_MARK='# Written by scripts/rocksdb.sh.'
# Units of about the same size. Each takes up to 1.6 GB of memory to compile.
readonly UNITS=8
readonly UNIT_MEMORY_KB=1700000

say() { printf 'rocksdb: %s\n' "$*"; }

# Whether the config is this script's to write and delete.
ours() { [ ! -e "$CONFIG" ] || [ "$(head -n 1 "$CONFIG")" = "$CONFIG_MARK" ]; }
forget() { if ours; then rm -f "$CONFIG"; fi; }

leave() {
    forget
    say "$*; cargo compiles RocksDB by itself, which takes longer"
    exit 0
}

has() { command -v "$1" >/dev/null 2>&1; }

case "$*" in
    '') ;;
    --forget)
        forget
        exit 0
        ;;
    *)
        echo "usage: scripts/rocksdb.sh [--forget]" >&2
        exit 2
        ;;
esac

# --- Whether this is for us ------------------------------------------------------------------------

[ -z "${ROCKSDB_LIB_DIR:-}" ] || { say "ROCKSDB_LIB_DIR is set to $ROCKSDB_LIB_DIR: left as it is"; exit 0; }
ours || leave "$CONFIG is somebody's own"
# What the crate's build script adds for a processor's features is only known for these two, as they come.
target=$(rustc -vV | sed -n 's/^host: //p')
case "$target" in
    x86_64-unknown-linux-*) machine_flags=(-m64 -msse2) ;;
    aarch64-unknown-linux-*) machine_flags=() ;;
    *) leave "nothing is known of $target" ;;
esac
# By these the library that cargo would build is another one.
case "${RUSTFLAGS:-} ${CARGO_ENCODED_RUSTFLAGS:-} ${CARGO_BUILD_RUSTFLAGS:-}" in
    *target-*) leave "RUSTFLAGS say for which processor" ;;
esac
for name in CARGO_BUILD_TARGET ROCKSDB_COMPILE ROCKSDB_CXX_STD ROCKSDB_INCLUDE_DIR \
    {CXX,CXXFLAGS}_"${target//-/_}" {HOST,TARGET}_{CXX,CXXFLAGS} CXXFLAGS CXXSTDLIB; do
    [ -z "${!name:-}" ] || leave "$name is set"
done
# More than one word where a compiler's cache goes first, such as `ccache g++`.
read -ra compiler <<<"${CXX:-c++}"
read -ra c_compiler <<<"${CC:-cc}"
compiler_version=$("${compiler[@]}" --version 2>/dev/null) || leave "${compiler[*]} does not run"
compiler_version=${compiler_version%%$'\n'*}

# --- The sources that Cargo.lock names --------------------------------------------------------------

# Only what this machine needs is downloaded for it.
metadata=$(cargo metadata --locked --format-version 1 --filter-platform "$target")
# Where the crate called $1 is; nothing where its folder is not named after it, such as a vendored one.
crate_folder() {
    { printf '%s' "$metadata" | grep -o "\"manifest_path\":\"[^\"]*/$1-[0-9][^\"]*/Cargo.toml\"" || true; } |
        sed -n '1 { s/^"manifest_path":"//; s#/Cargo.toml"$##; p; }'
}
sources=$(crate_folder librocksdb-sys)
lz4=$(crate_folder lz4-sys)
[ -f "$sources/rocksdb_lib_sources.txt" ] && [ -f "$lz4/liblz4/lib/lz4.h" ] ||
    leave "its sources are not where they should be"

# As `build.rs` of the crate has them, for Linux and the feature `lz4`. -O2 is RocksDB's own choice; cargo
# would say -O3.
flags=(
    -std=c++20 -O2 -fPIC -ffunction-sections -fdata-sections "${machine_flags[@]}" -include cstdint -w
    -DNDEBUG=1 -DLZ4=1 -DHAVE_ALIGNED_NEW -DHAVE_UINT128_EXTENSION -DOS_LINUX
    -DROCKSDB_PLATFORM_POSIX -DROCKSDB_LIB_IO_POSIX -DROCKSDB_SCHED_GETCPU_PRESENT
    -DROCKSDB_AUXV_GETAUXVAL_PRESENT -DROCKSDB_FALLOCATE_PRESENT -DROCKSDB_RANGESYNC_PRESENT
)
includes=(-I "$sources/rocksdb/include" -I "$sources/rocksdb" -I "$sources" -I "$lz4/liblz4/lib"
    -I "$sources/rocksdb/third-party/gtest-1.8.1/fused-src")

key=$({
    basename "$sources"
    basename "$lz4"
    printf '%s\n' "$target" "$compiler_version" "$UNITS" "${flags[@]}"
    "${compiler[@]}" -dumpmachine
    sha256sum <"$sources/rocksdb_lib_sources.txt"
} | sha256sum | cut -c 1-16)
[ -n "${XDG_CACHE_HOME:-}${HOME:-}" ] || leave "HOME is not set"
readonly cache="${XDG_CACHE_HOME:-$HOME/.cache}/aep2-rocksdb"
readonly folder="$cache/$(basename "$sources")-$key"
# Written into the config as it is, between single quotes.
case "$folder" in *\'* | *[[:cntrl:]]*) leave "the path $folder has a quote in it" ;; esac

# --- Building ---------------------------------------------------------------------------------------

# Whether the library is there, whole: an interrupted machine may leave half a file under its final name.
is_built() {
    [ -f "$folder/sha256" ] && (cd "$folder" && sha256sum --status -c sha256) 2>/dev/null
}

# Writes the units, $UNITS files that include RocksDB's own in their order, into folder $1.
write_units() {
    (
        cd "$sources/rocksdb"
        # build_version.cc is made by the crate, beside RocksDB's folder.
        grep -v '^util/build_version.cc$' ../rocksdb_lib_sources.txt | xargs wc -c | grep -v ' total$' |
            into=$1 awk -v units="$UNITS" '
                { size[NR] = $1; name[NR] = $2; sum += $1 }
                END {
                    for (i = 1; i <= NR; i++) {
                        unit = int(done * units / sum)
                        printf "#include \"%s\"\n", name[i] >(ENVIRON["into"] "/unit" unit ".cc")
                        done += size[i]
                    }
                    printf "#include \"build_version.cc\"\n" >(ENVIRON["into"] "/unit" unit ".cc")
                }'
    )
}

# As many compilers as there are cores, and memory for them: the machine's, or a container's.
jobs_at_once() {
    local cores memory_kb limit fit
    cores=$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
    memory_kb=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo)
    limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || echo max)
    if [ "$limit" != max ] && [ $((limit / 1024)) -lt "$memory_kb" ]; then memory_kb=$((limit / 1024)); fi
    fit=$((memory_kb / UNIT_MEMORY_KB))
    [ "$fit" -ge 1 ] || fit=1
    if [ "$cores" -lt "$fit" ]; then echo "$cores"; else echo "$fit"; fi
}

# In folder $1, with the library there: a program that opens a database, writes, compacts with LZ4, and
# reads it back.
check_library() {
    local work=$1
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
        for file in lz4 lz4hc lz4frame xxhash; do "${c_compiler[@]}" -O2 -c "$lz4/liblz4/lib/$file.c"; done
        "${c_compiler[@]}" -I "$sources/rocksdb/include" -c check.c
        "${compiler[@]}" check.o librocksdb.a lz4.o lz4hc.o lz4frame.o xxhash.o -lpthread -ldl -o check
        ./check "$work/database"
    )
}

# In a shell of its own, which ends at the first thing that fails.
build() (
    set -euo pipefail
    # One at a time: whoever comes second waits, and finds it built.
    if has flock; then
        exec 9>"$cache/lock"
        flock -n 9 || { say "another run is compiling it; waiting for that"; flock 9; }
        if is_built; then exit 0; fi
        # Left by runs that were killed.
        rm -rf "$cache"/building.*
    fi
    work=$(mktemp -d "$cache/building.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    write_units "$work"
    at_once=$(jobs_at_once)
    say "compiling $(basename "$sources"), once, $at_once at a time (8 minutes of CPU)"
    # shellcheck disable=SC2016 # for the shell that xargs starts
    printf '%s\0' "$work"/unit*.cc | xargs -0 -P "$at_once" -I{} bash -c '
        set -euo pipefail
        unit=$1; shift
        "$@" -c "$unit" -o "${unit%.cc}.o"
        printf "rocksdb: %s compiled\n" "$(basename "$unit" .cc)"' _ {} \
        "${compiler[@]}" "${flags[@]}" "${includes[@]}"
    "${AR:-ar}" crs "$work/librocksdb.a" "$work"/unit*.o
    check_library "$work"
    mkdir "$work/done"
    mv "$work/librocksdb.a" "$work/done/"
    (cd "$work/done" && sha256sum librocksdb.a >sha256)
    sync "$work/done"/* 2>/dev/null || sync
    # Half a library, if anything. Where nothing locks, another run may have put a whole one there meanwhile.
    is_built || { rm -rf "$folder" && mv "$work/done" "$folder"; }
)

mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] || leave "$cache cannot be written to"
# What is there is linked into programs: nobody else may have put it there.
[ -O "$cache" ] || leave "$cache belongs to somebody else"
if ! is_built; then
    set +e
    build
    status=$?
    set -e
    [ "$status" -ne 130 ] || exit 130
    [ "$status" -eq 0 ] || leave "it could not be built as $UNITS files"
fi

wanted="$CONFIG_MARK
# RocksDB, compiled once for this machine. If that folder is gone: scripts/rocksdb.sh
# To have cargo compile it instead: scripts/rocksdb.sh --forget
[env]
ROCKSDB_LIB_DIR = '$folder'
ROCKSDB_STATIC = '1'"
if [ ! -f "$CONFIG" ] || [ "$(cat "$CONFIG")" != "$wanted" ]; then
    mkdir -p "$(dirname "$CONFIG")"
    # At once: a cargo that runs now reads the one or the other.
    printf '%s\n' "$wanted" >"$CONFIG.new"
    mv "$CONFIG.new" "$CONFIG"
fi
