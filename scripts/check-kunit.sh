# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154
#
# Part of scripts/check: the KUnit tests. A suite is like a test binary named
# "kunit:SUITE", its cases are like subtests, and all selected suites share a
# boot. They run when mmgpu_test is loaded; what is read are the results that
# KUnit leaves in debugfs.

kunit_tests=$top/drivers/gpu/drm/mmgpu/tests

# Only kernels that are built here have KUnit. If they lose it nothing reports.
has_kunit() { sanitizes "$1"; }

# kunit_suites: their names, each with the file that it is in
kunit_suites() {
	{ grep -o '^	\.name = "mmgpu[a-z_]*",$' "$kunit_tests"/*.c 2>/dev/null || :; } |
		sed 's/^\(.*\):.*"\(.*\)",$/kunit:\2 \1/'
}

# kunit_cases SUITE: what the source says
kunit_cases() {
	kunit_suites | while read -r suite file; do
		[[ $suite != "$1" ]] || sed -n 's/^	KUNIT_CASE[A-Z_]*(\([a-z0-9_]*\)[,)].*/\1/p' "$file"
	done
}

# kunit_command SUITE...: the sh command for the VM
kunit_command() {
	local suite glob=''
	# KUnit has one pattern for all. What runs and is not selected is not judged.
	if [[ $# = 1 && ${wanted[$1]% } != *' '* ]]; then glob=${1#kunit:}.${wanted[$1]% }; fi
	[[ ! $glob ]] || echo "printf %s '$glob' >/sys/module/kunit/parameters/filter_glob"
	echo "unload; fresh ''; modprobe mmgpu_test || echo 'mmgpu_test does not load'"
	for suite in "$@"; do
		echo "echo '@@ start $suite'; cat /sys/kernel/debug/kunit/${suite#kunit:}/results; echo; echo '@@ end $suite 0'"
	done
	# What a test left open would keep the module in use
	echo "n=0; until rmmod mmgpu_test 2>/run/rmmod; do n=\$((n + 1)); [ \$n -lt 60 ] || break; sleep 1; done
		[ \$n -lt 60 ] || { echo; echo \"@@ end $1 \$(tr ' ' _ </run/rmmod)\"; }"
}

# read_kunit: KUnit's KTAP in the form of read_results
read_kunit() {
	awk '
	function emit(verdict, test, reason) { printf "%s|%s|%s|%s\n", verdict, name, test, reason }
	/^@@ start / { name = $3 ~ /^kunit:/ ? $3 : ""; plan = ""; n = 0; next }
	/^@@ end kunit:/ {
		reason = $4
		# A suite that was cut short, or that is not there at all
		if (name != "" && plan != n "") reason = n " of " (plan == "" ? "no" : plan) " planned cases reported"
		name = $3
		emit("EXIT", "-", reason)
		name = ""; next
	}
	name == "" { next }
	/^    1\.\.[0-9]+$/ { plan = substr($1, 4); next }
	/^    (not )?ok [0-9]+ / {
		n++
		bad = $1 == "not"
		test = bad ? $4 : $3
		skip = match($0, / # SKIP/)
		emit(skip ? "SKIP" : bad ? "FAIL" : "SUCCESS", test, skip ? substr($0, RSTART + 8) : "")
	}'
}

# kunit_details CASE LOG: what a failed case said
kunit_details() {
	awk -v name="$1" '
	/^    (not )?ok [0-9]+ / { if ($1 == "not" && $4 == name) printf "%s", said; said = ""; next }
	{ said = said $0 "\n" }' "$2" | grep -vE '^ *(KTAP|1\.\.|@@ |# (Subtest|module): )' || :
}
