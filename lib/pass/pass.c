/* The table of passes, and running them to a fixed point. */
#include "pass/pass.h"

#include <limits.h>
#include <string.h>

#include "pass/util.h"

#define PASS(name, safe, fuses, function, what) {name, what, safe, fuses, function},
static const struct pass table[] = {
#include "pass/pass.def"
};
#undef PASS

#define PASS_COUNT (sizeof(table) / sizeof(table[0]))
#define MAX_ROUNDS 50

const struct pass *pass_table(size_t *count)
{
    *count = PASS_COUNT;
    return table;
}

const struct pass *pass_by_name(const char *name, size_t length)
{
    for (size_t i = 0; i < PASS_COUNT; i++)
        if (strlen(table[i].name) == length && memcmp(table[i].name, name, length) == 0)
            return &table[i];
    return NULL;
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

/* Nodes that a pass makes are inferred at once, so that all of the graph need not be until the round's end. */
static int run_round(struct graph *g, bool fuse, const bool *chosen, int *counts, struct error *err)
{
    int changes = 0;
    for (size_t i = 0; i < PASS_COUNT; i++) {
        if (!chosen[i] || (table[i].fuses && !fuse))
            continue;
        int n = run_one(g, &table[i], err);
        if (n < 0)
            return -1;
        if (counts)
            counts[i] += n;
        changes |= n > 0;
    }
    return changes && op_infer_graph(g, err) ? -1 : changes;
}

int pass_run(struct graph *g, const bool *chosen, int *counts, struct error *err)
{
    if (op_infer_graph(g, err))
        return -1;
    for (int fuse = 0; fuse < 2; fuse++)
        for (int round = 0, changes = 1; changes && round < MAX_ROUNDS; round++) {
            changes = run_round(g, fuse, chosen, counts, err);
            if (changes < 0)
                return -1;
        }
    return 0;
}

int pass_run_safe(struct graph *g, struct error *err)
{
    bool chosen[PASS_COUNT];
    for (size_t i = 0; i < PASS_COUNT; i++)
        chosen[i] = table[i].safe;
    return pass_run(g, chosen, NULL, err);
}

int pass_run_unfused(struct graph *g, struct error *err)
{
    bool chosen[PASS_COUNT];
    for (size_t i = 0; i < PASS_COUNT; i++)
        chosen[i] = table[i].safe && !table[i].fuses;
    return pass_run(g, chosen, NULL, err);
}

/* Constants that are read are not computed with: those of half precision would be widened in the file. */
int pass_cancel_wraps(struct graph *g, struct error *err)
{
    static const struct pass steps[] = {{.name = "fold-shapes", .run = pass_fold_shapes},
                                        {.name = "cancel-transposes", .run = pass_cancel_transposes},
                                        {.name = "fold-moves", .run = pass_fold_moves},
                                        {.name = "dead-code", .run = pass_dead_code}};
    struct error ignored;
    if (op_infer_graph(g, &ignored))
        return 0;
    for (int round = 0, changes = 1; changes && round < MAX_ROUNDS; round++) {
        changes = 0;
        for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
            int n = run_one(g, &steps[i], err);
            if (n < 0)
                return -1;
            changes |= n > 0;
        }
        if (changes && op_infer_graph(g, err))
            return -1;
    }
    return 0;
}

int pass_run_quantised(struct graph *g, struct error *err)
{
    bool chosen[PASS_COUNT];
    for (size_t i = 0; i < PASS_COUNT; i++)
        chosen[i] = table[i].safe || table[i].run == pass_tabulate || table[i].run == pass_fuse_qdq;
    return pass_run(g, chosen, NULL, err);
}

int pass_run_for_exec(struct graph *g, struct error *err)
{
    bool chosen[PASS_COUNT];
    for (size_t i = 0; i < PASS_COUNT; i++)
        chosen[i] = table[i].safe || table[i].run == pass_dequantize_weights;
    return pass_run(g, chosen, NULL, err);
}
