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
    struct build b = {.node = *n, .err = err};
    struct value *const *in = (*n)->in;
    struct value *epsilon =
        build_number(&b, dtype == DTYPE_NONE ? DTYPE_F32 : dtype, onnx_edit_get_float(*n, "epsilon", 1e-5f));
    struct value *deviation = BUILD(&b, "Sqrt", BUILD(&b, "Add", in[4], epsilon));
    struct value *normal = BUILD(&b, "Div", BUILD(&b, "Sub", in[0], in[3]), deviation);
    return BUILD_BECOME(&b, "Add", BUILD(&b, "Mul", normal, in[1]), in[2]);
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
    struct build b = {.node = n, .err = err};
    struct value *count = BUILD_LIST(&b, groups);
    struct value *times = BUILD(&b, "Div", build_shape(&b, n->in[0], 1, 2), count);
    struct value *target = BUILD(&b, "Concat/axis=0", count, times);
    return build_reshape(&b, BUILD(&b, "Expand", build_unsqueeze(&b, v, 1), target), 1, (int64_t[]){-1});
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
