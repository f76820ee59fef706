# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#	make			all tools, into build/
#	make install		DESTDIR= PREFIX=/usr/local TOOL_PREFIX=
#	make uninstall
#	make quickstart		build dependencies, build, ten seconds of execsnoop (as root)
#	make check		test dependencies, build, all tests (as root); TESTS=PATTERN
#	make vmlinux		renews vmlinux/x86/vmlinux.h from a Debian kernel package
#	make btf		minimal BTF for kernels without their own, into build/btf/
#	make corecheck		build/corecheck: do BPF objects hold on kernels, by their BTF?
#	make man clean format
#
# Variables: CC CFLAGS CPPFLAGS LDFLAGS (user space only), CLANG BPFTOOL
# LLVM_STRIP PKG_CONFIG HELP2MAN, ARCH (x86 arm64), BUILD (build directory),
# STATIC=1 (libbpf, libelf and zlib linked statically), WERROR=1, V=1 (shows
# the commands).

VERSION := 0.1.0

BUILD ?= build
PREFIX ?= /usr/local
CLANG ?= clang
LLVM_STRIP ?= llvm-strip
BPFTOOL ?= bpftool
PKG_CONFIG ?= pkg-config
HELP2MAN ?= help2man
CFLAGS ?= -O2 -g

machine = $(shell uname -m)
ARCH ?= $(or $(patsubst x86_64,x86,$(filter x86_64,$(machine))), \
	     $(patsubst aarch64,arm64,$(filter aarch64,$(machine))),$(machine))
ARCH := $(strip $(ARCH))

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
.PHONY: all man install uninstall clean vmlinux btf corecheck quickstart check bench format FORCE

# Quiet unless V=1.
ifeq ($(V),1)
say = @:
Q =
else
say = @printf '  %-8s %s\n' "$(1)" "$(patsubst $(CURDIR)/%,%,$(2))"
Q = @
endif

tools := $(filter $(patsubst bpf/%.bpf.c,%,$(sort $(wildcard bpf/*.bpf.c))), \
		  $(patsubst tools/%.c,%,$(sort $(wildcard tools/*.c))))
lib := $(patsubst tools/lib/%.c,%,$(sort $(wildcard tools/lib/*.c)))

all: $(tools:%=$(BUILD)/%)

# ---------------------------------------------------------------- libraries

needs := 'libbpf >= 1.1' libelf libdw zlib libcap-ng
no_build := clean uninstall vmlinux quickstart check format
ifneq ($(filter-out $(no_build),$(or $(MAKECMDGOALS),all)),)
lacking := $(strip $(foreach tool,$(CLANG) $(BPFTOOL) $(LLVM_STRIP) $(PKG_CONFIG), \
		     $(shell PATH='$(PATH)'; command -v $(tool) >/dev/null || echo $(tool))))
ifneq ($(lacking),)
$(error not found: $(lacking). "packaging/deps build" installs what the build needs)
endif
lacking := $(shell for p in $(needs); do \
		     $(PKG_CONFIG) --exists "$$p" || echo "$$p,"; done)
ifneq ($(lacking),)
$(error pkg-config does not find: $(lacking) "packaging/deps build" installs what the build needs)
endif
pkg_cflags := $(shell $(PKG_CONFIG) --cflags $(needs))
# Most tools need not all of these.  libiberty, a static library, has no pkg-config file.
as_needed := -Wl,--as-needed -liberty
ifeq ($(STATIC),1)
static_libs := -lbpf -lelf -lz
pkg_libs := $(as_needed) $(shell $(PKG_CONFIG) --static --libs-only-L $(needs)) \
	-Wl,-Bstatic $(static_libs) -Wl,-Bdynamic \
	$(filter-out $(static_libs),$(shell $(PKG_CONFIG) --static --libs-only-l $(needs)))
else
pkg_libs := $(as_needed) $(shell $(PKG_CONFIG) --libs $(needs))
endif
endif

# -------------------------------------------------------------------- flags

# No path of this machine gets into what is built.
prefix_map = -ffile-prefix-map='$(BUILD)'=build -ffile-prefix-map='$(CURDIR)'=.
warnings = -Wall -Wextra $(if $(filter 1,$(WERROR)),-Werror)

# vmlinux.h of a 7.x kernel has members that are structs with a tag and no name.
bpf_flags = -target bpf -std=gnu11 -O2 -g -mcpu=v3 -fno-stack-protector $(warnings) \
	-Wno-unused-parameter -fms-extensions -Wno-microsoft-anon-tag \
	-fdebug-compilation-dir=. -D__TARGET_ARCH_$(ARCH) \
	-I$(1)bpf -I$(1)vmlinux/$(ARCH) $(pkg_cflags)
own_flags = -std=gnu11 $(warnings) $(prefix_map) -D_GNU_SOURCE= \
	-DCORELETS_VERSION='"$(VERSION)"' -Itools -Ibpf -I$(BUILD)
user_flags = $(own_flags) $(pkg_cflags) $(CPPFLAGS) $(CFLAGS)
link_flags = $(CFLAGS) $(LDFLAGS)

# $(call stamp,FILE,TEXT): a file that is as new as the last change of TEXT.
define stamp
ifneq ($$(strip $$(file <$(1))),$$(strip $(2)))
$(1): FORCE
endif
$(1):
	@$$(shell mkdir -p $$(@D))$$(file >$$@,$(2)):
endef
$(eval $(call stamp,$(BUILD)/.bpf-flags,$$(CLANG) $$(LLVM_STRIP) $$(BPFTOOL) $$(call bpf_flags,)))
$(eval $(call stamp,$(BUILD)/.user-flags,$$(CC) $$(user_flags)))
$(eval $(call stamp,$(BUILD)/.link-flags,$$(CC) $$(link_flags) $$(pkg_libs) $$(lib)))

# -------------------------------------------------------------------- rules

# clang puts some BTF types in the order in which they happen to lie in its memory, and what lies
# there before them are names of files and directories.  So it is run from the root, and knows the
# tree as descriptor 9, wherever it is; what there is to say about the source, the first command says.
tree = /proc/self/fd/9/

# DWARF is dropped (it is most of the object), BTF stays.
$(BUILD)/%.bpf.o: bpf/%.bpf.c $(BUILD)/.bpf-flags
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(call bpf_flags,) -fsyntax-only -MMD -MP -MT $@ -MF $(@:.o=.d) $<
	$(Q)(cd / && exec $(CLANG) $(call bpf_flags,$(tree)) -ffile-prefix-map=$(tree)= -c $(tree)$< \
		-o -) 9<. >$@ 2>$(@:.o=.log) || { cat $(@:.o=.log) >&2; exit 1; }
	$(Q)rm -f $(@:.o=.log)
	$(Q)$(LLVM_STRIP) -g $@

$(BUILD)/%.skel.h: $(BUILD)/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $(subst -,_,$*)_bpf >$@

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

$(BUILD)/%.o: tools/%.c $(BUILD)/%.skel.h $(BUILD)/.user-flags
	$(call say,CC,$@)
	$(Q)$(CC) $(user_flags) -MMD -MP -c $< -o $@

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
$(tools:%=$(BUILD)/%): $(BUILD)/%: $(BUILD)/%.o $$(call parts,$$*) $(BUILD)/libcorelets.a $(BUILD)/.link-flags
	$(call say,LINK,$@)
	$(Q)$(CC) $(link_flags) $(filter %.o %.a,$^) $(pkg_libs) -o $@

-include $(wildcard $(BUILD)/*.d $(BUILD)/lib/*.d $(BUILD)/parts/*/*.d)

# ---------------------------------------------------------------------- btf

# Of the kernels in btf/kernels.
btf: $(tools:%=$(BUILD)/%.bpf.o)
	$(Q)BUILD='$(BUILD)' BPFTOOL=$(BPFTOOL) btf/make

corecheck: $(BUILD)/corecheck

checks := $(patsubst btf/%.c,$(BUILD)/btf-objects/%.o,$(sort $(wildcard btf/*.c)))

$(BUILD)/btf-objects/%.o: btf/%.c $(BUILD)/.user-flags
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(user_flags) -MMD -MP -c $< -o $@

$(BUILD)/corecheck: $(checks) $(BUILD)/libcorelets.a $(BUILD)/.link-flags
	$(call say,LINK,$@)
	$(Q)$(CC) $(link_flags) $(filter %.o %.a,$^) $(pkg_libs) -o $@

-include $(checks:.o=.d)

# --------------------------------------------------------------------- man

man: $(tools:%=$(BUILD)/man/%.8)

# packaging/man/X.h2m, if there is one, says what --help does not.
$(BUILD)/man/%.8: $(BUILD)/% $$(wildcard packaging/man/$$*.h2m)
	$(call say,MAN,$@)
	@mkdir -p $(@D)
	$(Q)$(HELP2MAN) --no-info --section=8 --manual='corelets' --source='corelets $(VERSION)' \
		--opt-include=packaging/man/$*.h2m $< >$@

# ------------------------------------------------------------------ install

sbindir = $(DESTDIR)$(PREFIX)/sbin
mandir = $(DESTDIR)$(PREFIX)/share/man/man8

install: all $(if $(shell command -v $(HELP2MAN) 2>/dev/null),man)
	$(Q)mkdir -p $(sbindir)
	$(Q)for tool in $(tools); do \
		install -m 755 $(BUILD)/$$tool $(sbindir)/$(TOOL_PREFIX)$$tool || exit; \
		test -e $(BUILD)/man/$$tool.8 || continue; \
		install -D -m 644 $(BUILD)/man/$$tool.8 $(mandir)/$(TOOL_PREFIX)$$tool.8 || exit; \
	done

uninstall:
	$(Q)rm -f $(tools:%=$(sbindir)/$(TOOL_PREFIX)%) $(tools:%=$(mandir)/$(TOOL_PREFIX)%.8)

# Downloaded kernels (build/kernels) stay: "rm -r build" drops them too.
clean:
	$(Q)if test -d $(BUILD); then \
		find $(BUILD) -mindepth 1 -maxdepth 1 ! -name kernels -exec rm -rf {} +; fi

# ------------------------------------------------------------------- others

vmlinux:
	$(Q)BUILD='$(BUILD)' BPFTOOL=$(BPFTOOL) CLANG=$(CLANG) vmlinux/renew

quickstart:
	$(Q)packaging/deps build
	$(Q)$(MAKE) all
	$(Q)packaging/quickstart $(BUILD)/execsnoop

# Beside the tools that a user would take instead.
bench: all workloads
	$(Q)BUILD='$(BUILD)' tests/bench/peers

format:
	$(Q)find tools bpf btf tests -name '*.[ch]' -exec clang-format-14 -i {} +

# The tests call make themselves, with options of their own.
check:
	$(Q)packaging/deps test
	$(Q)env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL BUILD='$(BUILD)' TESTS='$(TESTS)' tests/run

include tests/build.mk
