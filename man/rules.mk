# The program that writes nn-operators(7): see `operators` in tests/rules.mk.
OPERATORS_RUN = $(BUILD)/tests/$(KEY)/operators

$(OPERATORS_RUN): $(OBJ)/man/operators.o $(BUILD)/lib/libmodel.a
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(ALL_LDFLAGS) -lm

.PHONY: operators-here check-operators-here
operators-here: $(OPERATORS_RUN)
	@$(WRAPPER) $< > man/nn-operators.7.new && mv man/nn-operators.7.new man/nn-operators.7

check-operators-here: $(OPERATORS_RUN)
	@$(WRAPPER) $< | cmp -s - man/nn-operators.7 && echo '1 passed, 0 failed' || \
		{ echo 'man/nn-operators.7 is not what the operator table says: make operators'; echo '0 passed, 1 failed'; exit 1; }
