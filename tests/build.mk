# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What the tests are built from; included by the Makefile, called by tests/run.
#
#	tests/unit/X.c		build/unit/X, and with ASan and UBSan build/unit-asan/X
#	tests/unit/fuzz/X.c	build/fuzz/X, a libFuzzer target
#	tests/workloads/X.c, X.cc	build/workloads/X; a line "// build: FLAGS" among the
#				first five adds to its command line
#	make arm64		tools and workloads for arm64, in build/arm64

# libFuzzer comes with a clang; this one's runtime is what packaging/deps installs.
FUZZ_CLANG ?= clang-14

unit := $(patsubst tests/unit/%.c,%,$(sort $(wildcard tests/unit/*.c)))
fuzz := $(patsubst tests/unit/fuzz/%.c,%,$(sort $(wildcard tests/unit/fuzz/*.c)))
workloads := $(patsubst tests/workloads/%.c,%,$(sort $(wildcard tests/workloads/*.c))) \
	$(patsubst tests/workloads/%.cc,%,$(sort $(wildcard tests/workloads/*.cc)))

.PHONY: unit check-unit unit-asan fuzz workloads arm64
unit: $(unit:%=$(BUILD)/unit/%)
# What packages run as they are built.
check-unit: unit
	$(Q)for test in $(unit:%=$(BUILD)/unit/%); do "$$test" || exit; done
unit-asan: $(unit:%=$(BUILD)/unit-asan/%)
fuzz: $(fuzz:%=$(BUILD)/fuzz/%)
workloads: $(workloads:%=$(BUILD)/workloads/%)

# Tools and workloads for guests of another architecture, in $(BUILD)/arm64.
arm64:
	$(Q)$(MAKE) sysroot ARCH=arm64
	$(Q)$(MAKE) all workloads ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- BUILD='$(BUILD)/arm64' \
		SYSROOT='$(BUILD)/sysroot/arm64/tree'

sanitize = -g -O1 -fno-omit-frame-pointer -fno-sanitize-recover=all -fsanitize=address,undefined
test_flags = $(own_flags) -Itests/unit $(pkg_cflags)

$(BUILD)/unit/%: tests/unit/%.c $(BUILD)/libcorelets.a
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(test_flags) $(CPPFLAGS) $(link_flags) -MMD -MP -MF $@.d $< $(filter %.a,$^) $(pkg_libs) -o $@

$(BUILD)/asan/%.o: tools/lib/%.c $(BUILD)/.user-flags
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(test_flags) $(sanitize) -MMD -MP -c $< -o $@

$(BUILD)/unit-asan/%: tests/unit/%.c $(lib:%=$(BUILD)/asan/%.o)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(test_flags) $(sanitize) -MMD -MP -MF $@.d $< $(filter %.o,$^) $(pkg_libs) -o $@

$(BUILD)/fuzz/lib/%.o: tools/lib/%.c $(BUILD)/.user-flags
	$(call say,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CLANG) $(test_flags) $(sanitize) -fsanitize=fuzzer-no-link -MMD -MP -c $< -o $@

$(BUILD)/fuzz/%: tests/unit/fuzz/%.c $(lib:%=$(BUILD)/fuzz/lib/%.o)
	$(call say,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CLANG) $(test_flags) $(sanitize) -fsanitize=fuzzer -MMD -MP -MF $@.d $< $(filter %.o,$^) $(pkg_libs) -o $@

$(BUILD)/workloads/%: tests/workloads/%.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 -g -Wall -Wextra -MMD -MP -MF $@.d $< \
		$$(sed -n '1,5s,^// build:,,p' $<)$(in_sysroot) -o $@

ifeq ($(ARCH),arm64)
# 32-bit programs, without a C library: gcc for arm64 makes none, its linker does.
$(patsubst tests/workloads/%.c,$(BUILD)/workloads/%,$(shell grep -l '^// build:.* -m32' tests/workloads/*.c)): \
$(BUILD)/workloads/%: tests/workloads/%.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) --target=armv7ve-linux-gnueabi -std=gnu11 -O2 -g -Wall -Wextra -ffreestanding -fno-pie \
		-fno-stack-protector -MMD -MP -MF $@.d -c $< -o $@.o
	$(Q)$(CROSS_COMPILE)ld -m armelf_linux_eabi $@.o -o $@
	$(Q)rm $@.o
endif

$(BUILD)/workloads/%: tests/workloads/%.cc
	$(call say,CXX,$@)
	@mkdir -p $(@D)
	$(Q)$(CXX) -O2 -g -Wall -Wextra -MMD -MP -MF $@.d $< \
		$$(sed -n '1,5s,^// build:,,p' $<)$(in_sysroot) -o $@

-include $(wildcard $(addprefix $(BUILD)/,unit/*.d unit-asan/*.d asan/*.d fuzz/*.d fuzz/lib/*.d workloads/*.d))
