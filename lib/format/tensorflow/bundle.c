/* Checkpoints: an index, which is a table of keys in sorted blocks, and the tensors' bytes in files of their own.
 * Source: LevelDB's table_format.md and TensorFlow's tensor_bundle.proto. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/tensorflow/tensorflow.h"

#define MAGIC    UINT64_C(0xdb4775248b80fb57)
#define FOOTER   48
#define KEY_MOST 4096
#define SHARDS   4096
#define OBJECTS  "_CHECKPOINTABLE_OBJECT_GRAPH"

struct tensorflow_bundle {
    struct arena arena;
    const struct source *source;
    struct blob *index;
    struct lookup entries; /* a key → BundleEntryProto */
    struct lookup keys;    /* a variable's name → its key */
    int64_t shards;
    struct blob **data; /* [shards] */
};

/* ---- the index ---- */

static int add_entry(struct tensorflow_bundle *b, const char *key, size_t n, struct bytes value, struct error *err)
{
    char *kept = arena_strndup(&b->arena, key, n, err);
    size_t size = bytes_left(&value);
    const uint8_t *at = bytes_take(&value, size);
    if (!kept)
        return -1;
    if (n == 0) { /* the header: how many files of data there are */
        struct bytes in = bytes_of(at, size);
        struct protobuf_field f;
        while (bytes_left(&in) && protobuf_take(&in, &f))
            if (f.number == 1 && f.wire == PROTOBUF_WIRE_VARINT) {
                struct bytes number = bytes_of(f.data, f.size);
                b->shards = (int64_t)(bytes_varint(&number) % (SHARDS + 1));
            }
        return 0;
    }
    struct protobuf *message = protobuf_read(at, size, tensorflow_message("BundleEntryProto"), &b->arena, err);
    if (!message || lookup_find(&b->entries, kept))
        return message ? error_set(err, "the index has the key '%.100s' twice", kept) : -1;
    return lookup_add(&b->entries, kept, message, err);
}

/* Entries of a block share the beginning of their keys with the one before. each: what to do with one. */
static int walk_block(struct tensorflow_bundle *b, uint64_t offset, uint64_t size, bool is_index, struct error *err)
{
    char key[KEY_MOST];
    size_t length = 0;
    if (offset > b->index->size || size > b->index->size - offset || b->index->size - offset - size < 5 || size < 4)
        return error_set(err, "a block of the index lies beyond its end");
    const uint8_t *data = (const uint8_t *)b->index->data + offset;
    if (data[size] != 0)
        return error_set(err, "a block of the index is compressed, which is not read");
    struct bytes tail = bytes_of(data + size - 4, 4);
    uint64_t restarts = 4 * (uint64_t)bytes_u32(&tail) + 4;
    if (restarts > size)
        return error_set(err, "a block of the index has more restarts than bytes");
    struct bytes in = bytes_of(data, size - restarts);
    while (bytes_left(&in)) {
        uint64_t shared = bytes_varint(&in), more = bytes_varint(&in), count = bytes_varint(&in);
        const uint8_t *rest = more <= KEY_MOST ? bytes_take(&in, more) : NULL;
        const uint8_t *value = rest ? bytes_take(&in, count) : NULL;
        if (in.bad || !value || shared > length || shared + more > KEY_MOST)
            return error_set(err, "an entry of the index is damaged");
        memcpy(key + shared, rest, more);
        length = shared + more;
        struct bytes part = bytes_of(value, count);
        if (is_index) {
            uint64_t at = bytes_varint(&part), n = bytes_varint(&part);
            if (part.bad || walk_block(b, at, n, false, err) != 0)
                return part.bad ? error_set(err, "an entry of the index is damaged") : -1;
        } else if (add_entry(b, key, length, part, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int read_index(struct tensorflow_bundle *b, struct error *err)
{
    const uint8_t *data = b->index->data;
    if (b->index->size < FOOTER)
        return error_set(err, "the index is too short");
    struct bytes footer = bytes_of(data + b->index->size - FOOTER, FOOTER),
                 magic = bytes_of(data + b->index->size - 8, 8);
    if (bytes_u64(&magic) != MAGIC)
        return error_set(err, "the index does not end as one does");
    bytes_varint(&footer);
    bytes_varint(&footer);
    uint64_t offset = bytes_varint(&footer), size = bytes_varint(&footer);
    return walk_block(b, offset, size, true, err);
}

/* ---- data ---- */

static struct blob *shard(struct tensorflow_bundle *b, int64_t i, struct error *err)
{
    char name[80];
    if (i < 0 || i >= b->shards) {
        error_set(err, "data file %lld of %lld", (long long)i, (long long)b->shards);
        return NULL;
    }
    snprintf(name, sizeof(name), "variables/variables.data-%05lld-of-%05lld", (long long)i, (long long)b->shards);
    if (!b->data[i])
        b->data[i] = source_member(b->source, name, err);
    return b->data[i];
}

/* The bytes of an entry. */
static const uint8_t *entry_bytes(struct tensorflow_bundle *b, const struct protobuf *entry, struct blob **blob,
                                  size_t *size, struct error *err)
{
    int64_t offset = protobuf_int(entry, "offset", 0), bytes = protobuf_int(entry, "size", 0);
    *blob = shard(b, protobuf_int(entry, "shard_id", 0), err);
    if (!*blob)
        return NULL;
    if (offset < 0 || bytes < 0 || (uint64_t)offset > (*blob)->size ||
        (uint64_t)bytes > (*blob)->size - (uint64_t)offset) {
        error_set(err, "%lld bytes at %lld lie beyond the end of the data", (long long)bytes, (long long)offset);
        return NULL;
    }
    *size = (size_t)bytes;
    return (const uint8_t *)(*blob)->data + offset;
}

/* Names of variables, where the objects of the program tell them: a string tensor with their graph. */
static int read_names(struct tensorflow_bundle *b, struct error *err)
{
    const struct protobuf *entry = lookup_find(&b->entries, OBJECTS);
    struct blob *blob;
    size_t size;
    const uint8_t *at = entry ? entry_bytes(b, entry, &blob, &size, err) : NULL;
    if (!at)
        return entry ? -1 : 0;
    struct bytes in = bytes_of(at, size);
    uint64_t length = bytes_varint(&in);
    bytes_take(&in, 4); /* a checksum of the length */
    const uint8_t *text = length <= size ? bytes_take(&in, length) : NULL;
    if (!text)
        return error_set(err, "the graph of objects is damaged");
    struct protobuf *graph = protobuf_read(text, length, tensorflow_message("TrackableObjectGraph"), &b->arena, err);
    if (!graph)
        return -1;
    for (const struct protobuf *n = protobuf_first(graph, "nodes"); n; n = protobuf_more(n))
        for (const struct protobuf *a = protobuf_first(n, "attributes"); a; a = protobuf_more(a)) {
            const char *name = protobuf_text(a, "full_name", ""), *key = protobuf_text(a, "checkpoint_key", "");
            if (*name && !lookup_find(&b->keys, name) && lookup_add(&b->keys, name, (void *)key, err) != 0)
                return -1;
        }
    return 0;
}

struct tensorflow_bundle *tensorflow_bundle_open(const struct source *s, struct error *err)
{
    struct tensorflow_bundle *b = mem_calloc(1, sizeof(*b), err);
    if (!b)
        return NULL;
    b->source = s;
    b->index = source_member(s, "variables/variables.index", err);
    int result = b->index ? read_index(b, err) : -1;
    if (result == 0)
        result = (b->data = mem_calloc((size_t)b->shards + 1, sizeof(*b->data), err)) ? read_names(b, err) : -1;
    if (result == 0)
        return b;
    error_prefix(err, "variables");
    tensorflow_bundle_close(b);
    return NULL;
}

void tensorflow_bundle_close(struct tensorflow_bundle *b)
{
    if (!b)
        return;
    for (int64_t i = 0; b->data && i < b->shards; i++)
        blob_unref(b->data[i]);
    free(b->data);
    blob_unref(b->index);
    lookup_release(&b->entries);
    lookup_release(&b->keys);
    arena_release(&b->arena);
    free(b);
}

struct tensor *tensorflow_bundle_read(struct tensorflow_bundle *b, const char *name, struct error *err)
{
    const char *key = lookup_find(&b->keys, name);
    const struct protobuf *entry = lookup_find(&b->entries, key ? key : name);
    struct blob *blob;
    size_t size, want;
    int64_t dims[TENSOR_MAX_RANK];
    int rank = 0;
    enum dtype dtype = entry ? tensorflow_dtype(protobuf_int(entry, "dtype", 0)) : DTYPE_NONE;
    if (!entry || dtype == DTYPE_NONE || dtype == DTYPE_STRING || protobuf_first(entry, "slices")) {
        error_set(err, "variable '%.200s' is not in the checkpoint, or not as a tensor of numbers in one piece", name);
        return NULL;
    }
    for (const struct protobuf *d = protobuf_first(protobuf_message(entry, "shape"), "dim"); d; d = protobuf_more(d)) {
        if (rank == TENSOR_MAX_RANK) {
            error_set(err, "variable '%.200s' has more than %d axes", name, TENSOR_MAX_RANK);
            return NULL;
        }
        dims[rank++] = protobuf_int(d, "size", 0);
    }
    int64_t count = tensor_count(rank, dims);
    const uint8_t *at = entry_bytes(b, entry, &blob, &size, err);
    if (!at)
        return NULL;
    if (count < 0 || !tensor_bytes(dtype, count, &want) || want != size) {
        error_set(err, "variable '%.200s' has %zu bytes, which its shape does not need", name, size);
        return NULL;
    }
    return tensor_of_blob(dtype, rank, dims, blob, (size_t)(at - (const uint8_t *)blob->data), err);
}
