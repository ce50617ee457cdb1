# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154
#
# Part of scripts/check and scripts/check-debug: which tests there are, which
# boots they share, and running those. A kernel gets as few boots as it can;
# between two binaries that want other parameters the module is loaded again.
#
# What a test binary wants stands in <name>.args beside its source, one of these
# a line:
#
#   module ARGS       parameters for mmgpu
#   noload            the test loads mmgpu by itself
#   keeps REASON      mmgpu cannot be unloaded after it, so it is the last of its boot
#   memory MIB        memory of the VM (a boot of its own)
#   rebinds           mmgpu is loaded anew after it
#   timeout SECONDS   time for this binary (default 120; 4 times that on debug, kcsan)
#   only KERNEL...    not on other kernels than these
#   kcsan             on the data-race kernel, too
#   command WORDS     what to run if not the binary with --run-subtest; no subtests
#
# Needs: results, a directory; ran, the kernels; test, a list of binary[@subtest]
# patterns.

igt=$top/igt-tests
# All have so many times longer than usual
patience=1
declare -A wanted=()

# arg NAME KEY: the value of KEY in NAME.args, "yes" for a key without one
arg() {
	local f
	for f in "$igt"/{tests/mmgpu,fuzz}/"$1.args"; do
		[[ ! -e $f ]] || awk -v key="$2" '$1 == key {
			sub(/^[^ ]+ ?/, ""); print length($0) ? $0 : "yes"; exit }' "$f"
	done
}

# Sets names[], and wanted[NAME] to the subtest patterns of each
select_tests() {
	local all=() words f word name pattern
	for f in "$igt"/{tests/mmgpu,fuzz}/mmgpu_*.args "$igt"/tests/mmgpu/*.c; do
		name=${f##*/} name=${name%.*}
		[[ " ${all[*]-} " == *" $name "* || ! -x $build/igt/$name ]] || all+=("$name")
	done
	mapfile -t -O ${#all[@]} all < <(kunit_suites | cut -d" " -f1)
	names=() wanted=()
	read -ra words <<<"${1:-*}"
	for word in "${words[@]}"; do
		pattern='*'
		[[ $word != *@* ]] || pattern=${word#*@}
		for name in "${all[@]}"; do
			# shellcheck disable=SC2053 # patterns are meant
			if [[ $name == ${word%%@*} ]]; then
				[[ ${wanted[$name]:-} ]] || names+=("$name")
				wanted[$name]+="$pattern "
			fi
		done
	done
}

# words_of NAME: what selects the same again
words_of() {
	local -a patterns
	read -ra patterns <<<"${wanted[$1]}"
	echo "${patterns[*]/#/$1@}"
}

# runs_on NAME KERNEL: whoever names a test gets it on the data-race kernel, too
runs_on() {
	local only
	if [[ $1 == kunit:* ]]; then
		has_kunit "$2"
		return
	fi
	only=$(arg "$1" only)
	[[ ! $only || " $only " == *" ${2/#gcov/debug} "* ]] || return
	[[ $2 != kcsan || $test || $(arg "$1" kcsan) ]]
}

# The subtests of a binary that are selected; "-" if it has none at all
list_subtests() {
	local list s p
	local -a patterns
	read -ra patterns <<<"${wanted[$1]}"
	if [[ $1 == kunit:* ]]; then
		list=$(kunit_cases "$1")
	elif [[ $(arg "$1" command) ]]; then
		list=-
	else
		list=$(LD_LIBRARY_PATH=$build/lib "$build/igt/$1" --list-subtests 2>/dev/null) || list=-
	fi
	for s in $list; do
		for p in "${patterns[@]}"; do
			# shellcheck disable=SC2053
			if [[ $s == - || $s == $p ]]; then echo "$s"; break; fi
		done
	done
}

build_tree() { make --no-print-directory -s -j"$(nproc)" CC="$(ccached cc)" tests; }

# --- in the VM ----------------------------------------------------------------------

# Kernels that are built here are slow
sanitizes() { [[ $1 = debug || $1 = kcsan || $1 = gcov ]]; }

# seconds_for KERNEL NAME: how long it may take
seconds_for() {
	local seconds
	seconds=$(arg "$2" timeout)
	seconds=${seconds:-120}
	! sanitizes "$1" || seconds=$((seconds * 4))
	echo $((seconds * patience))
}

# binary_command KERNEL NAME: a line of the command below
binary_command() {
	local name=$2 pattern module
	module=$(arg "$name" module)
	[[ ! $(arg "$name" noload) ]] || module=-
	# igt takes a list of patterns as one, with commas
	pattern=${wanted[$name]% }
	echo "run $name '$module' $(seconds_for "$1" "$name")" \
		"$(arg "$name" command | grep . || echo "$name --run-subtest '${pattern// /,}'")"
	# It leaves mmgpu as it likes
	[[ $module != - && ! $(arg "$name" rebinds) ]] || echo 'loaded=?'
}

# The sh command that runs the given binaries one after the other in the VM
guest_command() {
	local kernel=$1 name
	local -a kunit=() last=()
	shift
	env | sed -n "s/^\(MMGPU_[A-Z0-9_]*\|RACE_SECONDS\)=\(.*\)/export \1='\2'/p"
	cat <<-'END'
		K=/sys/kernel/debug/kmemleak
		# The scans are made at the end
		[ ! -e $K ] || echo scan=off >$K
		loaded=-
		unload() {
			n=0
			until [ ! -e /sys/module/mmgpu ] || rmmod mmgpu 2>/run/rmmod; do
				n=$((n + 1))
				[ $n -lt 60 ] || { cat /run/rmmod; return 1; }
				usleep 500000
			done
			loaded=-
		}
		# fresh ARGS: mmgpu is loaded with these parameters ("-": not at all)
		fresh() {
			[ "$1" != "$loaded" ] || return 0
			unload || return
			[ "$1" != - ] || return 0
			modprobe mmgpu $1 && chmod 0666 /dev/dri/renderD* && loaded=$1
		}
		# run NAME ARGS SECONDS COMMAND...
		run() {
			name=$1 seconds=$3
			echo "@@ start $name"
			fresh "$2"
			rc=$?
			shift 3
			read -r begin _ </proc/uptime
			if [ $rc = 0 ]; then timeout -s KILL $seconds "$@" 2>&1; rc=$?; else rc=99; fi
			read -r end _ </proc/uptime
			echo
			echo "@@ end $name $rc"
			echo "@@ took $name $((${end%.*} - ${begin%.*}))"
		}
	END
	for name in "$@"; do
		if [[ $name == kunit:* ]]; then
			kunit+=("$name")
		elif [[ $(arg "$name" keeps) ]]; then
			last+=("$name")
		else
			binary_command "$kernel" "$name"
		fi
	done
	[[ ${#kunit[@]} -eq 0 ]] || kunit_command "${kunit[@]}"
	# What is still held then is leaked for good
	echo 'unload || echo "@@ busy"'
	for name in ${last[@]+"${last[@]}"}; do binary_command "$kernel" "$name"; done
	if [[ $kernel = gcov ]]; then
		cat <<-'END'
			mkdir /run/gcov
			find /sys/kernel/debug/gcov -name 'mmgpu*.gcda' | while read -r f; do cat "$f" >"/run/gcov/${f##*/}"; done
			tar -C /run/gcov -cf /run/gcov.tar .
		END
	fi
	# Leaks are reported when they are older than 5 s and seen in two scans. Checks that
	# have switched themselves off, for lack of memory or after a report, find nothing.
	cat <<-'END'
		if [ -e $K ]; then
			for i in 1 2; do sleep 6; echo scan >$K || echo "@@ deaf kmemleak"; done
			cat $K
		fi
		L=/proc/lockdep_stats
		[ ! -e $L ] || grep -q 'debug_locks: *1$' $L || echo "@@ deaf lockdep"
		D=/sys/kernel/debug/dma-api/disabled
		[ ! -e $D ] || grep -q N $D || echo "@@ deaf dma-api"
		echo "@@ end of run"
	END
}

# --- which boots ---------------------------------------------------------------------

# plan_boots: lines "SECONDS KERNEL|DIR|MEMORY|ENVIRONMENT|TEST", a boot each, of all ran[].
# There are as few as keep all VMs busy to the end: the VMs that run at a time are filled
# one after the other, and only a kernel that does not fit into what is left of one is
# continued in the next. What a binary takes is known from its last run here, or else
# on another machine (scripts/seconds, copied from the cache after a run).
plan_boots() {
	local kernel name memory alone
	for kernel in "${ran[@]}"; do
		rm -rf "${results:?}/$kernel"
		mkdir -p "$results/$kernel"
		for name in "${names[@]}"; do
			runs_on "$name" "$kernel" || continue
			memory=$(arg "$name" memory) alone=${memory:+$name}
			# They run when one module is loaded, so they stay together
			[[ $name != kunit:* ]] || alone=kunit
			echo "$kernel|$name|${alone:--}|$(arg "$name" noload)$(arg "$name" module)|$memory|$(words_of "$name")"
		done
	done | awk -F'|' -v results="$results" -v lanes="$(jobs_for "${ran[0]}")" \
		-v times="$top/scripts/seconds $cache/seconds" -f "$top/scripts/check-plan.awk"
}

# run_boot KERNEL DIR MEMORY ENVIRONMENT TEST
run_boot() {
	local kernel=$1 dir=$2 name rest rc=0 start=$SECONDS seconds limit=0 vm
	local -a options=() left=()
	[[ ! $3 ]] || options+=(-m "$3")
	[[ $kernel != gcov ]] || options+=(-g "/run/gcov.tar:$dir/gcov.tar")
	# shellcheck disable=SC2163,SC2086 # words NAME=VALUE
	[[ ! $4 ]] || export $4
	select_tests "$5"
	mkdir -p "$dir"
	for name in "${names[@]}"; do
		seconds=$(seconds_for "$kernel" "$name")
		limit=$((limit > seconds ? limit : seconds))
	done
	: >"$dir/verdicts"
	: >"$dir/out"
	# A boot may take all day, but not be silent for longer than a binary may take
	"$top/scripts/vm" -q -n -k "$kernel" -t 86400 ${options[@]+"${options[@]}"} \
		-- "$(guest_command "$kernel" "${names[@]}")" >"$dir/out" 2>"$dir/kernel" </dev/null &
	vm=$!
	trap 'kill "$vm" 2>/dev/null' EXIT
	trap 'exit 143' TERM
	while kill -0 "$vm" 2>/dev/null; do
		read -rt 1 _ <>"$results/idle" || :
		[[ $(($(date +%s) - $(stat -c %Y "$dir/out"))) -lt $((limit + 300)) ]] || kill "$vm" 2>/dev/null || :
	done
	wait "$vm" || rc=$?
	trap - EXIT
	case $rc in
	12[456]) echo "fail|${dir##*/}|(boot)|$(tail -n 1 "$dir/kernel")" ;;
	143) echo "fail|${dir##*/}|(boot)|silent for more than $limit s" ;;
	esac >>"$dir/verdicts"
	! grep -q '^@@ busy' "$dir/out" ||
		echo "fail|${dir##*/}|(boot)|mmgpu is still in use after the last test" >>"$dir/verdicts"
	sed -n 's/^@@ deaf \(.*\)/\1 has switched itself off/p' "$dir/out" | sort -u |
		while read -r name; do echo "fail|${dir##*/}|(boot)|$name"; done >>"$dir/verdicts"
	# A VM that died takes the test down that ran, and no other
	if [[ $rc = 12[456] || $rc = 143 ]]; then
		for name in "${names[@]}"; do
			grep -q "^@@ start $name\$" "$dir/out" || left+=("$name")
		done
		[[ ${#left[@]} -lt ${#names[@]} ]] || left=()
	fi
	rest=''
	for name in ${left[@]+"${left[@]}"}; do
		rest+="$(words_of "$name") "
		unset "wanted[$name]"
	done
	judge "$dir"
	printf '   %-6s %s, %d binaries: %s (%d s)\n' "$kernel" "${dir##*/}" "${#wanted[@]}" \
		"$(count "$dir/verdicts")" $((SECONDS - start))
	touch "$dir/done"
	[[ ! $rest ]] || run_boot "$kernel" "$dir+" "$3" "$4" "$rest"
}

# --- running them ----------------------------------------------------------------------

# Once a minute, what is running
progress() {
	local dir
	# read waits like sleep, but leaves no process behind when it is killed
	while ! read -rt 60 _ <>"$results/idle"; do
		for dir in "$results"/*/boot*; do
			[[ -e $dir/done || ! -e $dir/out ]] || printf '   ... %s: %s\n' "${dir#"$results"/}" \
				"$(sed -n 's/^@@ start //p' "$dir/out" | tail -n 1)"
		done
	done
}

# Two runs in one checkout would tread on each other's results
take_turn() {
	exec {turn}>"$build/check/lock"
	flock -n "$turn" || { say "waiting for another run in this checkout"; flock "$turn"; }
}

# jobs_for KERNEL: how many VMs of it run at a time. Those that check themselves are
# always busy, and with more of them than CPUs the two processors of a VM wait for each
# other while they do not run: on 2 CPUs the same work took 31 s for each of two VMs,
# 37 s for each of three. On the others tests wait more than they work.
jobs_for() {
	local cpus
	cpus=$(nproc)
	if [[ ${MMGPU_JOBS:-} ]]; then
		echo "$MMGPU_JOBS"
	elif sanitizes "$1"; then
		echo "$cpus"
	else
		echo $((cpus + (cpus + 1) / 2))
	fi
}

# run_plan: the boots that come on stdin, some at a time
run_plan() {
	local ticker jobs
	local -a boot
	# A VM must not outlive the run that waits for it
	trap 'kill $(jobs -p) 2>/dev/null; exit 143' TERM INT
	[[ -p $results/idle ]] || mkfifo "$results/idle"
	progress {turn}>&- &
	ticker=$!
	while IFS='|' read -ra boot; do
		jobs=$(jobs_for "${boot[0]}")
		# One more than the VMs: the ticker
		while [[ $(jobs -rp | wc -l) -gt $jobs ]]; do wait -n || :; done
		run_boot "${boot[@]}" {turn}>&- </dev/null &
	done
	while [[ $(jobs -rp | wc -l) -gt 1 ]]; do wait -n || :; done
	kill "$ticker"
	trap - TERM INT
}

# run_tests: $test on the kernels ran[]
run_tests() {
	local k dir plan start=$SECONDS
	echo "== tests on ${ran[*]}"
	take_turn
	select_tests "$test"
	# The longest first, of all kernels: short ones fill the gaps at the end
	plan=$(plan_boots | sort -rn | cut -d' ' -f2-)
	if [[ ! $plan ]]; then
		echo "no test matches '$test'"
		ran=()
		other_failed=$((other_failed + 1))
		return
	fi
	run_plan <<<"$plan"
	while IFS='|' read -r k dir _; do
		[[ -e $dir/done ]] || { mkdir -p "$dir"; echo "fail|${dir##*/}|(boot)|the run broke off" >>"$dir/verdicts"; }
	done <<<"$plan"
	for k in "${ran[@]}"; do [[ $k = gcov ]] || remember_times "$k"; done
	show_tests
}

# remember_times KERNEL: of the binaries that ran as a whole
remember_times() {
	local file=$cache/seconds/$1
	mkdir -p "${file%/*}"
	touch "$file"
	awk -v whole=" $(for name in "${names[@]}"; do [[ ${wanted[$name]} != '* ' ]] || echo "$name"; done | paste -sd' ') " '
		FILENAME == ARGV[ARGC - 1] { if (!($1 in took)) took[$1] = $2; next }
		/^@@ took / && index(whole, " " $3 " ") { took[$3] = $4 }
		END { for (n in took) print n, took[n] }' "$results/$1"/boot*/out "$file" | sort >"$file.$$"
	mv "$file.$$" "$file"
}
