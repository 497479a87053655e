/* Records of the weight file. */
#include "format/ncnn/bin.h"

#include <string.h>

#include "base/bytes.h"

#define CODES 256

void ncnn_bin_release(struct ncnn_bin *bin)
{
    blob_unref(bin->blob);
}

static int open_blob(struct ncnn_bin *bin, struct error *err)
{
    if (!bin->blob)
        bin->blob = source_twin(bin->source, ".bin", err);
    return bin->blob ? 0 : -1;
}

/* `size` bytes of which the record is made, filled up to a multiple of 4; the place where they start in *at. */
static int take(struct ncnn_bin *bin, size_t size, size_t *at, struct error *err)
{
    size_t padded = size % 4 ? size + 4 - size % 4 : size;
    if (open_blob(bin, err) != 0)
        return -1;
    if (padded < size || padded > bin->blob->size - bin->at)
        return error_set(err, "needs %zu bytes of weights; the .bin file has %zu left", size,
                         bin->blob->size - bin->at);
    *at = bin->at;
    bin->at += padded;
    return 0;
}

static struct tensor *plain(struct ncnn_bin *bin, enum dtype dtype, int rank, const int64_t *dims, struct error *err)
{
    size_t size, at;
    int64_t count = tensor_count(rank, dims);
    if (count <= 0 || !tensor_bytes(dtype, count, &size)) {
        error_set(err, "a weight of no elements, or of too many");
        return NULL;
    }
    return take(bin, size, &at, err) == 0 ? tensor_of_blob(dtype, rank, dims, bin->blob, at, err) : NULL;
}

/* 256 float32 values, then which of them each element is. */
static struct tensor *codebook(struct ncnn_bin *bin, int rank, const int64_t *dims, struct error *err)
{
    struct tensor *values = plain(bin, DTYPE_F32, 1, (int64_t[]){CODES}, err);
    struct tensor *codes = values ? plain(bin, DTYPE_U8, rank, dims, err) : NULL;
    struct tensor *t = codes ? tensor_new(DTYPE_F32, rank, dims, err) : NULL;
    for (int64_t i = 0; t && i < t->count; i++)
        ((float *)t->data)[i] = ((const float *)values->data)[((const uint8_t *)codes->data)[i]];
    tensor_unref(values);
    tensor_unref(codes);
    return t;
}

struct tensor *ncnn_bin_raw(struct ncnn_bin *bin, int rank, const int64_t *dims, struct error *err)
{
    return plain(bin, DTYPE_F32, rank, dims, err);
}

struct tensor *ncnn_bin_tagged(struct ncnn_bin *bin, int rank, const int64_t *dims, struct error *err)
{
    size_t at;
    if (take(bin, sizeof(uint32_t), &at, err) != 0)
        return NULL;
    struct bytes b = bytes_of((const uint8_t *)bin->blob->data + at, sizeof(uint32_t));
    switch (bytes_u32(&b)) {
    case NCNN_TAG_F16:
        return plain(bin, DTYPE_F16, rank, dims, err);
    case NCNN_TAG_I8:
        return plain(bin, DTYPE_I8, rank, dims, err);
    case NCNN_TAG_F32:
    case NCNN_TAG_NONE:
        return plain(bin, DTYPE_F32, rank, dims, err);
    default:
        return codebook(bin, rank, dims, err);
    }
}

int ncnn_bin_end(const struct ncnn_bin *bin, struct error *err)
{
    if (!bin->blob || bin->at == bin->blob->size)
        return 0;
    return error_set(err, "the .bin file has %zu bytes more than the layers take: it belongs to another network",
                     bin->blob->size - bin->at);
}
