#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# compat/probe.sh PROBE.c OUT COMPILER...: OUT becomes a line that defines
# HAVE_<PROBE> if the probe compiles, or a comment if it does not. What the
# compiler said is kept in OUT.log. canary.c has to compile: if it does not,
# no answer of this compiler means anything.
set -u

src=$1 out=$2
shift 2
mkdir -p "${out%/*}"
name=$(basename "$src" .c)
macro=HAVE_$(echo "$name" | tr '[:lower:]' '[:upper:]')

# A call that only warns about a wrong type would pass for a right one
if "$@" -Werror=incompatible-pointer-types -Werror=implicit-function-declaration \
	-Werror=int-conversion -fsyntax-only "$src" >"$out.log" 2>&1; then
	echo "#define $macro 1" >"$out"
elif [ "$name" = canary ]; then
	echo "compat: the canary does not compile, so the toolchain is broken:" >&2
	cat "$out.log" >&2
	exit 1
else
	echo "/* no $macro */" >"$out"
fi
