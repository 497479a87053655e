/* Bringing stored weights back to float32. */
#include <stdlib.h>

#include "op/op.h"
#include "quant/weights.h"

static struct tensor *restore_cast(const struct tensor *t, const struct kernels *k, struct error *err)
{
    struct tensor *out = tensor_new(DTYPE_F32, t->rank, t->dims, err);
    if (out)
        (t->dtype == DTYPE_F16 ? k->f16_to_f32 : k->bf16_to_f32)(out->data, t->data, (size_t)t->count);
    return out;
}

/* A run of n integers that share a scale and a zero point. */
static void scale_run(float *out, const struct tensor *t, size_t first, size_t n, float scale, float zero)
{
    const int8_t *s = (const int8_t *)t->data + first;
    const uint8_t *u = (const uint8_t *)t->data + first;
    out += first;
    if (t->dtype == DTYPE_I8)
        for (size_t i = 0; i < n; i++)
            out[i] = ((float)s[i] - zero) * scale;
    else
        for (size_t i = 0; i < n; i++)
            out[i] = ((float)u[i] - zero) * scale;
}

/* A run of n integers, each with its own. */
static void scale_row(float *out, const struct tensor *t, size_t first, size_t n, const float *scale, const float *zero)
{
    const int8_t *s = (const int8_t *)t->data + first;
    const uint8_t *u = (const uint8_t *)t->data + first;
    out += first;
    if (t->dtype == DTYPE_I8)
        for (size_t i = 0; i < n; i++)
            out[i] = ((float)s[i] - zero[i]) * scale[i];
    else
        for (size_t i = 0; i < n; i++)
            out[i] = ((float)u[i] - zero[i]) * scale[i];
}

/* The zero points as floats, for free(). */
static float *float_zeros(const struct tensor *zero, size_t n, struct error *err)
{
    float *zeros = mem_calloc(n, sizeof *zeros, err);
    for (size_t i = 0; zeros && zero && i < n; i++)
        zeros[i] = (float)tensor_get_i64(zero, (int64_t)i);
    return zeros;
}

static struct tensor *restore_scaled(const struct tensor *t, const struct tensor *scale, const struct tensor *zero,
                                     int axis, struct error *err)
{
    const float *scales = scale->data;
    size_t inner = 1, channels = (size_t)scale->count, count = (size_t)t->count;
    for (int i = channels > 1 ? axis + 1 : 0; i < t->rank; i++)
        inner *= (size_t)t->dims[i];
    float *zeros = float_zeros(zero, channels, err);
    struct tensor *out = zeros ? tensor_new(DTYPE_F32, t->rank, t->dims, err) : NULL;
    if (out && inner == 1)
        for (size_t first = 0; first < count; first += channels)
            scale_row(out->data, t, first, channels, scales, zeros);
    else if (out)
        for (size_t first = 0, run = 0; first < count; first += inner, run++)
            scale_run(out->data, t, first, inner, scales[run % channels], zeros[run % channels]);
    free(zeros);
    return out;
}

static const struct tensor *constant_in(const struct node *n, int i)
{
    const struct value *v = node_in(n, i);
    return v ? v->constant : NULL;
}

/* Whether restore_scaled() can do it: 8 bits, one scale, or one for each of the axis. */
static bool is_plain(const struct node *n, const struct tensor *t, const struct tensor *scale, int *axis)
{
    int64_t at = op_int(n, "axis");
    *axis = (int)(at < 0 ? at + t->rank : at);
    if ((t->dtype != DTYPE_I8 && t->dtype != DTYPE_U8) || scale->dtype != DTYPE_F32 || op_int(n, "block_size") ||
        scale->rank > 1)
        return false;
    const struct tensor *zero = constant_in(n, 2);
    if (node_in(n, 2) && (!zero || zero->dtype != t->dtype || zero->count != scale->count))
        return false;
    if (scale->count == 1)
        return true;
    return *axis >= 0 && *axis < t->rank && scale->count == t->dims[*axis];
}

/* The restored weight, or NULL; *skip when the node is none to restore. */
static struct tensor *restored(const struct node *n, const struct kernels *k, bool scaled, bool *skip,
                               struct error *err)
{
    const struct tensor *t = constant_in(n, 0), *scale = constant_in(n, 1);
    int axis;
    *skip = true;
    if (!t || !n->def || n->out_count != 1 || !n->out[0])
        return NULL;
    if (node_is(n, "Cast") && (t->dtype == DTYPE_F16 || t->dtype == DTYPE_BF16) && op_int(n, "to") == DTYPE_F32) {
        *skip = false;
        return restore_cast(t, k, err);
    }
    if (!scaled || !node_is(n, "DequantizeLinear") || !scale || !is_plain(n, t, scale, &axis))
        return NULL;
    *skip = false;
    return restore_scaled(t, scale, constant_in(n, 2), axis, err);
}

/* Takes the node away, and its operands where nothing else uses them. */
static void drop(struct node *n)
{
    struct value *in[3] = {node_in(n, 0), node_in(n, 1), node_in(n, 2)};
    graph_remove_node(n);
    for (int i = 0; i < 3; i++)
        if (in[i] && in[i]->constant && !in[i]->is_input && !in[i]->is_output && in[i]->use_count == 0)
            graph_remove_value(in[i]);
}

int quant_restore_weights(struct graph *g, const struct kernels *k, bool scaled, struct error *err)
{
    int count = 0;
    for (struct graph *s = g; s; s = graph_next(g, s))
        for (struct node *n = s->first, *next; n; n = next) {
            bool skip;
            next = n->next;
            struct tensor *t = restored(n, k, scaled, &skip, err);
            if (skip)
                continue;
            if (!t || graph_make_constant(n->out[0], t, err) < 0)
                return -1;
            drop(n);
            count++;
        }
    return count;
}
