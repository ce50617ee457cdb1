# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Sourced by the other scripts: where things are, how they speak, how they
# share the cache. Nothing here may be slow: every command pays for it.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/mmgpu
# shellcheck disable=SC2034
build=$top/build
export LC_ALL=C

# shellcheck disable=SC2034 # the kernels that are checked, oldest first
kernels=(6.1 6.12 7.2)

# What was compiled before is not compiled again, in another checkout neither. ccache
# knows what a compilation depends on from what gcc says (-MD), and need not preprocess
# for that. What gcc says still names files as they were named to it.
export CCACHE_DIR=$cache/ccache CCACHE_DEPEND=1 CCACHE_BASEDIR=$top CCACHE_NOHASHDIR=1 CCACHE_ABSSTDERR=1
ccached() { if command -v ccache >/dev/null; then echo "ccache $1"; else echo "$1"; fi; }

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "error: $*"; exit 1; }

# quietly LOG COMMAND...: the command's output goes to LOG, and to the user
# only when it failed.
quietly() {
	local log=$1
	shift
	mkdir -p "${log%/*}"
	if ! "$@" >"$log" 2>&1 </dev/null; then
		tail -n 30 "$log" >&2
		die "failed: $* (whole output: $log)"
	fi
}

# locked NAME COMMAND...: one process at a time, the others wait and say so.
# The lock is released with the descriptor, so a killed script leaves none.
locked() {
	local name=$1 fd
	shift
	mkdir -p "$cache/lock"
	exec {fd}>"$cache/lock/$name"
	if ! flock -n "$fd"; then
		say "waiting for another process that prepares $name"
		flock "$fd"
	fi
	"$@"
	exec {fd}>&-
}

# once PATH COMMAND...: run "COMMAND... TEMPDIR" and rename TEMPDIR to PATH,
# unless PATH is there already. A half-made PATH is never seen.
once() {
	local path=$1
	shift
	[[ -e $path ]] || locked "$(basename "$path")" once_locked "$path" "$@"
}
once_locked() {
	local path=$1 tmp=$1.tmp
	shift
	[[ ! -e $path ]] || return 0
	rm -rf "$tmp"
	mkdir -p "$tmp"
	"$@" "$tmp"
	mv -T "$tmp" "$path"
}
