/* Products of onnxruntime: transposed, quantised, with packed weights, with an activation behind. */
#include <string.h>

#include "op/build.h"
#include "op/fused.h"
#include "op/matmul.h"
#include "op/real.h"
#include "op/rows.h"

/* ---- activations ---- */

/* v, or what the activation that the attribute names makes of it, with the parameters given (NULL: ONNX's own). */
static struct value *activated(struct build *b, struct value *v, const float *alpha, const float *beta)
{
    const char *name = op_string(b->node, "activation");
    const struct fused_activation *a = fused_activation_find(name);
    if (!name[0] || b->failed)
        return v;
    if (!a) {
        build_fail(b, "attribute activation: '%.40s' is unknown", name);
        return NULL;
    }
    if (!strcmp(name, "Clip")) {
        enum dtype dtype = build_dtype(b, 0);
        return BUILD(b, "Clip", v, alpha ? build_number(b, dtype, *alpha) : NULL,
                     beta ? build_number(b, dtype, *beta) : NULL);
    }
    struct value *y = BUILD(b, a->op, v);
    if (a->alpha && alpha)
        y = build_float(b, y, a->alpha, *alpha);
    return a->beta && beta ? build_float(b, y, a->beta, *beta) : y;
}

int expand_fused_conv(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    int count;
    const float *given = op_floats(n, "activation_params", &count);
    struct value *y = build_attrs(&b, BUILD(&b, "Conv", n->in[0], n->in[1], node_in(n, 2)));
    y = build_add(&b, y, node_in(n, 3));
    build_give(&b, 0, activated(&b, y, count > 0 ? given : NULL, count > 1 ? given + 1 : NULL));
    return build_end(&b);
}

int expand_fused_gemm(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    float alpha = op_float(n, "activation_alpha"), beta = op_float(n, "activation_beta");
    struct value *y = build_attrs(&b, BUILD(&b, "Gemm", n->in[0], n->in[1], node_in(n, 2)));
    build_give(
        &b, 0,
        activated(&b, y, op_has(n, "activation_alpha") ? &alpha : NULL, op_has(n, "activation_beta") ? &beta : NULL));
    return build_end(&b);
}

/* ---- FusedMatMul ---- */

/* The order of axes that the attributes ask for: the first axis behind the batch's, then the last two swapped. False:
 * as they are. */
static bool operand_order(const struct node *n, bool left, int rank, int64_t *perm)
{
    bool swap = op_int(n, left ? "transA" : "transB") != 0;
    bool batch = op_int(n, left ? "transBatchA" : "transBatchB") != 0;
    for (int i = 0; i < rank; i++)
        perm[i] = i;
    if (rank < 2)
        return false;
    for (int i = 0; batch && i < rank - 1; i++)
        perm[i] = i == rank - 2 ? 0 : i + 1;
    if (swap) {
        int64_t last = perm[rank - 1];
        perm[rank - 1] = perm[rank - 2];
        perm[rank - 2] = last;
    }
    return swap || batch;
}

static struct value *ordered(struct build *b, int i)
{
    int64_t perm[TENSOR_MAX_RANK];
    int rank = build_rank(b, i);
    return !b->failed && operand_order(b->node, i == 0, rank, perm) ? build_transpose(b, b->node->in[i], rank, perm)
                                                                    : b->node->in[i];
}

int expand_fused_matmul(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    float alpha = op_float(n, "alpha");
    struct value *y = BUILD(&b, "MatMul", ordered(&b, 0), ordered(&b, 1));
    if (alpha != 1)
        y = BUILD(&b, "Mul", y, build_number(&b, build_dtype(&b, 0), alpha));
    build_give(&b, 0, y);
    return build_end(&b);
}

int infer_fused_matmul(struct op_infer *c, struct error *err)
{
    struct type types[2];
    for (int i = 0; i < 2; i++) {
        const struct type *from = real_type(c, i);
        int64_t perm[TENSOR_MAX_RANK];
        types[i] = *from;
        operand_order(c->node, i == 0, from->rank, perm);
        for (int d = 0; d < from->rank; d++)
            types[i].dims[d] = from->dims[perm[d]];
    }
    return product_infer_types(c, &types[0], &types[1], infer_dtype(c, 0), err);
}

/* ---- products of integers ---- */

/* The integer product as numbers of that type, times scale, and with the bias input, if any. */
static void give_scaled(struct build *b, struct value *product, struct value *scale, int bias, enum dtype dtype)
{
    struct value *y = BUILD(b, "Mul", build_cast(b, product, dtype), scale);
    build_give(b, 0, build_add(b, y, node_in(b->node, bias)));
}

int expand_dynamic_quantize_matmul(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct value *a = BUILD(&b, "DynamicQuantizeLinear", n->in[0]);
    struct value *scale = build_output(&b, a, 1), *zero = build_output(&b, a, 2);
    struct value *product = BUILD(&b, "MatMulInteger", a, n->in[1], zero, node_in(n, 3));
    give_scaled(&b, product, BUILD(&b, "Mul", scale, n->in[2]), 4, DTYPE_F32);
    return build_end(&b);
}

int infer_dynamic_quantize_matmul(struct op_infer *c, struct error *err)
{
    return product_infer(c, 0, 1, DTYPE_F32, err);
}

int expand_matmul_integer_to_float(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct value *product = BUILD(&b, "MatMulInteger", n->in[0], n->in[1], node_in(n, 4), node_in(n, 5));
    give_scaled(&b, product, BUILD(&b, "Mul", n->in[2], n->in[3]), 6, build_dtype(&b, 2));
    return build_end(&b);
}

int infer_matmul_integer_to_float(struct op_infer *c, struct error *err)
{
    return product_infer(c, 0, 1, infer_dtype(c, 2), err);
}

/* ---- QGemm ---- */

int infer_qgemm(struct op_infer *c, struct error *err)
{
    return gemm_infer(c, 0, 3, 6, node_in(c->node, 8) ? infer_dtype(c, 8) : DTYPE_F32, err);
}

/* C holds integers in units of alpha * a_scale * b_scale. */
int expand_qgemm(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    bool across = op_int(n, "transB") != 0;
    struct value *left = BUILD(&b, "DequantizeLinear", n->in[0], n->in[1], n->in[2]), *bias = NULL;
    struct value *right = BUILD(&b, "DequantizeLinear", n->in[3], n->in[4], n->in[5]);
    right = build_int(&b, right, "axis", !across);
    if (node_in(n, 6)) {
        struct value *unit = BUILD(&b, "Mul", n->in[1], n->in[4]);
        unit = BUILD(&b, "Mul", unit, build_number(&b, DTYPE_F32, op_float(n, "alpha")));
        bias = BUILD(&b, "Mul", build_cast(&b, n->in[6], DTYPE_F32), unit);
    }
    struct value *y = build_attrs(&b, BUILD(&b, "Gemm", left, right, bias));
    if (!node_in(n, 7) != !node_in(n, 8))
        build_fail(&b, "inputs y_scale and y_zero_point are wanted together");
    build_give(&b, 0, node_in(n, 7) ? BUILD(&b, "QuantizeLinear", y, n->in[7], n->in[8]) : y);
    return build_end(&b);
}

/* ---- MatMulNBits ---- */

/* Bytes [rows, …] as their fields of `bits` bits, low ones first: [rows, fields]. */
static struct value *unpacked(struct build *b, struct value *bytes, int64_t bits, int64_t rows)
{
    struct value *fields[4];
    int count = (int)(8 / bits);
    for (int i = 0; i < count; i++) {
        struct value *v = bytes;
        if (i)
            v = BUILD(b, "BitShift/direction=RIGHT", v, build_number(b, DTYPE_U8, (double)(i * bits)));
        if (i < count - 1)
            v = BUILD(b, "Mod", v, build_number(b, DTYPE_U8, (double)(1 << bits)));
        fields[i] = build_unsqueeze(b, v, -1);
    }
    struct value *all = b->failed ? NULL : build_node(b, "Concat", count, fields);
    return build_reshape(b, build_int(b, all, "axis", -1), 2, (int64_t[]){rows, -1});
}

struct packed {
    int64_t rows, depth, bits, block, blocks;
    enum dtype dtype; /* that fits */
};

static bool read_packed(struct build *b, struct packed *p)
{
    const struct node *n = b->node;
    *p = (struct packed){op_int(n, "N"), op_int(n, "K"), op_int(n, "bits"), op_int(n, "block_size"), 0, DTYPE_U8};
    if (p->bits != 2 && p->bits != 4 && p->bits != 8)
        build_fail(b, "attribute bits: %lld, want 2, 4 or 8", (long long)p->bits);
    if (p->rows < 1 || p->depth < 1 || p->rows > INT32_MAX || p->depth > INT32_MAX)
        build_fail(b, "attributes N and K: %lld and %lld, want at least 1", (long long)p->rows, (long long)p->depth);
    if (p->block < 16 || p->block > INT32_MAX || p->block & (p->block - 1))
        build_fail(b, "attribute block_size: %lld, want 16 or a greater power of two", (long long)p->block);
    if (op_int(n, "weight_prepacked"))
        build_fail(b, "attribute weight_prepacked: only weights in the standard's order are known");
    if (b->failed)
        return false;
    p->blocks = (p->depth - 1) / p->block + 1;
    p->dtype = p->bits == 4 ? DTYPE_U4 : DTYPE_U8; /* u2 is newer than blocks are */
    return true;
}

/* Packed or absent zero points as [rows, blocks] of the weights' type. */
static struct value *packed_zeros(struct build *b, const struct packed *p)
{
    struct value *zero = node_in(b->node, 3), *v;
    if (zero)
        v = build_slice(b, unpacked(b, zero, p->bits, p->rows), 1, 0, p->blocks);
    else
        v = BUILD(b, "Expand", build_number(b, DTYPE_U8, (double)(1 << (p->bits - 1))),
                  BUILD_LIST(b, p->rows, p->blocks));
    return build_cast(b, v, p->dtype);
}

/* Weights [N, K], of which each has a scale and zero point of its own: those of its block, or of the group that g_idx
 * names. */
static struct value *weights_by_groups(struct build *b, const struct packed *p, struct value *packed,
                                       struct value *scales, enum dtype dtype)
{
    struct value *groups = node_in(b->node, 4), *zeros = node_in(b->node, 3);
    if (!zeros || build_dtype(b, 3) == DTYPE_U8)
        zeros = build_cast(b, packed_zeros(b, p), dtype);
    else
        zeros = build_reshape(b, zeros, 2, (int64_t[]){p->rows, p->blocks});
    if (!groups) {
        struct value *places = build_range(b, BUILD_LIST(b, 0), BUILD_LIST(b, p->depth));
        groups = BUILD(b, "Div", places, build_number(b, DTYPE_I64, (double)p->block));
    } else {
        groups = build_slice(b, groups, 0, 0, p->depth);
    }
    struct value *q = build_cast(b, build_slice(b, packed, 1, 0, p->depth), dtype);
    q = BUILD(b, "Sub", q, BUILD(b, "Gather/axis=1", zeros, groups));
    return BUILD(b, "Mul", q, BUILD(b, "Gather/axis=1", scales, groups));
}

int expand_matmul_nbits(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct packed p;
    if (!read_packed(&b, &p))
        return build_end(&b);
    enum dtype dtype = build_dtype(&b, 0);
    struct value *w = unpacked(&b, n->in[1], p.bits, p.rows);
    struct value *scales = build_reshape(&b, n->in[2], 2, (int64_t[]){p.rows, p.blocks});
    if (node_in(n, 4) || (node_in(n, 3) && build_dtype(&b, 3) != DTYPE_U8)) {
        w = weights_by_groups(&b, &p, w, scales, dtype);
    } else {
        w = BUILD(&b, "DequantizeLinear", build_cast(&b, w, p.dtype), scales, packed_zeros(&b, &p));
        w = build_int(&b, build_int(&b, w, "axis", 1), "block_size", p.block);
        if (p.depth % p.block)
            w = build_slice(&b, w, 1, 0, p.depth);
    }
    w = build_transpose(&b, w, 2, (int64_t[]){1, 0});
    build_give(&b, 0, build_add(&b, BUILD(&b, "MatMul", n->in[0], w), node_in(n, 5)));
    return build_end(&b);
}

int infer_matmul_nbits(struct op_infer *c, struct error *err)
{
    const struct type *a = real_type(c, 0);
    int64_t columns = op_int(c->node, "N"), depth = op_int(c->node, "K"), dims[TENSOR_MAX_RANK];
    if (columns < 1 || depth < 1)
        return infer_error(c, err, "attributes N and K: %lld and %lld, want at least 1", (long long)columns,
                           (long long)depth);
    if (a->rank < 0)
        return infer_set(c, 0, a->dtype, -1, NULL, err);
    if (a->rank == 0 || (a->dims[a->rank - 1] >= 0 && a->dims[a->rank - 1] != depth))
        return infer_error(c, err, "input A: its last dim is %lld, want attribute K, %lld",
                           a->rank ? (long long)a->dims[a->rank - 1] : -1, (long long)depth);
    memcpy(dims, a->dims, sizeof(dims));
    dims[a->rank - 1] = columns;
    return infer_set(c, 0, a->dtype, a->rank, dims, err);
}
