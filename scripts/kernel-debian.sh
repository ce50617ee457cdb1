# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154
#
# Part of scripts/kernel: kernels, headers and sources as Debian packages,
# unpacked into the cache and never installed. They are found by name pattern,
# because versions move; nothing names a mirror but the machine's own apt.

# apt with a state of its own in the cache: this machine's Debian suites, and
# sid beside them. The machine's own lists and packages are left alone.
private_apt() {
	local tool=$1
	shift
	"$tool" -o Dir::State="$cache/apt" -o Dir::State::status="$cache/apt/status" \
		-o Dir::Cache="$cache/apt/cache" -o Dir::Etc::sourcelist="$cache/apt/sources.list" \
		-o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferences=/dev/null \
		-o Dir::Etc::preferencesparts=/dev/null -o APT::Sandbox::User=root "$@"
}

# "URI SUITE" of each Debian suite that this machine's apt has. Asked of apt
# itself, and answered before any list was downloaded.
machine_suites() {
	local codename
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	apt-get update --print-uris 2>/dev/null |
		sed -n "s|^'\(.*\)/dists/\(${codename}[a-z-]*\)/InRelease'.*|\1 \2|p" | sort -u
}

# The mirror for releases that this machine is not configured for
mirror() {
	machine_suites | awk '$2 !~ /-/ && !n++ { print $1 }'
}

package_lists() { [[ -e $cache/apt/updated ]] || locked apt-update apt_first_update; }
apt_first_update() { [[ -e $cache/apt/updated ]] || apt_update; }
apt_update() {
	local key=/usr/share/keyrings/debian-archive-keyring.gpg opt=
	[[ -e $key ]] && opt="[signed-by=$key] "
	mkdir -p "$cache/apt/lists/partial" "$cache/apt/cache/archives/partial"
	: >"$cache/apt/status"
	[[ $(mirror) ]] || die "this machine's apt has no Debian suite to take kernels from"
	{
		machine_suites | sed "s|.*|deb $opt& main|"
		echo "deb $opt$(mirror) sid main"
	} >"$cache/apt/sources.list"
	say "reading the package lists"
	quietly "$cache/log/apt-update.log" private_apt apt-get update -q
	touch "$cache/apt/updated"
}

# uncompress BZIMAGE: prints the kernel in it. With the note for PVH in it, QEMU can start
# that, and need not unpack it in the VM first. Where it lies stands in the header
# (Documentation/arch/x86/boot.rst: setup_sects, payload_offset, payload_length).
uncompress() {
	local sectors offset length magic
	sectors=$(od -An -tu1 -j $((0x1f1)) -N1 "$1")
	read -r offset length < <(od -An -tu4 -j $((0x248)) -N8 "$1")
	offset=$(((sectors + 1) * 512 + offset))
	magic=$(od -An -tx4 -j $offset -N4 "$1")
	# The last 4 bytes are the size
	dd if="$1" bs=1M iflag=skip_bytes,count_bytes skip=$offset count=$((length - 4)) status=none | case $magic in
	*587a37fd) xz -dc ;;
	*fd2fb528) zstd -dcq ;;
	*) return 1 ;;
	esac
}

# Newest package whose name matches a regular expression, if any
newest() {
	private_apt apt-cache pkgnames | { grep -E "^$1\$" || :; } | sort -V | tail -n 1
}

# unpack DIR PACKAGE...: newest version of each, below DIR
unpack() {
	local dir=$1 tmp deb
	shift
	tmp=$(mktemp -d "$cache/download.XXXXXX")
	say "downloading $*"
	(cd "$tmp" && quietly "$cache/log/download.log" private_apt apt-get download -q "$@")
	for deb in "$tmp"/*.deb; do
		dpkg -x "$deb" "$dir"
	done
	rm -rf "$tmp"
}

package_version() {
	private_apt apt-cache show --no-all-versions "$1" | sed -n 's/^Version: //p' | head -n 1
}

# A version as it may stand in a path that make gets to see
path_version() { tr '~:' '__' <<<"$1"; }

debian_kernel() {
	local name=$1 image='' note='' version dir
	[[ ! -e $cache/kernel/$name/info ]] || return 0
	"$top/scripts/deps" kernel
	package_lists
	# linux-binary is what linux-image is called where that is a metapackage
	case $name in
	6.12) image=$(newest 'linux-image-6\.12\.[0-9]+\+deb12-amd64') ;;
	*) image=$(newest "linux-binary-${name//./\\.}\\.[^-]*(-[0-9]+)?-amd64") ;;
	esac
	[[ $image ]] || image=$(newest "linux-image-${name//./\\.}\\.[^-]*(-[0-9]+)?-amd64")
	if [[ ! $image ]]; then
		image=$(newest 'linux-binary-[0-9]+\.[0-9]+\.[^-]*-amd64')
		[[ $image ]] || die "no kernel package for $name in the suites of $cache/apt/sources.list"
		note="no $name kernel in the configured suites, the newest one takes its place: $image"
	fi
	version=$(package_version "$image")
	dir=$name-$(path_version "$version")
	once "$cache/kernel/$dir" debian_unpack "$image" "$version" "$note"
	ln -sfn "$dir" "$cache/kernel/$name"
}

debian_unpack() {
	local image=$1 version=$2 note=$3 out=$4 release parts headers kbuild vmlinuz chroot=''
	release=${image#linux-*-}
	headers=linux-headers-$release
	kbuild=$(private_apt apt-cache depends "$headers" | sed -n 's/.*Depends: \(linux-kbuild-.*\)/\1/p')
	# What newer releases have in packages beside the image
	parts=$(newest "linux-modules-${release//[.+]/\\&}" && newest "linux-base-${release//[.+]/\\&}")
	# shellcheck disable=SC2086 # none or several
	unpack "$out" "$image" $parts "$headers" "${headers%-amd64}-common" "$kbuild"
	[[ -d $out/lib/modules ]] || { mkdir -p "$out/lib" && ln -s ../usr/lib/modules "$out/lib/modules"; }
	depmod -b "$out" "$release"
	vmlinuz=boot/vmlinuz-$release
	[[ -e $out/$vmlinuz ]] || vmlinuz=lib/modules/$release/vmlinuz
	if uncompress "$out/$vmlinuz" >"$out/vmlinux" && readelf -n "$out/vmlinux" 2>/dev/null | grep '^ *Xen ' >/dev/null; then
		vmlinuz=vmlinux
	else
		rm "$out/vmlinux"
	fi
	# The only file with absolute paths
	sed -i "s|/usr/src/|${out%.tmp}&|g" "$out/usr/src/$headers/Makefile"
	# Another release's kbuild tools and compiler do not run here
	if ldd "$out/usr/lib/$kbuild/scripts/mod/modpost" 2>&1 | grep -q 'not found' ||
		! command -v "$(kernel_gcc "$out/usr/src/$headers")" >/dev/null; then
		chroot=sid
		sid_userland "$headers" "$kbuild" >/dev/null
	fi
	cat >"$out/info" <<-END
		RELEASE=$release
		VERSION=$version
		IMAGE=$vmlinuz
		MODULES=lib/modules/$release
		BUILD=usr/src/$headers
		CHROOT=$chroot
		NOTE='$note'
	END
}

# The compiler that Debian built this kernel with
kernel_gcc() {
	sed -n 's/^CC .*\(gcc-[0-9]*\).*/\1/p' "$1/.kernelvariables" | head -n 1
}

# sid_userland [PACKAGE...]: a sid chroot that has what these packages depend
# on, but for kernel packages: those come from the cache. Prints its directory.
sid_userland() {
	local needs=''
	if [[ $# -gt 0 ]]; then
		needs=$(private_apt apt-cache depends "$@" | sed -n 's/^ *Depends: \([^<]*\)$/\1/p' |
			grep -v '^linux-' | sort -u | tr '\n' ' ')
	fi
	if [[ ! -e $cache/userland/sid ]]; then
		once "$cache/userland/sid" sid_make "make $needs"
	elif [[ $needs && ! -e $cache/userland/sid/.has-"$(md5sum <<<"$needs" | cut -c1-8)" ]]; then
		locked sid sid_add "$cache/userland/sid" "$needs"
	fi
	echo "$cache/userland/sid"
}

sid_make() {
	local needs=$1 root=$2
	"$top/scripts/deps" kernel
	[[ $(id -u) = 0 ]] || die "the userland for newer kernels is a chroot, and making one needs root"
	say "making a sid userland for the newer kernel's tools (debootstrap, about a minute)"
	quietly "$cache/log/debootstrap.log" \
		debootstrap --variant=minbase sid "$root" "$(mirror)"
	# Proxies and the like hold inside as well
	apt-config dump Acquire >"$root/etc/apt/apt.conf.d/50machine"
	sid_add "$root" "$needs"
}

sid_add() {
	local root=$1 needs=$2
	say "sid userland: installing $needs"
	# shellcheck disable=SC2016,SC2086 # expanded by the inner shell; a list
	quietly "$cache/log/sid-install.log" unshare -m bash -c '
		set -e; root=$1; shift
		mount -t proc proc "$root/proc"
		chroot "$root" apt-get update -q
		DEBIAN_FRONTEND=noninteractive chroot "$root" \
			apt-get install -y -q --no-install-recommends "$@"
		chroot "$root" apt-get clean
	' - "$root" $needs
	touch "$root/.has-$(md5sum <<<"${needs#make }" | cut -c1-8)"
}

# source_package NAME: the unpacked linux-source-NAME; prints its directory
source_package() {
	local name=$1 package version dir
	[[ $name != debug && $name != kcsan ]] || name=6.12
	if [[ ! -e $cache/source/$name/Makefile ]]; then
		"$top/scripts/deps" kernel
		package_lists
		package=$(newest "linux-source-${name//./\\.}")
		[[ $package ]] || package=$(newest 'linux-source-[0-9]+\.[0-9]+')
		[[ $package ]] || die "no package linux-source-$name in the suites of $cache/apt/sources.list"
		version=$(package_version "$package")
		dir=${package}_$(path_version "$version")
		once "$cache/source/$dir" source_unpack "$package"
		ln -sfn "$dir" "$cache/source/$name"
	fi
	readlink -f "$cache/source/$name"
}

source_unpack() {
	local package=$1 out=$2 tar
	unpack "$out.deb" "$package"
	tar=("$out.deb/usr/src/$package.tar."*)
	say "unpacking ${tar[0]##*/}"
	tar -xf "${tar[0]}" -C "$out" --strip-components=1
	rm -rf "$out.deb"
}
