/* Operators of other runtimes (com.microsoft, and those in ONNX's domain that the standard has not), written as ONNX's:
 * every kernel, pass and writer serves them then. The toolkit's own, of domain "nn", stay: other passes make them. */
#include "pass/util.h"

#include <string.h>

/* Rules of expansion ask for the ranks, and are exact when they are known. */
static bool is_ready(const struct node *n)
{
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i] && (!pass_type(n->in[i]) || n->in[i]->type.dtype == DTYPE_NONE))
            return false;
    return true;
}

/* What was made before an expansion failed. */
static void remove_made(struct node *before, struct node *n)
{
    while (n->prev != before)
        graph_remove_node(n->prev);
}

int pass_expand_node(struct node *n, struct error *err)
{
    struct node *before = n->prev;
    struct error ignored;
    if (!n->def || !n->def->expand || op_check(n, &ignored))
        return 0;
    if (n->def->expand(n, &ignored)) {
        remove_made(before, n);
        return 0;
    }
    for (struct node *made = before ? before->next : n->graph->first; made != n; made = made->next)
        if (op_infer_node(made, err))
            return -1;
    pass_remove(n);
    return 1;
}

static int rewrite(struct node *n, struct error *err)
{
    return strcmp(n->domain, "nn") == 0 || !is_ready(n) ? 0 : pass_expand_node(n, err);
}

int pass_expand(struct graph *g, struct error *err)
{
    return pass_each(g, rewrite, err);
}
