/* Attributes that became inputs, where more than a list of ints is needed. */
#include <float.h>
#include <string.h>

#include "format/onnx/raise.h"

/* A scalar of input 0's type; of f32 where that cannot be told. */
static struct value *number_like(struct onnx_raising *c, struct node *n, double value, struct error *err)
{
    enum dtype dtype = onnx_raise_dtype(c, n, 0);
    return build_number(&(struct build){.node = n, .err = err},
                        dtype == DTYPE_NONE || dtype == DTYPE_STRING ? DTYPE_F32 : dtype, value);
}

/* A float attribute becomes input `index`, unless it is absent or equals `same`. */
static int float_input(struct onnx_raising *c, struct node *n, const char *attr, int index, float same,
                       struct error *err)
{
    const struct attr *a = node_attr(n, attr);
    if (!a)
        return 0;
    if (a->kind != ATTR_FLOAT)
        return onnx_edit_error(n, err, "attribute %s is no float", attr);
    if (a->f != same) {
        struct value *v = number_like(c, n, a->f, err);
        if (!v || onnx_edit_set_input(n, index, v, err) != 0)
            return -1;
    }
    node_remove_attr(n, attr);
    return 0;
}

int onnx_raise_slice(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    static const char *const names[] = {"starts", "ends", "axes"};
    (void)c;
    (void)row;
    for (int i = 0; i < 3; i++)
        if (onnx_edit_attr_to_input(*n, names[i], i + 1, err) != 0)
            return -1;
    return 0;
}

int onnx_raise_topk(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    const struct attr *a = node_attr(*n, "k");
    (void)c;
    (void)row;
    if (!a || a->kind != ATTR_INT)
        return 0;
    struct value *k = build_list(&(struct build){.node = *n, .err = err}, 1, &a->i);
    if (!k || onnx_edit_set_input(*n, 1, k, err) != 0)
        return -1;
    node_remove_attr(*n, "k");
    return 0;
}

int onnx_raise_clip(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    (void)row;
    return float_input(c, *n, "min", 1, -FLT_MAX, err) || float_input(c, *n, "max", 2, FLT_MAX, err) ? -1 : 0;
}

int onnx_raise_pad(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    (void)row;
    return onnx_edit_attr_to_input(*n, "pads", 1, err) || float_input(c, *n, "value", 2, 0, err) ? -1 : 0;
}

int onnx_raise_dropout(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    (void)row;
    return float_input(c, *n, "ratio", 1, 0.5f, err);
}

/* The axis had a default of its own. */
int onnx_raise_dft(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    struct build b = {.node = *n, .err = err};
    struct value *axis = build_number(&b, DTYPE_I64, (double)onnx_edit_get_int(*n, "axis", 1));
    (void)c;
    (void)row;
    if (!axis || onnx_edit_set_input(*n, 2, axis, err) != 0)
        return -1;
    node_remove_attr(*n, "axis");
    return 0;
}

/* One axis and its number of tiles became a number for each axis. */
int onnx_raise_tile(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    int64_t repeats[TENSOR_MAX_RANK];
    int rank = onnx_raise_rank(c, *n, 0);
    const struct tensor *tiles = onnx_edit_constant(*n, 1), *axis = onnx_edit_constant(*n, 2);
    (void)row;
    if (!node_in(*n, 2))
        return 0;
    if (rank < 0 || !tiles || !axis || tiles->count != 1 || axis->count != 1 || tiles->dtype == DTYPE_STRING ||
        axis->dtype == DTYPE_STRING)
        return onnx_edit_error(*n, err, "tiles and axis must be constants of one element, and the input's rank known");
    int64_t at = tensor_get_i64(axis, 0);
    if (at < 0 || at >= rank)
        return onnx_edit_error(*n, err, "axis %lld, want 0 to %d", (long long)at, rank - 1);
    for (int i = 0; i < rank; i++)
        repeats[i] = i == at ? tensor_get_i64(tiles, 0) : 1;
    struct value *v = build_list(&(struct build){.node = *n, .err = err}, rank, repeats);
    if (!v || node_set_input(*n, 1, v, err) != 0)
        return -1;
    node_truncate_inputs(*n, 2);
    return 0;
}
