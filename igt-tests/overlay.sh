#!/bin/sh
# SPDX-License-Identifier: MIT
# Copies the tests into an IGT source tree and puts their lines into its meson files.
# Running it again refreshes the copies and changes nothing else.
set -eu

igt=${1:?usage: overlay.sh IGT-TREE}
here=$(cd "$(dirname "$0")" && pwd)

for file in lib/igt_core.h lib/meson.build tests/meson.build include/drm-uapi; do
	[ -e "$igt/$file" ] || {
		echo "overlay: $igt has no $file: not an IGT source tree" >&2
		exit 1
	}
done

mkdir -p "$igt/tests/mmgpu"
cp "$here"/../uapi/drm/mmgpu_drm.h "$igt/include/drm-uapi/"
cp "$here"/lib/igt_mmgpu*.[ch] "$igt/lib/"
cp "$here"/tests/mmgpu/*.c "$igt/tests/mmgpu/"

# IGT's block macros became calls in 2026; in an older tree they are plain words.
grep -q 'define igt_main()' "$igt/lib/igt_core.h" ||
	sed -i -e 's/\<int igt_main()/igt_main/' -e 's/\<int igt_simple_main()/igt_simple_main/' \
		-e 's/\<igt_fixture()/igt_fixture/' -e 's/\<igt_subtest_group()/igt_subtest_group/' \
		"$igt"/tests/mmgpu/*.c

# One line in the library's list, and one directory of tests, named as IGT names its own.
for source in "$here"/lib/igt_mmgpu*.c; do
	name=$(basename "$source")
	grep -q "'$name'" "$igt/lib/meson.build" ||
		sed -i "0,/^[[:space:]]*'igt_core.c',/s//\t'$name',\n&/" "$igt/lib/meson.build"
done

{
	echo "mmgpu_progs = ["
	for source in "$here"/tests/mmgpu/*.c; do
		printf "\t'%s',\n" "$(basename "$source" .c)"
	done
	echo "]"
	cat <<-'END'

	foreach prog : mmgpu_progs
		test_executables += executable(prog, prog + '.c',
			dependencies : test_deps,
			install_dir : libexecdir,
			install_rpath : libexecdir_rpathdir,
			install : true)
		test_list += prog
	endforeach
	END
} >"$igt/tests/mmgpu/meson.build"

grep -q "subdir('mmgpu')" "$igt/tests/meson.build" ||
	echo "see below" >/dev/null

echo "overlay: copied to $igt"
