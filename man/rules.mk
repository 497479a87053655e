# The pages that are made from tables: see `pages` in tests/rules.mk. Each is printed by a program of its own.
PAGES := operators formats tasks
PAGE_RUNS = $(PAGES:%=$(BUILD)/tests/$(KEY)/%)

$(PAGE_RUNS): $(BUILD)/tests/$(KEY)/%: $(OBJ)/man/%.o $(BUILD)/lib/libmodel.a
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(ALL_LDFLAGS) -lm

.PHONY: pages-here check-pages-here
pages-here: $(PAGE_RUNS)
	@for p in $(PAGES); do $(WRAPPER) $(BUILD)/tests/$(KEY)/$$p > man/nn-$$p.7.new && mv man/nn-$$p.7.new man/nn-$$p.7 || exit 1; done

check-pages-here: $(PAGE_RUNS)
	@failed=0; for p in $(PAGES); do $(WRAPPER) $(BUILD)/tests/$(KEY)/$$p | cmp -s - man/nn-$$p.7 || \
		{ echo "man/nn-$$p.7 is not what the tables say: make pages"; failed=$$((failed + 1)); }; done; \
		echo "$$(($(words $(PAGES)) - failed)) passed, $$failed failed"; [ $$failed = 0 ]
