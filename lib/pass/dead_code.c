/* Removing what nothing uses. */
#include <string.h>

#include "pass/util.h"

/* Whether output o of the operator may be left out: its word in the row ends in '?'. */
static bool is_optional(const struct op *op, int o)
{
    const char *at = op->outputs;
    for (; o > 0 && *at; at++)
        o -= *at == ' ';
    size_t size = strcspn(at, " ");
    return size && at[size - 1] == '?';
}

/* Takes an output from a node: there it goes along with another node. */
static int drop_output(struct node *n, int o, struct error *err)
{
    struct node *bin = graph_add_node(n->graph, "", "Identity", n, err);
    if (!bin || node_move_output(n, o, bin, err))
        return -1;
    graph_remove_node(bin);
    return 1;
}

static int drop_outputs(struct node *n, struct error *err)
{
    int changes = 0;
    for (int o = 0; o < n->out_count && n->def; o++) {
        const struct value *v = n->out[o];
        if (!v || v->use_count || v->is_output || !is_optional(n->def, o))
            continue;
        if (drop_output(n, o, err) < 0)
            return -1;
        changes++;
    }
    while (n->out_count > 1 && !n->out[n->out_count - 1] && n->def && is_optional(n->def, n->out_count - 1))
        n->out_count--;
    return changes;
}

static int drop_values(struct graph *g)
{
    int changes = 0;
    for (size_t i = g->value_count; i-- > 0;) {
        struct value *v = i < g->value_count ? g->values[i] : NULL;
        if (!v || v->producer || v->use_count || v->is_input || v->is_output)
            continue;
        graph_remove_value(v);
        changes++;
    }
    return changes;
}

int pass_dead_code(struct graph *g, struct error *err)
{
    int changes = 0;
    for (struct node *n = g->last, *prev; n; n = prev) {
        prev = n->prev;
        if (node_is_dead(n)) {
            graph_remove_node(n);
            changes++;
            continue;
        }
        int dropped = drop_outputs(n, err);
        if (dropped < 0)
            return -1;
        changes += dropped;
    }
    return changes + drop_values(g);
}
