/* The table of passes, and running them to a fixed point. */
#include "pass/pass.h"

#include <limits.h>
#include <string.h>

#include "base/packed.h"
#include "pass/util.h"

static const struct {
    bool safe, fuses;
    int (*run)(struct graph *g, struct error *err);
} rest[] = {
#define PASS(name, safe, fuses, function, what) {safe, fuses, function},
#include "pass/pass.def"
#undef PASS
};

#include "pass/pass.inc"
PACKED_TABLE(table, struct pass, 2, rest);

#define PASS_COUNT (sizeof(rest) / sizeof(*rest))
#define MAX_ROUNDS 50

const struct pass *pass_table(size_t *count)
{
    *count = table.count;
    return packed_row(&table, 0);
}

/* One pass over a graph and its subgraphs; the number of changes, or -1. */
static int run_one(struct graph *root, const struct pass *pass, struct error *err)
{
    int changes = 0;
    for (struct graph *g = root; g; g = graph_next(root, g)) {
        int n = pass->run(g, err);
        if (n < 0)
            return error_prefix(err, "pass %s", pass->name);
        changes = n > INT_MAX - changes ? INT_MAX : changes + n;
    }
    return changes;
}

/* Runs those chosen, or those that are safe, until none changes anything. Nodes that a pass makes are inferred at once,
 * so that all of the graph need not be until the round's end. */
static int run_rounds(struct graph *g, const struct pass *list, size_t count, bool fuse, const bool *chosen,
                      int *counts, struct error *err)
{
    for (int round = 0, changes = 1; changes && round < MAX_ROUNDS; round++) {
        changes = 0;
        for (size_t i = 0; i < count; i++) {
            bool runs = (chosen ? chosen[i] : list[i].safe) && (fuse || !list[i].fuses);
            int n = runs ? run_one(g, &list[i], err) : 0;
            if (n < 0)
                return -1;
            if (counts)
                counts[i] += n;
            changes |= n > 0;
        }
        if (changes && op_infer_graph(g, err))
            return -1;
    }
    return 0;
}

int pass_run(struct graph *g, const bool *chosen, int *counts, struct error *err)
{
    size_t count;
    const struct pass *list = pass_table(&count);
    if (op_infer_graph(g, err) || run_rounds(g, list, count, false, chosen, counts, err))
        return -1;
    return run_rounds(g, list, count, true, chosen, counts, err);
}

int pass_run_those(struct graph *g, bool (*is_wanted)(const struct pass *), struct error *err)
{
    bool chosen[PASS_COUNT];
    size_t count;
    const struct pass *list = pass_table(&count);
    for (size_t i = 0; i < count; i++)
        chosen[i] = is_wanted(&list[i]);
    return pass_run(g, chosen, NULL, err);
}

int pass_run_safe(struct graph *g, struct error *err)
{
    return pass_run(g, NULL, NULL, err);
}

static bool is_unfused(const struct pass *p)
{
    return p->safe && !p->fuses;
}

int pass_run_unfused(struct graph *g, struct error *err)
{
    return pass_run_those(g, is_unfused, err);
}

/* Constants that are read are not computed with: those of half precision would be widened in the file. */
int pass_cancel_wraps(struct graph *g, struct error *err)
{
    static const struct pass steps[] = {{"fold-moves", NULL, true, false, pass_fold_moves},
                                        {"recognise-layer-norm", NULL, true, false, pass_layer_norm},
                                        {"cancel-transposes", NULL, true, false, pass_cancel_transposes},
                                        {"fold-shapes", NULL, true, false, pass_fold_shapes},
                                        {"fold-moves", NULL, true, false, pass_fold_moves},
                                        {"dead-code", NULL, true, false, pass_dead_code}};
    struct error ignored;
    if (op_infer_graph(g, &ignored))
        return 0;
    g->large_stay = true;
    int status = run_rounds(g, steps, sizeof steps / sizeof *steps, true, NULL, NULL, err);
    g->large_stay = false;
    return status;
}

static bool is_of_bytes(const struct pass *p)
{
    return p->safe || p->run == pass_tabulate || p->run == pass_fuse_qdq;
}

int pass_run_quantised(struct graph *g, struct error *err)
{
    return pass_run_those(g, is_of_bytes, err);
}

static bool is_for_exec(const struct pass *p)
{
    return p->safe || p->run == pass_dequantize_weights;
}

int pass_run_for_exec(struct graph *g, struct error *err)
{
    return pass_run_those(g, is_for_exec, err);
}
