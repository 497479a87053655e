/* Normalisations. */
#include <string.h>

#include "format/onnx/raise.h"

/* Statistics for each element instead of each channel: (X - mean) / sqrt(var + epsilon) * scale + B. */
int onnx_raise_batch_norm_spatial(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row,
                                  struct error *err)
{
    bool spatial = onnx_edit_get_int(*n, "spatial", 1) != 0;
    (void)row;
    node_remove_attr(*n, "spatial");
    if (spatial || (*n)->in_count != 5)
        return 0;
    enum dtype dtype = onnx_raise_dtype(c, *n, 0);
    *n = onnx_edit_drop_outputs(*n, 1, err);
    if (!*n)
        return -1;
    struct value *const *in = (*n)->in;
    struct value *epsilon =
        onnx_edit_number(*n, dtype == DTYPE_NONE ? DTYPE_F32 : dtype, onnx_edit_get_float(*n, "epsilon", 1e-5f), err);
    struct value *sum = epsilon ? EDIT_OP(*n, "Add", err, in[4], epsilon) : NULL;
    struct value *deviation = sum ? EDIT_OP(*n, "Sqrt", err, sum) : NULL;
    struct value *centred = deviation ? EDIT_OP(*n, "Sub", err, in[0], in[3]) : NULL;
    struct value *normal = centred ? EDIT_OP(*n, "Div", err, centred, deviation) : NULL;
    struct value *scaled = normal ? EDIT_OP(*n, "Mul", err, normal, in[1]) : NULL;
    return scaled ? EDIT_BECOME(*n, "Add", err, scaled, in[2]) : -1;
}

/* BatchNormalization had five outputs, of which an inference uses the first; the mask of Dropout was of another type.
 */
int onnx_raise_first_output(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row,
                            struct error *err)
{
    (void)c;
    (void)row;
    if ((*n)->out_count <= 1)
        return 0;
    *n = onnx_edit_drop_outputs(*n, 1, err);
    return *n ? 0 : -1;
}

/* ---- GroupNormalization's scale and bias were for groups, and are for channels ---- */

static struct tensor *repeat_each(const struct tensor *t, int64_t times, struct error *err)
{
    int64_t dims[1];
    if (t->rank != 1 || t->dtype == DTYPE_STRING || dtype_info(t->dtype)->bits < 8 ||
        __builtin_mul_overflow(t->count, times, &dims[0])) {
        error_set(err, "a scale or bias of rank %d, want 1", t->rank);
        return NULL;
    }
    struct tensor *wide = tensor_new(t->dtype, 1, dims, err);
    size_t width = dtype_info(t->dtype)->bits / 8;
    for (int64_t i = 0; wide && i < wide->count; i++)
        memcpy((char *)wide->data + (size_t)i * width, (const char *)t->data + (size_t)(i / times) * width, width);
    return wide;
}

/* [groups] to [channels] in the graph: by way of [groups, channels / groups]. */
static struct value *repeat_computed(struct node *n, struct value *v, int64_t groups, struct error *err)
{
    struct value *shape = EDIT_OP(n, "Shape", err, n->in[0]);
    if (!shape || node_set_int(shape->producer, "start", 1, err) != 0 ||
        node_set_int(shape->producer, "end", 2, err) != 0)
        return NULL;
    struct value *count = onnx_edit_ints(n, 1, &groups, err), *one = onnx_edit_ints(n, 1, &(int64_t){1}, err);
    struct value *all = onnx_edit_ints(n, 1, &(int64_t){-1}, err);
    struct value *times = count && one && all ? EDIT_OP(n, "Div", err, shape, count) : NULL;
    struct value *target = times ? EDIT_OP(n, "Concat", err, count, times) : NULL;
    if (!target || node_set_int(target->producer, "axis", 0, err) != 0)
        return NULL;
    struct value *column = EDIT_OP(n, "Unsqueeze", err, v, one);
    struct value *wide = column ? EDIT_OP(n, "Expand", err, column, target) : NULL;
    return wide ? EDIT_OP(n, "Reshape", err, wide, all) : NULL;
}

int onnx_raise_group_norm(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    int rank = onnx_raise_rank(c, *n, 0);
    int64_t groups = onnx_edit_get_int(*n, "num_groups", 0),
            channels = rank > 1 ? (*n)->in[0]->type.dims[1] : DIM_UNKNOWN;
    (void)row;
    if (groups < 1 || (channels >= 0 && channels % groups != 0))
        return onnx_edit_error(*n, err, "attribute num_groups is %lld, want a divisor of the channels",
                               (long long)groups);
    for (int i = 1; i <= 2; i++) {
        struct value *v = node_in(*n, i), *wide;
        if (!v || channels == groups)
            continue;
        if (v->constant && channels >= 0 && v->constant->count == groups && v->constant->count <= channels) {
            struct tensor *t = repeat_each(v->constant, channels / groups, err);
            wide = t ? graph_add_constant((*n)->graph, NULL, t, err) : NULL;
        } else
            wide = repeat_computed(*n, v, groups, err);
        if (!wide || node_set_input(*n, i, wide, err) != 0)
            return -1;
    }
    return 0;
}
