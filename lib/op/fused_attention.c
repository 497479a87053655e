/* nn.Attention: Y = softmax(Q K scale + mask) V over matrices, which are the last two axes of each input; K is as a
 * product wants it, [size, keys]. The axes before are those of Q; the mask broadcasts to Q K. */
#include "op/build.h"
#include "op/matmul.h"
#include "op/real.h"
#include "op/util.h"

static bool fits_beside(int64_t dim, int64_t whole)
{
    return dim == 1 || dim < 0 || whole < 0 || dim == whole;
}

/* Whether the matrices of an input broadcast to those of Q. */
static bool is_beside(const struct type *q, const struct type *t)
{
    bool fits = t->rank == q->rank;
    for (int i = 0; fits && i < q->rank - 2; i++)
        fits = fits_beside(t->dims[i], q->dims[i]);
    return fits;
}

static bool mask_fits(const struct type *scores, const struct type *mask)
{
    if (mask->kind != TYPE_TENSOR || mask->rank < 0)
        return true;
    bool fits = mask->rank <= scores->rank;
    for (int i = 1; fits && i <= mask->rank; i++)
        fits = fits_beside(mask->dims[mask->rank - i], scores->dims[scores->rank - i]);
    return fits;
}

int infer_fused_attention(struct op_infer *c, struct error *err)
{
    const struct type *q = real_type(c, 0), *k = real_type(c, 1), *v = real_type(c, 2), *mask = infer_type(c, 3);
    struct type scores = *q;
    if (q->rank < 0 || k->rank < 0 || v->rank < 0)
        return infer_set(c, 0, infer_dtype(c, 0), -1, NULL, err);
    if (q->rank < 2 || !is_beside(q, k) || !is_beside(q, v) || !fits_beside(q->dims[q->rank - 1], k->dims[k->rank - 2]))
        return infer_error(c, err, "K and V are not matrices for those of Q");
    scores.dims[q->rank - 1] = k->dims[k->rank - 1];
    if (mask && !mask_fits(&scores, mask))
        return infer_error(c, err, "the mask does not broadcast to the scores");
    return product_infer_types(c, &scores, v, infer_dtype(c, 0), err);
}

int expand_fused_attention(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    float scale = op_float(n, "scale");
    struct value *scores = BUILD(&b, "MatMul", n->in[0], n->in[1]);
    if (scale != 1)
        scores = BUILD(&b, "Mul", scores, build_number(&b, build_dtype(&b, 0), scale));
    scores = build_add(&b, scores, node_in(n, 3));
    build_give(&b, 0, BUILD(&b, "MatMul", BUILD(&b, "Softmax/axis=-1", scores), n->in[2]));
    return build_end(&b);
}
