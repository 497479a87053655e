/* Blocks that become batches, and back. A convolution between the two is a dilated one, and is read as that. */
#include <string.h>

#include "format/tensorflow/tensorflow.h"

#define MOST_BLOCK (1 << 24)
#define MOST_DEPTH 16
#define MOST_CHAIN 5 /* operators between both: Unsqueeze, Transpose, Conv, Transpose, Squeeze */

/* What was cut into blocks. */
struct tensorflow_blocks {
    struct value *x, *made;    /* made of it */
    int64_t block[3], pads[6]; /* -1: only known at run time */
    int count;
    struct tensorflow_blocks *next;
};

/* The block: input 1, or, of the older operators, an attribute. */
static int block_of(struct tensorflow_op *o, int64_t *block)
{
    int n = 2, rank = tensorflow_rank(o, 0);
    if (o->in_count > 2)
        n = tensorflow_want_ints(o, 1, block, 3);
    else
        block[0] = block[1] = tensorflow_int(o, "block_size", 2);
    for (int i = 0; i < n && !o->b->failed; i++)
        if (block[i] < 1 || block[i] > MOST_BLOCK || tensorflow_dim(o, 0, 1 + i) > INT32_MAX)
            build_fail(o->b, "blocks and sizes must be below %d", MOST_BLOCK);
    if (n < 1 || rank < n + 1 || rank + n > TENSOR_MAX_RANK)
        build_fail(o->b, "blocks of %d axes of %d", n, rank);
    return o->b->failed ? 0 : n;
}

/* Whether v is known to be one or two numbers that are all `number`. */
static bool all_are(struct build *b, struct value *v, int64_t number)
{
    int64_t list[2];
    int count = build_known(b, v, list, 2, NULL);
    return count >= 1 && list[0] == number && list[count - 1] == number;
}

/* Whether a Slice leaves the first elements of its input where they are. */
static bool starts_alike(struct build *b, const struct node *slice)
{
    return all_are(b, node_in(slice, 1), 0) && (!node_in(slice, 4) || all_are(b, node_in(slice, 4), 1));
}

/* What row `row` of a matrix that is put together of rows is: a vector, or NULL. */
static struct value *row_of(struct build *b, struct value *v, int64_t row)
{
    for (int depth = 0; depth < MOST_DEPTH && v && v->producer; depth++) {
        struct node *n = v->producer;
        if (node_is(n, "Unsqueeze"))
            return row == 0 && all_are(b, node_in(n, 1), 0) ? node_in(n, 0) : NULL;
        bool rows = node_is(n, "Concat") && op_int(n, "axis") == 0;
        int64_t dim = 0;
        int k = 0;
        for (; rows && k < n->in_count && (dim = build_dim_of(b, n->in[k], 0)) >= 0 && row >= dim; k++)
            row -= dim;
        bool goes_on =
            rows || (node_is(n, "Slice") && starts_alike(b, n)) || node_is(n, "Identity") || node_is(n, "Cast");
        v = goes_on && dim >= 0 ? node_in(n, k) : NULL;
    }
    return NULL;
}

/* Pads or crops, the last input: those that are known, the others -1. */
static void edges_of(struct tensorflow_op *o, int n, int64_t *edges)
{
    bool whole = tensorflow_open_ints(o, o->in_count - 1, edges, 6) == 2 * n;
    for (int i = 0; i < n && !o->b->failed; i++) {
        int64_t *pair = edges + 2 * i;
        struct value *row = whole ? NULL : row_of(o->b, tensorflow_in(o, o->in_count - 1), i);
        if (!whole && (!row || build_known(o->b, row, pair, 2, &(int64_t){-1}) != 2))
            pair[0] = pair[1] = -1;
        if (pair[0] > MOST_BLOCK || pair[1] > MOST_BLOCK || pair[0] < -1 || pair[1] < -1)
            build_fail(o->b, "%lld and %lld elements at the edges", (long long)pair[0], (long long)pair[1]);
    }
}

/* [batch, h, w, …] padded, cut into blocks whose places become batches, the batch last. */
void tensorflow_read_space_to_batch(struct tensorflow_op *o)
{
    struct build *b = o->b;
    struct tensorflow_blocks *found = arena_alloc(&o->scope->r->arena, sizeof(*found), b->err);
    int64_t block[3] = {0};
    int rank = tensorflow_rank(o, 0), n = block_of(o, block);
    build_check(b, found != NULL);
    if (b->failed)
        return;
    *found = (struct tensorflow_blocks){.x = tensorflow_in(o, 0), .count = n, .next = o->scope->r->blocks};
    memcpy(found->block, block, sizeof(block));
    edges_of(o, n, found->pads);
    struct value *in[] = {tensorflow_i64(o, o->in_count - 1), BUILD_LIST(b, 0, 1, 0, rank - n - 1)};
    struct value *pads = build_formula(b, "$0 Transpose $1 Pad:2 [-1] Reshape:2", 2, in);
    found->made = build_space_to_batch(b, found->x, rank, n, block, pads);
    o->scope->r->blocks = found;
    tensorflow_give(o, 0, found->made);
}

/* The pads of a convolution of that dilation, whose kernel has `kernel` elements: those without what only fills the
 * last block, which is cut off again. Where sizes are not known, "SAME" and "VALID" differ by what is before, unless
 * all that "SAME" adds is one element behind. */
static bool fits(const struct tensorflow_blocks *from, const int64_t *crops, int i, int64_t kernel, int64_t *pads)
{
    int64_t before = from->pads[2 * i], behind = from->pads[2 * i + 1], cut = crops[2 * i + 1],
            whole = (kernel - 1) * from->block[i];
    if (before < 0 || crops[2 * i] != 0 || kernel < 1 || kernel > MOST_BLOCK)
        return false;
    bool known = behind >= 0 && cut >= 0;
    if (!known && (whole == 1 || (before != 0 && before != whole / 2)))
        return false;
    pads[0] = before;
    pads[1] = known ? behind - cut : before ? whole - before : 0;
    return pads[1] >= 0;
}

/* A Conv that adds nothing at the edges, of strides and dilations of 1. */
static bool is_plain(const struct node *conv)
{
    static const char *const ones[] = {"strides", "dilations"};
    for (int k = 0; k < 2; k++) {
        const struct attr *a = node_attr(conv, ones[k]);
        for (size_t i = 0; a && i < a->n; i++)
            if (a->ints[i] != 1)
                return false;
    }
    return conv->in_count == 2 && strcmp(op_string(conv, "auto_pad"), "VALID") == 0;
}

/* A Transpose that brings the last axis to the place of the second, or, `back`, the other way. */
static bool moves_channels(const struct node *n, int rank, bool back)
{
    const struct attr *perm = node_attr(n, "perm");
    bool right = node_is(n, "Transpose") && perm && perm->n == (size_t)rank && perm->ints[0] == 0;
    for (int i = 1; i < rank && right; i++)
        right = perm->ints[i] == (back ? i % (rank - 1) + 1 : i == 1 ? rank - 1 : i - 1);
    return right;
}

/* A convolution between two Transposes, which an axis of one element was put before, or not: then its last axes are
 * those that were cut into blocks, in their order. */
static bool is_convolution(struct build *b, struct node *const *chain, int count, int rank)
{
    int outer = count == 5;
    if (count != 3 && count != 5)
        return false;
    for (int i = 0; i < 5 && outer; i += 4)
        if (!all_are(b, node_in(chain[i], 1), 1) && !all_are(b, node_in(chain[i], 1), 1 - rank))
            return false;
    return moves_channels(chain[outer], rank, true) && is_plain(chain[outer + 1]) &&
           moves_channels(chain[outer + 2], rank, false);
}

/* The operators from the blocks to v, the last one first: their number; 0: a convolution of blocks is not what v is. */
static int find_chain(struct tensorflow_op *o, struct value *v, struct node **chain, struct tensorflow_blocks **from)
{
    static const char *const ops[] = {"Squeeze", "Transpose", "Conv", "Transpose", "Unsqueeze"};
    int count = 0;
    for (size_t k = 0; k < sizeof(ops) / sizeof(*ops) && v; k++)
        if (v->producer && node_is(v->producer, ops[k])) {
            chain[count++] = v->producer;
            v = node_in(v->producer, 0);
        }
    struct tensorflow_blocks *at = o->scope->r->blocks;
    while (at && at->made != v)
        at = at->next;
    *from = at;
    return at ? count : 0;
}

/* The chain once more, on what was cut into blocks, with a dilated convolution; NULL: it is none. */
static struct value *dilated(struct tensorflow_op *o, int n, const int64_t *block, const int64_t *crops)
{
    struct node *chain[MOST_CHAIN];
    struct tensorflow_blocks *from;
    int count = find_chain(o, tensorflow_in(o, 0), chain, &from);
    int before = count == 5, spatial = n + before; /* an axis of one element may have been put before */
    int64_t dilations[3] = {1, 1, 1}, pads[6] = {0};
    if (spatial > 3 || !from || from->count != n || !is_convolution(o->b, chain, count, spatial + 2))
        return NULL;
    struct node *conv = chain[count / 2];
    const struct type *w = build_type(o->b, node_in(conv, 1));
    if (!w || w->rank != spatial + 2)
        return NULL;
    for (int i = 0; i < n; i++) {
        int64_t ends[2];
        if (from->block[i] != block[i] || !fits(from, crops, i, w->dims[2 + before + i], ends))
            return NULL;
        dilations[before + i] = block[i];
        pads[before + i] = ends[0];
        pads[spatial + before + i] = ends[1];
    }
    struct value *v = from->x;
    for (int i = count - 1; i >= 0; i--) {
        v = BUILD(o->b, chain[i]->op, v, node_in(chain[i], 1));
        build_check(o->b, v && node_take_attrs(v->producer, chain[i], o->b->err) == 0);
        if (o->b->failed || chain[i] != conv)
            continue;
        node_remove_attr(v->producer, "auto_pad");
        build_ints(o->b, v, "dilations", spatial, dilations);
        build_ints(o->b, v, "pads", 2 * spatial, pads);
    }
    return v;
}

/* The way back, cut to size. */
void tensorflow_read_batch_to_space(struct tensorflow_op *o)
{
    int64_t block[3] = {0}, crops[6] = {0};
    int n = block_of(o, block);
    if (!o->b->failed)
        edges_of(o, n, crops);
    struct value *v = o->b->failed ? NULL : dilated(o, n, block, crops);
    if (!v && !o->b->failed) {
        struct value *all = tensorflow_i64(o, o->in_count - 1);
        v = build_batch_to_space(o->b, tensorflow_in(o, 0), tensorflow_rank(o, 0), n, block,
                                 build_formula(o->b, "$0 [0] [1] [1] Slice:4 [1] Squeeze:2", 1, &all),
                                 build_formula(o->b, "$0 [1] [2] [1] Slice:4 [1] Squeeze:2", 1, &all));
    }
    tensorflow_give(o, 0, v);
}
