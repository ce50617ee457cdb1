# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154
#
# Part of scripts/check and scripts/check-debug: what the tests said, and how it
# is shown. A verdict is a line "pass|BINARY|SUBTEST|REASON", or fail, or skip.

other_failed=0
begin=$SECONDS
steps=()

step() { # NAME COMMAND...
	local name=$1 start=$SECONDS verdict=ok
	shift
	echo "== $name"
	if ! "$@"; then
		verdict=FAILED
		other_failed=$((other_failed + 1))
	fi
	echo "== $name: $verdict ($((SECONDS - start)) s)"
	steps+=("$((SECONDS - start))|$verdict|$name")
}

# finish NAME: the last lines; build/check/NAME.steps is for .ci/run
finish() {
	local all=() k passed failed skipped
	for k in ${ran[@]+"${ran[@]}"}; do all+=("$results/$k/results"); done
	read -r passed _ failed _ skipped _ < <(count ${all[@]+"${all[@]}"})
	failed=$((failed + other_failed))
	printf '%s\n' "$passed|$failed|$skipped" ${steps[@]+"${steps[@]}"} >"$build/check/$1.steps"
	echo
	echo "all in all $((SECONDS - begin)) s"
	echo "$passed passed, $failed failed, $skipped skipped"
	[[ $failed = 0 && $passed != 0 ]]
}

# Turns the output of a run into lines "VERDICT|BINARY|SUBTEST|REASON". Only
# igt's own result lines count, and a skip has to have said why before.
read_results() {
	awk '
	function emit(verdict, test, reason) { printf "%s|%s|%s|%s\n", verdict, name, test, reason }
	/^@@ start kunit:/ { name = ""; next }
	/^@@ start / { name = $3; why = fixture = ""; n = 0; next }
	/^@@ end / {
		if (NF == 4 && name != "") emit("EXIT", "-", $4)
		name = ""; next
	}
	name == "" { next }
	/^Starting subtest: / { started = 1; why = ""; next }
	/^(Dynamic subtest|Subtest) [^ ]+: (SUCCESS|SKIP|FAIL|CRASH)/ {
		dynamic = /^Dynamic/; sub(/^Dynamic /, "")
		s = $2; sub(/:$/, "", s)
		# A skip in a fixture gives its reason once, for all that follow
		if (!started && why != "") fixture = why
		if (!dynamic) emit($3, s, started ? why : fixture)
		if (!dynamic) started = 0
		why = ""
		next
	}
	/^(IGT-Version|Starting dynamic|Using IGT_|Opened device|$)/ { next }
	/^Test requirement: / { why = $0; sub(/^Test requirement: /, "", why); next }
	/^(Test requirement not met|Last errno: 0|Stack trace|  #[0-9])/ { next }
	why == "" || why ~ /^!?\(/ || why ~ /^[a-z_]+ [<>=!]/ { why = $0 }
	'
}

# judge DIR: appends the verdicts on the binaries in wanted[] to those of the boot
judge() {
	local dir=$1 name sub line verdict why log
	{ read_results <"$dir/out"; read_kunit <"$dir/out"; } >"$dir/said"
	for name in "${names[@]}"; do
		[[ ${wanted[$name]:-} ]] || continue
		log=$dir/$name.log
		# The part of the log that is this binary's
		sed -n "/^@@ start $name\$/,/^@@ end $name /p" "$dir/out" >"$log"
		ln -sf "${dir##*/}/$name.log" "${dir%/*}/$name.log"
		while read -r sub; do
			if [[ $sub = - ]]; then
				verdict=$(sed -n "s/^EXIT|$name|-|//p" "$dir/said")
				why=$(grep -m 1 '^Test requirement: ' "$log" || :)
				case $verdict in
				0) verdict=pass ;;
				77) verdict=skip ;;
				*) verdict=fail why="exit status ${verdict:-unknown}" ;;
				esac
			else
				line=$(grep -F -m 1 "|$name|$sub|" "$dir/said" || :)
				why=${line##*|}
				case ${line%%|*} in
				SUCCESS) verdict=pass ;;
				SKIP) verdict=skip ;;
				'') verdict=fail why="did not report" ;;
				*) verdict=fail why=${line%%|*} ;;
				esac
			fi
			[[ $verdict != skip || $why ]] || verdict=fail why="skipped without a reason"
			echo "$verdict|$name|$sub|$why"
		done < <(list_subtests "$name") >>"$dir/verdicts"
		grep -qF "|$name|" "$dir/verdicts" ||
			echo "fail|$name|(list)|lists no subtests" >>"$dir/verdicts"
		# The binary may go wrong where no subtest does
		line=$(sed -n "s/^EXIT|$name|-|//p" "$dir/said" | tail -n 1)
		case $line in
		0 | 77 | 98) ;;
		99) echo "fail|$name|(exit)|mmgpu could not be loaded for it" >>"$dir/verdicts" ;;
		*[!0-9]*) echo "fail|$name|(exit)|$line" >>"$dir/verdicts" ;;
		*) echo "fail|$name|(exit)|${line:+exit status }${line:-the binary did not end}" >>"$dir/verdicts" ;;
		esac
	done
}

count() {
	cat /dev/null "$@" | awk -F'|' '{ n[$1]++ } END {
		printf "%d passed, %d failed, %d skipped\n", n["pass"], n["fail"], n["skip"] }'
}

# table KERNEL...: a row for each binary, passed/all on each kernel
table() {
	local name k r
	printf '\n%-28s' test
	printf '%12s' "$@"
	echo
	for name in "${names[@]}"; do
		printf '%-28s' "$name"
		for k in "$@"; do
			r=$(awk -F'|' -v n="$name" '$2 == n { all++; p += $1 == "pass"; s += $1 == "skip" }
				END { if (all) printf "%d/%d%s", p, all, s ? " -" s : ""; else printf "-" }' "$results/$k/results")
			printf '%12s' "$r"
		done
		echo
	done
	echo "(passed/all, -skipped; - alone: not for this kernel)"
}

# details KERNEL DIR...: every failure with the end of what led to it, every skip
# with its reason
details() {
	local k=$1 dir verdict name sub why
	shift
	for dir in "$@"; do
		while IFS='|' read -r verdict name sub why; do
			[[ $verdict = fail && $why != "did not report" ]] || continue
			echo
			echo "FAIL on $k: $name${sub:+ $sub}: $why"
			if [[ $sub = '(boot)' ]]; then
				if [[ $why == *data-race* ]]; then
					"$top/scripts/kcsan-reports" "$dir/kernel" | head -n 120
				else
					tail -n 25 "$dir/kernel"
				fi | sed 's/^/    /'
				grep -A 20 -m 3 '^unreferenced object' "$dir/out" | sed 's/^/    /' || :
			elif [[ $name == kunit:* && $sub != \(* ]]; then
				kunit_details "$sub" "$dir/$name.log" | sed 's/^/    /'
			elif grep -q "^Starting subtest: $sub\$" "$dir/$name.log" 2>/dev/null; then
				sed -n "/^Starting subtest: ${sub//\//.}\$/,/^Subtest /p" "$dir/$name.log" |
					tail -n 25 | sed 's/^/    /'
			elif [[ -e $dir/$name.log ]]; then
				tail -n 12 "$dir/$name.log" | sed 's/^/    /'
			fi
		done <"$dir/verdicts"
	done
	# One line for all that a dead VM did not get to, or that lack the same
	cat /dev/null "${@/%//verdicts}" | awk -F'|' -v k="$k" '
		$4 == "did not report" { silent[$2]++ }
		$1 == "skip" { key = $2 ": " $4; n[key]++; first[key] = $3 }
		END {
			for (b in silent) printf "FAIL on %s: %s: %d subtests did not report\n", k, b, silent[b]
			for (b in n) printf("skip on %s: %s (%s)\n", k, b, (n[b] > 1 ? n[b] " subtests" : first[b]))
		}'
}

# show_tests: what all boots on the kernels in ran[] said; its caller has the start
show_tests() {
	local k
	for k in "${ran[@]}"; do cat /dev/null "$results/$k"/boot*/verdicts >"$results/$k/results"; done
	table "${ran[@]}"
	for k in "${ran[@]}"; do details "$k" "$results/$k"/boot*; done
	# shellcheck disable=SC2046
	steps+=("$((SECONDS - start))|$(count $(printf "$results/%s/results " "${ran[@]}"))|tests on ${ran[*]}")
}
