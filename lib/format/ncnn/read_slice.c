/* Layers that take parts of a blob, or put something around it. */
#include <string.h>

#include "format/ncnn/read.h"
#include "format/ncnn/read_size.h"

#define TO_THE_END INT64_MAX
#define REST       -233 /* of a size: all that is left, or its share; of an end: the end */

/* ---- Slice ---- */

/* Elements of part i of n, of which `left` are not given away yet (negative: unknown); -1 when that cannot be told. */
static int64_t part_size(const struct ncnn_layer *l, int i, int n, int64_t at, int64_t left)
{
    if (ncnn_count(l, 2)) { /* the places of the cuts */
        int64_t cut = i < n - 1 ? ncnn_int_at(l, 2, (size_t)i) : 0;
        if (i == n - 1)
            return left;
        return cut >= 0 ? cut - at : left < 0 ? -1 : at + left + cut - at;
    }
    int64_t size = ncnn_int_at(l, 0, (size_t)i);
    return size != REST ? size : left < 0 ? -1 : left / (n - i);
}

static struct value *part(struct reader *r, struct value *x, int axis, int64_t from, int64_t to)
{
    return build_slice(&r->b, x, axis, from, to);
}

/* Equal parts of an axis whose size is not known. */
static struct value *split_equally(struct reader *r, struct value *x, int axis, int n)
{
    struct value *v = build_int(&r->b, BUILD(&r->b, "Split", x), "num_outputs", n);
    build_int(&r->b, v, "axis", axis);
    for (int o = 1; o < n; o++)
        ncnn_give(r, o, build_output(&r->b, v, o));
    return v;
}

static bool all_shares(const struct ncnn_layer *l, int n)
{
    for (int i = 0; i < n; i++)
        if (ncnn_int_at(l, 0, (size_t)i) != REST)
            return false;
    return !ncnn_count(l, 2) && ncnn_count(l, 0) >= (size_t)n;
}

/* The cuts of all parts, cut[0] = 0; the last may be TO_THE_END. Whether the parts are the whole axis. */
static bool find_cuts(struct reader *r, int n, int64_t size, int64_t *cut)
{
    cut[0] = 0;
    for (int i = 0; i < n && !r->b.failed; i++) {
        int64_t left = size < 0 ? -1 : size - cut[i], part = part_size(r->l, i, n, cut[i], left);
        bool rest = i == n - 1 && left < 0 && part < 0;
        if (!rest && (part < 1 || (left >= 0 && part > left)))
            build_fail(&r->b, "has a part %d that is empty, too large, or of a size that is not known", i + 1);
        cut[i + 1] = rest ? TO_THE_END : cut[i] + part;
    }
    return size >= 0 && cut[n] == size;
}

struct value *ncnn_slice(struct reader *r)
{
    int64_t cut[257], sizes[256];
    struct build *b = &r->b;
    struct value *x = ncnn_in(r, 0), *v = NULL;
    int n = r->l->out_count, axis = ncnn_axis(r, x, ncnn_int(r->l, 1, 0));
    if (n < 1 || n > 256 || (!ncnn_count(r->l, 2) && ncnn_count(r->l, 0) < (size_t)n))
        build_fail(b, "has %d outputs and %zu sizes", n, ncnn_count(r->l, 0));
    if (b->failed)
        return NULL;
    int64_t size = ncnn_size(r, x, axis - 1);
    if (size < 0 && all_shares(r->l, n))
        return split_equally(r, x, axis, n);
    bool whole = find_cuts(r, n, size, cut);
    for (int i = 0; i < n; i++)
        sizes[i] = cut[i + 1] - cut[i];
    if (whole && !b->failed) {
        v = build_int(b, BUILD(b, "Split", x, build_list(b, n, sizes)), "axis", axis);
        for (int o = 1; o < n; o++)
            ncnn_give(r, o, build_output(b, v, o));
        return v;
    }
    for (int o = n - 1; o >= 0 && !b->failed; o--) {
        v = part(r, x, axis, cut[o], cut[o + 1]);
        if (o)
            ncnn_give(r, o, v);
    }
    return v;
}

/* ---- Crop ---- */

static struct value *sliced(struct reader *r, struct value *x, int n, const struct size *from, const struct size *to,
                            const int64_t *axes)
{
    struct value *starts = ncnn_size_list(r, n, from), *ends = ncnn_size_list(r, n, to);
    return BUILD(&r->b, "Slice", x, starts, ends, build_list(&r->b, n, axes));
}

/* An end of 0 or REST is the end of the axis; a start of REST its begin. */
static void end_of_axis(struct size *from, struct size *to)
{
    if (!from->value && from->number == REST)
        from->number = 0;
    if (!to->value && (to->number == REST || to->number == 0))
        to->number = TO_THE_END;
}

/* Starts, ends and axes as numpy has them: lists, or expressions. */
static struct value *crop_listed(struct reader *r, struct value *x)
{
    struct size lists[3][4];
    int counts[3];
    int64_t axes[4];
    for (int k = 0; k < 3 && !r->b.failed; k++) {
        const char *text = ncnn_string(r->l, 19 + k);
        counts[k] = *text ? ncnn_size_parse(r, text, lists[k], 4) : (int)ncnn_count(r->l, 9 + k);
        for (int i = 0; !*text && i < counts[k] && i < 4; i++)
            lists[k][i] = ncnn_size_number(ncnn_int_at(r->l, 9 + k, (size_t)i));
    }
    int n = r->b.failed ? 0 : counts[0];
    if (!r->b.failed &&
        (n > 4 || counts[1] != n || (counts[2] && (counts[2] != n || !ncnn_size_all_numbers(n, lists[2])))))
        build_fail(&r->b, "has %d starts, %d ends and %d axes", n, counts[1], counts[2]);
    for (int i = 0; i < n && !r->b.failed; i++) {
        axes[i] = ncnn_axis(r, x, counts[2] ? (int)lists[2][i].number : i);
        end_of_axis(&lists[0][i], &lists[1][i]);
    }
    return r->b.failed ? NULL : sliced(r, x, n, lists[0], lists[1], axes);
}

/* Parameters' numbers by axis c, d, h, w: offset, size, what is left off at the end. */
static const struct {
    char letter;
    int offset, size, end;
} crop_ids[] = {{'c', 2, 5, 8}, {'d', 13, 14, 15}, {'h', 1, 4, 7}, {'w', 0, 3, 6}};

/* The size of another blob from each offset on; a blob of fewer axes says nothing of the channels. */
static struct value *crop_to(struct reader *r, struct value *x, struct value *like)
{
    struct size from[4], to[4];
    int64_t axes[4];
    int dims = ncnn_dims(r, x), like_dims = ncnn_dims(r, like), n = 0;
    for (int i = 0; i < 4 && !r->b.failed; i++) {
        int64_t offset = ncnn_int(r->l, crop_ids[i].offset, 0);
        bool exists = dims == 4 || (dims == 3 && i != 1) || (dims < 3 && i >= 4 - dims);
        if (!exists || (i == 0 && dims >= 3 && like_dims != dims))
            continue;
        struct size size = ncnn_size_of(r, like, crop_ids[i].letter);
        axes[n] = i == 0 ? 1 : dims - (3 - i);
        from[n] = ncnn_size_number(offset);
        to[n++] = size.value && offset
                      ? (struct size){.value = BUILD(&r->b, "Add", size.value, BUILD_LIST(&r->b, offset))}
                  : size.value ? size
                               : ncnn_size_number(size.number + offset);
    }
    return r->b.failed ? NULL : sliced(r, x, n, from, to, axes);
}

static struct value *crop_by_offsets(struct reader *r, struct value *x)
{
    struct size from[4], to[4];
    int64_t axes[4];
    int dims = ncnn_dims(r, x), n = 0;
    for (int i = 0; i < 4 && !r->b.failed; i++) {
        if (!(dims == 4 || (dims == 3 && i != 1) || (dims < 3 && i >= 4 - dims)))
            continue;
        int64_t offset = ncnn_int(r->l, crop_ids[i].offset, 0), size = ncnn_int(r->l, crop_ids[i].size, 0);
        int64_t end = ncnn_int(r->l, crop_ids[i].end, 0);
        if (offset < 0 || end < 0)
            build_fail(&r->b, "has an offset of %lld and %lld", (long long)offset, (long long)end);
        if (end && size != REST && size < 1)
            build_fail(&r->b, "has a size of %lld", (long long)size);
        axes[n] = i == 0 && dims >= 3 ? 1 : dims - (3 - i);
        from[n] = ncnn_size_number(offset);
        to[n++] = ncnn_size_number(size == REST ? (end ? -end : TO_THE_END) : offset + size);
    }
    return r->b.failed ? NULL : sliced(r, x, n, from, to, axes);
}

struct value *ncnn_crop(struct reader *r)
{
    struct value *x = ncnn_in(r, 0);
    if (ncnn_count(r->l, 9) || *ncnn_string(r->l, 19))
        return crop_listed(r, x);
    if (r->l->in_count < 2)
        return crop_by_offsets(r, x);
    if (ncnn_int(r->l, 0, 0) == REST)
        build_fail(&r->b, "takes its offsets from a blob, which is not known");
    return crop_to(r, x, ncnn_in(r, 1));
}

/* ---- Padding, Flip ---- */

static const char *const pad_modes[] = {"constant", "edge", "reflect"};

/* front and behind are of the channels, or, where a blob has four axes, of the depth. */
struct value *ncnn_padding(struct reader *r)
{
    static const int ids[] = {7, 0, 2, 8, 1, 3}; /* begins of that axis, height and width; then ends */
    struct build *b = &r->b;
    struct value *x = ncnn_in(r, 0);
    int rank = ncnn_dims(r, x) + 1, type = ncnn_int(r->l, 4, 0), channels = ncnn_int(r->l, 6, 0);
    int64_t pads[2 * TENSOR_MAX_RANK] = {0};
    if (type < 0 || type > 2)
        build_fail(b, "has the unknown type %d", type);
    if (channels)
        build_fail(b, "has a number for each channel, which is not known");
    for (int i = 0; i < 3 && !b->failed; i++) {
        int begin = ncnn_int(r->l, ids[i], 0), end = ncnn_int(r->l, ids[i + 3], 0), axis = rank - 3 + i;
        if (begin < 0 || end < 0 || begin > 1 << 20 || end > 1 << 20)
            build_fail(b, "has pads of %d and %d", begin, end);
        if (axis >= 1) {
            pads[axis] = begin;
            pads[axis + rank] = end;
        }
    }
    if (b->failed)
        return NULL;
    struct value *number = type ? NULL : build_number(b, DTYPE_F32, ncnn_float(r->l, 5, 0));
    struct value *v = BUILD(b, "Pad", x, build_list(b, 2 * rank, pads), number);
    return build_string(b, v, "mode", pad_modes[type]);
}

struct value *ncnn_flip(struct reader *r)
{
    int64_t starts[4], ends[4], axes[4], steps[4];
    struct build *b = &r->b;
    struct value *x = ncnn_in(r, 0);
    int n = (int)ncnn_count(r->l, 0);
    if (n > 4)
        build_fail(b, "flips %d axes", n);
    for (int i = 0; i < n && !b->failed; i++) {
        axes[i] = ncnn_axis(r, x, ncnn_int_at(r->l, 0, (size_t)i));
        starts[i] = -1;
        ends[i] = INT64_MIN;
        steps[i] = -1;
    }
    if (b->failed || !n)
        return x;
    return BUILD(b, "Slice", x, build_list(b, n, starts), build_list(b, n, ends), build_list(b, n, axes),
                 build_list(b, n, steps));
}
