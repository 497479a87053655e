/* Weights: the blobs of a layer as tensors. */
#include <stdio.h>
#include <string.h>

#include "format/caffe/caffe.h"

/* How many elements a blob's field has: in spans where the file is binary, as single numbers where it is text. */
static size_t element_count(const struct protobuf *blob, const char *field)
{
    size_t n = 0;
    for (const struct protobuf *p = protobuf_first(blob, field); p; p = protobuf_more(p))
        n += p->kind == PROTOBUF_SPAN32 || p->kind == PROTOBUF_SPAN64 ? p->span.count : 1;
    return n;
}

static float span_element(const struct protobuf_span *span, size_t i)
{
    const uint8_t *at = span->data + i * span->step;
    double wide;
    float narrow;
    if (span->width == sizeof(narrow)) {
        memcpy(&narrow, at, sizeof(narrow));
        return narrow;
    }
    memcpy(&wide, at, sizeof(wide));
    return (float)wide;
}

/* All elements, one after the other. */
static void load(const struct protobuf *blob, const char *field, float *to)
{
    for (const struct protobuf *p = protobuf_first(blob, field); p; p = protobuf_more(p)) {
        if (p->kind != PROTOBUF_SPAN32 && p->kind != PROTOBUF_SPAN64)
            *to++ = (float)protobuf_as_float(p, 0);
        else
            for (size_t i = 0; i < p->span.count; i++)
                *to++ = span_element(&p->span, i);
    }
}

/* The dims that the file gives a blob; -1 when there are too many. Legacy ones are always four. */
static int file_dims(const struct protobuf *blob, int64_t *dims)
{
    static const char *const legacy[] = {"num", "channels", "height", "width"};
    const struct protobuf *shape = protobuf_message(blob, "shape");
    int rank = 0;
    for (const struct protobuf *p = protobuf_first(shape, "dim"); p; p = protobuf_more(p)) {
        if (rank == TENSOR_MAX_RANK)
            return -1;
        dims[rank++] = protobuf_as_int(p, -1);
    }
    if (shape)
        return rank;
    for (; rank < 4; rank++)
        dims[rank] = protobuf_int(blob, legacy[rank], 1);
    return 4;
}

static const struct protobuf *blob_at(struct caffe_read *l, int i)
{
    if (i < l->blob_count)
        return l->blobs[i];
    if (l->reader->file)
        build_fail(l->b, "the file with weights has %d arrays for it, want %d or more", l->blob_count, i + 1);
    else
        build_fail(l->b, "there are no weights for it: give the .caffemodel too, A.prototxt,B.caffemodel");
    return NULL;
}

static const char *data_field(const struct protobuf *blob)
{
    return protobuf_first(blob, "double_data") && !protobuf_first(blob, "data") ? "double_data" : "data";
}

/* Gives the dim that is -1 its size. */
static bool fit_dims(int rank, int64_t *dims, size_t count)
{
    int64_t rest = 1;
    int open = -1;
    for (int i = 0; i < rank; i++) {
        if (dims[i] == -1)
            open = i;
        else if (dims[i] < 0 || __builtin_mul_overflow(rest, dims[i], &rest))
            return false;
    }
    if (open >= 0)
        dims[open] = rest > 0 ? (int64_t)count / rest : 0;
    return tensor_count(rank, dims) == (int64_t)count;
}

static void no_fit(struct caffe_read *l, int i, int rank, const int64_t *dims, size_t count)
{
    char text[200] = "";
    size_t n = 0;
    for (int k = 0; k < rank && n < sizeof(text) - 24; k++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, dims[k] < 0 ? "%s?" : "%s%lld", k ? "x" : "",
                              (long long)dims[k]);
    build_fail(l->b, "array %d of its weights has %zu elements, want %s", i, count, text);
}

/* Whether the data is one run of floats in the file: it need not be copied. */
static bool is_mapped(const struct caffe_read *l, const struct protobuf *first)
{
    return l->reader->file && first && first->kind == PROTOBUF_SPAN32 && !protobuf_more(first) &&
           first->span.step == sizeof(float);
}

/* Elements copied beside twice those of the file: layers of one name have the same weights, again and again. */
#define MOST_COPIED (1 << 24)

static bool may_copy(struct caffe_read *l, size_t count)
{
    struct caffe_reader *r = l->reader;
    int64_t most = MOST_COPIED + (r->file ? (int64_t)(r->file->size / 2) : 0);
    r->copied += (int64_t)count;
    if (r->copied > most)
        build_fail(l->b, "its weights, shared with layers before, make %lld elements in all, want at most %lld",
                   (long long)r->copied, (long long)most);
    return !l->b->failed;
}

static struct tensor *read_blob(struct caffe_read *l, int i, int rank, const int64_t *want, bool copied)
{
    const struct protobuf *blob = l->b->failed ? NULL : blob_at(l, i);
    int64_t dims[TENSOR_MAX_RANK];
    if (!blob)
        return NULL;
    const char *field = data_field(blob);
    size_t count = element_count(blob, field);
    memcpy(dims, want, (size_t)rank * sizeof(*dims));
    if (!fit_dims(rank, dims, count)) {
        no_fit(l, i, rank, want, count);
        return NULL;
    }
    const struct protobuf *first = protobuf_first(blob, field);
    struct blob *file = l->reader->file;
    struct tensor *t;
    if (!copied && is_mapped(l, first)) {
        t = tensor_of_blob(DTYPE_F32, rank, dims, file, (size_t)(first->span.data - (const uint8_t *)file->data),
                           l->b->err);
    } else {
        t = may_copy(l, count) ? tensor_new(DTYPE_F32, rank, dims, l->b->err) : NULL;
        if (t)
            load(blob, field, t->data);
    }
    build_check(l->b, t != NULL);
    return t;
}

struct value *caffe_weight(struct caffe_read *l, int i, const char *what, int rank, const int64_t *dims)
{
    char name[300];
    snprintf(name, sizeof(name), "%.250s/%s", l->layer->name, what);
    struct tensor *t = read_blob(l, i, rank, dims, false);
    /* Layers of one name have their weights from one; a free name is not looked for. */
    return t ? build_constant(l->b, graph_find_local(l->b->graph, name) ? NULL : name, t) : NULL;
}

struct tensor *caffe_blob_copy(struct caffe_read *l, int i, int rank, const int64_t *dims)
{
    return read_blob(l, i, rank, dims, true);
}

struct tensor *caffe_blob(struct caffe_read *l, int i)
{
    const struct protobuf *blob = l->b->failed ? NULL : blob_at(l, i);
    int64_t dims[TENSOR_MAX_RANK];
    if (!blob)
        return NULL;
    int rank = file_dims(blob, dims);
    if (rank < 0)
        build_fail(l->b, "array %d of its weights has more than %d axes", i, TENSOR_MAX_RANK);
    return rank < 0 ? NULL : read_blob(l, i, rank, dims, false);
}
