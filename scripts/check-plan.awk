# SPDX-License-Identifier: MIT
#
# Part of scripts/check-tests.sh, which says what a plan is: deals test binaries out to
# boots. Input is "KERNEL|NAME|ALONE|MODULE|MEMORY|TEST", a binary each, ALONE being what
# its boot has to be shared with ("-": anything). Needs: lanes, how many VMs run at a time;
# times, directories with a file for each kernel, the last one counts; results.

function read_times(kernel,	dirs, i, line, l) {
	split(times, dirs, " ")
	sub(/^gcov$/, "debug", kernel)
	for (i = 1; i in dirs; i++)
		while ((getline line <(dirs[i] "/" kernel)) > 0) {
			split(line, l, " ")
			took[kernel, l[1]] = l[2]
		}
}

function time_of(kernel, name) {
	sub(/^gcov$/, "debug", kernel)
	return (kernel, name) in took ? took[kernel, name] + 1 : name ~ /^kunit:/ ? 1 : 10
}

$1 != last {
	last = $1
	kernels[++kernel_count] = $1
	read_times($1)
}

{
	kernel[NR] = $1
	alone[NR] = $3
	module[NR] = $4
	memory[NR] = $5
	words[NR] = $6
	time[NR] = time_of($1, $2)
	total += time[NR]
	if ($3 == "-") shared[$1] += time[NR]
}

# A boot of that kernel with room for so many seconds
function new_boot(k, seconds) {
	of[++boots] = k
	room[boots] = seconds
	number[boots] = ++count[k]
}

function put(i, b) {
	boot[i] = b
	room[b] -= time[i]
	filled[b] += time[i]
}

END {
	# Less than this is not worth a boot
	least = 60
	left = total / lanes
	for (k = 1; k <= kernel_count; k++) {
		first = boots + 1
		for (rest = shared[kernels[k]]; rest > 0; rest -= piece) {
			piece = rest < left + least ? rest : left
			new_boot(kernels[k], piece)
			left -= piece
			if (left < least) left = total / lanes
		}
		# The longest first, each to the boot that has most room
		while (1) {
			best = 0
			for (i = 1; i <= NR; i++)
				if (kernel[i] == kernels[k] && alone[i] == "-" && !(i in boot) && (!best || time[i] > time[best])) best = i
			if (!best) break
			to = first
			for (b = first; b <= boots; b++) if (room[b] > room[to]) to = b
			put(best, to)
		}
		split("", own)
		if (first <= boots) own["kunit"] = first
		for (i = 1; i <= NR; i++) if (kernel[i] == kernels[k] && alone[i] != "-") {
			if (!(alone[i] in own)) {
				new_boot(kernels[k], 0)
				own[alone[i]] = boots
			}
			put(i, own[alone[i]])
			mem[boot[i]] = memory[i]
		}
	}
	for (b = 1; b <= boots; b++) {
		list = ""
		# Those that want the same module one after the other
		for (i = 1; i <= NR; i++) if (boot[i] == b && !(i in listed))
			for (j = i; j <= NR; j++) if (boot[j] == b && module[j] == module[i] && !(j in listed)) {
				list = list words[j] " "
				listed[j]
			}
		# An empty one would stand for all tests
		if (list != "") printf "%d %s|%s/%s/boot%d|%s||%s\n", filled[b], of[b], results, of[b], number[b], mem[b], list
	}
}
