/* Nodes that change nothing. */
#include <string.h>

#include "op/util.h"
#include "pass/util.h"

static bool always(const struct node *n)
{
    return n->in_count >= 1;
}

/* Inference only: not when training may be on. */
static bool is_idle_dropout(const struct node *n)
{
    double training = 0;
    bool off = !node_in(n, 2) || (pass_scalar(n->in[2], &training) && training == 0);
    return off && (!node_out(n, 1) || !value_is_used(n->out[1]));
}

static bool has_one_input(const struct node *n)
{
    return n->in_count == 1;
}

static bool keeps_dtype(const struct node *n)
{
    const struct type *from = &n->in[0]->type, *to = &n->out[0]->type;
    return from->kind == TYPE_TENSOR && to->kind == TYPE_TENSOR && from->dtype != DTYPE_NONE &&
           from->dtype == to->dtype;
}

/* An axis of an unknown size may be 0, but of no other than the input's. */
static bool keeps_dims(const struct node *n)
{
    return pass_same_dims(n->in[0], n->out[0]);
}

static bool keeps_order(const struct node *n)
{
    int count;
    const int64_t *perm = op_ints(n, "perm", &count);
    for (int i = 0; i < count; i++)
        if (perm[i] != i)
            return false;
    return count > 0 || (pass_type(n->in[0]) && n->in[0]->type.rank < 2);
}

/* Whether all elements of input i are that number. Bounds that are known elements count, too. */
static bool all_are(const struct node *n, int i, int64_t number)
{
    int64_t values[4 * TENSOR_MAX_RANK];
    int count = pass_ints(node_in(n, i), values, 4 * TENSOR_MAX_RANK);
    for (int k = 0; k < count; k++)
        if (values[k] != number)
            return false;
    return count >= 0;
}

static bool pads_nothing(const struct node *n)
{
    return all_are(n, 1, 0);
}

static bool takes_everything(const struct node *n)
{
    return keeps_dims(n) && (!node_in(n, 4) || all_are(n, 4, 1));
}

static bool repeats_once(const struct node *n)
{
    return all_are(n, 1, 1);
}

static bool gives_one_part(const struct node *n)
{
    return n->out_count == 1;
}

static bool is_window_of_one(const struct node *n)
{
    static const char *const lists[] = {"kernel_shape", "strides"};
    int count;
    for (size_t l = 0; l < 2; l++) {
        const int64_t *list = op_ints(n, lists[l], &count);
        for (int i = 0; i < count; i++)
            if (list[i] != 1)
                return false;
    }
    return keeps_dims(n) && (!node_out(n, 1) || !value_is_used(n->out[1]));
}

/* Resampling at the same places; other modes of coordinates look elsewhere. */
static bool resizes_nothing(const struct node *n)
{
    const char *mode = op_string(n, "coordinate_transformation_mode");
    double scale;
    bool scales = node_in(n, 2) && n->in[2]->type.rank == 1 && n->in[2]->type.dims[0] != 0;
    return keeps_dims(n) && strcmp(mode, "tf_crop_and_resize") != 0 && strcmp(mode, "half_pixel_symmetric") != 0 &&
           (!scales || (pass_scalar(n->in[2], &scale) && scale == 1)) && pass_is_static(n->in[0]);
}

/* Of one complex element. A two-dimensional transform of single rows has such a one. */
static bool transforms_nothing(const struct node *n)
{
    const struct type *in = &n->in[0]->type;
    double axis = -2;
    if (!keeps_dims(n) || in->dims[in->rank - 1] != 2 || (node_in(n, 2) && !pass_scalar(n->in[2], &axis)))
        return false;
    return in->dims[(int)axis + (axis < 0 ? in->rank : 0)] == 1;
}

/* x op neutral, where the neutral operand is input `i` and the other passes as it is. */
static struct value *beside_neutral(const struct node *n)
{
    static const struct {
        const char *op;
        double neutral;
        bool both;
    } neutrals[] = {{"Add", 0, true}, {"Sub", 0, false}, {"Mul", 1, true}, {"Div", 1, false}, {"Pow", 1, false}};
    double number;
    for (size_t k = 0; k < sizeof(neutrals) / sizeof(neutrals[0]); k++)
        for (int i = 1; i >= !neutrals[k].both && node_is(n, neutrals[k].op) && n->in_count == 2; i--)
            if (pass_scalar(n->in[i], &number) && number == neutrals[k].neutral &&
                pass_same_dims(n->in[1 - i], n->out[0]))
                return n->in[1 - i];
    return NULL;
}

static const struct {
    const char *op;
    bool (*is_idle)(const struct node *n);
} idle[] = {
    {"Identity", always},
    {"Dropout", is_idle_dropout},
    {"Cast", keeps_dtype},
    {"CastLike", keeps_dtype},
    {"Reshape", keeps_dims},
    {"Flatten", keeps_dims},
    {"Squeeze", keeps_dims},
    {"Unsqueeze", keeps_dims},
    {"Expand", keeps_dims},
    {"Transpose", keeps_order},
    {"Pad", pads_nothing},
    {"Slice", takes_everything},
    {"Tile", repeats_once},
    {"Split", gives_one_part},
    {"Concat", has_one_input},
    {"Sum", has_one_input},
    {"Max", has_one_input},
    {"Min", has_one_input},
    {"Mean", has_one_input},
    {"ReduceSum", keeps_dims},
    {"ReduceMean", keeps_dims},
    {"ReduceMax", keeps_dims},
    {"ReduceMin", keeps_dims},
    {"ReduceProd", keeps_dims},
    {"GlobalAveragePool", keeps_dims},
    {"GlobalMaxPool", keeps_dims},
    {"MaxPool", is_window_of_one},
    {"AveragePool", is_window_of_one},
    {"Resize", resizes_nothing},
    {"DFT", transforms_nothing},
};

/* Reducing over axes of one element. That they are must be known: a symbol does not say so. */
static bool is_reduction(const struct node *n)
{
    return strncmp(n->op, "Reduce", 6) == 0 || strncmp(n->op, "Global", 6) == 0;
}

static struct value *passed_on(const struct node *n)
{
    if (n->domain[0] || !node_in(n, 0) || !node_out(n, 0))
        return NULL;
    for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++)
        if (strcmp(n->op, idle[i].op) == 0)
            return idle[i].is_idle(n) && (!is_reduction(n) || pass_is_static(n->in[0])) ? n->in[0] : NULL;
    return beside_neutral(n);
}

static int rewrite(struct node *n, struct error *err)
{
    struct value *v = passed_on(n);
    return v ? pass_bypass(n, 0, v, err) : 0;
}

int pass_remove_identity(struct graph *g, struct error *err)
{
    return pass_each(g, rewrite, err);
}
