/* Layers that put elements at places of a blob, or take them from there. */
#include <stdlib.h>

#include "format/ncnn/read.h"

/* ---- CopyTo ---- */

/* Where along the blob's axis the second blob begins: of lists of starts and axes, else of a parameter for each axis.
 */
static int64_t offset_of(struct reader *r, int dims, int axis, int64_t size)
{
    static const int ids[5][4] = {{0}, {0}, {1, 0}, {2, 1, 0}, {2, 13, 1, 0}};
    size_t count = ncnn_count(r->l, 11);
    if (!ncnn_count(r->l, 9))
        return ncnn_int(r->l, ids[dims][axis], 0);
    for (size_t i = 0; i < ncnn_count(r->l, 9) && i < (count ? count : (size_t)dims); i++) {
        int at = count ? ncnn_int_at(r->l, 11, i) : (int)i;
        int64_t start = ncnn_int_at(r->l, 9, i);
        if ((at < 0 ? at + dims : at) == axis)
            return start == -233 ? 0 : start < 0 ? size + start : start;
    }
    return 0;
}

/* The second blob over the first: chosen where ones of its shape lie when both are filled up to the first's. */
struct value *ncnn_copy_to(struct reader *r)
{
    struct build *b = &r->b;
    int64_t pads[2 * TENSOR_MAX_RANK] = {0}, shape[TENSOR_MAX_RANK] = {1};
    struct value *to = ncnn_in(r, 0), *from = ncnn_in(r, 1);
    int dims = ncnn_dims(r, to);
    if (dims > 4 || ncnn_dims(r, from) != dims)
        build_fail(b, "has blobs of different numbers of axes");
    for (int i = 0; i < dims && !b->failed; i++) {
        int64_t size = ncnn_size(r, to, i), own = ncnn_size(r, from, i), at = offset_of(r, dims, i, size);
        if (size < 0 || own < 0 || at < 0 || at > size || own > size - at)
            build_fail(b, "puts %lld elements at %lld of an axis of %lld", (long long)own, (long long)at,
                       (long long)size);
        pads[1 + i] = at;
        pads[dims + 2 + i] = size - at - own;
        shape[1 + i] = own;
    }
    if (b->failed)
        return NULL;
    struct value *places = build_list(b, 2 * (dims + 1), pads);
    struct value *ones = BUILD(b, "Expand", build_number(b, DTYPE_F32, 1), build_list(b, dims + 1, shape));
    struct value *chosen = build_cast(b, BUILD(b, "Pad", ones, places), DTYPE_BOOL);
    return BUILD(b, "Where", chosen, BUILD(b, "Pad", from, places), to);
}

/* ---- Diag ---- */

#define MOST 4096 /* elements of a diagonal */

/* A row [1, n] becomes a matrix that has it as a diagonal, `k` columns to the right of the middle one. */
static struct value *matrix_of(struct reader *r, struct value *x, int64_t n, int64_t k)
{
    struct build *b = &r->b;
    int64_t size = n + (k < 0 ? -k : k), right = k > 0 ? k : 0;
    struct value *row = BUILD(b, "Pad", x, BUILD_LIST(b, 0, right, 0, size - n - right));
    struct value *like = BUILD(b, "Expand", build_number(b, DTYPE_F32, 0), BUILD_LIST(b, size, size));
    struct value *eye = build_int(b, BUILD(b, "EyeLike", like), "k", k);
    struct value *chosen = build_unsqueeze(b, build_cast(b, eye, DTYPE_BOOL), 0);
    return BUILD(b, "Where", chosen, build_unsqueeze(b, row, 1), build_number(b, DTYPE_F32, 0));
}

/* The diagonal of [1, h, w]. */
static struct value *diagonal_of(struct reader *r, struct value *x, int64_t h, int64_t w, int64_t k)
{
    struct build *b = &r->b;
    int64_t top = k < 0 ? -k : 0, left = k > 0 ? k : 0, n = h - top < w - left ? h - top : w - left;
    int64_t *list = n > 0 && n <= MOST ? mem_calloc((size_t)n, sizeof(*list), b->err) : NULL;
    if (n < 1 || n > MOST)
        build_fail(b, "has no diagonal %lld of at most %d elements", (long long)k, MOST);
    build_check(b, list != NULL);
    for (int64_t i = 0; list && i < n; i++)
        list[i] = (i + top) * w + i + left;
    struct value *flat = build_reshape(b, x, 2, (int64_t[]){0, -1});
    struct value *v = list ? BUILD(b, "Gather", flat, build_list(b, (int)n, list)) : NULL;
    free(list);
    return v ? build_int(b, v, "axis", 1) : NULL;
}

struct value *ncnn_diag(struct reader *r)
{
    struct value *x = ncnn_in(r, 0);
    int dims = ncnn_dims(r, x);
    int64_t k = ncnn_int(r->l, 0, 0), first = ncnn_size(r, x, 0), second = dims == 2 ? ncnn_size(r, x, 1) : 1;
    if (dims < 1 || dims > 2 || first < 1 || second < 1 || first > 1 << 20 || second > 1 << 20 || k < -MOST || k > MOST)
        build_fail(&r->b, "has a blob of more than two axes, or of unknown size, or diagonal %lld", (long long)k);
    if (dims == 1 && first > MOST)
        build_fail(&r->b, "makes a matrix of %lld rows; at most %d were expected", (long long)first, MOST);
    if (r->b.failed)
        return NULL;
    return dims == 1 ? matrix_of(r, x, first, k) : diagonal_of(r, x, first, second, k);
}
