/* Inputs, constants and results. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "format/openvino/openvino.h"

/* ---- element types ---- */

static const struct {
    const char *name;
    enum dtype dtype;
} types[] = {
    {"f32", DTYPE_F32},       {"f16", DTYPE_F16},         {"bf16", DTYPE_BF16},     {"f64", DTYPE_F64},
    {"i64", DTYPE_I64},       {"i32", DTYPE_I32},         {"i16", DTYPE_I16},       {"i8", DTYPE_I8},
    {"u64", DTYPE_U64},       {"u32", DTYPE_U32},         {"u16", DTYPE_U16},       {"u8", DTYPE_U8},
    {"i4", DTYPE_I4},         {"u4", DTYPE_U4},           {"u2", DTYPE_U2},         {"boolean", DTYPE_BOOL},
    {"bool", DTYPE_BOOL},     {"f8e4m3", DTYPE_F8E4M3FN}, {"f8e5m2", DTYPE_F8E5M2}, {"f8e8m0", DTYPE_F8E8M0},
    {"f4e2m1", DTYPE_F4E2M1},
};

enum dtype openvino_element_type(const char *name)
{
    for (size_t i = 0; name && i < sizeof(types) / sizeof(*types); i++)
        if (strcmp(types[i].name, name) == 0)
            return types[i].dtype;
    return DTYPE_NONE;
}

const char *openvino_type_name(enum dtype dtype)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (types[i].dtype == dtype)
            return types[i].name;
    return NULL;
}

static enum dtype stated_type(struct openvino_read *l)
{
    const char *name = openvino_text(l, "element_type", "");
    enum dtype dtype = openvino_element_type(name);
    if (dtype == DTYPE_NONE)
        build_fail(l->b, "its element type \"%.50s\" is not read", name);
    return dtype;
}

const char *openvino_keep(struct openvino_read *l, const char *text)
{
    const char *kept = arena_strdup(&l->body->reader->root->arena, text, l->b->err);
    build_check(l->b, kept != NULL);
    return kept;
}

/* ---- inputs ---- */

/* "1,3,?,224..448": a size that is not fixed is unknown. */
int openvino_stated_dims(struct openvino_read *l, const char *name, int64_t *dims)
{
    const char *at = openvino_text(l, name, ""), *all = at;
    int rank = 0;
    if (strchr(all, '['))
        at += strspn(at, " [");
    if (strcmp(all, "...") == 0)
        return -1;
    for (at += strspn(at, ", "); *at && *at != ']' && !l->b->failed; at += strspn(at, ", ")) {
        size_t n = strcspn(at, ", ]");
        int64_t dim;
        bool fixed = text_to_i64(at, n, &dim) && dim >= 0;
        if (rank == TENSOR_MAX_RANK)
            build_fail(l->b, "its %s has more than %d dims", name, TENSOR_MAX_RANK);
        else
            dims[rank++] = fixed ? dim : DIM_UNKNOWN;
        at += n;
    }
    return rank;
}

/* The first of "a,b", where a comma of a name has a backslash before; in the graph's memory. */
static const char *first_name(struct openvino_read *l, const char *names)
{
    char name[1024];
    size_t n = 0;
    for (; *names && *names != ',' && n + 1 < sizeof(name); names++) {
        if (*names == '\\' && names[1])
            names++;
        name[n++] = *names;
    }
    name[n] = 0;
    return openvino_keep(l, name);
}

/* What the framework calls output o; else the layer's own name. */
static const char *port_name(struct openvino_read *l, const struct openvino_layer *layer, int o)
{
    const char *names = layer->out_count > o ? layer->out[o].names : NULL;
    return names && *names ? first_name(l, names) : openvino_keep(l, layer->name);
}

void openvino_read_parameter(struct openvino_read *l)
{
    struct openvino_body *body = l->body;
    int64_t dims[TENSOR_MAX_RANK];
    if (body->given) {
        l->out[0] = body->given[l->layer - body->net.layers];
        if (!l->out[0])
            build_fail(l->b, "no value goes to it");
        return;
    }
    enum dtype dtype = stated_type(l);
    int rank = openvino_stated_dims(l, "shape", dims);
    const char *name = port_name(l, l->layer, 0);
    if (!l->b->failed)
        l->out[0] = build_input(l->b, name, dtype, rank, dims);
}

/* ---- constants ---- */

static struct blob *weights(struct openvino_read *l)
{
    struct openvino_reader *r = l->body->reader;
    if (!r->weights && !l->b->failed)
        r->weights = source_twin(r->source, ".bin", l->b->err);
    build_check(l->b, r->weights != NULL);
    return r->weights;
}

/* Bits stand from the first on in bytes of ours, 4-bit numbers too. */
static struct tensor *stored(struct openvino_read *l, enum dtype dtype, int rank, const int64_t *dims)
{
    int64_t offset = openvino_int(l, "offset", -1), size = openvino_int(l, "size", -1);
    int64_t count = tensor_count(rank, dims);
    size_t bytes;
    if (count < 0 || !tensor_bytes(dtype, count, &bytes) || size < 0 || offset < 0 ||
        ((uint64_t)size != bytes && (bytes > 0 || size != 1))) { /* of no elements: one byte */
        build_fail(l->b, "it has %lld bytes at %lld, which its shape does not need", (long long)size,
                   (long long)offset);
        return NULL;
    }
    if (count == 0)
        return tensor_new(dtype, rank, dims, l->b->err);
    struct blob *blob = weights(l);
    if (!blob)
        return NULL;
    if ((uint64_t)offset > blob->size || bytes > blob->size - (size_t)offset) {
        build_fail(l->b, "its %zu bytes at %lld are beyond the end of the file of weights (%zu bytes)", bytes,
                   (long long)offset, blob->size);
        return NULL;
    }
    return tensor_of_blob(dtype, rank, dims, blob, (size_t)offset, l->b->err);
}

/* The 16 numbers that "nf4" stands for: quantiles of a normal distribution (QLoRA, Dettmers et al. 2023). */
static struct value *normal_floats(struct openvino_read *l, struct tensor *places)
{
    static const float numbers[] = {
        -1.0f,         -0.696192801f, -0.525073051f, -0.394917488f, -0.284441382f, -0.184773430f, -0.0910500363f, 0.0f,
        0.0795802996f, 0.160930201f,  0.246112302f,  0.337915242f,  0.440709829f,  0.562617004f,  0.722956836f,   1.0f};
    struct value *table = build_f32s(l->b, 16, numbers);
    return BUILD(l->b, "Gather", table, build_cast(l->b, build_constant(l->b, NULL, places), DTYPE_I32));
}

void openvino_read_const(struct openvino_read *l)
{
    int64_t dims[TENSOR_MAX_RANK];
    bool normal = strcmp(openvino_text(l, "element_type", ""), "nf4") == 0;
    enum dtype dtype = normal ? DTYPE_U4 : stated_type(l);
    int rank = openvino_stated_dims(l, "shape", dims);
    for (int i = 0; i < rank; i++)
        if (dims[i] < 0)
            build_fail(l->b, "the shape of a constant has an open size");
    struct tensor *t = l->b->failed ? NULL : stored(l, dtype, rank, dims);
    const char *name = port_name(l, l->layer, 0);
    l->out[0] = normal ? normal_floats(l, t) : build_constant(l->b, name, t);
}

/* ---- results ---- */

void openvino_read_result(struct openvino_read *l)
{
    struct openvino_body *body = l->body;
    struct value *v = openvino_in(l, 0);
    if (!v)
        return;
    if (body->given) {
        l->layer->result = v;
        return;
    }
    const struct openvino_edge *from = &l->layer->in[0];
    const struct openvino_layer *layer = &body->net.layers[from->layer];
    const char *named = openvino_text(l, "output_names", NULL), *names = layer->out[from->port].names;
    const char *name = v->is_input       ? openvino_keep(l, l->layer->name)
                       : named && *named ? first_name(l, named)
                       : names && *names ? first_name(l, names)
                                         : openvino_keep(l, layer->out_count == 1 ? layer->name : l->layer->name);
    build_layer(l->b, name);
    build_graph_output(l->b, v, name);
}
