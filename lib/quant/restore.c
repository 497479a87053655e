/* Bringing stored weights back to float32. */
#include "pass/util.h"
#include "quant/weights.h"

static bool is_widening(const struct node *n)
{
    const struct tensor *t = node_is(n, "Cast") ? pass_constant(node_in(n, 0)) : NULL;
    return t && (t->dtype == DTYPE_F16 || t->dtype == DTYPE_BF16) && op_int(n, "to") == DTYPE_F32;
}

static int restore_cast(struct node *n, struct error *err)
{
    return is_widening(n) ? pass_compute(n, err) : 0;
}

int quant_restore_weights(struct graph *g, bool scaled, struct error *err)
{
    int sum = 0;
    for (struct graph *s = g; s; s = graph_next(g, s)) {
        int casts = pass_each(s, restore_cast, err), rest = casts >= 0 && scaled ? pass_dequantize_weights(s, err) : 0;
        if (casts < 0 || rest < 0)
            return -1;
        sum += casts + rest;
    }
    for (struct graph *s = g; s && sum; s = graph_next(g, s))
        graph_sweep_constants(s); /* what was stored */
    return sum;
}
