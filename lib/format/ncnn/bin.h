/* The .bin file of weights: records in the order of the layers, without names or sizes of their own. */
#ifndef FORMAT_NCNN_BIN_H
#define FORMAT_NCNN_BIN_H

#include "format/source.h"
#include "graph/tensor.h"

/* What stands before a record that is not plain float32. Any other number but 0: a codebook of 256 floats and a byte
 * for each element. */
#define NCNN_TAG_F16  0x01306B47u
#define NCNN_TAG_I8   0x000D4B38u
#define NCNN_TAG_F32  0x0002C056u
#define NCNN_TAG_NONE 0u

struct ncnn_bin {
    const struct source *source; /* of the .param file */
    struct blob *blob;           /* the .bin file, opened when the first record is read; NULL before */
    size_t at;
};

void ncnn_bin_release(struct ncnn_bin *bin);

/* The next record: plain float32, or with a tag, which makes f32 (also of a codebook), f16 or i8. The data stay in the
 * mapped file where they can. */
struct tensor *ncnn_bin_raw(struct ncnn_bin *bin, int rank, const int64_t *dims, struct error *err);
struct tensor *ncnn_bin_tagged(struct ncnn_bin *bin, int rank, const int64_t *dims, struct error *err);

/* An error unless all of the file was read: otherwise it belongs to another net, or a layer was misunderstood. */
int ncnn_bin_end(const struct ncnn_bin *bin, struct error *err);

#endif
