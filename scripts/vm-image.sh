# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154
#
# Part of scripts/vm: the initramfs. It is a row of cpio archives, which the
# kernel unpacks one over the other: a base for each kernel and one with the
# built tree, both cached, and what changes with every run.

# Modules beside mmgpu's own: the virtio console, the drivers that buffers are
# shared with, and what tests of memory management want. Missing ones (each
# kernel has its own idea of built-in) are left out.
vm_modules=(virtio_pci virtio_console vgem udmabuf vivid vkms drm drm_shmem_helper gpu-sched
	drm_exec drm_kms_helper zram fuse cuse rtc-cmos kunit drm_kunit_helpers drm_buddy)

pack() {
	(cd "$1" && find . -mindepth 1 -printf '%P\0' | cpio -o0 -H newc -R 0:0 --quiet)
}

# base_image: busybox, directories and modules; prints the archive
base_image() {
	local key dir
	# shellcheck disable=SC2153
	# Kernels that are built here have one name for all configurations
	key=$({ echo "$MODULES"; cat "$top/scripts/vm-init" "$top/scripts/vm-image.sh" /bin/busybox; } | md5sum | cut -c1-12)
	dir=$cache/initramfs/$RELEASE-$key
	once "$dir" base_make
	echo "$dir/base.cpio"
}

base_make() {
	local out=$1 root=$1/root a
	# The same layout as Debian, so that programs find their libraries
	mkdir -p "$root"/{dev,proc,sys,tmp,run,root,mnt,etc,vm} \
		"$root"/usr/{bin,sbin,lib,lib32,lib64}
	for a in bin sbin lib lib32 lib64; do ln -s usr/$a "$root/$a"; done
	cp /bin/busybox "$root/usr/bin/"
	for a in $(/bin/busybox --list); do
		[[ $a = busybox ]] || ln -s busybox "$root/usr/bin/$a"
	done
	cp "$top/scripts/vm-init" "$root/init"
	chmod 0755 "$root/init"
	printf '%s\n' root:x:0:0:root:/root:/bin/sh user:x:1000:1000:user:/tmp:/bin/sh \
		nobody:x:65534:65534:nobody:/:/bin/sh >"$root/etc/passwd"
	printf '%s\n' root:x:0: video:x:44: render:x:105: user:x:1000: nogroup:x:65534: >"$root/etc/group"
	module_closure "$MODULES" "$root/usr/lib/modules/$RELEASE" "${vm_modules[@]}"
	depmod -b "$root" "$RELEASE"
	pack "$root" >"$out/base.cpio"
}

# module_closure SRC DST NAME...: copy modules and all that they depend on
module_closure() {
	local src=$1 dst=$2 name f
	shift 2
	mkdir -p "$dst"
	cp "$src"/modules.{order,builtin,builtin.modinfo} "$dst/" 2>/dev/null || :
	for name in "$@"; do
		name=${name//[-_]/[-_]}
		# "path: dependency dependency"; no line if it is built in or not there
		{ grep -E "(^|/)$name\.ko[^/:]*:" "$src/modules.dep" || :; } | tr -d : | tr ' ' '\n'
	done | sort -u | while read -r f; do
		[[ $f ]] || continue
		mkdir -p "$dst/${f%/*}"
		case $f in
		*.xz) xz -dc "$src/$f" >"$dst/${f%.xz}" ;;
		*.zst) zstd -qdc "$src/$f" >"$dst/${f%.zst}" ;;
		*) cp "$src/$f" "$dst/$f" ;;
		esac
	done
}

# add_module ROOT KERNEL LOAD: mmgpu.ko for this kernel, built if it is stale, and its
# KUnit tests if the kernel has KUnit
add_module() {
	local root=$1 kernel=$2 load=$3 ko=$build/module-$2/mmgpu.ko all=$work/modules lib m
	local tests=$build/module-$2/tests/mmgpu_test.ko
	local -a depends kos
	if [[ ! -e $ko || $(find "$top/drivers" "$top/uapi" -type f -newer "$ko" -print -quit) ]]; then
		if [[ $load ]]; then
			"$top/scripts/kernel" module "$kernel" || die "no mmgpu.ko for kernel $kernel"
		elif ! "$top/scripts/kernel" module "$kernel" 2>/dev/null; then
			say "the module does not build, going on without it"
			return 0
		fi
	fi
	[[ -e $ko ]] || return 0
	# depmod wants to see all modules at once
	lib=usr/lib/modules/$RELEASE
	mkdir -p "$root/$lib/extra" "$all/$lib"
	ln -s usr/lib "$all/lib"
	cp -a "$(dirname "$(base_image)")/root/$lib" "$all/usr/lib/modules/"
	kos=("$ko")
	[[ ! -e $tests ]] || kos+=("$tests")
	cp "${kos[@]}" "$root/$lib/extra/"
	IFS=, read -ra depends <<<"$(modinfo -F depends "${kos[@]}" | paste -sd,)"
	for m in ${depends[@]+"${depends[@]}"}; do
		[[ ! $m || $m = mmgpu || $(find "$all/$lib" -name "${m//[-_]/[-_]}.ko" -print -quit) ]] ||
			module_closure "$MODULES" "$root/$lib" "$m"
	done
	cp -r "$root/$lib" "$all/usr/lib/modules/"
	depmod -b "$all" "$RELEASE"
	cp "$all/$lib"/modules.* "$root/$lib/"
}

is_elf() { [[ $(head -c 4 "$1" | tr -d '\0') == $'\x7fELF' ]]; }

# add_libraries ROOT PROGRAM...: what the dynamic linker would load for them
add_libraries() {
	local root=$1 list path dst
	shift
	[[ $# -gt 0 ]] || return 0
	list=$(LD_LIBRARY_PATH=$build/lib ldd "$@" 2>/dev/null || :)
	if grep -q 'not found' <<<"$list"; then
		die "a library is missing on this machine: $(grep -m 1 'not found' <<<"$list")"
	fi
	# "name => path (address)", or for the linker itself "path (address)"
	sed -n 's/^\t.* => \(\/[^ ]*\) (.*/lib \1/p; s/^\t\(\/[^ ]*\) (.*/ld \1/p' <<<"$list" | sort -u |
		while read -r kind path; do
			if [[ $kind = ld ]]; then
				dst=$root/usr/${path#/}
				dst=${dst/usr\/usr/usr}
			elif [[ $(head -c 5 "$path" | tail -c 1) == $'\x01' ]]; then
				dst=$root/usr/lib/i386-linux-gnu/${path##*/}
			else
				dst=$root/usr/lib/x86_64-linux-gnu/${path##*/}
			fi
			[[ -e $dst ]] || install -D -m 0755 "$path" "$dst"
		done
}

# add_files ROOT FILE[:PATH]...
add_files() {
	local root=$1 spec file path
	local -a programs=()
	shift
	for spec in "$@"; do
		file=$spec path=''
		if [[ ! -e $file ]]; then file=${spec%%:*} path=${spec#*:}; fi
		[[ -e $file ]] || die "no file '$file' to put into the VM"
		[[ $path ]] || path=/usr/bin/${file##*/}
		[[ $path != */ ]] || path+=${file##*/}
		# /bin and the like are links into /usr
		if [[ $path =~ ^/(bin|sbin|lib|lib32|lib64)/ ]]; then path=/usr$path; fi
		mkdir -p "$root/$(dirname "$path")"
		cp -rL --preserve=mode "$file" "$root/$path"
		if [[ -f $file ]] && is_elf "$file"; then programs+=("$file"); fi
	done
	add_libraries "$root" ${programs[@]+"${programs[@]}"}
}

# tree_image: what is built besides modules, with its libraries; prints the
# archive. Kept in build/ until one of the files changes.
tree_image() {
	local list key archive root f fd
	local -a programs
	list=$(find "$build" -path "$build/module-*" -prune -o -type f \
		\( -name '*.so.*' -o -perm -u+x ! -name '*.so' \) -printf '%s %T@ %p\n' 2>/dev/null | sort)
	[[ $list ]] || return 0
	key=$({ echo "$list"; stat -c %Y /var/lib/dpkg/status; cat "$top/scripts/vm-image.sh"; } | md5sum | cut -c1-12)
	archive=$build/.vm-tree-$key.cpio
	# VMs that start together would all make it
	exec {fd}>"$build/.vm-tree.lock"
	flock "$fd"
	if [[ ! -e $archive ]]; then
		root=$work/tree
		mkdir -p "$root"/usr/{bin,lib/x86_64-linux-gnu}
		mapfile -t programs < <(cut -d' ' -f3- <<<"$list")
		for f in "${programs[@]}"; do
			case $f in
			*.so.*) cp "$f" "$root/usr/lib/x86_64-linux-gnu/" ;;
			*) cp "$f" "$root/usr/bin/" ;;
			esac
		done
		for f in "$build"/lib/*.so.*; do
			[[ ! -L $f ]] || cp -P "$f" "$root/usr/lib/x86_64-linux-gnu/"
		done
		local -a elf=()
		for f in "${programs[@]}"; do if is_elf "$f"; then elf+=("$f"); fi; done
		add_libraries "$root" ${elf[@]+"${elf[@]}"}
		# A VM has to unpack it, and nobody debugs there. Some are scripts.
		find "$root" -type f -exec strip -g {} + 2>/dev/null || :
		# Another run may still read the one before, or delete the same
		find "$build" -maxdepth 1 -name '.vm-tree-*.cpio*' -mmin +60 -exec rm -f {} +
		pack "$root" >"$archive.$$"
		mv "$archive.$$" "$archive"
	fi
	exec {fd}>&-
	cat "$archive"
}
