/* Operators of whole numbers that passes make of DequantizeLinear, an operator, and QuantizeLinear: nn.QConv,
 * nn.QMatMul, nn.QAdd, nn.QMul.
 *
 * Sums of products are exact; nn.QConv and nn.QMatMul then round once: q = round(sum * (x_scale * w_scale / y_scale)) +
 * y_zero_point, in f32, ties to even (quant_requantize()), where the DequantizeLinear form rounds the sum to f32 first.
 * A bias counts in units of x_scale * w_scale. An activation is Relu or Clip: as rounding keeps the order, it bounds q
 * by what its own bounds are quantised to. */
#include <math.h>
#include <string.h>

#include "op/fused.h"
#include "op/quant.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/util.h"

/* ---- types ---- */

static int check_activation(const struct op_infer *c, struct error *err)
{
    const char *name = op_string(c->node, "activation");
    if (name[0] && strcmp(name, "Relu") != 0 && strcmp(name, "Clip") != 0)
        return infer_error(c, err, "attribute activation: '%.40s', want Relu or Clip", name);
    return 0;
}

int infer_q_conv(struct op_infer *c, struct error *err)
{
    return check_activation(c, err) ? -1 : infer_qlinear_conv(c, err);
}

int infer_q_matmul(struct op_infer *c, struct error *err)
{
    return check_activation(c, err) ? -1 : infer_qlinear_matmul(c, err);
}

/* The type of the result is that of its zero point. */
int infer_q_binary(struct op_infer *c, struct error *err)
{
    int64_t dims[TENSOR_MAX_RANK];
    const struct type *a = infer_type(c, 0), *b = infer_type(c, 3);
    int rank = a->kind == TYPE_TENSOR && b->kind == TYPE_TENSOR && b->rank >= 0 ? a->rank : -1;
    if (check_activation(c, err))
        return -1;
    for (int i = 0; i < rank; i++)
        dims[i] = a->dims[i];
    if (rank >= 0 && op_broadcast(dims, &rank, b->dims, b->rank))
        return infer_error(c, err, "inputs A and B cannot be broadcast together");
    return infer_set(c, 0, infer_dtype(c, 7), rank, dims, err);
}

/* ---- evaluation ---- */

static double quantized(const struct op_eval *c, enum dtype dtype, float bound)
{
    return real_saturate(dtype, (double)nearbyintf(bound / (float)quant_param(c, 6, 0)) + quant_param(c, 7, 0));
}

static void bound_output(const struct op_eval *c)
{
    struct tensor *y = c->out[0]->tensor;
    bool clips = strcmp(op_string(c->node, "activation"), "Clip") == 0;
    int64_t low = (int64_t)quantized(c, y->dtype, clips ? op_float(c->node, "activation_alpha") : 0);
    int64_t high = (int64_t)quantized(c, y->dtype, clips ? op_float(c->node, "activation_beta") : INFINITY);
    for (int64_t i = 0; i < y->count; i++) {
        int64_t q = tensor_get_i64(y, i);
        q = q < low ? low : q;
        tensor_set_i64(y, i, q > high ? high : q); /* as Clip does where its bounds are in the wrong order */
    }
}

int eval_q_conv(struct op_eval *c, struct error *err)
{
    if (eval_qlinear_conv(c, err))
        return -1;
    if (op_string(c->node, "activation")[0])
        bound_output(c);
    return 0;
}

int eval_q_matmul(struct op_eval *c, struct error *err)
{
    if (matmul_requantized(c, err))
        return -1;
    if (op_string(c->node, "activation")[0])
        bound_output(c);
    return 0;
}

/* ---- as operators between DequantizeLinear and QuantizeLinear ---- */

/* The bias, operand 8, as numbers; NULL when there is none. */
static struct value *real_bias(struct build *b)
{
    const struct node *n = b->node;
    if (!node_in(n, 8))
        return NULL;
    struct value *scale = BUILD(b, "Mul", node_in(n, 1), node_in(n, 4));
    return build_int(b, BUILD(b, "DequantizeLinear", node_in(n, 8), scale), "axis", 0);
}

static struct value *activated(struct build *b, struct value *v)
{
    const struct node *n = b->node;
    const struct fused_activation *a = fused_activation_find(op_string(n, "activation"));
    if (b->failed || !a)
        return v;
    struct node *made =
        fused_activation_node(a, op_float(n, "activation_alpha"), op_float(n, "activation_beta"), v, b->node, b->err);
    v = made ? node_new_output(made, NULL, b->err) : NULL;
    b->failed = !v;
    return v;
}

int expand_q_conv(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct value *x = quant_build_real(&b, 0, 1, 2, 0), *w = quant_build_real(&b, 3, 4, 5, 0);
    struct value *y = build_attrs(&b, BUILD(&b, "Conv", x, w, real_bias(&b)));
    quant_build_give(&b, activated(&b, y), 6, 7, 0);
    return build_end(&b);
}

int expand_q_matmul(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct value *x = quant_build_real(&b, 0, 1, 2, 0), *w = quant_build_real(&b, 3, 4, 5, -1);
    struct value *y = build_add(&b, BUILD(&b, "MatMul", x, w), real_bias(&b));
    quant_build_give(&b, activated(&b, y), 6, 7, 0);
    return build_end(&b);
}

int expand_q_binary(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct value *left = quant_build_real(&b, 0, 1, 2, 0), *right = quant_build_real(&b, 3, 4, 5, 0);
    quant_build_give(&b, activated(&b, BUILD(&b, n->op + 1, left, right)), 6, 7, 0);
    return build_end(&b);
}
