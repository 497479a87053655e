/* Writing elementwise layers, products and reductions. */
#include <stdio.h>
#include <string.h>

#include "format/openvino/write.h"

#define MOST_INPUTS 256

/* All inputs, as they are. */
static int inputs(struct openvino_writer *w, struct openvino_place *in)
{
    if (w->node->in_count > MOST_INPUTS)
        openvino_cannot(w, "%d inputs", w->node->in_count);
    for (int i = 0; i < w->node->in_count && i < MOST_INPUTS; i++)
        in[i] = openvino_at(w, i);
    return w->node->in_count < MOST_INPUTS ? w->node->in_count : MOST_INPUTS;
}

void openvino_write_plain(struct openvino_writer *w)
{
    struct openvino_place in[MOST_INPUTS];
    int count = inputs(w, in);
    openvino_finish(w, w->row->type, w->row->set, count, in);
}

void openvino_write_alias(struct openvino_writer *w)
{
    if (w->node->out_count > 1 && w->node->out[1])
        openvino_cannot(w, "a second output");
    else
        openvino_alias(w, openvino_at(w, 0));
}

void openvino_write_cast(struct openvino_writer *w)
{
    const char *type = openvino_type_name((enum dtype)op_int(w->node, "to"));
    if (!type)
        openvino_cannot(w, "a type that it has not");
    openvino_put_text(w, "destination_type", type ? type : "f32");
    OPENVINO_FINISH(w, "Convert", 1, openvino_at(w, 0));
}

void openvino_write_round(struct openvino_writer *w)
{
    struct openvino_place x = openvino_at(w, 0);
    openvino_put_text(w, "mode", "half_to_even");
    OPENVINO_FINISH(w, "Round", 5, x);
}

static enum dtype type_of(struct openvino_writer *w)
{
    enum dtype dtype = openvino_dtype_of(node_in(w->node, 0));
    return dtype == DTYPE_NONE ? DTYPE_F32 : dtype;
}

void openvino_write_reciprocal(struct openvino_writer *w)
{
    struct openvino_place one = openvino_number_of(w, type_of(w), 1);
    OPENVINO_FINISH(w, "Divide", 1, one, openvino_at(w, 0));
}

/* A constant of one number. */
static bool is_one(const struct value *v)
{
    return v->constant && !v->is_input && v->constant->count == 1;
}

/* Numbers are attributes where they are known; others take two layers. */
void openvino_write_clip(struct openvino_writer *w)
{
    const struct value *low = node_in(w->node, 1), *high = node_in(w->node, 2);
    struct openvino_place x = openvino_at(w, 0);
    bool known = (!low || is_one(low)) && (!high || is_one(high));
    bool is_float = type_of(w) == DTYPE_F32;
    if (known && is_float) {
        openvino_put_float(w, "min", low ? (float)tensor_get_f64(low->constant, 0) : -3.4028235e38f);
        openvino_put_float(w, "max", high ? (float)tensor_get_f64(high->constant, 0) : 3.4028235e38f);
        OPENVINO_FINISH(w, "Clamp", 1, x);
        return;
    }
    if (low && high)
        x = OPENVINO_STEP(w, "Maximum", 1, x, openvino_at(w, 1));
    OPENVINO_FINISH(w, high ? "Minimum" : "Maximum", 1, x, openvino_at(w, high ? 2 : 1));
}

void openvino_write_elu(struct openvino_writer *w)
{
    struct openvino_place x = openvino_at(w, 0);
    openvino_put_float(w, "alpha", op_float(w->node, "alpha"));
    OPENVINO_FINISH(w, "Elu", 1, x);
}

/* With two attributes as operands. */
static void write_with(struct openvino_writer *w, const char *type, const char *second, const char *third)
{
    struct openvino_place x = openvino_at(w, 0),
                          y = openvino_number_of(w, type_of(w), (double)op_float(w->node, second)),
                          z = openvino_number_of(w, type_of(w), (double)op_float(w->node, third));
    OPENVINO_FINISH(w, type, 1, x, y, z);
}

void openvino_write_selu(struct openvino_writer *w)
{
    write_with(w, "Selu", "alpha", "gamma");
}

void openvino_write_gelu(struct openvino_writer *w)
{
    struct openvino_place x = openvino_at(w, 0);
    openvino_put_text(w, "approximation_mode", strcmp(op_string(w->node, "approximate"), "tanh") == 0 ? "TANH" : "ERF");
    OPENVINO_FINISH(w, "Gelu", 7, x);
}

void openvino_write_swish(struct openvino_writer *w)
{
    struct openvino_place x = openvino_at(w, 0);
    float alpha = op_float(w->node, "alpha");
    if (alpha == 1)
        OPENVINO_FINISH(w, "Swish", 4, x);
    else
        OPENVINO_FINISH(w, "Swish", 4, x, openvino_number_of(w, type_of(w), (double)alpha));
}

void openvino_write_leaky(struct openvino_writer *w)
{
    struct tensor *t = tensor_new(type_of(w), 1, (int64_t[]){1}, w->err);
    char name[300];
    if (!t) {
        w->failed = true;
        return;
    }
    tensor_set_f64(t, 0, (double)op_float(w->node, "alpha"));
    snprintf(name, sizeof(name), "%.280s/slope", w->node->out[0]->name);
    struct openvino_place x = openvino_at(w, 0), slope = openvino_tensor_of(w, name, t);
    tensor_unref(t);
    OPENVINO_FINISH(w, "PReLU", 1, x, slope);
}

/* A slope for each channel is a list; any other is broadcast, which takes x * slope where x is below 0. */
void openvino_write_prelu(struct openvino_writer *w)
{
    const struct value *slope = node_in(w->node, 1);
    struct openvino_place x = openvino_at(w, 0), s;
    int rank = openvino_rank_of(node_in(w->node, 0)), own = openvino_rank_of(slope), wide = 0, at = -1;
    for (int i = 0; i < own; i++)
        if (slope->type.dims[i] != 1) {
            wide++;
            at = rank - own + i;
        }
    if (own < 0 || wide > 1 || (wide == 1 && at != 1)) {
        struct openvino_place zero = openvino_number_of(w, type_of(w), 0);
        struct openvino_place low = OPENVINO_STEP(w, "Minimum", 1, x, zero), high = OPENVINO_STEP(w, "ReLU", 1, x);
        OPENVINO_FINISH(w, "Add", 1, high, OPENVINO_STEP(w, "Multiply", 1, low, openvino_at(w, 1)));
        return;
    }
    s = own == 1 ? openvino_at(w, 1) : openvino_shaped(w, 1, "slope", 1, (int64_t[]){-1});
    OPENVINO_FINISH(w, "PReLU", 1, x, s);
}

void openvino_write_hard_sigmoid(struct openvino_writer *w)
{
    write_with(w, "HardSigmoid", "alpha", "beta");
}

/* ---- two operands ---- */

/* A power may be of another type than its base. */
void openvino_write_binary(struct openvino_writer *w)
{
    struct openvino_place x = openvino_at(w, 0), y = openvino_at(w, 1);
    enum dtype a = openvino_dtype_of(node_in(w->node, 0)), b = openvino_dtype_of(node_in(w->node, 1));
    const char *type = openvino_type_name(a);
    if (a != b && type && a != DTYPE_NONE && b != DTYPE_NONE) {
        openvino_put_text(w, "destination_type", type);
        y = OPENVINO_STEP(w, "Convert", 1, y);
    }
    openvino_put_text(w, "auto_broadcast", "numpy");
    OPENVINO_FINISH(w, w->row->type, w->row->set, x, y);
}

void openvino_write_chain(struct openvino_writer *w)
{
    struct openvino_place v = openvino_at(w, 0);
    int count = w->node->in_count;
    if (count == 1)
        openvino_alias(w, v);
    for (int i = 1; i < count; i++) {
        struct openvino_place in[] = {v, openvino_at(w, i)};
        openvino_put_text(w, "auto_broadcast", "numpy");
        if (i + 1 < count)
            v = openvino_step(w, w->row->type, w->row->set, 1, 2, in);
        else
            openvino_finish(w, w->row->type, w->row->set, 2, in);
    }
}

void openvino_write_mod(struct openvino_writer *w)
{
    OPENVINO_FINISH(w, op_int(w->node, "fmod") ? "Mod" : "FloorMod", 1, openvino_at(w, 0), openvino_at(w, 1));
}

/* ---- products ---- */

static struct openvino_place product(struct openvino_writer *w, bool a, bool b, bool last)
{
    struct openvino_place in[] = {openvino_at(w, 0), openvino_at(w, 1)}, none = {-1, 0};
    openvino_put_bool(w, "transpose_a", a);
    openvino_put_bool(w, "transpose_b", b);
    if (!last)
        return openvino_step(w, "MatMul", 1, 1, 2, in);
    openvino_finish(w, "MatMul", 1, 2, in);
    return none;
}

void openvino_write_matmul(struct openvino_writer *w)
{
    product(w, false, false, true);
}

static struct openvino_place times(struct openvino_writer *w, struct openvino_place p, float factor)
{
    return factor == 1 ? p : OPENVINO_STEP(w, "Multiply", 1, p, openvino_number_of(w, type_of(w), (double)factor));
}

void openvino_write_gemm(struct openvino_writer *w)
{
    bool bias = node_in(w->node, 2) != NULL, a = op_int(w->node, "transA") != 0, b = op_int(w->node, "transB") != 0;
    float alpha = op_float(w->node, "alpha");
    if (!bias && alpha == 1) {
        product(w, a, b, true);
        return;
    }
    struct openvino_place v = product(w, a, b, false);
    if (!bias)
        OPENVINO_FINISH(w, "Multiply", 1, v, openvino_number_of(w, type_of(w), (double)alpha));
    else
        OPENVINO_FINISH(w, "Add", 1, times(w, v, alpha), times(w, openvino_at(w, 2), op_float(w->node, "beta")));
}

void openvino_write_einsum(struct openvino_writer *w)
{
    struct openvino_place in[MOST_INPUTS];
    int count = inputs(w, in);
    openvino_put_text(w, "equation", op_string(w->node, "equation"));
    openvino_finish(w, "Einsum", 7, count, in);
}

void openvino_write_softmax(struct openvino_writer *w)
{
    struct openvino_place x = openvino_at(w, 0);
    openvino_put_int(w, "axis", op_int(w->node, "axis"));
    OPENVINO_FINISH(w, w->row->type, w->row->set, x);
}

void openvino_write_cum_sum(struct openvino_writer *w)
{
    struct openvino_place x = openvino_at(w, 0), axis = openvino_at(w, 1);
    openvino_put_bool(w, "exclusive", op_int(w->node, "exclusive"));
    openvino_put_bool(w, "reverse", op_int(w->node, "reverse"));
    OPENVINO_FINISH(w, "CumSum", 3, x, axis);
}

/* ---- reductions ---- */

/* All axes of the input from `first` on. */
static struct openvino_place axes_from(struct openvino_writer *w, int first)
{
    int64_t axes[TENSOR_MAX_RANK];
    int rank = openvino_rank_of(node_in(w->node, 0)), count = 0;
    if (first < 0 || first > rank)
        openvino_cannot(w, "the rank of its input is not known");
    for (int i = first; first >= 0 && i < rank; i++)
        axes[count++] = i;
    return openvino_list_of(w, count, axes);
}

void openvino_write_reduce(struct openvino_writer *w)
{
    struct openvino_place x = openvino_at(w, 0);
    bool given = node_in(w->node, 1) != NULL;
    if (!given && op_int(w->node, "noop_with_empty_axes"))
        openvino_cannot(w, "a reduction of no axes");
    struct openvino_place axes = given ? openvino_at(w, 1) : axes_from(w, 0);
    openvino_put_bool(w, "keep_dims", op_int(w->node, "keepdims"));
    OPENVINO_FINISH(w, w->row->type, w->row->set, x, axes);
}

void openvino_write_global_pool(struct openvino_writer *w)
{
    struct openvino_place x = openvino_at(w, 0), axes = axes_from(w, 2);
    openvino_put_bool(w, "keep_dims", true);
    OPENVINO_FINISH(w, w->row->type, w->row->set, x, axes);
}

/* ---- normalisations ---- */

/* A list of a number for each channel, behind the batch of x. */
static struct openvino_place channels(struct openvino_writer *w, int i)
{
    int64_t dims[TENSOR_MAX_RANK] = {1, -1};
    int rank = openvino_rank_of(node_in(w->node, 0));
    if (rank < 2)
        openvino_cannot(w, "the rank of its input must be known");
    for (int k = 2; k < rank; k++)
        dims[k] = 1;
    return openvino_shaped(w, i, "channels", rank, dims);
}

void openvino_write_batch_norm(struct openvino_writer *w)
{
    struct openvino_place in[5];
    for (int i = 0; i < 5; i++)
        in[i] = openvino_at(w, i);
    if (op_int(w->node, "training_mode"))
        openvino_cannot(w, "the statistics of the batch");
    openvino_put_float(w, "epsilon", op_float(w->node, "epsilon"));
    openvino_finish(w, "BatchNormInference", 5, 5, in);
}

static struct openvino_place mvn(struct openvino_writer *w, int first)
{
    struct openvino_place x = openvino_at(w, 0), axes = axes_from(w, first);
    openvino_put_bool(w, "normalize_variance", true);
    openvino_put_float(w, "eps", op_float(w->node, "epsilon"));
    openvino_put_text(w, "eps_mode", "inside_sqrt");
    return OPENVINO_STEP(w, "MVN", 6, x, axes);
}

void openvino_write_instance_norm(struct openvino_writer *w)
{
    struct openvino_place v = OPENVINO_STEP(w, "Multiply", 1, mvn(w, 2), channels(w, 1));
    OPENVINO_FINISH(w, "Add", 1, v, channels(w, 2));
}

void openvino_write_layer_norm(struct openvino_writer *w)
{
    int rank = openvino_rank_of(node_in(w->node, 0)), axis = (int)op_int(w->node, "axis");
    bool bias = node_in(w->node, 2) != NULL;
    if (w->node->out_count > 1)
        openvino_cannot(w, "its statistics as outputs");
    struct openvino_place in[] = {mvn(w, axis < 0 ? rank + axis : axis), openvino_at(w, 1)};
    if (!bias) {
        openvino_finish(w, "Multiply", 1, 2, in);
        return;
    }
    OPENVINO_FINISH(w, "Add", 1, openvino_step(w, "Multiply", 1, 1, 2, in), openvino_at(w, 2));
}

void openvino_write_group_norm(struct openvino_writer *w)
{
    struct openvino_place x = openvino_at(w, 0), scale = openvino_at(w, 1), bias = openvino_at(w, 2);
    openvino_put_int(w, "num_groups", op_int(w->node, "num_groups"));
    openvino_put_float(w, "epsilon", op_float(w->node, "epsilon"));
    OPENVINO_FINISH(w, "GroupNormalization", 12, x, scale, bias);
}

void openvino_write_lrn(struct openvino_writer *w)
{
    struct openvino_place x = openvino_at(w, 0), axes = openvino_list_of(w, 1, (int64_t[]){1});
    openvino_put_float(w, "alpha", op_float(w->node, "alpha"));
    openvino_put_float(w, "beta", op_float(w->node, "beta"));
    openvino_put_float(w, "bias", op_float(w->node, "bias"));
    openvino_put_int(w, "size", op_int(w->node, "size"));
    OPENVINO_FINISH(w, "LRN", 1, x, axes);
}

void openvino_write_normalize(struct openvino_writer *w)
{
    const char *mode = op_string(w->node, "epsilon_mode");
    bool max = strcmp(mode, "max_inside") == 0, scaled = node_in(w->node, 1) != NULL;
    if (!max && strcmp(mode, "inside") != 0)
        openvino_cannot(w, "epsilon %s", mode);
    struct openvino_place x = openvino_at(w, 0), axes;
    if (!op_int(w->node, "across_channel"))
        openvino_cannot(w, "without the channels");
    axes = op_int(w->node, "across_spatial") ? axes_from(w, 1) : openvino_list_of(w, 1, (int64_t[]){1});
    openvino_put_float(w, "eps", op_float(w->node, "epsilon"));
    openvino_put_text(w, "eps_mode", max ? "max" : "add");
    if (!scaled)
        OPENVINO_FINISH(w, "NormalizeL2", 1, x, axes);
    else
        OPENVINO_FINISH(w, "Multiply", 1, OPENVINO_STEP(w, "NormalizeL2", 1, x, axes), channels(w, 1));
}

void openvino_write_is_inf(struct openvino_writer *w)
{
    struct openvino_place x = openvino_at(w, 0);
    openvino_put_bool(w, "detect_negative", op_int(w->node, "detect_negative"));
    openvino_put_bool(w, "detect_positive", op_int(w->node, "detect_positive"));
    OPENVINO_FINISH(w, "IsInf", 10, x);
}

/* Of four axes and as many heads each, without a past or a cap. */
bool openvino_takes_attention(const struct node *n)
{
    return openvino_rank_of(node_in(n, 0)) == 4 && !node_in(n, 4) && !node_in(n, 5) && n->out_count == 1 &&
           op_float(n, "softcap") == 0 && n->in[0]->type.dims[1] == n->in[1]->type.dims[1];
}

/* The layer's scale is an input, behind a mask. */
void openvino_write_attention(struct openvino_writer *w)
{
    const struct node *n = w->node;
    struct openvino_place in[5];
    int count = 3;
    if (!openvino_takes_attention(n))
        openvino_cannot(w, "attention with a past, or heads of sizes that are not known");
    for (int i = 0; i < 3; i++)
        in[i] = openvino_at(w, i);
    if (node_in(n, 3))
        in[count++] = openvino_at(w, 3);
    else if (op_has(n, "scale"))
        in[count++] = openvino_number_of(w, openvino_dtype_of(n->in[0]), 0);
    if (op_has(n, "scale"))
        in[count++] = openvino_number_of(w, openvino_dtype_of(n->in[0]), op_float(n, "scale"));
    openvino_put_bool(w, "causal", op_int(n, "is_causal"));
    openvino_finish(w, "ScaledDotProductAttention", 13, count, in);
}
