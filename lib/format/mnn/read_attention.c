/* Attention of a query, keys and values [batch, rows, heads, width]. */
#include "format/mnn/handlers.h"

static struct value *heads_first(struct mnn_op *o, struct value *v)
{
    return build_transpose(o->b, v, 4, (int64_t[]){0, 2, 1, 3});
}

/* A mask is added to the scores; attnScale 0 stands for 1 / sqrt(width). What keeps keys of runs before is a runtime's
 * own. CPUAttention.cpp (3.6). */
void mnn_read_attention(struct mnn_op *o)
{
    struct value *mask = mnn_has_in(o, 3) ? mnn_in_any(o, 3) : NULL;
    float scale = mnn_float(&o->param, "attnScale");
    if (o->in.count < 3 || o->in.count > 4 || mnn_int(&o->param, "kv_cache") || mnn_int(&o->param, "output_c4") ||
        (mask && mnn_dtype(o, mask) != DTYPE_F32)) {
        mnn_read_opaque(o);
        return;
    }
    struct value *q = heads_first(o, mnn_in(o, 0)), *k = heads_first(o, mnn_in(o, 1));
    struct value *y = BUILD(o->b, "Attention", q, k, heads_first(o, mnn_in(o, 2)), mask);
    y = scale != 0 ? build_float(o->b, y, "scale", scale) : y;
    mnn_give(o, 0, build_reshape(o->b, heads_first(o, y), 3, (int64_t[]){0, 0, -1}));
}
