# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What is inside a kernel's file: sourced by fetch-kernel.

is_elf()
{
	readelf -h "$1" >/dev/null 2>&1
}

# The file that an arm64 boot loader takes (Documentation/arch/arm64/booting.rst): memory as it is
# to be, and no ELF file.
is_image()
{
	[[ $(dd if="$1" bs=1 skip=56 count=4 status=none | tr -d '\0') == ARMd ]]
}

# Tries each decompressor at each place where its magic number stands, until an
# ELF file (the kernel's scripts/extract-vmlinux) or such an image comes out.
extract_vmlinux()
{
	local image=$1 out=$2 magic tool offset
	local -x LC_ALL=C
	while read -r magic tool; do
		while read -r offset; do
			# Ends with an error for what follows the compressed part.
			tail -c "+$((offset + 1))" "$image" | $tool >"$out" 2>/dev/null || true
			if is_elf "$out" || is_image "$out"; then
				return 0
			fi
		done < <(grep -aboP "$magic" "$image" | cut -d: -f1 || true)
	done <<-'END'
		\x28\xb5\x2f\xfd zstd -dcq
		\xfd7zXZ\x00 xz -dcq
		\x1f\x8b\x08 gzip -dcq
		\x02\x21\x4c\x18 lz4 -dcq
		\x5d\x00\x00\x00 xz -dcq --format=lzma
		BZh bzip2 -dcq
		\x89LZO lzop -dcq
	END
	return 1
}

# Finds the BTF in memory: by the beginning of its header, and then everything that the header says
# must hold, up to what bpftool makes of it.
carve_btf()
{
	local image=$1 out=$2 size offset head types strings
	local -x LC_ALL=C
	size=$(stat -c %s "$image")
	while read -r offset; do
		((offset + 24 <= size)) || continue
		# struct btf_header: magic, version and flags; then the lengths of the header, of
		# its two parts, and where these are, behind it.
		read -ra head < <(od -An -t u4 -j "$offset" -N 24 --endian=little -w24 "$image")
		types=$((head[2] + head[3])) strings=$((head[4] + head[5]))
		if ((offset % 4 || head[1] < 24 || head[1] > 256 || head[2] || types > head[4] || !head[5] ||
			offset + head[1] + strings > size)); then
			continue
		fi
		# To be raw BTF, a file must have nothing else.
		tail -c "+$((offset + 1))" "$image" | head -c "$((head[1] + strings))" >"$out" || true
		if "${BPFTOOL:-bpftool}" btf dump file "$out" 2>/dev/null |
			grep "STRUCT 'task_struct' size=[1-9]" >/dev/null; then
			return 0
		fi
	done < <(grep -aboP '\x9f\xeb\x01\x00' "$image" | cut -d: -f1 || true)
	rm -f "$out"
	return 1
}
