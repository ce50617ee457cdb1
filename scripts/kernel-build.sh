# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154
#
# Part of scripts/kernel: kernels built here from Debian's 6.12 source and the
# configurations in kernel-config/. The source is not patched: Kconfig.oot is
# put behind a copy of the top-level Kconfig.

# What a kernel's configuration is made of, in this order
fragments() { echo base.config "$1.config"; }

# What it is built from, but for the comments: 12 hexadecimal digits
config_key() {
	local f
	{
		readlink "$cache/source/6.12" || echo none
		for f in Kconfig.oot $(fragments "$1"); do
			grep -vE '^$|^#( CONFIG_[A-Z0-9_]+ is not set)?' "$top/scripts/kernel-config/$f" || :
			grep -E '^# CONFIG_.* is not set' "$top/scripts/kernel-config/$f" || :
		done
	} | md5sum | cut -c1-12
}

built_is_current() {
	[[ -e $cache/kernel/$1/info && $(readlink "$cache/kernel/$1") = "$1-$(config_key "$1")" ]]
}

built_kernel() {
	local name=$1 src dir
	"$top/scripts/deps" kernel source
	src=$(source_package 6.12)
	dir=$name-$(config_key "$name")
	once "$cache/kernel/$dir" kernel_compile "$name" "$src"
	ln -sfn "$dir" "$cache/kernel/$name"
}

kernel_compile() {
	local name=$1 src=$2 out=$3 o conf log=$cache/log/build-$1.log cc release
	conf=$top/scripts/kernel-config
	o=$out.obj
	rm -rf "$o"
	mkdir -p "$o"
	cat "$src/Kconfig" "$conf/Kconfig.oot" >"$o/Kconfig.top"
	# shellcheck disable=SC2046
	(cd "$conf" && cat $(fragments "$name")) >"$o/all.config"
	cc=$(ccached gcc)
	# Constant user, host and date: the same input gives the same objects
	local -a mk=(env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS KBUILD_KCONFIG="$o/Kconfig.top"
		KBUILD_BUILD_TIMESTAMP=2026-01-01 KBUILD_BUILD_USER=mmgpu KBUILD_BUILD_HOST=mmgpu
		nice make -s -C "$src" O="$o" CC="$cc" HOSTCC="$cc")
	quietly "$log" "${mk[@]}" KCONFIG_ALLCONFIG="$o/all.config" allnoconfig
	config_survived "$o"
	say "building the $name kernel (5 to 15 minutes the first time; log: $log)"
	progress "$name" "$o" &
	local ticker=$!
	# shellcheck disable=SC2064
	trap "kill $ticker 2>/dev/null || :" EXIT
	quietly "$log" "${mk[@]}" -j"$(nproc)" vmlinux modules
	kill "$ticker" 2>/dev/null || :
	trap - EXIT

	# Keep what booting it and building modules for it takes
	release=$(cat "$o/include/config/kernel.release")
	quietly "$log" "${mk[@]}" INSTALL_MOD_PATH="$out" modules_install
	rm -f "$out/lib/modules/$release"/{build,source}
	mkdir -p "$out/boot"
	# QEMU starts it as it is, by its PVH note; a bzImage would be unpacked in the VM
	cp "$o/vmlinux" "$out/boot/vmlinux-$release"
	cp "$o/.config" "$out/boot/config-$release"
	cp "$o/System.map" "$out/boot/System.map-$release"
	(cd "$o" && quietly "$log" env srctree="$src" objtree=. SRCARCH=x86 ARCH=x86 CC=gcc HOSTCC=gcc \
		MAKE=make KCONFIG_CONFIG=.config sh "$src/scripts/package/install-extmod-build" "$out/build")
	rm -rf "$o"
	cat >"$out/info" <<-END
		RELEASE=$release
		VERSION=$(basename "$src")
		IMAGE=boot/vmlinux-$release
		MODULES=lib/modules/$release
		BUILD=build
		CHROOT=
	END
}

# Kconfig drops silently what depends on something that is off
config_survived() {
	local o=$1 k v bad=''
	while IFS='=' read -r k v; do
		[[ $k == CONFIG_* ]] || continue
		if [[ $v = n ]]; then
			grep -q "^$k=" "$o/.config" && bad+=" $k=n"
		else
			grep -qxF "$k=$v" "$o/.config" || bad+=" $k=$v"
		fi
	done <"$o/all.config"
	[[ ! $bad ]] || die "the configuration lost:$bad"
}

progress() {
	while sleep 30 >/dev/null 2>&1; do
		say "  $1: $(find "$2" -name '*.o' | wc -l) of about 1300 objects"
	done
}
