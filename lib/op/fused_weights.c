/* nn.Dequantize: a matrix of weights as it is stored, in whole numbers with scales or in halves, and what f32 it stands
 * for: that of DequantizeLinear, or of Cast, transposed when the attribute says so. Products take it as it is. */
#include "op/build.h"
#include "op/quant.h"
#include "op/util.h"

int infer_dequantize(struct op_infer *c, struct error *err)
{
    const struct type *x = infer_type(c, 0);
    if (x->rank >= 0 && x->rank != 2)
        return infer_error(c, err, "x has %d axes, want a matrix", x->rank);
    if (op_int(c->node, "output_dtype") != 0 && op_int(c->node, "output_dtype") != DTYPE_F32)
        return infer_error(c, err, "output_dtype is another than f32");
    if (x->rank < 0)
        return infer_set(c, 0, DTYPE_F32, -1, NULL, err);
    bool turned = op_int(c->node, "transposed") != 0;
    return infer_set(c, 0, DTYPE_F32, 2, (int64_t[]){x->dims[turned], x->dims[!turned]}, err);
}

static struct tensor *transpose(const struct tensor *t, struct error *err)
{
    int64_t rows = t->dims[0], columns = t->dims[1];
    struct tensor *turned = tensor_new(DTYPE_F32, 2, (int64_t[]){columns, rows}, err);
    for (int64_t i = 0; turned && i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            ((float *)turned->data)[j * rows + i] = ((const float *)t->data)[i * columns + j];
    return turned;
}

int eval_dequantize(struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0);
    if (x->rank != 2)
        return eval_error(c, err, "x has %d axes, want a matrix", x->rank);
    int status =
        eval_in(c, 1) ? eval_dequantize_linear(c, err) : eval_give(c, 0, tensor_cast(x, DTYPE_F32, false, err), err);
    if (status < 0 || !op_int(c->node, "transposed"))
        return status;
    if (c->out[0]->tensor->dtype != DTYPE_F32)
        return eval_error(c, err, "output_dtype is another than f32");
    struct tensor *turned = transpose(c->out[0]->tensor, err);
    return turned ? eval_give(c, 0, turned, err) : -1;
}

int expand_dequantize(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct value *v = node_in(n, 1) ? BUILD(&b, "DequantizeLinear", n->in[0], n->in[1], node_in(n, 2))
                                    : build_cast(&b, n->in[0], DTYPE_F32);
    if (node_in(n, 1)) {
        v = build_int(&b, v, "axis", op_int(n, "axis"));
        v = op_int(n, "block_size") ? build_int(&b, v, "block_size", op_int(n, "block_size")) : v;
    }
    build_give(&b, 0, op_int(n, "transposed") ? build_transpose(&b, v, 2, (int64_t[]){1, 0}) : v);
    return build_end(&b);
}
