/* Parts of tensors, and tensors of parts. */
#include <string.h>

#include "format/pnnx/read.h"

#define PARTS 256
#define OPEN  2147483647 /* as an end or index: none given */

/* ---- slices ---- */

/* One number or operand of an i64 list of length 1. */
static struct value *index_of(struct reader *r, const char *key, int64_t fallback)
{
    struct pnnx_operand *operand = pnnx_operand(r, key, -1);
    if (operand && operand->value)
        return build_reshape(&r->b, build_cast(&r->b, operand->value, DTYPE_I64), 1, (int64_t[]){1});
    return BUILD_LIST(&r->b, pnnx_int(r, key, fallback));
}

static struct value *slice_one(struct reader *r, struct value *x)
{
    int axis = pnnx_axis(r, pnnx_int(r, "dim", 0), pnnx_rank(r, x));
    struct value *start = index_of(r, "start", 0), *end = index_of(r, "end", OPEN), *step = index_of(r, "step", 1);
    return BUILD(&r->b, "Slice", x, start, end, BUILD_LIST(&r->b, axis), step);
}

/* Those of the list `key` that `kept` names, of numbers or an operand; NULL when the list is not given. */
static struct value *list_of(struct reader *r, const char *key, int n, const int64_t *kept)
{
    int64_t all[TENSOR_MAX_RANK];
    struct pnnx_operand *operand = pnnx_operand(r, key, -1);
    if (operand && operand->value)
        return BUILD(&r->b, "Gather", operand->value, build_list(&r->b, n, kept));
    int count = pnnx_ints(r, key, TENSOR_MAX_RANK, all);
    if (!count)
        return NULL;
    for (int i = 0; i < n; i++) { /* kept[i] >= i */
        if (kept[i] >= count)
            build_fail(&r->b, "has %d %s", count, key);
        else
            all[i] = all[kept[i]];
    }
    return build_list(&r->b, n, all);
}

/* Axes with an index in `selects` lose it; from behind, so that axes keep their places. */
static struct value *select_axes(struct reader *r, struct value *v, int n, const int64_t *axes, const int64_t *selects)
{
    for (int i = n - 1; i >= 0; i--)
        if (selects[i] != OPEN)
            v = build_int(&r->b, BUILD(&r->b, "Gather", v, build_number(&r->b, DTYPE_I64, (double)selects[i])), "axis",
                          axes[i]);
    return v;
}

/* All axes at once, in rising order: a slice of some, an index of others, whose slice means nothing. */
struct value *pnnx_slice(struct reader *r)
{
    struct build *b = &r->b;
    int64_t axes[TENSOR_MAX_RANK], selects[TENSOR_MAX_RANK], kept[TENSOR_MAX_RANK], sliced[TENSOR_MAX_RANK];
    struct value *x = pnnx_in(r, "input", 0);
    int rank = pnnx_rank(r, x), n = pnnx_ints(r, "dims", TENSOR_MAX_RANK, axes), count = 0;
    if (!n)
        return slice_one(r, x);
    int given = pnnx_ints(r, "selects", TENSOR_MAX_RANK, selects);
    if (given && given != n)
        build_fail(b, "has %d selects for %d axes", given, n);
    for (int i = 0; i < n; i++) {
        axes[i] = pnnx_axis(r, axes[i], rank);
        selects[i] = given ? selects[i] : OPEN;
        if (selects[i] == OPEN) {
            sliced[count] = axes[i];
            kept[count++] = i;
        }
    }
    if (count) {
        struct value *starts = list_of(r, "starts", count, kept), *ends = list_of(r, "ends", count, kept);
        if (!starts || !ends)
            build_fail(b, "has no starts and ends");
        x = BUILD(b, "Slice", x, starts, ends, build_list(b, count, sliced), list_of(r, "steps", count, kept));
    }
    return select_axes(r, x, n, axes, selects);
}

struct value *pnnx_select(struct reader *r)
{
    struct value *x = pnnx_in(r, "input", 0);
    int axis = pnnx_axis(r, pnnx_int(r, "dim", 0), pnnx_rank(r, x));
    struct pnnx_operand *operand = pnnx_operand(r, "index", -1);
    struct value *index = operand && operand->value ? build_reshape(&r->b, operand->value, 0, NULL)
                                                    : build_number(&r->b, DTYPE_I64, (double)pnnx_int(r, "index", 0));
    return build_int(&r->b, BUILD(&r->b, "Gather", x, index), "axis", axis);
}

struct value *pnnx_narrow(struct reader *r)
{
    struct value *x = pnnx_in(r, "input", 0);
    int axis = pnnx_axis(r, pnnx_int(r, "dim", 0), pnnx_rank(r, x));
    struct value *start = index_of(r, "start", 0), *end = BUILD(&r->b, "Add", start, index_of(r, "length", 0));
    return BUILD(&r->b, "Slice", x, start, end, BUILD_LIST(&r->b, axis));
}

/* The row's operator along an axis with the indices of an operand: Gather, GatherElements. */
struct value *pnnx_gather(struct reader *r)
{
    struct value *x = pnnx_in(r, "input", 0);
    int axis = pnnx_axis(r, pnnx_int(r, "dim", 0), pnnx_rank(r, x));
    return build_int(&r->b, BUILD(&r->b, r->arg, x, pnnx_in(r, "index", 1)), "axis", axis);
}

struct value *pnnx_where(struct reader *r)
{
    struct value *condition = pnnx_in(r, "condition", 0), *x = pnnx_in(r, "input", 1), *y = pnnx_in(r, "other", 2);
    build_promote(&r->b, &x, &y);
    return BUILD(&r->b, "Where", condition, x, y);
}

struct value *pnnx_masked_fill(struct reader *r)
{
    struct value *x = pnnx_in(r, "input", 0), *mask = pnnx_in(r, "mask", 1);
    const struct pnnx_operand *value = pnnx_operand(r, "value", -1);
    enum dtype dtype = build_known_dtype(&r->b, x);
    struct value *number = value && value->value ? build_cast(&r->b, value->value, dtype)
                                                 : build_number(&r->b, dtype, pnnx_float(r, "value", 0));
    return BUILD(&r->b, "Where", build_cast(&r->b, mask, DTYPE_BOOL), number, x);
}

/* ---- parts ---- */

/* Pieces of these sizes along an axis; none of them is 0. */
static struct value *pieces(struct reader *r, struct value *x, int axis, int n, const int64_t *list)
{
    struct build *b = &r->b;
    if (n != r->op->out_count)
        build_fail(b, "makes %d pieces and has %d outputs", n, r->op->out_count);
    if (n == 1)
        return x;
    struct value *v = build_int(b, BUILD(b, "Split", x, build_list(b, n, list)), "axis", axis);
    for (int o = 1; o < n && !b->failed; o++)
        pnnx_give(r, o, build_output(b, v, o));
    return v;
}

/* As many as there are of `each`, and what is left. */
static struct value *equal_pieces(struct reader *r, struct value *x, int axis, int64_t each)
{
    int64_t list[PARTS], size = pnnx_size(r, x, axis);
    int n = 0;
    if (size < 0 || each < 1 || (size - 1) / each >= PARTS)
        build_fail(&r->b, "cuts %lld elements into pieces of %lld", (long long)size, (long long)each);
    for (int64_t at = 0; !r->b.failed && at < size; at += each)
        list[n++] = size - at < each ? size - at : each;
    return pieces(r, x, axis, n, list);
}

/* torch.split: the size of a piece, or all sizes. */
struct value *pnnx_split(struct reader *r)
{
    int64_t list[PARTS];
    struct value *x = pnnx_in(r, pnnx_param(r->op, "$tensor") ? "tensor" : "input", 0);
    int axis = pnnx_axis(r, pnnx_int(r, "dim", 0), pnnx_rank(r, x));
    static const char *const keys[] = {"split_size_or_sections", "split_sizes", "split_size"};
    int n = 0;
    for (int i = 0; i < 3 && !n; i++)
        n = pnnx_ints(r, keys[i], PARTS, list);
    const char *text = pnnx_text(r, keys[0]);
    bool one = n == 1 && (!text || *text != '(');
    if (!n)
        build_fail(&r->b, "has no sizes");
    if (r->b.failed)
        return NULL;
    return one ? equal_pieces(r, x, axis, list[0]) : pieces(r, x, axis, n, list);
}

struct value *pnnx_chunk(struct reader *r)
{
    struct value *x = pnnx_in(r, "input", 0);
    int axis = pnnx_axis(r, pnnx_int(r, "dim", 0), pnnx_rank(r, x));
    int64_t n = pnnx_int(r, "chunks", 1), size = pnnx_size(r, x, axis);
    if (size < 0 && n == r->op->out_count && n > 1) {
        struct value *v = build_int(&r->b, BUILD(&r->b, "Split", x), "axis", axis);
        build_int(&r->b, v, "num_outputs", n);
        for (int o = 1; o < n && !r->b.failed; o++)
            pnnx_give(r, o, build_output(&r->b, v, o));
        return v;
    }
    if (n < 1)
        build_fail(&r->b, "has %lld chunks", (long long)n);
    return r->b.failed ? NULL : equal_pieces(r, x, axis, size / n + (size % n != 0));
}

/* Sections of which the first are one longer, or places to cut at. */
struct value *pnnx_tensor_split(struct reader *r)
{
    int64_t list[PARTS], cuts[PARTS];
    struct value *x = pnnx_in(r, "input", 0);
    int axis = pnnx_axis(r, pnnx_int(r, "dim", 0), pnnx_rank(r, x)), n = 0;
    int64_t sections = pnnx_int(r, "sections", 0), size = pnnx_size(r, x, axis), at = 0;
    if (size < 0 || sections < 0 || sections > PARTS)
        build_fail(&r->b, "cuts %lld elements into %lld sections", (long long)size, (long long)sections);
    for (; !r->b.failed && n < sections; n++)
        list[n] = size / sections + (n < size % sections);
    int places = sections ? 0 : pnnx_ints(r, "indices", PARTS - 1, cuts);
    for (; n < places && !r->b.failed; n++) {
        list[n] = cuts[n] - at;
        at = cuts[n];
    }
    if (!sections)
        list[n++] = size - at;
    for (int i = 0; i < n; i++)
        if (list[i] < 0)
            build_fail(&r->b, "cuts at a place that is not in the tensor");
    return r->b.failed ? NULL : pieces(r, x, axis, n, list);
}

struct value *pnnx_unbind(struct reader *r)
{
    struct value *x = pnnx_in(r, "input", 0);
    int axis = pnnx_axis(r, pnnx_int(r, "dim", 0), pnnx_rank(r, x));
    struct value *first = NULL;
    for (int o = 0; o < r->op->out_count && !r->b.failed; o++) {
        struct value *index = build_number(&r->b, DTYPE_I64, o);
        struct value *v = build_int(&r->b, BUILD(&r->b, "Gather", x, index), "axis", axis);
        if (o)
            pnnx_give(r, o, v);
        else
            first = v;
    }
    return first;
}

/* ---- joining ---- */

/* torch.cat, and torch.stack along a new axis. */
struct value *pnnx_cat(struct reader *r)
{
    struct build *b = &r->b;
    bool stack = strcmp(r->arg, "stack") == 0;
    int n = r->op->in_count;
    struct value **in = arena_alloc(&r->arena, (size_t)(n + 1) * sizeof(struct value *), b->err), *first;
    build_check(b, in != NULL);
    if (n < 1)
        build_fail(b, "joins nothing");
    first = b->failed ? NULL : pnnx_at(r, 0);
    int axis = pnnx_axis(r, pnnx_int(r, "dim", 0), pnnx_rank(r, first) + stack);
    for (int i = 0; i < n && !b->failed; i++) {
        in[i] = pnnx_at(r, i);
        if (stack)
            in[i] = build_unsqueeze(b, in[i], axis);
    }
    build_promote_all(b, n, in);
    return b->failed ? NULL : n == 1 ? in[0] : pnnx_concat(r, n, in, axis);
}

/* What leaves an axis at its end comes in at its beginning. Without axes all elements are one row. */
struct value *pnnx_roll(struct reader *r)
{
    int64_t shifts[TENSOR_MAX_RANK], axes[TENSOR_MAX_RANK] = {0};
    struct build *b = &r->b;
    struct value *v = pnnx_in(r, "input", 0);
    int n = pnnx_ints(r, "shifts", TENSOR_MAX_RANK, shifts), count = pnnx_ints(r, "dims", TENSOR_MAX_RANK, axes);
    if (n == 1 && !count) {
        struct value *row = BUILD(b, "Reshape", v, build_list(b, 1, (int64_t[]){-1}));
        return BUILD(b, "Reshape", build_roll(b, row, 1, shifts, axes), BUILD(b, "Shape", v));
    }
    int rank = pnnx_rank(r, v);
    if (n != count || !n)
        build_fail(&r->b, "has %d shifts, and another number of axes", n);
    for (int i = 0; i < n && !r->b.failed; i++)
        axes[i] = pnnx_axis(r, axes[i], rank);
    return build_roll(&r->b, v, r->b.failed ? 0 : n, shifts, axes);
}

struct value *pnnx_flip(struct reader *r)
{
    int64_t axes[TENSOR_MAX_RANK], starts[TENSOR_MAX_RANK], ends[TENSOR_MAX_RANK], steps[TENSOR_MAX_RANK];
    struct build *b = &r->b;
    struct value *x = pnnx_in(r, "input", 0);
    int rank = pnnx_rank(r, x), n = pnnx_ints(r, "dims", TENSOR_MAX_RANK, axes);
    for (int i = 0; i < n; i++) {
        axes[i] = pnnx_axis(r, axes[i], rank);
        starts[i] = steps[i] = -1;
        ends[i] = -OPEN;
    }
    if (!n)
        return x;
    return BUILD(b, "Slice", x, build_list(b, n, starts), build_list(b, n, ends), build_list(b, n, axes),
                 build_list(b, n, steps));
}

/* ---- pads ---- */

static const char *pad_mode(struct reader *r)
{
    static const char *const modes[][2] = {
        {"constant", "constant"}, {"reflect", "reflect"}, {"replicate", "edge"}, {"circular", "wrap"}};
    const char *text = r->arg ? r->arg : pnnx_text(r, "mode");
    for (size_t i = 0; text && i < sizeof(modes) / sizeof(modes[0]); i++)
        if (strcmp(text, modes[i][0]) == 0)
            return modes[i][1];
    if (text)
        build_fail(&r->b, "has the mode '%s'", text);
    return "constant";
}

/* Pairs of pads from the last axis on; of nn.*Pad2d also one number for all. */
struct value *pnnx_pad(struct reader *r)
{
    int64_t pads[2 * TENSOR_MAX_RANK], all[2 * TENSOR_MAX_RANK] = {0};
    struct value *x = pnnx_in(r, "input", 0);
    int rank = pnnx_rank(r, x);
    int n = pnnx_ints(r, pnnx_text(r, "pad") ? "pad" : "padding", 2 * TENSOR_MAX_RANK, pads);
    for (int i = 1; n == 1 && i < 2 * pnnx_axes(r); i++)
        pads[i] = pads[0];
    n = n == 1 ? 2 * pnnx_axes(r) : n;
    if (n % 2 || n > 2 * rank)
        build_fail(&r->b, "has %d pads for %d axes", n, rank);
    for (int i = 0; i < n && !r->b.failed; i++)
        all[(i % 2 ? rank : 0) + rank - 1 - i / 2] = pads[i];
    return pnnx_pad_all(r, x, rank, all, pad_mode(r), pnnx_float(r, "value", 0));
}
