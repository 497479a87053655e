/* The elements of datasets: in one piece, or chunks that filters have been over. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "parse/hdf5_private.h"

struct chunks {
    struct hdf5 *f;
    const struct hdf5_array *array;
    const struct hdf5_storage *storage;
    size_t size;      /* bytes of a chunk without filters */
    uint8_t *work[2]; /* [size + SPARE] each */
    struct blob *out;
    struct error *err;
};

#define SPARE 4 /* of a checksum behind */

enum { DEFLATE = 1, SHUFFLE = 2, FLETCHER32 = 3 };

/* ---- filters ---- */

/* The same byte of all elements stands together. */
static void unshuffle(const uint8_t *from, uint8_t *to, size_t n, size_t width)
{
    size_t count = width ? n / width : 0;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < width; k++)
            to[i * width + k] = from[k * count + i];
    memcpy(to + count * width, from + count * width, n - count * width);
}

/* Takes the filters back, last first: the chunk's bytes; NULL with a message. */
static const uint8_t *unfilter(struct chunks *c, const uint8_t *data, size_t n, uint32_t mask)
{
    for (int i = c->storage->filter_count; i-- > 0;) {
        const struct hdf5_filter *filter = &c->storage->filters[i];
        uint8_t *to = c->work[data == c->work[0]];
        uLongf made = c->size + SPARE;
        if (mask >> i & 1)
            continue;
        if (filter->id == FLETCHER32 && n >= SPARE) {
            n -= SPARE;
        } else if (filter->id == SHUFFLE && n <= c->size + SPARE) {
            unshuffle(data, to, n, filter->value);
            data = to;
        } else if (filter->id == DEFLATE && n <= UINT32_MAX && uncompress(to, &made, data, (uLong)n) == Z_OK) {
            data = to;
            n = made;
        } else {
            hdf5_damaged(c->err, "a chunk");
            return NULL;
        }
    }
    if (n == c->size)
        return data;
    error_set(c->err, "HDF5: a chunk of %zu bytes, want %zu", n, c->size);
    return NULL;
}

static int check_filters(const struct hdf5_storage *s, struct error *err)
{
    for (int i = 0; i < s->filter_count; i++)
        if (s->filters[i].id < DEFLATE || s->filters[i].id > FLETCHER32)
            return error_set(err, "HDF5: filter %u is not read, want gzip or shuffle", s->filters[i].id);
    return 0;
}

/* ---- chunks ---- */

/* Rows of a chunk, whose first element is `start`, to their places; what lies beyond the array's end is left out. */
static void place(struct chunks *c, const uint64_t *start, const uint8_t *from)
{
    const uint64_t *dims = c->array->dims, *chunk = c->storage->chunk;
    int rank = c->array->rank, last = rank - 1;
    uint64_t at[HDF5_MAX_RANK] = {0}, width = c->array->type.size;
    uint64_t row = dims[last] - start[last] < chunk[last] ? dims[last] - start[last] : chunk[last];
    for (bool more = true; more;) {
        uint64_t to = 0, source = 0;
        for (int i = 0; i < rank; i++) {
            to = to * dims[i] + start[i] + at[i];
            source = source * chunk[i] + at[i];
        }
        memcpy((uint8_t *)c->out->data + to * width, from + source * width, row * width);
        more = false;
        for (int i = last - 1; i >= 0 && !more; i--) {
            more = ++at[i] < chunk[i] && start[i] + at[i] < dims[i];
            at[i] = more ? at[i] : 0;
        }
    }
}

/* Counts bytes that a header asks for, written or not, and those that are read to make them. */
static int spend(struct hdf5 *f, uint64_t bytes, struct error *err)
{
    if (f->unpacked < bytes)
        return error_set(err, "HDF5: more data than the file's size can hold");
    f->unpacked -= bytes;
    return 0;
}

static int read_chunk(struct chunks *c, const uint64_t *start, uint64_t address, uint64_t size, uint32_t mask)
{
    struct bytes b = hdf5_at(c->f, address, size);
    if (hdf5_step(c->f, c->err) != 0)
        return -1;
    if (hdf5_is_nowhere(c->f, address))
        return 0;
    for (int i = 0; i < c->array->rank; i++)
        if (start[i] >= c->array->dims[i])
            return hdf5_damaged(c->err, "an index of chunks");
    if (b.bad || bytes_left(&b) != size)
        return hdf5_damaged(c->err, "an index of chunks");
    if (spend(c->f, size > c->size ? size : c->size, c->err) != 0)
        return -1;
    const uint8_t *data = unfilter(c, b.at, size, mask);
    if (!data)
        return -1;
    place(c, start, data);
    return 0;
}

static int read_tree(struct chunks *c, uint64_t address, unsigned above)
{
    struct bytes b = hdf5_at(c->f, address, UINT64_MAX);
    bool fine = hdf5_signed(&b, "TREE") && bytes_u8(&b) == 1;
    unsigned level = bytes_u8(&b), count = bytes_u16(&b);
    uint64_t start[HDF5_MAX_RANK];
    hdf5_address(c->f, &b);
    hdf5_address(c->f, &b);
    if (!fine || b.bad || level >= above)
        return hdf5_damaged(c->err, "a tree of chunks");
    for (unsigned k = 0; k < count; k++) {
        uint32_t size = bytes_u32(&b), mask = bytes_u32(&b);
        for (int i = 0; i < c->array->rank; i++)
            start[i] = bytes_u64(&b);
        bytes_take(&b, 8);
        uint64_t child = hdf5_address(c->f, &b);
        if (b.bad)
            return hdf5_damaged(c->err, "a tree of chunks");
        if (hdf5_step(c->f, c->err) != 0 ||
            (level ? read_tree(c, child, level) : read_chunk(c, start, child, size, mask)) != 0)
            return -1;
    }
    return 0;
}

/* The chunks in order, of which address, size and mask come from `entries` (of fixed arrays), or follow each other. */
static int read_in_order(struct chunks *c, uint64_t address, struct bytes *entries, unsigned entry_size)
{
    const struct hdf5 *f = c->f;
    uint64_t start[HDF5_MAX_RANK] = {0};
    int rank = c->array->rank;
    for (bool more = c->array->count > 0; more;) {
        uint64_t size = c->size;
        uint32_t mask = 0;
        if (entries)
            address = hdf5_address(f, entries);
        if (entries && entry_size > f->offset_size) {
            size = hdf5_number(entries, entry_size - f->offset_size - 4);
            mask = bytes_u32(entries);
        }
        if (entries && entries->bad)
            return hdf5_damaged(c->err, "an array of chunks");
        if (read_chunk(c, start, address, size, mask) != 0)
            return -1;
        address += entries ? 0 : size;
        more = false;
        for (int i = rank - 1; i >= 0 && !more; i--) {
            start[i] += c->storage->chunk[i];
            more = start[i] < c->array->dims[i];
            start[i] = more ? start[i] : 0;
        }
    }
    return 0;
}

/* A header that leads to a block of one entry a chunk; large ones are cut into pages, which are not read. */
static int read_fixed(struct chunks *c)
{
    struct hdf5 *f = c->f;
    struct bytes b = hdf5_at(f, c->storage->address, UINT64_MAX);
    bool fine = hdf5_signed(&b, "FAHD");
    bytes_take(&b, 2);
    unsigned entry_size = bytes_u8(&b), page_bits = bytes_u8(&b);
    uint64_t count = hdf5_length(f, &b), block = hdf5_address(f, &b);
    if (!fine || b.bad || entry_size < f->offset_size || entry_size > f->offset_size + 12u ||
        (entry_size > f->offset_size && entry_size < f->offset_size + 5u))
        return hdf5_damaged(c->err, "an array of chunks");
    if (page_bits < 64 && count > UINT64_C(1) << page_bits)
        return error_set(c->err, "HDF5: %llu chunks in pages, which are not read", (unsigned long long)count);
    b = hdf5_at(f, block, UINT64_MAX);
    if (!hdf5_signed(&b, "FADB"))
        return hdf5_damaged(c->err, "an array of chunks");
    bytes_take(&b, 2);
    hdf5_address(f, &b);
    return read_in_order(c, 0, &b, entry_size);
}

static int read_index(struct chunks *c)
{
    const struct hdf5_storage *s = c->storage;
    static const uint64_t first[HDF5_MAX_RANK];
    if (hdf5_is_nowhere(c->f, s->address)) /* nothing was written: zeros */
        return 0;
    switch (s->index) {
    case HDF5_BTREE:
        return read_tree(c, s->address, HDF5_LEVELS);
    case HDF5_SINGLE:
        return read_chunk(c, first, s->address, s->single_size ? s->single_size : c->size, s->single_mask);
    case HDF5_IMPLICIT:
        return read_in_order(c, s->address, NULL, 0);
    case HDF5_FIXED:
        return read_fixed(c);
    default:
        return error_set(c->err, "HDF5: chunks of a dataset that can grow, listed as HDF5 1.10 does, are not read");
    }
}

static struct blob *read_chunked(struct hdf5 *f, const struct hdf5_object *o, size_t bytes, struct error *err)
{
    const struct hdf5_storage *s = o->storage;
    struct chunks c = {.f = f, .array = &o->array, .storage = s, .size = o->array.type.size, .err = err};
    bool fine = s->chunk_rank == o->array.rank && s->chunk[s->chunk_rank] == c.size;
    for (int i = 0; i < s->chunk_rank && fine; i++)
        fine = s->chunk[i] <= SIZE_MAX && mem_mul(c.size, (size_t)s->chunk[i], &c.size);
    if (!fine || c.size > UINT32_MAX)
        hdf5_damaged(err, "a layout");
    else if (c.size > f->unpacked)
        error_set(err, "HDF5: more data than the file's size can hold");
    else if (spend(f, bytes, err) == 0 && check_filters(s, err) == 0 && (c.out = blob_new(bytes, err))) {
        for (int i = 0; i < 2 && fine; i++)
            fine = !s->filter_count || (c.work[i] = mem_calloc(c.size + SPARE, 1, err)) != NULL;
        if (!fine || (o->array.count && read_index(&c) != 0)) {
            blob_unref(c.out);
            c.out = NULL;
        }
    }
    free(c.work[0]);
    free(c.work[1]);
    return c.out;
}

/* ---- the whole ---- */

/* A copy with the bytes of each element turned round. */
static struct blob *turned(const uint8_t *from, size_t size, size_t width, struct error *err)
{
    struct blob *blob = blob_new(size, err);
    uint8_t *to = blob ? blob->data : NULL;
    for (size_t i = 0; to && i + width <= size; i += width)
        for (size_t k = 0; k < width; k++)
            to[i + k] = from[i + width - 1 - k];
    return blob;
}

static struct blob *read_in_place(struct hdf5 *f, const struct hdf5_object *o, size_t bytes, struct error *err)
{
    const struct hdf5_storage *s = o->storage;
    if (bytes > s->size) {
        error_set(err, "HDF5: a dataset of %llu bytes, its shape needs %zu", (unsigned long long)s->size, bytes);
        return NULL;
    }
    if (s->layout == HDF5_COMPACT) {
        struct blob *blob = blob_new(bytes, err);
        if (blob && bytes)
            memcpy(blob->data, s->compact, bytes);
        return blob;
    }
    struct bytes b = hdf5_at(f, s->address, bytes);
    if (bytes && (b.bad || bytes_left(&b) != bytes)) {
        error_set(err, "HDF5: a dataset's elements lie beyond the end of the file");
        return NULL;
    }
    return bytes ? blob_part(f->blob, (size_t)(b.at - (const uint8_t *)f->blob->data), bytes, err) : blob_new(0, err);
}

struct blob *hdf5_read(struct hdf5 *f, const struct hdf5_object *o, struct error *err)
{
    const struct hdf5_type *t = &o->array.type;
    size_t bytes;
    if (!o->storage || t->class < HDF5_INT || t->class > HDF5_OPAQUE) {
        error_set(err, "HDF5: no dataset of numbers");
        return NULL;
    }
    if (!mem_mul(o->array.count, t->size, &bytes)) {
        hdf5_damaged(err, "a dataspace");
        return NULL;
    }
    bool is_chunked = o->storage->layout == HDF5_CHUNKED;
    struct blob *blob = is_chunked ? read_chunked(f, o, bytes, err) : read_in_place(f, o, bytes, err);
    if (!blob || !t->big_endian || t->size == 1)
        return blob;
    struct blob *swapped = turned(blob->data, bytes, t->size, err);
    blob_unref(blob);
    return swapped;
}
