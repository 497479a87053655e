# The tests' part of the Makefile.

# Every tests/unit/FOLDER/test_*.c is a program of its own over libmodel.a.
UNIT_SRC := $(sort $(wildcard tests/unit/*/test_*.c))
UNIT_BIN = $(UNIT_SRC:tests/unit/%.c=$(BUILD)/tests/$(KEY)/%)

.PHONY: check-unit
check-unit: $$(UNIT_BIN)
	@tests/run-units $(UNIT_BIN)

.SECONDEXPANSION:
$(BUILD)/tests/$$(KEY)/%: $$(OBJ)/tests/unit/%.o $(BUILD)/lib/libmodel.a
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(ALL_LDFLAGS) -lm
