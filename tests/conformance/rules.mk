# The conformance runner: see `conformance` in tests/rules.mk.
.PHONY: conformance-here conformance-levels-here
CONFORMANCE_RUN = $(BUILD)/tests/$(KEY)/conformance
CONFORMANCE_OBJ = $(patsubst %.c,$(OBJ)/%.o,$(sort $(wildcard tests/conformance/*.c)))
CASES ?=
SECONDS ?= 5

$(CONFORMANCE_OBJ): $(GEN_SRC:.c=.h)

$(CONFORMANCE_RUN): $(CONFORMANCE_OBJ) $(BUILD)/lib/libmodel.a
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(ALL_LDFLAGS) -lm

conformance-here: $(CONFORMANCE_RUN)
	@data=$$(tests/conformance/fetch) && $(WRAPPER) $< -t $(SECONDS) "$$data" tests/conformance/expected $(CASES)

conformance-levels-here: $(CONFORMANCE_RUN)
	@data=$$(tests/conformance/fetch) && levels=$$($(WRAPPER) $< -l) && for level in $$levels; do \
		echo "level $$level:" && NN_ISA=$$level $(WRAPPER) $< -t $(SECONDS) "$$data" tests/conformance/expected $(CASES) || exit 1; \
	done
