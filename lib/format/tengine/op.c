/* Parameters and inputs of a node. */
#include <string.h>

#include "format/tengine/tengine.h"
#include "op/build_filled.h"

int32_t tengine_int(const struct tengine_op *o, uint32_t word)
{
    return (int32_t)tengine_word(&o->param, word);
}

float tengine_float(const struct tengine_op *o, uint32_t word)
{
    return tengine_word_float(&o->param, word);
}

int tengine_list(struct tengine_op *o, uint32_t word, int64_t *values, int max)
{
    struct tengine_words v = tengine_vector(&o->r->file, tengine_word(&o->param, word));
    if (v.count > (uint32_t)max || o->r->file.bad) {
        build_fail(o->b, "a list of %u numbers among its parameters, want at most %d", v.count, max);
        return 0;
    }
    for (uint32_t i = 0; i < v.count; i++)
        values[i] = (int32_t)tengine_word(&v, i);
    return (int)v.count;
}

struct value *tengine_optional(struct tengine_op *o, uint32_t k)
{
    return k < o->in.count && !o->b->failed ? tengine_tensor_value(o->r, tengine_word(&o->in, k)) : NULL;
}

struct value *tengine_in(struct tengine_op *o, uint32_t k)
{
    if (k >= o->in.count)
        build_fail(o->b, "input %u is missing", k);
    return tengine_optional(o, k);
}

int tengine_rank(struct tengine_op *o, uint32_t k)
{
    struct value *v = tengine_in(o, k);
    const struct type *type = build_type(o->b, v);
    if (type && type->kind == TYPE_TENSOR && type->rank >= 0)
        return type->rank;
    build_fail(o->b, "the rank of input %u must be known", k);
    return 0;
}

int64_t tengine_dim(struct tengine_op *o, uint32_t k, int axis)
{
    return build_dim_of(o->b, tengine_in(o, k), axis);
}

void tengine_give(struct tengine_op *o, uint32_t k, struct value *v)
{
    if (k < o->out.count)
        tengine_set_tensor(o->r, tengine_word(&o->out, k), v);
}

struct value *tengine_by_channel(struct tengine_op *o, uint32_t k)
{
    int64_t dims[TENSOR_MAX_RANK] = {tengine_dim(o, k, 0)};
    int own = tengine_rank(o, k), rank = own == 1 && dims[0] > 1 ? tengine_rank(o, 0) : 0;
    for (int i = 1; i < rank - 1; i++)
        dims[i] = 1;
    return rank > 2 && !o->b->failed ? build_reshaped(o->b, tengine_in(o, k), rank - 1, dims) : tengine_in(o, k);
}

/* The scale of a DequantizeLinear, as real numbers: one, or one for each channel. */
static struct value *scale_of(struct value *v)
{
    const struct node *n = v->producer;
    return n && node_is(n, "DequantizeLinear") ? node_in(n, 1) : NULL;
}

struct value *tengine_bias(struct tengine_op *o, uint32_t k)
{
    struct value *bias = tengine_optional(o, k), *x = tengine_in(o, 0), *w = tengine_in(o, 1);
    if (o->b->failed || !bias || !bias->constant || bias->constant->dtype != DTYPE_I32)
        return bias;
    struct value *of_x = scale_of(x), *of_w = scale_of(w);
    if (!of_x || !of_w || !of_x->constant || !of_w->constant || of_x->constant->count != 1) {
        build_fail(o->b, "its bias is of integers, but its input or weights have no scale");
        return NULL;
    }
    struct tensor *t = build_zeros(o->b, DTYPE_F32, of_w->constant->rank, of_w->constant->dims);
    for (int64_t i = 0; t && i < t->count; i++)
        ((float *)t->data)[i] = *(const float *)of_x->constant->data * ((const float *)of_w->constant->data)[i];
    struct value *v = BUILD(o->b, "DequantizeLinear", bias, build_constant(o->b, NULL, t));
    return of_w->constant->count > 1 ? build_int(o->b, v, "axis", 0) : v;
}
