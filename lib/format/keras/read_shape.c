/* Layers that change shapes, look rows up, or merge tensors. */
#include <stdio.h>
#include <string.h>

#include "format/keras/keras.h"

/* Channels-first tensors are flattened as if their channels stood last. */
void keras_read_flatten(struct keras_call *l)
{
    struct value *x = keras_in(l, 0);
    int rank = keras_rank(l, x);
    if (keras_is_nchw(l) && rank > 2)
        x = build_channels_last(l->b, x, rank);
    keras_give(l, BUILD(l->b, "Flatten", x));
}

void keras_read_reshape(struct keras_call *l)
{
    int64_t dims[TENSOR_MAX_RANK + 1] = {0};
    int count = keras_list(l, "target_shape", dims + 1, TENSOR_MAX_RANK - 1);
    if (count < 0)
        build_fail(l->b, "it has no target_shape");
    keras_give(l, build_reshape(l->b, keras_in(l, 0), count + 1, dims));
}

void keras_read_permute(struct keras_call *l)
{
    int64_t perm[TENSOR_MAX_RANK] = {0};
    int count = keras_list(l, "dims", perm + 1, TENSOR_MAX_RANK - 1);
    keras_give(l, build_transpose(l->b, keras_in(l, 0), count + 1, perm));
}

void keras_read_repeat_vector(struct keras_call *l)
{
    struct value *v = build_unsqueeze(l->b, keras_in(l, 0), 1);
    keras_give(l, BUILD(l->b, "Expand", v, BUILD_LIST(l->b, 1, keras_int(l, "n", 1), 1)));
}

/* A step counts where any of its elements is not mask_value; the others become 0. */
void keras_read_masking(struct keras_call *l)
{
    struct value *x = keras_in(l, 0), *number = build_number(l->b, DTYPE_F32, (double)keras_float(l, "mask_value", 0));
    struct value *differs = build_cast(l->b, BUILD(l->b, "Not", BUILD(l->b, "Equal", x, number)), DTYPE_F32);
    struct value *any = BUILD(l->b, "ReduceMax", differs, BUILD_LIST(l->b, -1));
    keras_give(l, BUILD(l->b, "Mul", x, any));
    struct value *mask = build_cast(l->b, BUILD(l->b, "Squeeze", any, BUILD_LIST(l->b, -1)), DTYPE_BOOL);
    if (!l->b->failed)
        keras_set_mask(l, l->out[0], mask);
}

void keras_read_embedding(struct keras_call *l)
{
    struct value *ids = keras_in(l, 0);
    const struct type *type = ids ? build_type(l->b, ids) : NULL;
    if (type && type->dtype != DTYPE_I32 && type->dtype != DTYPE_I64)
        ids = build_cast(l->b, ids, DTYPE_I32);
    struct value *v = BUILD(l->b, "Gather", keras_weight(l, "embeddings", 0), ids);
    if (l->in_bytes)
        v = BUILD(l->b, "Div", v,
                  build_unsqueeze(l->b, BUILD(l->b, "Gather", keras_weight(l, "embeddings_scale", 1), ids), -1));
    keras_give(l, v);
    if (!keras_bool(l, "mask_zero", false) || l->b->failed)
        return;
    type = build_type(l->b, ids);
    struct value *zero = l->b->failed ? NULL : build_number(l->b, type->dtype, 0);
    struct value *mask = BUILD(l->b, "Not", BUILD(l->b, "Equal", ids, zero));
    if (!l->b->failed)
        keras_set_mask(l, l->out[0], mask);
}

/* ---- merging ---- */

/* Tensors of fewer axes than the largest have axes of one element behind the batch. */
static void level(struct keras_call *l)
{
    int most = 0;
    for (int i = 0; i < l->in_count; i++) {
        int rank = keras_rank(l, keras_in(l, i));
        most = rank > most ? rank : most;
    }
    for (int i = 0; i < l->in_count && !l->b->failed; i++)
        for (int rank = keras_rank(l, l->in[i]); rank < most && rank > 0 && !l->b->failed; rank++)
            l->in[i] = build_unsqueeze(l->b, l->in[i], 1);
}

static void merge(struct keras_call *l, const char *onnx)
{
    bool mean = strcmp(onnx, "Mean") == 0;
    level(l);
    struct value *v = keras_in(l, 0);
    for (int i = 1; i < l->in_count && !l->b->failed; i++)
        v = BUILD(l->b, mean ? "Add" : onnx, v, l->in[i]);
    if (mean)
        v = BUILD(l->b, "Div", v, build_number(l->b, DTYPE_F32, l->in_count));
    keras_give(l, v);
}

void keras_read_merge(struct keras_call *l)
{
    merge(l, l->kind->onnx);
}

static void concatenate(struct keras_call *l)
{
    int rank = keras_rank(l, keras_in(l, 0)), axis = keras_axis(l, keras_int(l, "axis", -1), rank);
    for (int i = 0; i < l->in_count; i++)
        keras_in(l, i);
    struct value *v = l->b->failed ? NULL : build_node(l->b, "Concat", l->in_count, l->in);
    keras_give(l, build_int(l->b, v, "axis", axis));
}

void keras_read_concatenate(struct keras_call *l)
{
    concatenate(l);
}

/* Keras 1 has one layer for all. */
void keras_read_old_merge(struct keras_call *l)
{
    static const char *const modes[][2] = {{"sum", "Add"}, {"mul", "Mul"}, {"ave", "Mean"}, {"max", "Max"}};
    const char *mode = keras_text(l, "mode", "sum");
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
        if (strcmp(modes[i][0], mode) == 0) {
            merge(l, modes[i][1]);
            return;
        }
    if (strcmp(mode, "concat") == 0)
        concatenate(l);
    else
        build_fail(l->b, "its mode \"%.30s\" is not read", mode);
}

/* Of keras.applications: the second input, scaled, onto the first. */
void keras_read_scaled_sum(struct keras_call *l)
{
    struct value *factor = build_number(l->b, DTYPE_F32, (double)keras_float(l, "scale", 1));
    keras_give(l, BUILD(l->b, "Add", keras_in(l, 0), BUILD(l->b, "Mul", keras_in(l, 1), factor)));
}

/* Sums of products along one axis of each, for each batch: an Einsum. */
void keras_read_dot(struct keras_call *l)
{
    static const char x_letters[] = "bcdefgh", y_letters[] = "bijklmn";
    int64_t axes[2] = {-1, -1};
    char x[8], y[8], equation[40];
    int x_rank = keras_rank(l, keras_in(l, 0)), y_rank = keras_rank(l, keras_in(l, 1)), n = 0;
    int count = keras_list(l, "axes", axes, 2);
    axes[1] = count == 1 ? axes[0] : axes[1];
    int p = keras_axis(l, axes[0], x_rank), q = keras_axis(l, axes[1], y_rank);
    if (x_rank > 7 || y_rank > 7 || p < 1 || q < 1)
        build_fail(l->b, "axes of the batch, or tensors of more than 7 axes, are not read");
    if (l->b->failed)
        return;
    snprintf(x, sizeof(x), "%.*s", x_rank, x_letters);
    snprintf(y, sizeof(y), "%.*s", y_rank, y_letters);
    x[p] = y[q] = 'z';
    n = snprintf(equation, sizeof(equation), "%s,%s->", x, y);
    for (int i = 0; i < x_rank; i++)
        if (i != p)
            equation[n++] = x[i];
    for (int i = 1; i < y_rank; i++)
        if (i != q)
            equation[n++] = y[i];
    equation[n] = 0;
    struct value *in[2] = {l->in[0], l->in[1]};
    for (int i = 0; i < 2 && keras_bool(l, "normalize", false); i++) {
        struct value *norm = BUILD(l->b, "ReduceL2", in[i], BUILD_LIST(l->b, i ? q : p));
        in[i] = BUILD(l->b, "Div", in[i], BUILD(l->b, "Max", norm, build_number(l->b, DTYPE_F32, 1e-6)));
    }
    struct value *v = build_string(l->b, build_node(l->b, "Einsum", 2, in), "equation", equation);
    keras_give(l, x_rank + y_rank == 4 ? build_unsqueeze(l->b, v, 1) : v);
}

/* ---- what is refused ---- */

void keras_read_lambda(struct keras_call *l)
{
    build_fail(l->b,
               "a function of Python's, which this program never runs: write it as layers or operations of Keras");
}

void keras_read_tensorflow_layer(struct keras_call *l)
{
    build_fail(l->b, "an operator of TensorFlow's within the model: save it as a SavedModel");
}
