# The toolkit: build/lib/libmodel.{a,so}, build/bin/nn*. See README.md; `make help` lists the targets.
#
#   DEV=1                    warnings are errors
#   LTO=                     the library is not optimised as one: 16 KB larger, built sooner after a change
#   SAN=address,undefined    sanitizers
#   STATIC=1                 self-contained programs
#   ARCH=aarch64             cross build (see tests/arm), into build/aarch64
#   PROGPREFIX=nn PREFIX=/usr/local DESTDIR=

PROGPREFIX ?= nn
PREFIX ?= /usr/local
VERSION := 0.1.0
ARCH ?= $(shell uname -m)
BUILD ?= build
PROGRAMS := $(shell sed -n 's/^PROGRAM(\(.*\))/\1/p' cmd/common/programs.def)


ifeq ($(ARCH),$(shell uname -m))
CROSS ?=
else
CROSS ?= $(ARCH)-linux-gnu-
endif
ifeq ($(origin CC),default)
CC := $(CROSS)gcc
endif
ifeq ($(origin AR),default)
AR := $(CROSS)gcc-ar
endif
STRIP ?= $(CROSS)strip
OBJCOPY ?= $(CROSS)objcopy
SYSROOT_CPPFLAGS ?=
SYSROOT_LDFLAGS ?=

CFLAGS ?= -O2 -g
# Loops are aligned; functions, and what is only jumped to, would take 4 KB more for it.
UNALIGNED := -fno-align-functions $(if $(findstring clang,$(CC)),,-fno-align-jumps)
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wvla
ALL_CFLAGS = -std=gnu11 $(UNALIGNED) -fPIC $(if $(SAN),,-fvisibility=hidden) -ffp-contract=off -fno-math-errno -fno-asynchronous-unwind-tables -pthread \
	-ffunction-sections -fdata-sections $(WARN) $(CFLAGS)
# Of what runs once a file, of the reference, the programs and what they call: size counts there.
SMALL := data draw format graph op pair parse pass quant task
SMALL_CFLAGS = $(ALL_CFLAGS:-O2=-Oz) $(SMALLER) $(SMALLEST) $(ALIGN_DATA)
# What gcc moves out of a loop, keeps over a call or for a whole function (gcse; ipa says what a call leaves as it is) takes a
# register, which has to be saved; its tables of jumps, and what it calls expensive, are larger too.
SMALLER := $(if $(findstring clang,$(CC)),,-fno-tree-loop-im -fno-move-loop-invariants -fno-caller-saves -fno-jump-tables \
	-fno-expensive-optimizations -fno-gcse -fno-ipa-modref -fno-ipa-pure-const)
# So do structs taken apart (sra), but vectors of the generic level are structs. A call is shorter than gcc thinks.
SMALLEST := $(if $(findstring clang,$(CC)),,-fno-tree-sra --param=uninlined-function-insns=1)
# gcc puts every table on 32 bytes otherwise; nothing there is read by vectors.
ifeq ($(ARCH) $(findstring clang,$(CC)),x86_64 )
ALIGN_DATA := -malign-data=abi
endif
ALL_CPPFLAGS = -Ilib -I$(BUILD)/gen -DVERSION='"$(VERSION)"' -DPROGPREFIX='"$(PROGPREFIX)"' $(SYSROOT_CPPFLAGS) $(CPPFLAGS)
# Code and constants side by side: pages that only pad them count in every file.
ALL_LDFLAGS = -pthread -Wl,--gc-sections -Wl,-z,noseparate-code $(SYSROOT_LDFLAGS) $(LDFLAGS)
# The tables' addresses in a bit each instead of 24 bytes; asks for glibc 2.36 or musl 1.2.4. Linkers without it warn.
ifeq ($(ARCH),x86_64)
RELOCATIONS ?= -Wl,-z,pack-relative-relocs
endif
ifdef DEV
ALL_CFLAGS += -Werror
endif
ifdef SAN
ALL_CFLAGS += -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
ALL_LDFLAGS += -fsanitize=$(SAN)
endif

# What counts by its size is compiled as one: what is called once becomes part of its caller, and what nobody calls is left out,
# 16 KB of it.
LTO := $(if $(SAN)$(findstring clang,$(CC)),,-flto=auto -flto-partition=one)

# Objects are keyed by everything that goes into the compiler's command, so that a DEV, SAN or cross build does not mix
# with a plain one: this file, which says what is made how, and what it was called with.
KEY := $(shell { cat $(firstword $(MAKEFILE_LIST)); printf '%s' '$(CC) $(ARCH) $(ALL_CFLAGS) $(ALL_CPPFLAGS) $(LTO)'; } | \
	cksum | cut -d' ' -f1)
OBJ := $(BUILD)/obj/$(KEY)

# Each level of the processor's instruction set compiles every file of lib/kernel/isa once.
ISA_x86_64 := generic avx2 avx512
ISA_aarch64 := generic neon
ISAS := $(or $(ISA_$(ARCH)),generic)
# Where there is a better level, small is enough, and it is compiled as one with the rest of that kind.
SMALL_LEVEL := $(if $(filter-out generic,$(ISAS)),generic)
ISA_FLAGS_generic = $(if $(SMALL_LEVEL),-Oz $(SMALLER) $(LTO),-O2)
ISA_FLAGS_avx2 := -mavx2 -mfma -mf16c -mbmi2 -mtune=haswell
ISA_FLAGS_avx512 := -mavx512f -mavx512bw -mavx512cd -mavx512dq -mavx512vl -mfma -mf16c -mbmi2 \
	-mprefer-vector-width=512 -mtune=skylake-avx512
ISA_FLAGS_neon :=

# Levels that differ from the one they rest on in the products of bytes alone; avx512 has those of avx2, amx other ones
# than gemm_q8.c makes.
ISA_BYTES_x86_64 := avxvnni avx512vnni
ISA_BYTES_aarch64 := dotprod i8mm
ISA_BYTES := $(ISA_BYTES_$(ARCH))
ISA_VNNI := $(filter avx512vnni,$(ISA_BYTES))
ISA_AMX := $(ISA_VNNI:avx512vnni=amx)
ISA_FLAGS_avxvnni := -DISA_avx2 $(ISA_FLAGS_avx2)
ISA_FLAGS_avx512vnni := -DISA_avx512 $(ISA_FLAGS_avx512)
ISA_FLAGS_amx := -DISA_avx512 $(ISA_FLAGS_avx512)
ISA_FLAGS_dotprod := -DISA_neon -march=armv8.2-a+dotprod
ISA_FLAGS_i8mm := -DISA_neon -march=armv8.2-a+i8mm

LIB_SRC := $(sort $(wildcard lib/*/*.c lib/format/*/*.c lib/*.c))
ISA_SRC := $(filter-out %_vnni.c %_amx.c,$(sort $(wildcard lib/kernel/isa/*.c)))
# Texts that are packed together (lib/base/packed.h): what all models need, or one of ONNX; the other formats'. PyTorch's
# functions are another 65 KB, which nothing else needs.
TEXTS := $(patsubst lib/%.text,%,$(sort $(wildcard lib/*/*.text lib/format/*/*.text)))
PACKED_ALONE := format/torch/prelude
PACKED_onnx := $(filter exec/% op/% pass/% task/% format/onnx/%,$(TEXTS))
PACKED_formats := $(filter-out $(PACKED_onnx) $(PACKED_ALONE),$(TEXTS))
GEN_INC := $(patsubst %,$(BUILD)/gen/%.inc,$(TEXTS) base/packed_onnx base/packed_formats)
LIB_OBJ := $(LIB_SRC:%.c=$(OBJ)/%.o) \
	$(filter-out %/gemm_q8.avx512.o %/winograd_q8.avx512.o %/winograd_q8.generic.o %/winograd_q8.neon.o, \
		$(foreach i,$(ISAS),$(ISA_SRC:%.c=$(OBJ)/%.$(i).o))) \
	$(ISA_BYTES:%=$(OBJ)/lib/kernel/isa/gemm_q8.%.o) \
	$(foreach i,$(ISA_VNNI),$(patsubst %,$(OBJ)/lib/kernel/isa/%.$(i).o,depthwise_vnni winograd_q8)) \
	$(ISA_AMX:%=$(OBJ)/lib/kernel/isa/gemm_amx.%.o)
CMD_OBJ := $(patsubst %.c,$(OBJ)/%.o,$(sort $(wildcard cmd/*/*.c)))
# One file is all programs; each is a link to it.
ONE := $(or $(PROGPREFIX),nn)
BIN := $(PROGRAMS:%=$(BUILD)/bin/$(PROGPREFIX)%)

# All processors, unless -j says how many.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
endif

.DELETE_ON_ERROR:
.PHONY: all help deps install uninstall clean tags
all: $(BUILD)/lib/libmodel.a $(BUILD)/lib/libmodel.so $(BIN)

help:
	@sed -n 's/^#   //p' Makefile
	@echo 'targets: all demo check check-arm deps install uninstall clean'

# ---- the library -------------------------------------------------------------------------------------------------

# What building needs, by the names of Debian's packages.
$(BUILD)/gen/needs:
	@missing=; \
	for h in stddef.h:gcc stdio.h:libc6-dev zlib.h:zlib1g-dev stb/stb_image.h:libstb-dev; do \
		echo "#include <$${h%:*}>" | $(CC) $(SYSROOT_CPPFLAGS) $(CPPFLAGS) -x c -E -o /dev/null - 2> /dev/null || \
			missing="$$missing $${h#*:}"; \
	done; \
	[ -z "$$missing" ] || { echo "packages are missing:$$missing; 'make deps' installs them" >&2; exit 1; }
	@mkdir -p $(@D) && touch $@

$(OBJ)/%.o: %.c | $(GEN_INC) $(BUILD)/gen/needs
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Plans are made once for a shape, and what runs is kernels, mostly. These have loops of their own, or many short runs.
EXEC_LOOPS := copy eltwise gemm lower_arg lower_index lower_numbers lower_pool lower_qeltwise lower_qproduct \
	narrow quant_weights rnn rounds run widen
# Every label of every pixel; every element of a product's operand, and every weight.
VECTOR_OBJ := $(patsubst %,$(OBJ)/lib/%.o,task/sample exec/lower_qproduct exec/quant_weights pass/times quant/adapt)
# Boxes are compared by the million.
BOX_OBJ := $(OBJ)/lib/op/box.o
# And what runs once a file, photo or process beside SMALL's folders.
SMALL_OBJ := $(filter-out $(EXEC_LOOPS:%=$(OBJ)/lib/exec/%.o) $(VECTOR_OBJ) $(BOX_OBJ),$(filter $(SMALL:%=$(OBJ)/lib/%/%.o) \
	$(patsubst %.c,$(OBJ)/%.o,$(wildcard lib/*.c lib/exec/*.c)) $(patsubst %,$(OBJ)/lib/%.o,base/cpu base/error base/file base/file_out \
	base/pages base/pool base/text image/check image/decode image/exif image/jpeg_check image/part image/pnm kernel/dispatch),$(LIB_OBJ)))
$(SMALL_OBJ): ALL_CFLAGS := $(SMALL_CFLAGS) $(LTO)
$(VECTOR_OBJ): ALL_CFLAGS += -ftree-vectorize $(if $(findstring clang,$(CC)),,-fvect-cost-model=dynamic)
$(BOX_OBJ): ALL_CFLAGS += -O3
# Most functions of the library are called once or twice in programs: their address in each call is shorter than a jump in a table.
$(OBJ)/cmd/%.o: ALL_CFLAGS := $(SMALL_CFLAGS) -fno-plt $(LTO)

# The level that is to be small has flags of its own.
SMALL_OBJ += $(if $(SMALL_LEVEL),$(filter %.generic.o,$(LIB_OBJ)))
# One object, so that the archive's users, the tests among them, need no optimiser for it.
$(OBJ)/lib/small.o: $(SMALL_OBJ)
	$(CC) $(SMALL_CFLAGS) $(LTO) -r -flinker-output=nolto-rel -o $@ $^
LIB_PARTS := $(if $(LTO),$(OBJ)/lib/small.o $(filter-out $(SMALL_OBJ),$(LIB_OBJ)),$(LIB_OBJ))

# Hostile coefficients overflow the decoder's integers. (clang vectorises by itself, and refuses gcc's option.)
$(OBJ)/lib/image/stb.o: ALL_CFLAGS += -fwrapv
$(addprefix $(OBJ)/lib/image/,convolve.o resize_area.o resize_cubic.o resize_opencv.o stb.o): \
	ALL_CFLAGS += -ftree-vectorize $(if $(findstring clang,$(CC)),,-fvect-cost-model=dynamic)

# Sanitizers on kernels that are unrolled in full take minutes to optimise; those of the coverage-guided fuzzer, which seeks
# faults of readers, leave them out.
# Kernels say themselves what is unrolled; only plain loops beside them are left to the compiler, to vectorise. -O3 makes them an
# eighth larger, and no faster. Of all that gcc aligns, only loops gain. clang would make one memcpy of the loop that copies
# sums for a call, and then passes the sums themselves, which so have addresses and are no registers.
ISA_OPT := $(if $(SAN),-O1,-O2 -ftree-vectorize $(if $(findstring clang,$(CC)),-mllvm -disable-loop-idiom-memcpy, \
	-fvect-cost-model=dynamic -fno-align-functions -fno-align-jumps -fno-align-labels)) \
	$(if $(findstring fuzzer,$(SAN)),-fno-sanitize=all)
# Sanitizers find nothing in kernels of levels that this processor can't run.
ISA_UNRUN := $(if $(SAN),$(shell grep -qw avx512f /proc/cpuinfo || echo avx512% amx%))

define ISA_RULE
$(OBJ)/lib/kernel/isa/%.$(1).o: lib/kernel/isa/%.c
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CPPFLAGS) $$(ALL_CFLAGS) $$(ISA_OPT) $$(if $$(filter $$(ISA_UNRUN),$(1)),-fno-sanitize=all) -DISA=$(1) -DISA_$(1) $$(ISA_FLAGS_$(1)) -MMD -MP -c -o $$@ $$<
endef
$(foreach i,$(ISAS) $(ISA_BYTES) $(ISA_AMX),$(eval $(call ISA_RULE,$(i))))
# Each tile's loops would begin with a copy of their test, which the product's own gain nothing by.
$(foreach i,$(ISAS),$(patsubst %,$(OBJ)/lib/kernel/isa/%.$(i).o,gemm_f32 gemm_bf16)): \
	ISA_OPT += $(if $(SAN)$(findstring clang,$(CC)),,-fno-tree-ch)

.SECONDARY: $(GEN_INC)
# What a section of a file holds.
$(BUILD)/gen/%.bin: lib/%.text | $(BUILD)/gen/needs
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) -x c -MMD -MP -MT $@ -MF $@.d -c -o $@.o $<
	$(OBJCOPY) -O binary --only-section=packed $@.o $@

# Files one behind another, packed: gzip's data without its header, and the size.
PACK = { echo "\#define PACKED_SIZE $$(cat $(1) | wc -c)" && cat $(1) | gzip -9n | tail -c +11 | od -An -v -tx1 | sed 's/ \(..\)/0x\1,/g'; }

$(PACKED_ALONE:%=$(BUILD)/gen/%.inc): %.inc: %.bin
	$(call PACK,$<) > $@

define PACKED_RULE
$(BUILD)/gen/base/packed_$(1).inc $(PACKED_$(1):%=$(BUILD)/gen/%.inc) &: $(PACKED_$(1):%=$(BUILD)/gen/%.bin)
	@mkdir -p $(BUILD)/gen/base
	$$(call PACK,$$^) > $(BUILD)/gen/base/packed_$(1).inc
	@at=0; for f in $(PACKED_$(1):%=$(BUILD)/gen/%); do size=$$$$(wc -c < $$$$f.bin); \
		printf '#undef %s\n#define %s\n' PACKED_GROUP 'PACKED_GROUP packed_$(1)' PACKED_AT "PACKED_AT $$$$at" \
			PACKED_SIZE "PACKED_SIZE $$$$size" > $$$$f.inc; at=$$$$((at + size)); done
endef
$(foreach g,onnx formats,$(eval $(call PACKED_RULE,$(g))))

# zlib goes into the library, so that nothing but libc and libm is needed beside it.
STATIC_LIBS ?= $(shell $(CC) $(SYSROOT_LDFLAGS) -print-file-name=libz.a)
# Without tables for unwinding, which none of our own code has.
BARE_LIBS := $(patsubst %,$(OBJ)/bare/%,$(notdir $(STATIC_LIBS)))

$(BARE_LIBS): $(STATIC_LIBS)
	@mkdir -p $(@D)
	$(OBJCOPY) --remove-section=.eh_frame --remove-section=.rela.eh_frame $(filter %/$(@F),$^) $@

$(BUILD)/lib/libmodel.a: $(LIB_PARTS) $(BARE_LIBS)
	@mkdir -p $(@D) && rm -f $@
	$(AR) rcs $@ $(LIB_PARTS)
	@cd $(@D) && for l in $(abspath $(BARE_LIBS)); do printf 'OPEN libmodel.a\nADDLIB %s\nSAVE\nEND\n' $$l | $(AR) -M; done

# The library's calls of its own public functions go to them, without a row in two tables and a jump for each.
$(BUILD)/lib/libmodel.so: $(LIB_PARTS) $(BARE_LIBS)
	@mkdir -p $(@D)
	$(CC) -shared -Wl,-soname,libmodel.so.0 -Wl,--exclude-libs,ALL -Wl,-Bsymbolic-functions $(RELOCATIONS) -o $@ $^ $(ALL_LDFLAGS) -lm
	@ln -sf libmodel.so $@.0

# ---- the programs ------------------------------------------------------------------------------------------------

ifdef STATIC
PROG_LIBS = $(BUILD)/lib/libmodel.a -static
else
PROG_LIBS = $(BUILD)/lib/libmodel.so -Wl,-rpath,'$$ORIGIN/../lib'
endif

$(BUILD)/bin/$(ONE): $(CMD_OBJ) $(BUILD)/lib/libmodel.a $(BUILD)/lib/libmodel.so
	@mkdir -p $(@D)
	$(CC) $(if $(LTO),$(SMALL_CFLAGS) $(LTO)) -o $@ $(CMD_OBJ) $(PROG_LIBS) $(if $(STATIC),,$(RELOCATIONS)) $(ALL_LDFLAGS) -lm

$(BIN): $(BUILD)/bin/$(ONE)
	@ln -sf $(ONE) $@

# ---- installing --------------------------------------------------------------------------------------------------

INSTALL ?= install
install: all
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include \
		$(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5 \
		$(DESTDIR)$(PREFIX)/share/man/man7
	$(INSTALL) -m 755 $(BUILD)/bin/$(ONE) $(DESTDIR)$(PREFIX)/bin
	for p in $(PROGRAMS); do ln -sf $(ONE) $(DESTDIR)$(PREFIX)/bin/$(PROGPREFIX)$$p || exit 1; done
	$(INSTALL) -m 644 lib/model.h lib/model_media.h $(DESTDIR)$(PREFIX)/include
	$(INSTALL) -m 644 $(BUILD)/lib/libmodel.a $(DESTDIR)$(PREFIX)/lib
	$(INSTALL) -m 755 $(BUILD)/lib/libmodel.so $(DESTDIR)$(PREFIX)/lib/libmodel.so.0
	ln -sf libmodel.so.0 $(DESTDIR)$(PREFIX)/lib/libmodel.so
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' lib/libmodel.pc.in \
		> $(DESTDIR)$(PREFIX)/lib/pkgconfig/libmodel.pc
	for p in $(PROGRAMS); do sed 's/^\.Nm nn\([a-z]\)/.Nm $(PROGPREFIX)\1/' man/nn$$p.1 \
		> $(DESTDIR)$(PREFIX)/share/man/man1/$(PROGPREFIX)$$p.1 || exit 1; done
	$(INSTALL) -m 644 man/nn.5 $(DESTDIR)$(PREFIX)/share/man/man5
	$(INSTALL) -m 644 man/nn-operators.7 man/nn-formats.7 man/nn-tasks.7 man/nn-recipes.7 $(DESTDIR)$(PREFIX)/share/man/man7

uninstall:
	cd $(DESTDIR)$(PREFIX) && rm -f bin/$(ONE) $(PROGRAMS:%=bin/$(PROGPREFIX)%) $(PROGRAMS:%=share/man/man1/$(PROGPREFIX)%.1) \
		share/man/man5/nn.5 share/man/man7/nn-operators.7 share/man/man7/nn-formats.7 share/man/man7/nn-tasks.7 share/man/man7/nn-recipes.7 include/model.h include/model_media.h lib/libmodel.a lib/libmodel.so lib/libmodel.so.0 lib/pkgconfig/libmodel.pc

clean:
	rm -rf $(BUILD)

include tests/rules.mk
-include $(shell find $(BUILD)/obj/$(KEY) $(BUILD)/gen -name '*.d' 2>/dev/null)
