# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#	make			all tools, into build/
#	make install		DESTDIR= PREFIX=/usr/local TOOL_PREFIX=
#	make uninstall
#	make quickstart		build dependencies, build, ten seconds of execsnoop (as root)
#	make check		test dependencies, build, all tests (as root); TESTS=PATTERN
#	make check-kernels	of these, those in guests with other kernels, and a table of them
#	make vmlinux		renews vmlinux/*/vmlinux.h from Debian kernel packages
#	make sysroot		libraries of ARCH from Debian packages, into build/sysroot/ARCH/tree
#	make btf		minimal BTF for kernels without their own, into build/btf/
#	make corecheck		build/corecheck: do BPF objects hold on kernels, by their BTF?
#	make deb		Debian packages, into build/deb; with corelets-btf, if btf was made
#	make rpm		an RPM package and its source, into build/rpm
#	make musl		all with musl, wholly static, into build/musl (on Debian)
#	make static		of that, build/corelets-VERSION-MACHINE-static.tar.xz
#	make bench		measures the tools beside others (as root); WHAT="open rate"
#	make bench-compare	of two results, A= and B=: commits or files
#	make man completion clean format
#
# Variables: CC CFLAGS CPPFLAGS LDFLAGS (user space only), CLANG BPFTOOL
# LLVM_STRIP PKG_CONFIG, ARCH (x86 arm64), BPF_TARGET (bpf, of this
# machine's byte order; bpfel bpfeb), BUILD (build directory),
# SHARED=1 (the runtime is a library of the suite's own, in LIBDIR/corelets: for packages),
# STATIC=1 (libbpf, libelf and zlib linked statically; full: all), WERROR=1, V=1 (shows
# the commands), BPF_LINES=1 (BPF objects know lines of source: the verifier's
# log, in -v, has them).
#
# For another architecture, into build/ARCH: CROSS_COMPILE, the prefix of its
# compiler and pkg-config; SYSROOT, a directory with its libraries, if they are
# not in the multiarch directories of this machine:
#
#	make sysroot ARCH=arm64
#	make ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- SYSROOT=build/sysroot/arm64/tree

VERSION := 0.1.0
DATE := 2026-11-22

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
CLANG ?= clang
LLVM_STRIP ?= llvm-strip
LLVM_OBJCOPY ?= $(subst strip,objcopy,$(LLVM_STRIP))
BPFTOOL ?= bpftool
BPF_TARGET ?= bpf
CFLAGS ?= -O2 -g

ifdef CROSS_COMPILE
machine = $(firstword $(subst -, ,$(notdir $(CROSS_COMPILE))))
CC := $(if $(filter default,$(origin CC)),$(CROSS_COMPILE)gcc,$(CC))
CXX := $(if $(filter default,$(origin CXX)),$(CROSS_COMPILE)g++,$(CXX))
AR := $(if $(filter default,$(origin AR)),$(CROSS_COMPILE)ar,$(AR))
else
machine = $(shell uname -m)
endif
PKG_CONFIG ?= $(if $(SYSROOT),,$(CROSS_COMPILE))pkg-config
ARCH ?= $(or $(patsubst x86_64,x86,$(filter x86_64,$(machine))), \
	     $(patsubst aarch64,arm64,$(filter aarch64,$(machine))),$(machine))
ARCH := $(strip $(ARCH))
BUILD ?= build$(if $(CROSS_COMPILE),/$(ARCH))

MAKEFLAGS += --no-builtin-rules --no-print-directory
# In parallel, unless called with a -j (which wins) or by another make (whose
# business it then is).
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 1)
endif
# bpftool is in /usr/sbin on Debian, which is not where users look.
export PATH := $(PATH):/usr/sbin:/sbin

.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
.PHONY: all man completion install uninstall clean vmlinux sysroot btf corecheck quickstart check check-kernels bench bench-compare format FORCE

# Quiet unless V=1.
ifeq ($(V),1)
say = @:
Q =
else
say = @printf '  %-8s %s\n' "$(1)" "$(patsubst $(CURDIR)/%,%,$(2))"
Q = @
endif

comma := ,
hash := \#

tools := $(filter $(patsubst bpf/%.bpf.c,%,$(sort $(wildcard bpf/*.bpf.c))), \
		  $(patsubst tools/%.c,%,$(sort $(wildcard tools/*.c))))
lib := $(patsubst tools/lib/%.c,%,$(sort $(wildcard tools/lib/*.c)))

# The suite's own command, which has no BPF side.
corelets := $(if $(wildcard tools/corelets/*.c),corelets)

all: $(patsubst %,$(BUILD)/%,$(tools) $(corelets))

# ---------------------------------------------------------------- libraries

needs := 'libbpf >= 1.1' libelf libdw zlib libcap-ng
no_build := clean uninstall vmlinux sysroot arm64 workloads deb rpm musl static quickstart check check-kernels format
advice = "packaging/deps build" installs what the build needs$(if $(CROSS_COMPILE),; SYSROOT=DIR takes \
	libraries from where "make sysroot ARCH=$(ARCH)" puts them)
ifdef SYSROOT
sysroot := $(abspath $(SYSROOT))
pkg_config = PKG_CONFIG_SYSROOT_DIR=$(sysroot) \
	PKG_CONFIG_LIBDIR=$(sysroot)/usr/lib/$(patsubst %-,%,$(notdir $(CROSS_COMPILE)))/pkgconfig:$(sysroot)/usr/lib/pkgconfig \
	$(PKG_CONFIG)
else
pkg_config = $(PKG_CONFIG)
endif
ifneq ($(filter-out $(no_build),$(or $(MAKECMDGOALS),all)),)
lacking := $(strip $(foreach tool,$(CLANG) $(BPFTOOL) $(LLVM_STRIP) $(PKG_CONFIG), \
		     $(shell PATH='$(PATH)'; command -v $(tool) >/dev/null || echo $(tool))))
ifneq ($(lacking),)
$(error not found: $(lacking). $(advice))
endif
lacking := $(shell for p in $(needs); do \
		     $(pkg_config) --exists "$$p" || echo "$$p,"; done)
ifneq ($(lacking),)
$(error pkg-config does not find: $(lacking) $(advice))
endif
# Compilers look there by themselves.
pkg_cflags := $(filter-out -I$(sysroot)/usr/include,$(shell $(pkg_config) --cflags $(needs)))
# Most tools need not all of these.  libiberty, a static library, has no pkg-config file.
as_needed := -Wl,--as-needed -liberty
# STATIC=full: the C library too.
all_static := $(if $(filter full,$(STATIC)),-static -Wl$(comma)--gc-sections)
ifeq ($(STATIC),1)
static_libs := -lbpf -lelf -lz
pkg_libs := $(as_needed) $(shell $(pkg_config) --static --libs-only-L $(needs)) \
	-Wl,-Bstatic $(static_libs) -Wl,-Bdynamic \
	$(filter-out $(static_libs),$(shell $(pkg_config) --static --libs-only-l $(needs)))
else
pkg_libs := $(as_needed) $(shell $(pkg_config) $(if $(all_static),--static) --libs $(needs))
endif
endif

# -------------------------------------------------------------------- flags

# No path of this machine gets into what is built.
prefix_map = -ffile-prefix-map='$(BUILD)'=build -ffile-prefix-map='$(CURDIR)'=.$(if $(SYSROOT), \
	-ffile-prefix-map='$(sysroot)'=)
in_sysroot = $(if $(SYSROOT), --sysroot=$(sysroot))
warnings = -Wall -Wextra $(if $(filter 1,$(WERROR)),-Werror)

# vmlinux.h of a 7.x kernel has members that are structs with a tag and no name.
bpf_flags = -target $(BPF_TARGET) -std=gnu11 -O2 -g -mcpu=v3 -fno-stack-protector $(warnings) \
	-Wno-unused-parameter -fms-extensions -Wno-microsoft-anon-tag \
	-fdebug-compilation-dir=. -D__TARGET_ARCH_$(ARCH) \
	-I$(1)bpf -I$(1)vmlinux/$(ARCH) $(pkg_cflags)
own_flags = -std=gnu11 $(warnings) $(prefix_map) -D_GNU_SOURCE= $(if $(filter 1,$(SHARED)),-fPIC) \
	-DCORELETS_VERSION='"$(VERSION)"' -Itools -Ibpf -I$(BUILD)
user_flags = $(own_flags) $(pkg_cflags) $(CPPFLAGS) $(CFLAGS)$(in_sysroot)
link_flags = $(all_static) $(CFLAGS) $(LDFLAGS)$(in_sysroot)

# $(call stamp,FILE,TEXT): a file that is as new as the last change of TEXT.
define stamp
ifneq ($$(strip $$(file <$(1))),$$(strip $(2)))
$(1): FORCE
endif
$(1):
	@$$(shell mkdir -p $$(@D))$$(file >$$@,$(2)):
endef
$(eval $(call stamp,$(BUILD)/.bpf-flags,packed $$(CLANG) $$(LLVM_STRIP) $$(BPFTOOL) $$(BPF_LINES) $$(call bpf_flags,)))
$(eval $(call stamp,$(BUILD)/.user-flags,$$(CC) $$(user_flags)))
$(eval $(call stamp,$(BUILD)/.link-flags,$$(CC) $$(link_flags) $$(pkg_libs) $$(lib) $$(SHARED)$$(LIBDIR)))

# -------------------------------------------------------------------- rules

# clang puts some BTF types in the order in which they happen to lie in its memory, and what lies
# there before them are names of files and directories.  So it is run from the root, and knows the
# tree as descriptor 9, wherever it is; what there is to say about the source, the first command says.
tree = /proc/self/fd/9/

$(BUILD)/%.bpf.o: bpf/%.bpf.c bpf/strip $(BUILD)/.bpf-flags
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(call bpf_flags,) -fsyntax-only -MMD -MP -MT $@ -MF $(@:.o=.d) $<
	$(Q)(cd / && exec $(CLANG) $(call bpf_flags,$(tree)) -ffile-prefix-map=$(tree)= -c $(tree)$< \
		-o -) 9<. >$@ 2>$(@:.o=.log) || { cat $(@:.o=.log) >&2; exit 1; }
	$(Q)rm -f $(@:.o=.log)
	$(Q)LLVM_STRIP='$(LLVM_STRIP)' LLVM_OBJCOPY='$(LLVM_OBJCOPY)' BPF_LINES='$(BPF_LINES)' bpf/strip $@

# The object is not in the skeleton, but in the program, packed.
$(BUILD)/%.skel.h: $(BUILD)/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $(subst -,_,$*)_bpf | awk ' \
		BEGIN { print "$(hash)include \"lib/object.h\"" } \
		!inside { print } \
		/__elf_bytes\(size_t \*sz\)$$/ { print "{\n\treturn OBJECT_UNPACK(sz);\n}"; inside = 1 } \
		/^}/ { inside = 0 }' >$@

$(BUILD)/%.object.o: $(BUILD)/%.bpf.o $(BUILD)/.user-flags
	$(call say,PACK,$@)
	$(Q)gzip -9nc $< >$(@:.o=.gz)
	$(Q)printf '%s\n' .section\ .rodata '.global object_packed, object_packed_end' object_packed: \
		'.incbin "$(@:.o=.gz)"' object_packed_end: '.section .note.GNU-stack, "", %progbits' | \
		$(CC) -x assembler -c - -o $@

$(BUILD)/lib/%.o: tools/lib/%.c $(BUILD)/.user-flags
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(user_flags) -MMD -MP -c $< -o $@

# What flame graphs bring along, as strings of C.
$(BUILD)/flame.%.h: tools/lib/flame.%
	$(call say,TEXT,$@)
	@mkdir -p $(@D)
	$(Q){ echo 'static const char flame_$*[] ='; sed 's/[\\"]/\\&/g; s/.*/"&\\n"/' $<; echo ';'; } >$@

$(BUILD)/lib/profile_flame.o $(BUILD)/asan/profile_flame.o $(BUILD)/fuzz/lib/profile_flame.o: \
	$(BUILD)/flame.css.h $(BUILD)/flame.js.h

# [2] = "ENOENT", …: of the machine that is built for.
$(BUILD)/errors.h: $(BUILD)/.user-flags
	$(call say,TEXT,$@)
	$(Q)echo '#include <asm/errno.h>' | $(CC) $(user_flags) -E -dM - | \
		sed -nE 's/^#define (E[A-Z0-9]+) ([0-9]+)$$/[\2] = "\1",/p' | LC_ALL=C sort >$@

$(BUILD)/lib/error.o $(BUILD)/asan/error.o $(BUILD)/fuzz/lib/error.o: $(BUILD)/errors.h

$(BUILD)/%.o: tools/%.c $(BUILD)/%.skel.h $(BUILD)/.user-flags
	$(call say,CC,$@)
	$(Q)$(CC) $(user_flags) -MMD -MP -c $< -o $@

# What the tools have in common is a part of each, or with SHARED=1 in libraries of the suite's own:
# the second one for those that take samples, since it needs many others.
runtime = $(BUILD)/libcorelets.a
ifeq ($(SHARED),1)
runtime = $(BUILD)/libcorelets-samples.so $(BUILD)/libcorelets.so
samples := $(filter frame process profile% symbol%,$(lib))
tool_flags = -Wl,-rpath,$(LIBDIR)/corelets
# They are not there yet when man pages are made.
export LD_LIBRARY_PATH := $(abspath $(BUILD))$(if $(LD_LIBRARY_PATH),:$(LD_LIBRARY_PATH))

$(BUILD)/libcorelets.so: $(patsubst %,$(BUILD)/lib/%.o,$(filter-out $(samples),$(lib)))
$(BUILD)/libcorelets-samples.so: $(samples:%=$(BUILD)/lib/%.o) $(BUILD)/libcorelets.so
$(BUILD)/libcorelets.so $(BUILD)/libcorelets-samples.so: $(BUILD)/.link-flags
	$(call say,LINK,$@)
	$(Q)$(CC) -shared $(link_flags) -Wl,-soname,$(@F) -Wl,-z,defs -Wl,-Bsymbolic-functions \
		-Wl,--as-needed $(filter %.o %.so,$^) $(tool_flags) $(pkg_libs) -o $@
endif

$(BUILD)/libcorelets.a: $(lib:%=$(BUILD)/lib/%.o) $(BUILD)/.link-flags
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) rcsD $@ $(filter %.o,$^)

# A front end that does not fit into one file has more in a directory of its name.
parts = $(patsubst tools/%.c,$(BUILD)/parts/%.o,$(sort $(wildcard tools/$(1)/*.c)))

$(BUILD)/parts/%.o: tools/%.c $(BUILD)/.user-flags
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(user_flags) -MMD -MP -c $< -o $@

.SECONDEXPANSION:
$(tools:%=$(BUILD)/%): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/%.object.o $$(call parts,$$*) $(runtime) $(BUILD)/.link-flags
	$(call say,LINK,$@)
	$(Q)$(CC) $(link_flags) -Wl,--as-needed $(filter %.o %.a %.so,$^) $(tool_flags) $(pkg_libs) -o $@

$(eval $(call stamp,$(BUILD)/corelets.names,$(tools:%="%"$(comma))))
$(BUILD)/parts/corelets/corelets.o: $(BUILD)/corelets.names

$(BUILD)/corelets: $$(call parts,corelets) $(runtime) $(BUILD)/.link-flags
	$(call say,LINK,$@)
	$(Q)$(CC) $(link_flags) -Wl,--as-needed $(filter %.o %.a %.so,$^) $(tool_flags) $(pkg_libs) -o $@

-include $(wildcard $(BUILD)/*.d $(BUILD)/lib/*.d $(BUILD)/parts/*/*.d)

# ---------------------------------------------------------------------- btf

# Of the kernels in btf/kernels.  BTF_CUT: one that runs here, if $(BUILD) is for another architecture.
BTF_CUT ?= $(BUILD)/btf-cut
btf: $(tools:%=$(BUILD)/%.bpf.o) $(BTF_CUT)
	$(Q)BUILD='$(BUILD)' BTF_CUT='$(BTF_CUT)' btf/make

corecheck: $(BUILD)/corecheck

checks := $(patsubst btf/%.c,$(BUILD)/btf-objects/%.o,$(sort $(wildcard btf/*.c)))

$(BUILD)/btf-objects/%.o: btf/%.c $(BUILD)/.user-flags
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(user_flags) -MMD -MP -c $< -o $@

$(BUILD)/corecheck: $(checks)
$(BUILD)/btf-cut: $(BUILD)/btf-objects/cut/cut.o
$(BUILD)/corecheck $(BUILD)/btf-cut: $(BUILD)/libcorelets.a $(BUILD)/.link-flags
	$(call say,LINK,$@)
	$(Q)$(CC) $(link_flags) $(filter %.o,$^) $(filter %.a,$^) $(pkg_libs) -o $@

-include $(checks:.o=.d) $(BUILD)/btf-objects/cut/cut.d

# ----------------------------------------------------- man pages, completion

man: $(patsubst packaging/man/%,$(BUILD)/man/%,$(wildcard packaging/man/*.[78]))

# Pages of tools have tables that the tools print.
page_tool = $(patsubst %,$(BUILD)/%,$(filter $(tools),$(basename $(1))))

$(BUILD)/man/%: packaging/man/% packaging/man/make Makefile $$(call page_tool,$$*)
	$(call say,MAN,$@)
	@mkdir -p $(@D)
	$(Q)packaging/man/make $< $(VERSION) $(DATE) $(filter $(BUILD)/%,$^) >$@

completion: $(patsubst %,$(BUILD)/completion/corelets.%,bash zsh fish)

$(BUILD)/completion/corelets.%: packaging/completion/corelets.% packaging/completion/make \
		$(tools:%=$(BUILD)/%)
	$(call say,WORDS,$@)
	@mkdir -p $(@D)
	$(Q)packaging/completion/make $< $(tools:%=$(BUILD)/%) >$@

# ------------------------------------------------------------------ install

sbindir = $(DESTDIR)$(PREFIX)/sbin
# The tools by their own names, for those who put this into PATH.
bindir = $(DESTDIR)$(PREFIX)/libexec/corelets/bin
mandir = $(DESTDIR)$(PREFIX)/share/man
bashdir = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
zshdir = $(DESTDIR)$(PREFIX)/share/zsh/site-functions
fishdir = $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
unitdir = $(DESTDIR)$(PREFIX)/lib/systemd/system
exampledir = $(DESTDIR)$(PREFIX)/share/doc/corelets/examples
examples = $(wildcard packaging/systemd/*.conf) packaging/sudoers.d-example
installed = $(tools:%=$(TOOL_PREFIX)%)

# Man pages and completions are what the tools say of themselves, so they must run here.
install: all $(if $(CROSS_COMPILE),,man completion)
	$(Q)mkdir -p $(sbindir) $(bindir)
	$(Q)install -m 755 $(BUILD)/corelets $(sbindir)/
	$(Q)$(if $(filter 1,$(SHARED)),install -D -m 644 -t $(DESTDIR)$(LIBDIR)/corelets $(runtime))
	$(Q)for tool in $(tools); do \
		install -m 755 $(BUILD)/$$tool $(sbindir)/$(TOOL_PREFIX)$$tool && \
		ln -sf ../../../sbin/$(TOOL_PREFIX)$$tool $(bindir)/$$tool || exit; \
		test -e $(BUILD)/man/$$tool.8 || continue; \
		install -D -m 644 $(BUILD)/man/$$tool.8 $(mandir)/man8/$(TOOL_PREFIX)$$tool.8 || exit; \
	done
	$(Q)install -d $(unitdir) $(exampledir)
	$(Q)sed 's,@sbindir@,$(PREFIX)/sbin,' packaging/systemd/corelets@.service >$(unitdir)/corelets@.service
	$(Q)install -m 644 $(examples) $(exampledir)/
	$(Q)! test -e $(BUILD)/man/corelets.8 || { \
		install -D -m 644 $(BUILD)/man/corelets.8 $(mandir)/man8/corelets.8 && \
		install -D -m 644 $(BUILD)/man/corelets.7 $(mandir)/man7/corelets.7; }
	$(Q)! test -e $(BUILD)/completion/corelets.zsh || { \
		install -D -m 644 $(BUILD)/completion/corelets.bash $(bashdir)/corelets && \
		install -D -m 644 $(BUILD)/completion/corelets.fish $(fishdir)/corelets.fish && \
		mkdir -p $(zshdir) && \
		sed '1s/.*/#compdef corelets $(installed)/' $(BUILD)/completion/corelets.zsh \
			>$(zshdir)/_corelets && \
		for tool in $(installed); do \
			ln -sf corelets $(bashdir)/$$tool && \
			ln -sf corelets.fish $(fishdir)/$$tool.fish || exit; \
		done; }

uninstall:
	$(Q)rm -f $(sbindir)/corelets $(installed:%=$(sbindir)/%) $(tools:%=$(bindir)/%) \
		$(mandir)/man8/corelets.8 $(mandir)/man7/corelets.7 $(installed:%=$(mandir)/man8/%.8) \
		$(bashdir)/corelets $(installed:%=$(bashdir)/%) $(zshdir)/_corelets \
		$(fishdir)/corelets.fish $(installed:%=$(fishdir)/%.fish) $(unitdir)/corelets@.service \
		$(patsubst %,$(DESTDIR)$(LIBDIR)/corelets/%.so,libcorelets libcorelets-samples) \
		$(patsubst %,$(exampledir)/%,$(notdir $(examples)))
	$(Q)rmdir -p --ignore-fail-on-non-empty $(DESTDIR)$(LIBDIR)/corelets 2>/dev/null || :
	$(Q)rmdir -p --ignore-fail-on-non-empty $(exampledir) 2>/dev/null || :
	$(Q)rmdir -p --ignore-fail-on-non-empty $(bindir) 2>/dev/null || :

# Downloaded kernels (build/kernels) stay: "rm -r build" drops them too.
clean:
	$(Q)if test -d $(BUILD); then \
		find $(BUILD) -mindepth 1 -maxdepth 1 ! -name kernels -exec rm -rf {} +; fi

# ------------------------------------------------------------------- others

vmlinux:
	$(Q)BUILD='$(BUILD)' BPFTOOL=$(BPFTOOL) CLANG=$(CLANG) vmlinux/renew

sysroot:
	$(Q)packaging/sysroot $(ARCH) '$(BUILD)/sysroot/$(ARCH)'

# DEB_OPTIONS: of dpkg-buildpackage.
.PHONY: deb
deb:
	$(Q)BUILD='$(BUILD)' packaging/deb $(VERSION) $(DEB_OPTIONS)

.PHONY: rpm musl static
rpm:
	$(Q)BUILD='$(BUILD)' packaging/rpm/make $(VERSION)

# MUSL: where its libraries are; WHAT: what is made.
MUSL ?= $(BUILD)/sysroot/musl
musl:
	$(Q)packaging/musl '$(MUSL)'
	$(Q)PKG_CONFIG_LIBDIR='$(abspath $(MUSL))/tree/lib/pkgconfig' $(MAKE) BUILD='$(BUILD)/musl' \
		CC=musl-gcc STATIC=full $(or $(WHAT),all)

static: musl
	$(Q)BUILD='$(BUILD)' MUSL='$(MUSL)' packaging/static $(VERSION) $(DATE)

quickstart:
	$(Q)packaging/deps build
	$(Q)$(MAKE) all
	$(Q)packaging/quickstart $(BUILD)/execsnoop

# Beside the tools that a user would take instead; WHAT: parts of it (tests/bench/run says which).
bench: all $(BUILD)/bench/work $(BUILD)/bench/noop $(BUILD)/bench/floor $(BUILD)/bench/floor.bpf.o
	$(Q)BUILD='$(BUILD)' tests/bench/run $(WHAT)

# A=… B=…: two results of it, by commit or file.
bench-compare:
	$(Q)BUILD='$(BUILD)' tests/bench/show --compare '$(A)' '$(B)'

$(BUILD)/bench/work: bench_libs = -static -pthread
$(BUILD)/bench/noop: bench_libs = -nostdlib -static -Wl,-z,noseparate-code
$(BUILD)/bench/floor: bench_libs = $(pkg_libs)
$(BUILD)/bench/%: tests/bench/%.c $(BUILD)/.user-flags
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(user_flags) $(LDFLAGS) -MMD -MP -MF $@.d $< $(bench_libs) -o $@

$(BUILD)/bench/floor.bpf.o: tests/bench/floor.bpf.c $(BUILD)/.bpf-flags
	$(call say,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(call bpf_flags,) -MMD -MP -MF $(@:.o=.d) -c $< -o $@

-include $(wildcard $(BUILD)/bench/*.d)

format:
	$(Q)find tools bpf btf tests -name '*.[ch]' -exec clang-format-14 -i {} +

# The tests call make themselves, with options of their own.
check:
	$(Q)packaging/deps test
	$(Q)env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL BUILD='$(BUILD)' TESTS='$(TESTS)' tests/run

check-kernels:
	$(Q)$(MAKE) check TESTS=tests/vm.bats

include tests/build.mk
