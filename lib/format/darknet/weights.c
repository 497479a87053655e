/* The .weights file: a header of three or four numbers, then floats, in the order in which layers take them. */
#include <stdio.h>

#include "base/bytes.h"
#include "format/darknet/darknet.h"

/* major, minor, revision; then how many pictures were seen in training, in 64 bits since version 0.2. */
int darknet_begin_weights(struct darknet_reader *r, struct error *err)
{
    if (!r->file)
        return 0;
    struct bytes b = bytes_of(r->file->data, r->file->size);
    uint32_t major = bytes_u32(&b), minor = bytes_u32(&b);
    bytes_u32(&b);
    if (major < 1000 && minor < 1000 && major * 10 + minor >= 2)
        bytes_u64(&b);
    else
        bytes_u32(&b);
    if (b.bad)
        return error_set(err, "the weights end in their header, after %zu bytes", r->file->size);
    r->transposed = major > 1000 || minor > 1000;
    r->at = (size_t)(b.at - (const uint8_t *)r->file->data);
    return 0;
}

void darknet_end_weights(struct darknet_reader *r)
{
    if (r->file && !r->build.failed && r->at != r->file->size)
        build_fail(&r->build, "the net takes %zu bytes of weights, but their file has %zu: they are another net's",
                   r->at, r->file->size);
}

struct tensor *darknet_numbers(struct darknet_read *l, int rank, const int64_t *dims)
{
    struct darknet_reader *r = l->reader;
    int64_t count = tensor_count(rank, dims);
    struct tensor *t = NULL;
    size_t size;
    if (l->b->failed)
        return NULL;
    if (!r->file)
        build_fail(l->b, "there are no weights for it: give the .weights too, A.cfg,B.weights");
    else if (count < 0 || !tensor_bytes(DTYPE_F32, count, &size) || size > r->file->size - r->at)
        build_fail(l->b, "it takes %lld numbers, but %zu are left in the weights (%zu bytes, of which %zu are read)",
                   (long long)count, (r->file->size - r->at) / 4, r->file->size, r->at);
    else if ((t = tensor_of_blob(DTYPE_F32, rank, dims, r->file, r->at, l->b->err)))
        r->at += size;
    build_check(l->b, t != NULL);
    return t;
}

struct value *darknet_weight(struct darknet_read *l, const char *what, int rank, const int64_t *dims)
{
    char name[100];
    struct tensor *t = darknet_numbers(l, rank, dims);
    snprintf(name, sizeof(name), "%.60s_%d/%s", l->section->type, l->index, what);
    return t ? build_constant(l->b, name, t) : NULL;
}
