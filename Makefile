# hardneg: one page of build.  `make help` lists the targets.
#
# Every variant is built from the same sources into build/VARIANT; the release
# and double programs are also linked as build/hardneg and build/hardneg-double.

VARIANTS := release double debug asan fuzz
BUILD    ?= build
# Rooms that go into the library: a room can be built and tried without those above it, for example
# make try ROOMS="base backend loss" T=tests/loss BUILD=/tmp/loss
ROOMS    ?= base comm store backend data augment engine model loss optim ckpt eval config train check cli

MPICC   ?= mpicc
WERROR  ?= -Werror
PKGS    := hdf5 libconfig libxxhash libarchive libpng jansson openblas
# oneDNN has no pkg-config file in Debian: it is here if a program with it links.  `make ONEDNN=` builds without it.
# It computes in single precision alone, so the double build does without.
ifeq ($(origin ONEDNN),undefined)
ONEDNN := $(shell printf '\043include <dnnl.h>\nint main(void) { return dnnl_version()->major != 2; }\n' | \
 $(MPICC) $(CPPFLAGS) -x c - -o /dev/null $(LDFLAGS) -ldnnl -lgomp 2>/dev/null && echo -ldnnl -lgomp)
endif
# Only base includes Random123, which is headers alone.
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null)

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wundef -Wpointer-arith
CPPFLAGS_ALL := -D_GNU_SOURCE -Iinclude -Isrc -Itests $(PKG_CFLAGS) $(CPPFLAGS)
# No contraction anywhere: the same bits from the same source line, whatever a
# compiler finds to fuse.  Kernels that want an FMA write fma().  Nobody reads
# errno after sqrt(), and without it loops over sqrt() are vectorised.
CFLAGS_ALL := -std=c11 -g -fno-omit-frame-pointer -ffp-contract=off -fno-math-errno -pthread $(WARN) $(WERROR) $(CFLAGS)
# The build id tells two builds of one version apart (src/base/build.c).
LDFLAGS_ALL := -Wl,--build-id $(LDFLAGS)
LDLIBS_ALL := $(PKG_LIBS) -lm -pthread $(LDLIBS)

SAN := -fsanitize=address,undefined -fno-sanitize-recover=all
# Position-independent, so that the static and the shared library are the same objects; calls inside the library need no
# detour even so, and speed does not change.
D_onednn  := $(if $(ONEDNN),-DHN_ONEDNN)
F_release := -O3 -fPIC -fno-semantic-interposition $(D_onednn)
F_double  := -O3 -fPIC -fno-semantic-interposition -DHN_REAL=double
F_debug   := -O0 -DHN_DEBUG $(D_onednn)
F_asan    := -O1 -DHN_DEBUG $(SAN) $(D_onednn)
L_release := $(ONEDNN)
L_debug   := $(ONEDNN)
L_asan    := $(ONEDNN)
# What libFuzzer drives: compiled by clang, whatever else is (tests/fuzz).
FUZZ_CC   ?= clang
MPICC_fuzz = OMPI_CC='$(FUZZ_CC)' MPICH_CC='$(FUZZ_CC)' $(MPICC)
F_fuzz    := -O1 -DHN_DEBUG -Wno-unknown-pragmas $(SAN) -fsanitize=fuzzer-no-link $(D_onednn)
L_fuzz    := $(ONEDNN)

LIB_SRC  := $(sort $(foreach r,$(filter-out cli,$(ROOMS)),$(wildcard src/$(r)/*.c src/$(r)/*/*.c)))
CLI_SRC  := $(sort $(wildcard src/cli/*.c))
TEST_SRC := $(sort $(foreach r,$(ROOMS),$(wildcard tests/$(r)/t_*.c)))
TEST_SH  := $(filter-out tests/slurm/%,$(sort $(wildcard tests/*/*.t)))
FUZZ_SRC := $(filter-out tests/fuzz/main.c,$(sort $(wildcard tests/fuzz/*.c)))
HEADERS  := $(sort $(wildcard include/hardneg/*.h src/*/*.h src/*/*/*.h))
C_FILES  := $(sort $(wildcard src/*/*.c src/*/*/*.c tests/*/*.c tests/*.h tests/*/*.h examples/*.c) $(HEADERS))

all: $(BUILD)/hardneg $(BUILD)/hardneg-double

$(BUILD)/hardneg: $(BUILD)/release/hardneg
	@ln -f $< $@
$(BUILD)/hardneg-double: $(BUILD)/double/hardneg
	@ln -f $< $@

# Everything of one variant: flags file (a change of flags rebuilds), objects,
# library, program, tests.
define VARIANT_RULES
$(BUILD)/$(1)/flags: FORCE
	@mkdir -p $$(@D)
	@echo '$$(MPICC_$(1)) $$(MPICC) $$(CPPFLAGS_ALL) $$(CFLAGS_ALL) $$(F_$(1)) $$(LDFLAGS_ALL) $$(LDLIBS_ALL) $$(ROOMS)' | cmp -s - $$@ || \
	 echo '$$(MPICC_$(1)) $$(MPICC) $$(CPPFLAGS_ALL) $$(CFLAGS_ALL) $$(F_$(1)) $$(LDFLAGS_ALL) $$(LDLIBS_ALL) $$(ROOMS)' >$$@
$(BUILD)/$(1)/%.o: %.c $(BUILD)/$(1)/flags
	@mkdir -p $$(@D)
	$$(Q)$$(or $$(MPICC_$(1)),$$(MPICC)) $$(CPPFLAGS_ALL) $$(CFLAGS_ALL) $$(F_$(1)) -MMD -MP -c -o $$@ $$<
$(BUILD)/$(1)/libhardneg.a: $$(LIB_SRC:%.c=$(BUILD)/$(1)/%.o)
	@rm -f $$@
	$$(Q)ar rcs $$@ $$^
$(BUILD)/$(1)/hardneg: $$(CLI_SRC:%.c=$(BUILD)/$(1)/%.o) $(BUILD)/$(1)/libhardneg.a $$(if $$(filter asan,$(1)),$(BUILD)/asan/tests/nodlclose.o)
	$$(Q)$$(or $$(MPICC_$(1)),$$(MPICC)) $$(F_$(1)) $$(LDFLAGS_ALL) -o $$@ $$^ $$(L_$(1)) $$(LDLIBS_ALL)
$(BUILD)/$(1)/tests/%: $(BUILD)/$(1)/tests/%.o $(BUILD)/$(1)/libhardneg.a $$(if $$(filter asan,$(1)),$(BUILD)/asan/tests/nodlclose.o)
	$$(Q)$$(or $$(MPICC_$(1)),$$(MPICC)) $$(F_$(1)) $$(LDFLAGS_ALL) -o $$@ $$^ $$(L_$(1)) $$(LDLIBS_ALL)
$(1): $$(if $$(filter fuzz,$(1)),$$(FUZZ_SRC:%.c=$(BUILD)/fuzz/%),$(BUILD)/$(1)/hardneg $$(TEST_SRC:%.c=$(BUILD)/$(1)/%))
.PHONY: $(1)
endef
Q = @echo '  $(notdir $@)';
ifdef V
Q =
endif
$(foreach v,$(VARIANTS),$(eval $(call VARIANT_RULES,$(v))))

# ---- fuzzing: each target of tests/fuzz under libFuzzer, and as a program that replays files ----
$(BUILD)/fuzz/tests/fuzz/%: $(BUILD)/fuzz/tests/fuzz/%.o $(BUILD)/fuzz/libhardneg.a
	$(Q)$(MPICC_fuzz) $(F_fuzz) -fsanitize=fuzzer $(LDFLAGS_ALL) -o $@ $(sort $(filter %.o,$^)) $(filter %.a,$^) $(L_fuzz) $(LDLIBS_ALL)
$(BUILD)/asan/tests/fuzz/%: $(BUILD)/asan/tests/fuzz/%.o $(BUILD)/asan/tests/fuzz/main.o $(BUILD)/asan/tests/nodlclose.o $(BUILD)/asan/libhardneg.a
	$(Q)$(MPICC) $(F_asan) $(LDFLAGS_ALL) -o $@ $(sort $(filter %.o,$^)) $(filter %.a,$^) $(L_asan) $(LDLIBS_ALL)
$(foreach v,fuzz asan,$(eval $(BUILD)/$(v)/tests/fuzz/options: $(patsubst %.c,$(BUILD)/$(v)/%.o,$(filter-out src/cli/main.c,$(CLI_SRC)))))
REPLAY   := $(FUZZ_SRC:%.c=$(BUILD)/asan/%)
# Nothing where clang or its libFuzzer is not: then the test skips that part, and says so.
FUZZERS  := $(if $(wildcard $(shell $(FUZZ_CC) -print-resource-dir 2>/dev/null)/lib/linux/libclang_rt.fuzzer-*.a),\
 $(FUZZ_SRC:%.c=$(BUILD)/fuzz/%))

# ---- installing: both programs, headers, libhardneg and libhardneg-double (static, shared, pkg-config), manual ----
PREFIX   ?= /usr/local
LIBDIR   ?= $(PREFIX)/lib
BINDIR   ?= $(PREFIX)/bin
INCDIR   ?= $(PREFIX)/include
MANDIR   ?= $(PREFIX)/share/man
COMPDIR  ?= $(PREFIX)/share/bash-completion/completions
SHAREDIR ?= $(PREFIX)/share/hardneg
# pkg-config's name of the MPI library that MPICC compiles for: the public headers show its mpi.h.
MPI_PKG  ?= $(firstword $(shell for p in ompi-c mpich; do pkg-config --exists $$p 2>/dev/null && echo $$p; done))
VERSION  := $(shell sed -n 's/^.define HN_VERSION "\(.*\)"/\1/p' include/hardneg/base.h)
SOVERSION := $(basename $(VERSION))
PUBLIC   := $(sort $(wildcard include/hardneg/*.h))

# What the public headers declare is what the shared library shows; check is the program's.
SO_SRC   := $(filter-out src/check/%,$(LIB_SRC))
$(BUILD)/exports.map: $(PUBLIC)
	@mkdir -p $(@D)
	@{ echo '{ global: hn_real_is_*;'; grep -oh '\bhn_[a-z0-9_]*(' $(PUBLIC) | sort -u | tr '(' ';'; echo 'local: *; };'; } >$@

# $(1) variant, $(2) name of library and program, $(3) flags for whoever compiles with its headers
define INSTALL_RULES
$(BUILD)/$(1)/lib$(2).so.$$(VERSION): $$(SO_SRC:%.c=$(BUILD)/$(1)/%.o) $(BUILD)/exports.map
	$$(Q)$$(MPICC) -shared -Wl,-soname,lib$(2).so.$$(SOVERSION) -Wl,--version-script=$(BUILD)/exports.map -Wl,-z,defs \
	 -Wl,--as-needed $$(LDFLAGS_ALL) -o $$@ $$(SO_SRC:%.c=$(BUILD)/$(1)/%.o) $$(L_$(1)) $$(LDLIBS_ALL)
$(BUILD)/$(2).pc: FORCE
	@printf '%s\n' 'prefix=$$(PREFIX)' 'libdir=$$(patsubst $$(PREFIX)/%,$$$${prefix}/%,$$(LIBDIR))' \
	 'includedir=$$(patsubst $$(PREFIX)/%,$$$${prefix}/%,$$(INCDIR))' '' 'Name: $(2)' \
	 'Description: contrastive training with hard negatives, data-parallel over MPI' 'Version: $$(VERSION)' \
	 'Requires: $$(MPI_PKG)' 'Cflags: -I$$$${includedir}$(3)' 'Libs: -L$$$${libdir} -l$(2)' \
	 'Libs.private: $$(strip $$(L_$(1)) $$(PKG_LIBS) -lm -pthread)' >$$@
install-$(1): $(BUILD)/$(2) $(BUILD)/$(1)/lib$(2).so.$$(VERSION) $(BUILD)/$(2).pc
	install -d $$(DESTDIR)$$(BINDIR) $$(DESTDIR)$$(LIBDIR)/pkgconfig
	install -m 755 $(BUILD)/$(2) $$(DESTDIR)$$(BINDIR)/$(2)
	install -m 644 $(BUILD)/$(1)/libhardneg.a $$(DESTDIR)$$(LIBDIR)/lib$(2).a
	install -m 755 $(BUILD)/$(1)/lib$(2).so.$$(VERSION) $$(DESTDIR)$$(LIBDIR)/lib$(2).so.$$(VERSION)
	ln -sf lib$(2).so.$$(VERSION) $$(DESTDIR)$$(LIBDIR)/lib$(2).so.$$(SOVERSION)
	ln -sf lib$(2).so.$$(SOVERSION) $$(DESTDIR)$$(LIBDIR)/lib$(2).so
	install -m 644 $(BUILD)/$(2).pc $$(DESTDIR)$$(LIBDIR)/pkgconfig/$(2).pc
uninstall-$(1):
	rm -f $$(DESTDIR)$$(BINDIR)/$(2) $$(foreach e,a so so.$$(SOVERSION) so.$$(VERSION),$$(DESTDIR)$$(LIBDIR)/lib$(2).$$(e)) \
	 $$(DESTDIR)$$(LIBDIR)/pkgconfig/$(2).pc
.PHONY: install-$(1) uninstall-$(1)
endef
$(eval $(call INSTALL_RULES,release,hardneg,))
$(eval $(call INSTALL_RULES,double,hardneg-double, -DHN_REAL=double))

$(BUILD)/hardneg.1: tools/manual $(BUILD)/hardneg
	@tools/manual $(BUILD)/hardneg >$@.new && mv $@.new $@
$(BUILD)/completion: tools/completion $(BUILD)/hardneg
	@tools/completion $(BUILD)/hardneg >$@.new && mv $@.new $@

install: install-release install-double $(BUILD)/hardneg.1 $(BUILD)/completion
	install -d $(DESTDIR)$(INCDIR)/hardneg $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(COMPDIR) $(DESTDIR)$(SHAREDIR)/configs $(DESTDIR)$(SHAREDIR)/examples $(DESTDIR)$(SHAREDIR)/jobs
	install -m 644 $(PUBLIC) $(DESTDIR)$(INCDIR)/hardneg
	install -m 644 $(BUILD)/hardneg.1 $(DESTDIR)$(MANDIR)/man1/hardneg.1
	ln -sf hardneg.1 $(DESTDIR)$(MANDIR)/man1/hardneg-double.1
	install -m 644 $(BUILD)/completion $(DESTDIR)$(COMPDIR)/hardneg
	ln -sf hardneg $(DESTDIR)$(COMPDIR)/hardneg-double
	install -m 644 configs/*.cfg $(DESTDIR)$(SHAREDIR)/configs
	install -m 644 examples/*.c $(DESTDIR)$(SHAREDIR)/examples
	install -m 755 jobs/*.sh $(DESTDIR)$(SHAREDIR)/jobs
	@[ -n "$(DESTDIR)" ] || [ "$$(id -u)" != 0 ] || ldconfig

uninstall: uninstall-release uninstall-double
	rm -f $(PUBLIC:include/%=$(DESTDIR)$(INCDIR)/%) $(foreach n,hardneg hardneg-double,$(DESTDIR)$(MANDIR)/man1/$(n).1 $(DESTDIR)$(COMPDIR)/$(n))
	rm -rf $(DESTDIR)$(SHAREDIR)
	-rmdir $(DESTDIR)$(INCDIR)/hardneg

# Tests.  C tests run in every variant, scripts once; `make check T=loss` runs
# the tests whose path holds "loss".
T ?=
PROVE := prove -e tests/tap-run
pick = $(if $(T),$(foreach t,$(1),$(if $(findstring $(T),$(t)),$(t))),$(1))

# The debug build stops where our own logic does not hold (base/assert.h) or ranks do not pass the same sizes: the
# rooms that check such things, and those that lean on them, are tested in it too.
DEBUG_TESTS := $(filter $(foreach r,base comm engine loss eval train,tests/$(r)/%),$(TEST_SRC))
C_TESTS := $(foreach v,release double asan,$(TEST_SRC:%.c=$(BUILD)/$(v)/%)) $(DEBUG_TESTS:%.c=$(BUILD)/debug/%)

# Preloaded by scripts that let the system fail.
$(BUILD)/shim.so: tests/shim.c
	@mkdir -p $(@D)
	$(Q)$(CC) -D_GNU_SOURCE -std=c11 -O1 -g $(WARN) $(WERROR) -shared -fPIC -o $@ $< -ldl

check: all $(call pick,$(C_TESTS)) $(BUILD)/asan/hardneg $(BUILD)/debug/hardneg $(BUILD)/shim.so $(if $(call pick,tests/fuzz/fuzz.t),$(REPLAY) $(FUZZERS))
	HN_BUILD=$(abspath $(BUILD)) $(PROVE) $(call pick,$(TEST_SH) $(C_TESTS))

# The C tests alone, without the program.
try: $(call pick,$(C_TESTS))
	$(PROVE) $^

# jobs/ in a private SLURM on this machine (slurm-wlm, munge): minutes, so apart.
check-slurm: all ; TAP_TIMEOUT=900 HN_BUILD=$(abspath $(BUILD)) $(PROVE) $(call pick,$(sort $(wildcard tests/slurm/*.t)))

# What check does in small, at length: up to an hour.  P="kills calls": these parts alone.
torture: all release $(BUILD)/shim.so $(FUZZERS) ; HN_BUILD=$(abspath $(BUILD)) tools/torture $(P)

check-style: ; $(PROVE) tests/base/style.t
check-headers: ; $(PROVE) tests/base/headers.t

format: ; clang-format -i $(C_FILES)
demo: all ; tools/demo
bench: all ; tools/bench
bench-peers: all ; tools/bench-peers
clean: ; rm -rf $(BUILD)

help:
	@echo 'make              build/hardneg (float) and build/hardneg-double'
	@echo 'make install      programs, headers, libraries, manual (PREFIX, LIBDIR, DESTDIR; make uninstall takes them away)'
	@echo 'make check        all tests (T=word: only those whose path holds it)'
	@echo 'make check-slurm  the job scripts in a private SLURM (tools/deps --tests installs it)'
	@echo 'make torture      faults by the hundred, with figures (P="kills calls": these parts alone)'
	@echo 'make fuzz         the targets of tests/fuzz, by clang; tools/fuzz [NAME [SECONDS]] lets them run'
	@echo 'make demo         import Fashion-MNIST, train, evaluate'
	@echo 'make bench        how fast training is here, as a table and build/bench.json; bench-peers: beside PyTorch'
	@echo 'make VARIANT      one of: $(VARIANTS)  (program and tests in build/VARIANT)'
	@echo 'make format       lay out the C files; check-style, check-headers: those tests alone'
	@echo 'V=1 shows the commands; WERROR= leaves warnings as warnings'

FORCE:
.PHONY: all install uninstall check check-slurm torture try check-style check-headers format demo bench bench-peers clean help FORCE
.SECONDARY:
-include $(foreach v,$(VARIANTS),$(shell find $(BUILD)/$(v) -name '*.d' 2>/dev/null))
