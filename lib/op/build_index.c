/* Slices, gathers and pads as NumPy, TensorFlow and OpenVINO write them. */
#include <string.h>
#include <strings.h>

#include "op/build.h"

/* A list of axes' numbers, of which some may only be known at run time. */
struct bounds {
    int count;
    int64_t numbers[TENSOR_MAX_RANK];
    struct value *values[TENSOR_MAX_RANK]; /* i64 [1]; NULL: the number */
    struct value *whole;                   /* i64 [count]: all of them; or NULL */
};

struct work {
    struct build *b;
    const struct build_slice_entries *entries;
    struct bounds from, to;
    int64_t axes[TENSOR_MAX_RANK], steps[TENSOR_MAX_RANK];
    int64_t shrunk[TENSOR_MAX_RANK], added[TENSOR_MAX_RANK]; /* axes of the input; axes of the result */
    int shrunk_count, added_count;
};

static bool has(uint32_t mask, int i)
{
    return mask >> i & 1;
}

static struct value *list_of(struct build *b, const struct bounds *s)
{
    struct value *parts[TENSOR_MAX_RANK];
    bool is_known = true;
    if (s->whole)
        return s->whole;
    for (int i = 0; i < s->count; i++)
        is_known = is_known && !s->values[i];
    if (is_known)
        return build_list(b, s->count, s->numbers);
    for (int i = 0; i < s->count; i++)
        parts[i] = s->values[i] ? s->values[i] : BUILD_LIST(b, s->numbers[i]);
    return s->count == 1 ? parts[0] : build_int(b, build_node(b, "Concat", s->count, parts), "axis", 0);
}

static struct value *element(struct work *w, struct value *list, int i)
{
    return build_slice(w->b, list, 0, i, i + 1);
}

/* The element behind; the one behind the last is not 0. */
static struct value *behind(struct build *b, struct value *from)
{
    return BUILD(b, "Where", BUILD(b, "Equal", from, BUILD_LIST(b, -1)), BUILD_LIST(b, INT64_MAX),
                 BUILD(b, "Add", from, BUILD_LIST(b, 1)));
}

static void set_begin(struct work *w, int i, int n, bool shrink)
{
    const struct build_slice_entries *e = w->entries;
    if (has(e->no_begin, i) && (!shrink || e->shrink_first))
        w->from.numbers[n] = e->step[i] > 0 ? 0 : INT64_MAX;
    else if (e->begins && !w->from.whole)
        w->from.values[n] = element(w, e->begins, i);
    else
        w->from.numbers[n] = e->begin[i];
}

static void set_end(struct work *w, int i, int n, bool shrink)
{
    const struct build_slice_entries *e = w->entries;
    int64_t from = w->from.numbers[n];
    w->to.numbers[n] = e->step[i] > 0 ? INT64_MAX : INT64_MIN;
    if (shrink && w->from.values[n])
        w->to.values[n] = behind(w->b, w->from.values[n]);
    else if (shrink)
        w->to.numbers[n] = from == -1 || from == INT64_MAX ? INT64_MAX : from + 1;
    else if (!has(e->no_end, i) && e->ends && !w->to.whole)
        w->to.values[n] = element(w, e->ends, i);
    else if (!has(e->no_end, i))
        w->to.numbers[n] = e->end[i];
}

/* One entry: a range of an axis of the input. */
static void add_range(struct work *w, int i, int axis)
{
    int n = w->from.count;
    bool shrink = has(w->entries->shrink, i);
    if (w->entries->step[i] == 0)
        build_fail(w->b, "a slice has a step of 0");
    set_begin(w, i, n, shrink);
    set_end(w, i, n, shrink);
    if (shrink)
        w->shrunk[w->shrunk_count++] = axis;
    w->axes[n] = axis;
    w->steps[n] = shrink ? 1 : w->entries->step[i];
    w->from.count = w->to.count = n + 1;
}

/* Entries go through the axes: a new one takes none, the ellipsis as many as are left over. */
static void walk(struct work *w, int rank)
{
    const struct build_slice_entries *e = w->entries;
    int axis = 0, out = 0, taken = 0;
    for (int i = 0; i < e->count; i++)
        taken += !has(e->new_axis, i) && !has(e->ellipsis, i);
    for (int i = 0; i < e->count && !w->b->failed; i++) {
        if (has(e->ellipsis, i)) {
            axis += rank - taken;
            out += rank - taken;
            taken = rank;
        } else if (has(e->new_axis, i)) {
            w->added[w->added_count++] = out++;
        } else if (axis >= rank || axis < 0) {
            build_fail(w->b, "a slice has more entries than the input has axes, %d", rank);
        } else {
            add_range(w, i, axis++);
            out += !has(e->shrink, i);
        }
    }
}

struct value *build_slice_all(struct build *b, struct value *x, int rank, const struct build_slice_entries *entries)
{
    struct work w = {.b = b, .entries = entries};
    bool is_plain = !entries->ellipsis && !entries->new_axis && !entries->shrink;
    if (b->failed)
        return NULL;
    w.from.whole = is_plain && !entries->no_begin ? entries->begins : NULL;
    w.to.whole = is_plain && !entries->no_end ? entries->ends : NULL;
    walk(&w, rank);
    if (w.from.count)
        x = BUILD(b, "Slice", x, list_of(b, &w.from), list_of(b, &w.to), build_list(b, w.from.count, w.axes),
                  build_list(b, w.from.count, w.steps));
    if (w.shrunk_count)
        x = BUILD(b, "Squeeze", x, build_list(b, w.shrunk_count, w.shrunk));
    if (w.added_count)
        x = BUILD(b, "Unsqueeze", x, build_list(b, w.added_count, w.added));
    return x;
}

struct value *build_gather(struct build *b, struct value *x, int rank, struct value *indices, int index_rank, int axis,
                           int batch)
{
    int64_t perm[TENSOR_MAX_RANK], back[TENSOR_MAX_RANK];
    int n = 0, more = index_rank - batch, before = axis - batch, all = rank - 1 + more;
    if (batch == 0)
        return build_int(b, BUILD(b, "Gather", x, indices), "axis", axis);
    if (batch < 0 || before < 0 || more < 0 || axis >= rank || all > TENSOR_MAX_RANK) {
        build_fail(b, "a gather along axis %d of %d has %d batch axes", axis, rank, batch);
        return NULL;
    }
    for (int i = 0; i < batch; i++)
        perm[n++] = i;
    perm[n++] = axis;
    for (int i = batch; i < rank; i++)
        if (i != axis)
            perm[n++] = i;
    x = build_transpose(b, x, rank, perm);
    struct value *y = build_int(b, BUILD(b, "GatherND", x, build_unsqueeze(b, indices, -1)), "batch_dims", batch);
    /* y: batch axes, those of the indices, those of x before the axis and behind it; wanted: the second and third
     * swapped */
    for (int i = 0; i < all; i++)
        back[i] = i < batch ? i : i < batch + before ? i + more : i < batch + before + more ? i - before : i;
    return build_transpose(b, y, all, back);
}

/* Elements from `from` down to before `to`. */
static struct value *mirror(struct build *b, struct value *x, int64_t axis, int64_t from, int64_t to)
{
    return BUILD(b, "Slice", x, BUILD_LIST(b, from), BUILD_LIST(b, to), BUILD_LIST(b, axis), BUILD_LIST(b, -1));
}

struct value *build_pad_symmetric(struct build *b, struct value *x, int axis, int64_t before, int64_t behind)
{
    struct value *parts[3];
    int n = 0;
    if (before < 0 || behind < 0 || before > INT32_MAX || behind > INT32_MAX)
        build_fail(b, "symmetric pads of %lld and %lld", (long long)before, (long long)behind);
    if (before > 0)
        parts[n++] = mirror(b, x, axis, before - 1, INT64_MIN);
    parts[n++] = x;
    if (behind > 0)
        parts[n++] = mirror(b, x, axis, -1, -1 - behind);
    return n == 1 ? x : build_int(b, build_node(b, "Concat", n, parts), "axis", axis);
}

/* ---- parts ---- */

#define MOST_PARTS 8

static struct value *constant_parts(struct build *b, const struct value *v, int axis, int count, int wanted,
                                    const int *order)
{
    const struct tensor *t = v->constant;
    int64_t dims[TENSOR_MAX_RANK], outer = 1;
    for (int i = 0; i < t->rank; i++) {
        dims[i] = i == axis ? t->dims[i] / count * wanted : t->dims[i];
        outer *= i < axis ? t->dims[i] : 1;
    }
    struct tensor *to = tensor_new(t->dtype, t->rank, dims, b->err);
    size_t run = t->count ? t->size / (size_t)(outer * count) : 0;
    for (int64_t d = 0; to && run && d < outer; d++)
        for (int i = 0; i < wanted; i++)
            if (order[i] >= 0)
                memcpy((char *)to->data + (size_t)(d * wanted + i) * run,
                       (const char *)t->data + (size_t)(d * count + order[i]) * run, run);
    return build_constant(b, v->name, to);
}

struct value *build_parts(struct build *b, struct value *v, int axis, int count, int wanted, const int *order)
{
    const struct tensor *t = v && !v->is_input ? v->constant : NULL;
    struct value *part[MOST_PARTS], *zeros = NULL;
    if (wanted > MOST_PARTS)
        build_fail(b, "%d parts, want at most %d", wanted, MOST_PARTS);
    if (b->failed)
        return NULL;
    if (t && t->rank > axis && t->dims[axis] % count == 0 && dtype_info(t->dtype)->bits >= 8 &&
        t->dtype != DTYPE_STRING)
        return constant_parts(b, v, axis, count, wanted, order);
    struct value *split = build_int(b, build_int(b, BUILD(b, "Split", v), "num_outputs", count), "axis", axis);
    for (int i = 0; i < count; i++)
        build_output(b, split, i);
    for (int i = 0; i < wanted && !b->failed; i++) {
        if (order[i] < 0 && !zeros)
            zeros = BUILD(b, "Sub", split, split);
        part[i] = order[i] < 0 ? zeros : build_output(b, split, order[i]);
    }
    return b->failed ? NULL : build_int(b, build_node(b, "Concat", wanted, part), "axis", axis);
}

const struct build_cell *build_cell_find(const char *mode)
{
    static const struct build_cell cells[] = {
        {"LSTM", "LSTM", 4, {0, 3, 1, 2}}, /* i f g o to i o f g */
        {"GRU", "GRU", 3, {1, 0, 2}},      /* r z n to z r h */
        {"RNN", "RNN", 1, {0}},
        {"RNN_TANH", "RNN", 1, {0}},
        {"RNN_RELU", "RNN", 1, {0}},
    };
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
        if (strcasecmp(cells[i].mode, mode) == 0)
            return &cells[i];
    return NULL;
}

struct value *build_gates(struct build *b, const struct build_cell *cell, struct value *v)
{
    return cell->gates > 1 ? build_parts(b, v, 0, cell->gates, cell->gates, cell->order) : v;
}

struct value *build_set_cell(struct build *b, struct value *v, const struct build_cell *cell, int64_t hidden,
                             int directions)
{
    static const struct str relu[] = {{"Relu", 4}, {"Relu", 4}};
    build_int(b, v, "hidden_size", hidden);
    if (directions == 2)
        build_string(b, v, "direction", "bidirectional");
    if (cell->gates == 3)
        build_int(b, v, "linear_before_reset", 1);
    if (strcmp(cell->mode, "RNN_RELU") == 0 && !b->failed)
        build_check(b, node_set_strings(v->producer, "activations", relu, (size_t)directions, b->err) == 0);
    return v;
}

/* ---- rolls ---- */

struct value *build_roll(struct build *b, struct value *x, int count, const int64_t *shifts, const int64_t *axes)
{
    for (int i = 0; i < count && !b->failed; i++) {
        const struct type *type = build_type(b, x);
        int64_t size = type && axes[i] < type->rank ? type->dims[axes[i]] : -1, shift = shifts[i];
        if (shift < -INT32_MAX || shift > INT32_MAX) {
            build_fail(b, "a shift of %lld", (long long)shift);
            return NULL;
        }
        if (size > 0)
            shift %= size;
        if (size > 0 && shift < 0)
            shift += size;
        if (shift != 0 && size != 0)
            x = build_int(b,
                          BUILD(b, "Concat", build_slice(b, x, axes[i], -shift, INT64_MAX),
                                build_slice(b, x, axes[i], 0, -shift)),
                          "axis", axes[i]);
    }
    return x;
}

/* ---- blocks ---- */

static struct value *joined(struct build *b, struct value *x, struct value *y, struct value *z)
{
    return BUILD(b, "Concat/axis=0", x, y, z);
}

struct value *build_space_to_batch(struct build *b, struct value *x, int rank, int n, const int64_t *block,
                                   struct value *pads)
{
    int64_t perm[TENSOR_MAX_RANK];
    int at = 0;
    if (n < 1 || rank < n + 1 || rank + n > TENSOR_MAX_RANK)
        build_fail(b, "blocks of %d axes of %d", n, rank);
    if (b->failed)
        return NULL;
    struct value *rest = build_shape(b, x, n + 1, rank), *blocks = build_list(b, n, block);
    struct value *v = BUILD(b, "Pad", x, pads), *sizes = BUILD(b, "Div", build_shape(b, v, 1, n + 1), blocks);
    struct value *parts = BUILD(b, "Concat", build_unsqueeze(b, sizes, 1), build_unsqueeze(b, blocks, 1));
    parts = BUILD(b, "Reshape", build_int(b, parts, "axis", 1), BUILD_LIST(b, -1));
    v = BUILD(b, "Reshape", v, joined(b, build_shape(b, x, 0, 1), parts, rest));
    for (int i = 0; i < n; i++)
        perm[at++] = 2 + 2 * i;
    perm[at++] = 0;
    for (int i = 0; i < n; i++)
        perm[at++] = 1 + 2 * i;
    for (int i = n + 1; i < rank; i++)
        perm[at++] = n + i;
    return BUILD(b, "Reshape", build_transpose(b, v, rank + n, perm), joined(b, BUILD_LIST(b, -1), sizes, rest));
}

struct value *build_batch_to_space(struct build *b, struct value *x, int rank, int n, const int64_t *block,
                                   struct value *before, struct value *behind)
{
    int64_t perm[TENSOR_MAX_RANK], axes[TENSOR_MAX_RANK];
    int at = 0;
    if (n < 1 || rank < n + 1 || rank + n > TENSOR_MAX_RANK)
        build_fail(b, "blocks of %d axes of %d", n, rank);
    if (b->failed)
        return NULL;
    struct value *blocks = build_list(b, n, block), *sizes = build_shape(b, x, 1, n + 1),
                 *rest = build_shape(b, x, n + 1, rank), *whole = BUILD(b, "Mul", sizes, blocks);
    struct value *v = BUILD(b, "Reshape", x, joined(b, blocks, BUILD_LIST(b, -1), joined(b, sizes, rest, NULL)));
    perm[at++] = n;
    for (int i = 0; i < n; i++) {
        perm[at++] = n + 1 + i;
        perm[at++] = i;
        axes[i] = 1 + i;
    }
    for (int i = n + 1; i < rank; i++)
        perm[at++] = n + i;
    v = BUILD(b, "Reshape", build_transpose(b, v, rank + n, perm), joined(b, BUILD_LIST(b, -1), whole, rest));
    return BUILD(b, "Slice", v, before, BUILD(b, "Sub", whole, behind), build_list(b, n, axes));
}

/* ONNX has batches and steps as the first two axes. */
struct value *build_reverse_sequence(struct build *b, struct value *x, int rank, struct value *lengths, int batch,
                                     int time)
{
    int64_t perm[TENSOR_MAX_RANK] = {batch, time}, back[TENSOR_MAX_RANK] = {0};
    if (!b->failed && (batch == time || batch < 0 || time < 0 || batch >= rank || time >= rank))
        build_fail(b, "reverses steps of axis %d for each of axis %d; want two of %d", time, batch, rank);
    if (b->failed)
        return NULL;
    bool plain = batch < 2 && time < 2;
    for (int i = 0, at = 2; i < rank; i++)
        if (i != batch && i != time)
            perm[at++] = i;
    for (int i = 0; i < rank; i++)
        back[perm[i]] = i;
    struct value *v = BUILD(b, "ReverseSequence", plain ? x : build_transpose(b, x, rank, perm), lengths);
    build_int(b, build_int(b, v, "time_axis", plain ? time : 1), "batch_axis", plain ? batch : 0);
    return plain ? v : build_transpose(b, v, rank, back);
}
