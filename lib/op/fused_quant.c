/* Operators of whole numbers that passes make of DequantizeLinear, an operator, and QuantizeLinear: nn.QConv,
 * nn.QMatMul, nn.QConvTranspose, nn.QAdd, nn.QMul, nn.QAveragePool, nn.QReduceMean, nn.QTable.
 *
 * Sums of products are exact; nn.QConv and nn.QMatMul then round once: q = round(sum * (x_scale * w_scale / y_scale)) +
 * y_zero_point, in f32, ties to even (quant_requantize()), where the DequantizeLinear form rounds the sum to f32 first.
 * A bias counts in units of x_scale * w_scale. An activation is Relu or Clip: as rounding keeps the order, it bounds q
 * by what its own bounds are quantised to. A bias of floats is divided by y_scale and added to the product. Without
 * y_scale the result is the number, sum * (x_scale * w_scale). Averages are round(sum * (x_scale / (y_scale * count)))
 * + y_zero_point, where count is a float.
 *
 * Weights of nn.QConv have 16 bits where f32 ones, of no common scale, were rounded to them (fuse_qdq.c).
 *
 * With transB the matrix b of nn.QMatMul is [n][k], as Gemm has it, and need not be turned where weights are packed. */
#include <math.h>
#include <string.h>

#include "op/conv.h"
#include "op/fused.h"
#include "op/matmul.h"
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

static enum dtype result_dtype(const struct op_infer *c)
{
    return node_in(c->node, 7) ? infer_dtype(c, 7) : DTYPE_F32;
}

/* The output's scale and zero point are there both, or neither. */
static int check_output(const struct op_infer *c, struct error *err)
{
    if (!node_in(c->node, 6) != !node_in(c->node, 7))
        return infer_error(c, err, "y_scale and y_zero_point: one is absent, want both or none");
    return check_activation(c, err);
}

int infer_q_conv(struct op_infer *c, struct error *err)
{
    return check_output(c, err) ? -1 : conv_infer(c, 0, 3, result_dtype(c), err);
}

int infer_q_matmul(struct op_infer *c, struct error *err)
{
    const struct type *stored = real_type(c, 3);
    struct type b = *stored;
    if (op_int(c->node, "transB") && b.rank >= 0) {
        if (b.rank != 2)
            return infer_error(c, err, "input b has rank %d, want 2 with transB", b.rank);
        b.dims[0] = stored->dims[1];
        b.dims[1] = stored->dims[0];
    }
    return check_output(c, err) ? -1 : product_infer_types(c, real_type(c, 0), &b, result_dtype(c), err);
}

int infer_q_conv_transpose(struct op_infer *c, struct error *err)
{
    return check_activation(c, err) ? -1 : conv_transpose_infer(c, 0, 3, infer_dtype(c, 7), err);
}

int infer_q_table(struct op_infer *c, struct error *err)
{
    const struct type *x = infer_type(c, 0), *table = infer_type(c, 1);
    if (table->kind == TYPE_TENSOR && table->rank >= 0 &&
        (table->rank != 1 || (table->dims[0] >= 0 && table->dims[0] != QUANT_TABLE)))
        return infer_error(c, err, "input table is no list of %d", QUANT_TABLE);
    return infer_set(c, 0, infer_dtype(c, 1), x->kind == TYPE_TENSOR ? x->rank : -1, x->dims, err);
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

/* As Clip does where its bounds are in the wrong order. */
static void bound_output(const struct op_eval *c)
{
    struct tensor *y = c->out[0]->tensor;
    bool clips = strcmp(op_string(c->node, "activation"), "Clip") == 0, real = y->dtype == DTYPE_F32;
    float least = clips ? op_float(c->node, "activation_alpha") : 0;
    float most = clips ? op_float(c->node, "activation_beta") : INFINITY;
    double low = real ? least : quantized(c, y->dtype, least), high = real ? most : quantized(c, y->dtype, most);
    for (int64_t i = 0; i < y->count; i++) {
        double q = tensor_get_f64(y, i);
        q = q < low ? low : q;
        tensor_set_f64(y, i, q > high ? high : q);
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

int eval_q_conv_transpose(struct op_eval *c, struct error *err)
{
    if (conv_transpose_requantized(c, err))
        return -1;
    if (op_string(c->node, "activation")[0])
        bound_output(c);
    return 0;
}

int eval_q_table(struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0), *table = eval_in(c, 1);
    if (table->count != QUANT_TABLE)
        return eval_error(c, err, "input table has %lld elements, want %d", (long long)table->count, QUANT_TABLE);
    struct tensor *y = eval_out(c, 0, table->dtype, x->rank, x->dims, err);
    size_t size = dtype_info(table->dtype)->bits / 8;
    int offset = x->dtype == DTYPE_I8 ? 0x80 : 0;
    for (int64_t i = 0; y && i < x->count; i++)
        memcpy((char *)y->data + (size_t)i * size,
               (const char *)table->data + (size_t)(((const uint8_t *)x->data)[i] ^ offset) * size, size);
    return y ? 0 : -1;
}

/* ---- as operators between DequantizeLinear and QuantizeLinear ---- */

/* The bias, operand 8, as numbers; NULL when there is none. */
static struct value *real_bias(struct build *b)
{
    const struct node *n = b->node;
    if (!node_in(n, 8) || n->in[8]->type.dtype == DTYPE_F32)
        return node_in(n, 8);
    struct value *scale = BUILD(b, "Mul", node_in(n, 1), node_in(n, 4));
    return BUILD(b, "DequantizeLinear/axis=0", node_in(n, 8), scale);
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

static void give_output(struct build *b, struct value *v)
{
    if (node_in(b->node, 6))
        quant_build_give(b, v, 6, 7, 0);
    else
        build_give(b, 0, v);
}

int expand_q_conv(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct value *x = quant_build_real(&b, 0, 1, 2, 0), *w = quant_build_real(&b, 3, 4, 5, 0);
    struct value *y = build_attrs(&b, BUILD(&b, "Conv", x, w, real_bias(&b)));
    give_output(&b, activated(&b, y));
    return build_end(&b);
}

int expand_q_matmul(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    bool turns = op_int(n, "transB");
    struct value *x = quant_build_real(&b, 0, 1, 2, 0), *w = quant_build_real(&b, 3, 4, 5, turns ? 0 : -1);
    struct value *y = build_add(&b, BUILD(&b, "MatMul", x, turns ? BUILD(&b, "Transpose", w) : w), real_bias(&b));
    give_output(&b, activated(&b, y));
    return build_end(&b);
}

int expand_q_conv_transpose(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct value *x = quant_build_real(&b, 0, 1, 2, 0), *w = quant_build_real(&b, 3, 4, 5, 1);
    struct value *y = build_attrs(&b, BUILD(&b, "ConvTranspose", x, w, real_bias(&b)));
    give_output(&b, activated(&b, y));
    return build_end(&b);
}

int expand_q_binary(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct value *left = quant_build_real(&b, 0, 1, 2, 0), *right = quant_build_real(&b, 3, 4, 5, 0);
    quant_build_give(&b, activated(&b, BUILD(&b, n->op + 1, left, right)), 6, 7, 0);
    return build_end(&b);
}

int expand_q_average_pool(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct value *x = quant_build_real(&b, 0, 1, 2, 0);
    quant_build_give(&b, build_attrs(&b, BUILD(&b, "AveragePool", x)), 3, 4, 0);
    return build_end(&b);
}

int expand_q_reduce_mean(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct value *x = quant_build_real(&b, 0, 2, 3, 0);
    quant_build_give(&b, build_attrs(&b, BUILD(&b, "ReduceMean", x, n->in[1])), 4, 5, 0);
    return build_end(&b);
}

/* The table's elements by the bytes as numbers; those of i8 begin at -128. */
int expand_q_table(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct value *at = build_cast(&b, n->in[0], DTYPE_I32);
    if (build_dtype(&b, 0) == DTYPE_I8)
        at = BUILD(&b, "Add", at, build_number(&b, DTYPE_I32, 128));
    build_give(&b, 0, BUILD(&b, "Gather", n->in[1], at));
    return build_end(&b);
}
