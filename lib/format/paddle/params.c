/* The parameters' file: tensors one behind the other, in the order of their names; or a file for each. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "format/paddle/paddle.h"

static int by_name(const void *a, const void *b)
{
    return strcmp((*(struct paddle_operand *const *)a)->name, (*(struct paddle_operand *const *)b)->name);
}

static bool fits(const struct paddle_operand *o, enum dtype dtype, int rank, const int64_t *dims)
{
    bool same = o->rank == rank && o->dtype == dtype;
    for (int i = 0; i < rank && same; i++)
        same = o->dims[i] == dims[i] || o->dims[i] < 0;
    return same;
}

/* Skips version and levels, and reads what the tensor is: a TensorDesc behind its length. */
static const struct protobuf *read_header(struct paddle_reader *r, struct bytes *in)
{
    bytes_u32(in);
    for (uint64_t levels = bytes_u64(in); levels > 0 && !in->bad; levels--) {
        uint64_t size = bytes_u64(in);
        if (size > bytes_left(in))
            in->bad = true;
        else
            bytes_take(in, (size_t)size);
    }
    bytes_u32(in);
    uint32_t size = bytes_u32(in);
    const uint8_t *desc = size <= bytes_left(in) ? bytes_take(in, size) : NULL;
    return desc && !in->bad ? protobuf_read(desc, size, paddle_message("TensorDesc"), &r->arena, r->b.err) : NULL;
}

static struct tensor *read_tensor(struct paddle_reader *r, const struct paddle_operand *o, struct blob *blob,
                                  struct bytes *in)
{
    int64_t dims[TENSOR_MAX_RANK];
    const struct protobuf *desc = read_header(r, in);
    enum dtype dtype = paddle_dtype(protobuf_int(desc, "data_type", -1));
    size_t rank = protobuf_count(desc, "dims"), size, at = 0;
    if (rank > TENSOR_MAX_RANK)
        return NULL;
    for (const struct protobuf *d = protobuf_first(desc, "dims"); d; d = protobuf_more(d))
        dims[at++] = protobuf_as_int(d, 0);
    int64_t count = desc ? tensor_count((int)rank, dims) : -1;
    if (dtype == DTYPE_NONE || count < 0 || !tensor_bytes(dtype, count, &size) || size > bytes_left(in) ||
        !fits(o, dtype, (int)rank, dims))
        return NULL;
    size_t offset = (size_t)(in->at - (const uint8_t *)blob->data);
    bytes_take(in, size);
    return size ? tensor_of_blob(dtype, (int)rank, dims, blob, offset, r->b.err)
                : tensor_new(dtype, (int)rank, dims, r->b.err);
}

/* One parameter from where `in` stands in the blob. */
static void read_one(struct paddle_reader *r, struct paddle_operand *o, struct blob *blob, struct bytes *in)
{
    struct tensor *t = read_tensor(r, o, blob, in);
    const char *name = arena_strdup(&r->b.graph->arena, o->name, r->b.err);
    build_check(&r->b, name != NULL);
    if (!t)
        build_fail(&r->b, "parameter '%.200s' is not what the program says, or the file of parameters is cut off",
                   o->name);
    o->value = build_constant(&r->b, name, t);
}

static struct blob *combined(struct paddle_reader *r)
{
    struct error ignored;
    static const char *const names[] = {"__params__", "params", "inference.pdiparams", "model.pdiparams", "weights"};
    if (r->source->second || source_has_twin(r->source, ".pdiparams"))
        return source_twin(r->source, ".pdiparams", r->b.err);
    struct blob *blob = NULL;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !blob; i++)
        blob = source_member(r->source, names[i], &ignored);
    return blob;
}

int paddle_read_parameters(struct paddle_reader *r)
{
    if (r->parameter_count == 0 || r->b.failed)
        return r->b.failed ? -1 : 0;
    struct blob *blob = combined(r);
    struct bytes in = blob ? bytes_of(blob->data, blob->size) : (struct bytes){0};
    qsort(r->parameters, r->parameter_count, sizeof(struct paddle_operand *), by_name);
    for (size_t i = 0; i < r->parameter_count && !r->b.failed; i++) {
        struct paddle_operand *o = r->parameters[i];
        struct blob *alone = blob ? NULL : source_member(r->source, o->name, r->b.err);
        if (!blob && !alone) {
            build_check(&r->b, false);
            error_prefix(r->b.err, "neither a file of all parameters (.pdiparams) nor one of '%.100s'", o->name);
        } else {
            struct bytes own = alone ? bytes_of(alone->data, alone->size) : in;
            read_one(r, o, blob ? blob : alone, &own);
            in = own;
        }
        blob_unref(alone);
    }
    if (blob && !r->b.failed && bytes_left(&in))
        build_fail(&r->b, "the file of parameters goes on behind the last one, '%.200s'",
                   r->parameters[r->parameter_count - 1]->name);
    blob_unref(blob);
    return r->b.failed ? -1 : 0;
}
