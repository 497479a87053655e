# The tests' part of the Makefile: demo, check, check-arm and their pieces.

.PHONY: demo check check-static check-unit check-bats check-models check-san check-arm

# ---- what a newcomer types ---------------------------------------------------------------------------------------

deps:
	@tests/deps

# A trained network names the cat in a photo.
demo:
	@tests/deps
	@$(MAKE) --no-print-directory all > $(BUILD)-demo.log 2>&1 || { tail -n 20 $(BUILD)-demo.log; exit 1; }
	@rm -f $(BUILD)-demo.log
	@demo/run $(BUILD)/bin/$(PROGPREFIX)

check:
	@tests/deps
	@$(MAKE) --no-print-directory all
	@tests/sum -j '$(MAKE) --no-print-directory check-bats' '$(MAKE) --no-print-directory check-unit' \
		'$(MAKE) --no-print-directory check-static' '$(MAKE) --no-print-directory check-models'

# ---- pieces ------------------------------------------------------------------------------------------------------

check-static: all
	@BUILD=$(BUILD) CC='$(CC)' tests/sum tests/static/layers tests/static/style tests/static/headers tests/static/symbols \
		tests/static/spills tests/static/man '$(MAKE) --no-print-directory check-pages'

# Every tests/unit/FOLDER/test_*.c is a program of its own over libmodel.a. What takes their time is in the library.
# Under the sanitizers they take the shared library, which shows all its names there: linking the archive takes a second;
# and what is undefined is looked for in the library alone, which saves a third of the time to compile them.
# In emulation all but those that rewrite graphs, in which nothing is a processor's.
UNIT_SRC := $(filter-out $(if $(WRAPPER),tests/unit/pass/% tests/unit/quant/%),$(sort $(wildcard tests/unit/*/test_*.c)))
UNIT_DIR = $(BUILD)/tests/$(KEY)
UNIT_BIN = $(UNIT_SRC:tests/unit/%.c=$(UNIT_DIR)/%)
ifdef SAN
UNIT_LIBS = $(BUILD)/lib/libmodel.so -Wl,-rpath,'$$ORIGIN/../../../lib' $(BUILD)/lib/libmodel.a
else
UNIT_LIBS = $(BUILD)/lib/libmodel.a
endif

.SECONDARY: $(UNIT_SRC:%.c=$(OBJ)/%.o)
# Not optimised, they are compiled in half the time; those of kernels compute a good deal themselves.
UNIT_CFLAGS := $(filter-out -Og -O1 -O2,$(ALL_CFLAGS)) $(if $(SAN),-fno-sanitize=undefined)
$(UNIT_SRC:%.c=$(OBJ)/%.o): ALL_CFLAGS := $(UNIT_CFLAGS) -O0
$(patsubst %.c,$(OBJ)/%.o,$(filter tests/unit/kernel/%,$(UNIT_SRC))): ALL_CFLAGS := $(UNIT_CFLAGS) -O1
$(UNIT_DIR)/%: $(OBJ)/tests/unit/%.o $(filter $(BUILD)/lib/%,$(UNIT_LIBS))
	@mkdir -p $(@D)
	$(CC) -o $@ $(filter %.o,$^) $(UNIT_LIBS) $(ALL_LDFLAGS) -lm

# Kernels of AMX over tiles in plain C, which take the library's place in tests.
TWIN_OBJ := $(if $(ISA_AMX),$(patsubst %,$(OBJ)/tests/twin/%.o,gemm_amx gemm_amx_bf16 gemm_amx_f32))
$(UNIT_DIR)/kernel/test_amx_q8 $(UNIT_DIR)/kernel/test_amx_bf16: $(TWIN_OBJ)
$(UNIT_DIR)/kernel/test_amx_q8 $(UNIT_DIR)/kernel/test_amx_bf16: UNIT_LIBS = $(BUILD)/lib/libmodel.a
$(OBJ)/tests/twin/%.o: lib/kernel/isa/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -DISA=amx $(ISA_FLAGS_amx) -include tests/unit/kernel/amx_twin.h -MMD -MP -c -o $@ $<

check-unit:
	@$(MAKE) --no-print-directory build-unit
	@tests/run-units $(UNIT_BIN)

.PHONY: build-unit
build-unit: $(UNIT_BIN)

# GMAC/s and share of the peak of the kernels, for who changes one; LEVEL=avx2 for one level.
TIMING = $(UNIT_DIR)/timing

$(TIMING): $(OBJ)/tests/timing/kernels.o $(BUILD)/lib/libmodel.a
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(ALL_LDFLAGS) -lm

.PHONY: timing
timing:
	@$(MAKE) --no-print-directory $(TIMING) > $(BUILD)-timing.log 2>&1 || { tail -n 20 $(BUILD)-timing.log; exit 1; }
	@rm -f $(BUILD)-timing.log
	@$(TIMING) $(LEVEL)

# clang's warnings: what Android, WebAssembly and the coverage-guided fuzzer build with. Nothing is made.
.PHONY: check-clang sources
sources: $(LIB_OBJ) $(CMD_OBJ)
check-clang:
	@tests/deps clang
	@$(MAKE) --no-print-directory -k CC=clang DEV=1 CFLAGS=-fsyntax-only BUILD=$(BUILD)/clang sources > $(BUILD)-clang.log 2>&1 || \
		{ grep -E '(error|warning):' $(BUILD)-clang.log; echo '0 passed, 1 failed'; exit 1; }
	@rm -f $(BUILD)-clang.log
	@echo '1 passed, 0 failed'

check-bats: all
	@BUILD=$(BUILD) PROGPREFIX=$(PROGPREFIX) tests/run-bats tests/bats

# Broken variants of model files, and hostile ones made for the purpose, in child processes with limits. `make fuzz` is thorough; check-fuzz is the
# short version that `.ci/run` has under the sanitizers.
FUZZ = $(UNIT_DIR)/fuzz
FUZZ_MODELS = $(addprefix tests/models/,$(shell awk -F'"' '/^FORMAT|^ +"/ { for (i = 2; i <= NF; i += 2) print $$i }' lib/format/format.def)) \
	$(addprefix tests/models/weights/,net.gguf net.npz net.pth net.safetensors old.pth) $(addprefix $(UNIT_DIR)/,conv.nn if.nn)
# What was found once, as it was found.
FUZZ_FOUND = $(FUZZ) -m 0 -t 1 $(wildcard tests/fuzz/found/*)
FUZZ_PHOTOS = $(wildcard tests/fuzz/photos/*)

$(FUZZ): $(patsubst %.c,$(OBJ)/%.o,$(filter-out tests/fuzz/cover.c,$(sort $(wildcard tests/fuzz/*.c)))) $(BUILD)/lib/libmodel.a
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(ALL_LDFLAGS) -lm

$(UNIT_DIR)/%.nn: tests/models/tiny/%.onnx all
	@mkdir -p $(@D)
	@$(BUILD)/bin/$(PROGPREFIX)convert -q -o $@ $<

.PHONY: fuzz check-fuzz judge
fuzz: $(FUZZ) $(filter $(UNIT_DIR)/%,$(FUZZ_MODELS))
	@tests/sum -j '$(FUZZ) -H' '$(FUZZ_FOUND)' $(foreach m,$(FUZZ_MODELS),'$(FUZZ) -m 1000 $m') '$(FUZZ) -m 5000 $(FUZZ_PHOTOS)'

check-fuzz: $(FUZZ) $(filter $(UNIT_DIR)/%,$(FUZZ_MODELS))
	@tests/sum -j '$(FUZZ) -H' '$(FUZZ) -m 20 -t 30 $(wordlist 1,40,$(FUZZ_MODELS))' '$(FUZZ) -m 20 -t 30 $(wordlist 41,999,$(FUZZ_MODELS))' \
		'$(FUZZ_FOUND)' '$(FUZZ) -m 50 -t 60 $(FUZZ_PHOTOS)'

# The same by clang's libFuzzer, which seeks inputs that reach new code: SECONDS of each format's samples, of processor time. Findings stay in build/cover/found.
.PHONY: fuzz-cover fuzz-cover-here
COVER = $(UNIT_DIR)/cover

$(COVER): $(OBJ)/tests/fuzz/cover.o $(OBJ)/tests/fuzz/attempt.o $(OBJ)/tests/fuzz/attempt_photo.o $(BUILD)/lib/libmodel.a
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(subst fuzzer-no-link,fuzzer,$(ALL_LDFLAGS)) -lm

fuzz-cover:
	@tests/deps fuzz
	@$(MAKE) --no-print-directory CC=clang SAN=fuzzer-no-link,address,undefined BUILD=$(BUILD)/cover CFLAGS='-O1 -g' fuzz-cover-here

fuzz-cover-here: $(COVER)
	@tests/fuzz/cover $(COVER) $(BUILD) $(or $(SECONDS),60) $(FORMATS)

# Networks that do not come with the project, where ../shared has them; PATTERN='*.tflite' for some of them.
judge: all
	@tests/judge $(BUILD)/bin/$(PROGPREFIX) $(if $(PATTERN),'$(PATTERN)')

# Small real networks with the answers of their own runtimes.
check-models: all
	@tests/run-models $(BUILD)/bin/$(PROGPREFIX)

# Unit tests and small networks under the sanitizers, whole plans on the best level alone: kernels have tests of their own. Huge requests are to give an error, not to
# end the process. Hardly optimised, with no more than lines for the debugger, they are compiled in half of the time; SAN_DEBUG=-g0 saves the linker more, where a
# report without lines will do.
.PHONY: check-san check-san-here
SAN_DEBUG ?= -g1
SANITIZED = ASAN_OPTIONS=allocator_may_return_null=1 $(MAKE) --no-print-directory SAN=address,undefined BUILD=$(BUILD)/san STATIC= CFLAGS='-Og $(SAN_DEBUG)'

check-san:
	@tests/deps
	@+$(SANITIZED) check-san-here

check-san-here: all
	@LEVELS=best tests/sum -j '$(MAKE) --no-print-directory check-unit' '$(MAKE) --no-print-directory check-models' \
		'$(MAKE) --no-print-directory check-fuzz'

# Networks by up to 16 threads under the thread sanitizer.
.PHONY: race race-here
race:
	@tests/deps
	@$(MAKE) --no-print-directory SAN=thread BUILD=$(BUILD)/race race-here

race-here: all
	@tests/race $(BUILD)/bin/$(PROGPREFIX)

# ---- aarch64, in emulation ---------------------------------------------------------------------------------------

ARM_SYSROOT = $(abspath $(BUILD))/arm-sysroot

EMULATED = WRAPPER='qemu-aarch64 -L /usr/aarch64-linux-gnu' $(MAKE) --no-print-directory ARCH=aarch64 BUILD=$(BUILD)/aarch64 \
	SYSROOT_CPPFLAGS=-isystem\ $(ARM_SYSROOT)/usr/include SYSROOT_LDFLAGS=-B$(ARM_SYSROOT)/usr/lib/aarch64-linux-gnu

check-arm:
	@tests/deps arm
	@tests/arm-sysroot $(ARM_SYSROOT)
	@+$(EMULATED) check-arm-here

.PHONY: check-arm-here
check-arm-here: all
	@LEVELS=best tests/sum -j '$(MAKE) --no-print-directory check-unit' 'tests/run-models $(BUILD)/bin/$(PROGPREFIX)'

# ---- nn-operators(7), nn-formats(7) and nn-tasks(7), which are made from tables --------------------------------------------------

.PHONY: pages operators check-pages
include man/rules.mk

pages check-pages:
	@$(MAKE) --no-print-directory $@-here
operators: pages

# ---- ONNX's backend suite ------------------------------------------------------------------------------------------

# Every case the suite has, as the build is; CASES='test_conv*' for some of them. -levels: on every instruction set of this
# processor; -san, -arm: under the sanitizers and in emulation, where time says nothing.
.PHONY: conformance conformance-levels conformance-san conformance-arm
include tests/conformance/rules.mk

conformance conformance-levels:
	@tests/deps
	@$(MAKE) --no-print-directory $@-here

conformance-san:
	@tests/deps
	@+$(SANITIZED) SECONDS=0 conformance-here

conformance-arm:
	@tests/deps arm
	@tests/arm-sysroot $(ARM_SYSROOT)
	@+$(EMULATED) SECONDS=0 conformance-levels-here

# ---- onnxruntime ---------------------------------------------------------------------------------------------------

# Operators of com.microsoft and whole models against onnxruntime, in a Python environment of their own outside the tree;
# PATTERN='Attention*' for some of them.
.PHONY: interop
interop:
	@tests/deps
	@$(MAKE) --no-print-directory all
	@tests/interop/run $(BUILD)/bin/$(PROGPREFIX) $(PATTERN)
	@tests/interop/run-mnn $(BUILD)/bin/$(PROGPREFIX)
	@tests/interop/run-tflite $(BUILD)/bin/$(PROGPREFIX)
	@tests/interop/run-openvino $(BUILD)/bin/$(PROGPREFIX)
	@tests/interop/run-ncnn $(BUILD)/bin/$(PROGPREFIX)
	@tests/interop/run-pictures $(BUILD)/bin/$(PROGPREFIX)
	@tests/interop/run-random $(BUILD)/bin/$(PROGPREFIX)
