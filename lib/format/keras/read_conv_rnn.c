/* Recurrent layers whose products are convolutions: those of the input for all steps at once, the rest step by step. */
#include <string.h>

#include "format/keras/keras.h"

#define MOST_SPATIAL 3
#define GATES        4

static struct value *filter(struct keras_call *l, const char *name, int index, int spatial)
{
    static const int64_t perms[][MOST_SPATIAL + 2] = {{2, 1, 0}, {3, 2, 0, 1}, {4, 3, 0, 1, 2}};
    struct tensor *t = keras_cell_tensor(l, name, index);
    if (!t || t->rank != spatial + 2) {
        build_fail(l->b, "its %s must have %d axes", name, spatial + 2);
        tensor_unref(t);
        return NULL;
    }
    return build_permuted(l->b, build_constant(l->b, keras_keep(l->r, name), t), spatial + 2, perms[spatial - 1]);
}

/* [batch, steps, …] → [steps, batch, 4 * filters, …]. */
static struct value *of_input(struct keras_call *l, struct value *x, int spatial)
{
    struct build *b = l->b;
    int64_t dims[TENSOR_MAX_RANK] = {-1}, perm[TENSOR_MAX_RANK] = {1, 0}, strides[MOST_SPATIAL],
            dilations[MOST_SPATIAL];
    int rank = spatial + 2;
    const char *padding = keras_text(l, "padding", "valid");
    for (int i = 1; i < rank; i++) {
        dims[i] = keras_dim(l, x, i + 1);
        perm[i + 1] = i + 1;
        if (dims[i] < 0)
            build_fail(b, "the sizes of its steps must be known");
    }
    keras_ints(l, "strides", spatial, 1, strides);
    keras_ints(l, "dilation_rate", spatial, 1, dilations);
    struct tensor *bias = keras_bool(l, "use_bias", true) ? keras_cell_tensor(l, "bias", 2) : NULL;
    struct value *v =
        BUILD(b, "Conv", keras_to_nchw(l, build_reshape(b, x, rank, dims), rank), filter(l, "kernel", 0, spatial),
              bias ? build_constant(b, keras_keep(l->r, "bias"), bias) : NULL);
    build_ints(b, v, "strides", spatial, strides);
    build_ints(b, v, "dilations", spatial, dilations);
    build_string(b, v, "auto_pad", strcmp(padding, "same") == 0 ? "SAME_UPPER" : "VALID");
    struct value *shape = BUILD(b, "Concat", build_shape(b, x, 0, 2), build_shape(b, v, 1, rank));
    return build_transpose(b, BUILD(b, "Reshape", v, build_int(b, shape, "axis", 0)), rank + 1, perm);
}

/* A step: states [batch, filters, …] and what the input gives. */
static struct graph *step(struct keras_call *l, const struct type *given, int64_t filters, struct value *weights)
{
    const char *recurrent = keras_text(l, "recurrent_activation", l->r->major >= 3 ? "sigmoid" : "hard_sigmoid"),
               *activation = keras_text(l, "activation", "tanh");
    int64_t dims[TENSOR_MAX_RANK];
    struct value *gate[GATES];
    struct build outer = build_enter(l->b, NULL), *b = l->b;
    for (int i = 1; i < given->rank; i++)
        dims[i - 1] = i == 2 ? filters : given->dims[i];
    struct value *h = build_input(b, NULL, DTYPE_F32, given->rank - 1, dims),
                 *c = build_input(b, NULL, DTYPE_F32, given->rank - 1, dims),
                 *x = build_input(b, NULL, DTYPE_F32, given->rank - 1, given->dims + 1);
    struct value *v = BUILD(b, "Add", x, BUILD(b, "Conv/auto_pad=SAME_UPPER", h, weights));
    v = build_int(b, build_int(b, BUILD(b, "Split", v), "num_outputs", GATES), "axis", 1);
    for (int g = 0; g < GATES; g++) /* all outputs, before its type is inferred */
        gate[g] = build_output(b, v, g);
    for (int g = 0; g < GATES; g++)
        gate[g] = keras_activation(l, gate[g], g == 2 ? activation : recurrent);
    c = BUILD(b, "Add", BUILD(b, "Mul", gate[1], c), BUILD(b, "Mul", gate[0], gate[2]));
    h = BUILD(b, "Mul", gate[3], keras_activation(l, c, activation));
    struct value *out[] = {h, c, h};
    for (int i = 0; i < 3 && !b->failed; i++)
        build_body_output(b, out[i]);
    return build_leave(b, outer);
}

void keras_read_conv_lstm(struct keras_call *l)
{
    struct build *b = l->b;
    struct value *x = keras_in(l, 0), *zero = build_number(b, DTYPE_F32, 0);
    int64_t filters = keras_int(l, "filters", 0), perm[TENSOR_MAX_RANK] = {1, 0};
    int rank = keras_rank(l, x), spatial = rank - 3;
    bool backwards = keras_bool(l, "go_backwards", false) != l->turns;
    if (spatial < 1 || spatial > MOST_SPATIAL || filters < 1 || filters > 1 << 20 || l->in_count != 1 ||
        keras_mask_of(l->r, x))
        build_fail(b, "want filters, one input [batch, steps, …], and neither first states nor a mask");
    if (b->failed)
        return;
    struct value *given = of_input(l, x, spatial);
    const struct type *type = given ? build_type(b, given) : NULL;
    if (!type || type->rank != rank || type->dims[2] != GATES * filters)
        build_fail(b, "its kernel must have %lld filters", (long long)(GATES * filters));
    if (b->failed)
        return;
    if (backwards)
        given = keras_reversed(l, given, 0);
    struct value *shape =
        BUILD(b, "Concat", build_shape(b, given, 1, 2), BUILD_LIST(b, filters), build_shape(b, given, 3, rank));
    struct value *zeros = BUILD(b, "Expand", zero, build_int(b, shape, "axis", 0));
    struct graph *body = step(l, type, filters, filter(l, "recurrent_kernel", 1, spatial));
    struct value *v = BUILD(b, "Scan/num_scan_inputs=1", zeros, zeros, given);
    build_check(b, v && node_set_graph(v->producer, "body", body, b->err) == 0);
    struct value *last = b->failed ? NULL : v, *cell = build_output(b, v, 1), *all = build_output(b, v, 2);
    for (int i = 2; i < rank; i++)
        perm[i] = keras_is_nchw(l) ? i : i + 1 < rank ? i + 1 : 2;
    if (l->by_time && backwards)
        all = keras_reversed(l, all, 0);
    last = keras_from_nchw(l, last, rank - 1);
    keras_give(l, keras_bool(l, "return_sequences", false) ? build_transpose(b, all, rank, perm) : last);
    if (keras_bool(l, "return_state", false)) {
        keras_give(l, last);
        keras_give(l, keras_from_nchw(l, cell, rank - 1));
    }
}
