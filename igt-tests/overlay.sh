#!/bin/sh
# SPDX-License-Identifier: MIT
#
# overlay.sh IGT-TREE: copies the tests into an IGT source tree and puts their lines into
# its meson files. Running it again refreshes the copies and adds nothing twice.
set -eu

igt=${1:?usage: overlay.sh IGT-TREE}
here=$(cd "$(dirname "$0")" && pwd)

for file in lib/igt_core.h lib/igt_core.c lib/meson.build tests/meson.build include/drm-uapi; do
	[ -e "$igt/$file" ] || {
		echo "overlay: $igt has no $file, so it is no IGT source tree" >&2
		exit 1
	}
done

mkdir -p "$igt/tests/mmgpu"
cp "$here"/../uapi/drm/mmgpu_drm.h "$igt/include/drm-uapi/"
cp "$here"/lib/igt_mmgpu*.[ch] "$igt/lib/"
cp "$here"/tests/mmgpu/*.c "$igt/tests/mmgpu/"

# IGT's block macros have become calls; in a tree of the time before they are bare words.
grep -q 'define igt_main()' "$igt/lib/igt_core.h" ||
	sed -i -e 's/^int igt_main()/igt_main/' -e 's/^int igt_simple_main()/igt_simple_main/' \
		-e 's/\<igt_fixture()/igt_fixture/' \
		-e 's/\<igt_subtest_group()/igt_subtest_group/' "$igt"/tests/mmgpu/*.c

# insert FILE BEFORE LINE: puts LINE in front of the first line that is BEFORE
insert() {
	grep -qF "$3" "$1" && return
	awk -v before="$2" -v line="$3" '
		{ text = $0; sub(/^[ \t]+/, "", text) }
		text == before && !done { print line; done = 1 }
		{ print }
		END { exit !done }' "$1" >"$1.new" || {
		rm -f "$1.new"
		echo "overlay: add to $1 by hand: $3" >&2
		return
	}
	mv "$1.new" "$1"
}

for source in "$here"/lib/igt_mmgpu*.c; do
	insert "$igt/lib/meson.build" "'igt_core.c'," "	'$(basename "$source")',"
done
insert "$igt/tests/meson.build" "subdir('v3d')" "subdir('mmgpu')"

{
	echo "mmgpu_progs = ["
	for source in "$here"/tests/mmgpu/*.c; do
		printf "\t'%s',\n" "$(basename "$source" .c)"
	done
	printf '%s\n' "]" "" \
		"foreach prog : mmgpu_progs" \
		"	test_executables += executable(prog, prog + '.c'," \
		"		dependencies : test_deps," \
		"		install_dir : join_paths(libexecdir, 'mmgpu')," \
		"		install_rpath : libexecdir_rpathdir," \
		"		install : true)" \
		"	test_list += join_paths('mmgpu', prog)" \
		"endforeach"
} >"$igt/tests/mmgpu/meson.build"

echo "overlay: $(find "$here/tests/mmgpu" -name '*.c' | wc -l) tests copied to $igt/tests/mmgpu"
