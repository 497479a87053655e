/* Sparse tensors: a tree of levels, of which each is dense or a list of segments with indices (CSR), and values at its
 * leaves. The first `rank` levels are the dimensions in an order of their own, the others the blocks that some of them
 * were cut into. Source: the schema's comments at SparsityParameters. */
#include "format/tflite/schema.h"
#include "format/tflite/tflite.h"

#define LEVELS_MOST (2 * TENSOR_MAX_RANK)
/* Elements for each that is stored: no network is sparser. */
#define DENSE_MOST 1024

struct level {
    int axis;       /* of the dense tensor */
    int64_t stride; /* elements of the dense tensor from one index of the level to the next */
    int64_t size;   /* of a dense level; of a sparse one what its indices stay below */
    struct flatbuf_vector segments, indices;
    bool is_sparse, is_block;
};

struct sparse {
    struct level levels[LEVELS_MOST];
    int count;
    const struct tensor *values;
    int64_t next; /* value */
    struct tensor *dense;
    bool bad;
};

/* An index vector is of 32, 16 or 8 bits (type 1, 2, 3). */
static struct flatbuf_vector read_indices(struct flatbuf_table level, int type_slot, int slot)
{
    static const size_t widths[] = {4, 4, 2, 1};
    uint64_t type = flatbuf_uint(level, type_slot, 1, 0);
    return flatbuf_vector(flatbuf_table(level, slot), 0, widths[type & 3]);
}

/* The unsigned ones are of 8 and 16 bits. */
static int64_t index_at(struct flatbuf_vector v, size_t i)
{
    int64_t value = flatbuf_vector_int(v, i);
    return v.width == 1 ? (uint8_t)value : v.width == 2 ? (uint16_t)value : value;
}

static void walk(struct sparse *s, int depth, int64_t position, int64_t at);

static void walk_sparse(struct sparse *s, int depth, int64_t position, int64_t at)
{
    const struct level *l = &s->levels[depth];
    int64_t from = index_at(l->segments, (size_t)position), to = index_at(l->segments, (size_t)position + 1);
    if ((uint64_t)position + 1 >= l->segments.count || from < 0 || to < from || (uint64_t)to > l->indices.count) {
        s->bad = true;
        return;
    }
    for (int64_t i = from; i < to && !s->bad; i++) {
        int64_t index = index_at(l->indices, (size_t)i);
        s->bad = index < 0 || index >= l->size;
        if (!s->bad)
            walk(s, depth + 1, i, at + index * l->stride);
    }
}

/* Level `depth` on: `position` counts the level's nodes, `at` is the element of the dense tensor. */
static void walk(struct sparse *s, int depth, int64_t position, int64_t at)
{
    const struct level *l = &s->levels[depth];
    if (depth < s->count && l->is_sparse) {
        walk_sparse(s, depth, position, at);
        return;
    }
    if (depth < s->count) {
        for (int64_t i = 0; i < l->size && !s->bad; i++)
            walk(s, depth + 1, position * l->size + i, at + i * l->stride);
        return;
    }
    s->bad = s->next >= s->values->count;
    if (s->bad)
        return;
    if (dtype_info(s->values->dtype)->class == DTYPE_CLASS_FLOAT)
        tensor_set_f64(s->dense, at, tensor_get_f64(s->values, s->next++));
    else
        tensor_set_i64(s->dense, at, tensor_get_i64(s->values, s->next++));
}

/* Level i of the file: of a whole dimension (order < rank) or of the block numbered order - rank. */
static bool read_level(struct level *l, struct flatbuf_table t, int64_t order, struct flatbuf_vector blocks, int rank)
{
    l->is_block = order >= rank;
    l->axis = (int)(l->is_block ? flatbuf_vector_int(blocks, (size_t)(order - rank)) : order);
    l->is_sparse = flatbuf_int(t, LEVEL_FORMAT, 1, 0) == 1;
    l->size = flatbuf_int(t, LEVEL_SIZE, 4, 0);
    l->segments = read_indices(t, LEVEL_SEGMENTS_TYPE, LEVEL_SEGMENTS);
    l->indices = read_indices(t, LEVEL_INDICES_TYPE, LEVEL_INDICES);
    return order >= 0 && order < rank + (int64_t)blocks.count && l->axis >= 0 && l->axis < rank &&
           !(l->is_block && (l->is_sparse || l->size < 1));
}

static bool read_levels(struct sparse *s, struct flatbuf_table sparsity, int rank)
{
    struct flatbuf_vector order = flatbuf_vector(sparsity, SPARSITY_ORDER, 4);
    struct flatbuf_vector blocks = flatbuf_vector(sparsity, SPARSITY_BLOCKS, 4);
    struct flatbuf_vector levels = flatbuf_vector(sparsity, SPARSITY_LEVELS, 4);
    if (order.count != levels.count || levels.count != (size_t)rank + blocks.count || levels.count > LEVELS_MOST)
        return false;
    for (; s->count < (int)levels.count; s->count++) {
        size_t i = (size_t)s->count;
        struct flatbuf_table t = flatbuf_vector_table(sparsity.file, levels, i);
        if (!read_level(&s->levels[i], t, flatbuf_vector_int(order, i), blocks, rank))
            return false;
    }
    return true;
}

/* Every axis has one level, and may have one of blocks; that of the axis steps over whole blocks. With a second one of
 * either kind, indices would reach beyond the tensor. */
static bool set_strides(struct sparse *s, int rank, const int64_t *dims)
{
    int64_t inner = 1, stride[TENSOR_MAX_RANK], block[TENSOR_MAX_RANK];
    int seen[TENSOR_MAX_RANK] = {0};
    for (int a = rank; a-- > 0; inner *= dims[a]) {
        stride[a] = inner;
        block[a] = 1;
    }
    for (int i = 0; i < s->count; i++) {
        const struct level *l = &s->levels[i];
        int kind = l->is_block ? 2 : 1;
        if (seen[l->axis] & kind)
            return false;
        if (l->is_block)
            block[l->axis] = l->size;
        seen[l->axis] |= kind;
    }
    for (int i = 0; i < s->count; i++) {
        struct level *l = &s->levels[i];
        int64_t blocks = dims[l->axis] / block[l->axis];
        if (dims[l->axis] % block[l->axis] != 0 || !(seen[l->axis] & 1) ||
            (!l->is_block && !l->is_sparse && l->size != blocks))
            return false;
        l->stride = stride[l->axis] * (l->is_block ? 1 : block[l->axis]);
        l->size = l->is_block ? l->size : blocks;
    }
    return true;
}

struct tensor *tflite_densify(struct tflite_file *f, struct flatbuf_table sparsity, const struct tensor *values,
                              int rank, const int64_t *dims)
{
    struct sparse s = {.values = values};
    int64_t count = tensor_count(rank, dims);
    if (!read_levels(&s, sparsity, rank) || count < 0 || !set_strides(&s, rank, dims)) {
        error_set(f->err, "a sparse tensor whose levels do not fit its shape");
        return NULL;
    }
    if (count / DENSE_MOST > values->count) {
        error_set(f->err, "a sparse tensor of %lld elements, of which it stores %lld", (long long)count,
                  (long long)values->count);
        return NULL;
    }
    s.dense = tensor_new(values->dtype, rank, dims, f->err);
    if (s.dense && count > 0) /* levels around an empty one may be of any size */
        walk(&s, 0, 0, 0);
    if (s.dense && s.bad) {
        error_set(f->err, "a sparse tensor whose indices do not fit its shape");
        tensor_unref(s.dense);
        s.dense = NULL;
    }
    return s.dense;
}
