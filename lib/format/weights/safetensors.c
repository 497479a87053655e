/* Safetensors: a length, a JSON text that tells each tensor's type, shape and place, the bytes of all. Source: the
 * format's page. */
#include <string.h>

#include "base/bytes.h"
#include "format/weights/weights.h"
#include "parse/json.h"

#define HEAD 8

static uint64_t text_size(const struct blob *blob)
{
    struct bytes b = bytes_of(blob->data, blob->size);
    return bytes_u64(&b);
}

bool weights_is_safetensors(const struct blob *blob)
{
    return blob->size > HEAD + 1 && ((const char *)blob->data)[HEAD] == '{' && text_size(blob) <= blob->size - HEAD;
}

static enum dtype dtype_of(const struct json_node *node)
{
    static const struct {
        const char *name;
        enum dtype dtype;
    } names[] = {{"F32", DTYPE_F32},       {"F16", DTYPE_F16}, {"BF16", DTYPE_BF16},        {"F64", DTYPE_F64},
                 {"I64", DTYPE_I64},       {"I32", DTYPE_I32}, {"I16", DTYPE_I16},          {"I8", DTYPE_I8},
                 {"U8", DTYPE_U8},         {"U16", DTYPE_U16}, {"U32", DTYPE_U32},          {"U64", DTYPE_U64},
                 {"BOOL", DTYPE_BOOL},     {"C64", DTYPE_C64}, {"F8_E4M3", DTYPE_F8E4M3FN}, {"F8_E5M2", DTYPE_F8E5M2},
                 {"F8_E8M0", DTYPE_F8E8M0}};
    for (size_t i = 0; node && node->kind == JSON_STRING && i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(names[i].name, node->string) == 0)
            return names[i].dtype;
    return DTYPE_NONE;
}

/* Whole numbers of a list: their count, -1 when there are more than `max`, or others. */
static int numbers(const struct json *j, const struct json_node *list, int64_t *values, int max)
{
    int count = 0;
    if (!list || list->kind != JSON_ARRAY)
        return -1;
    for (const struct json_node *n = json_first(j, list); n; n = json_next(j, n)) {
        if (count == max || n->kind != JSON_NUMBER || !(n->number >= 0 && n->number < 9e15))
            return -1;
        values[count++] = (int64_t)n->number;
    }
    return count;
}

/* *left: bytes that no tensor has yet. The format lets no two share any, and so nothing is copied twice. */
static void add_tensor(struct build *b, struct blob *blob, const struct json *j, const struct json_node *node,
                       size_t start, size_t *left)
{
    int64_t dims[TENSOR_MAX_RANK], place[2];
    enum dtype dtype = dtype_of(json_member(j, node, "dtype"));
    int rank = numbers(j, json_member(j, node, "shape"), dims, TENSOR_MAX_RANK);
    int ends = numbers(j, json_member(j, node, "data_offsets"), place, 2);
    int64_t count = rank < 0 ? -1 : tensor_count(rank, dims);
    size_t size = 0, room = blob->size - start;
    if (dtype == DTYPE_NONE || rank < 0 || ends != 2)
        build_fail(b, "tensor '%.200s' has a type, shape or place that is not read", node->key);
    else if (count < 0 || !tensor_bytes(dtype, count, &size) || place[0] > place[1] || (uint64_t)place[1] > room ||
             (uint64_t)(place[1] - place[0]) != size)
        build_fail(b, "tensor '%.200s' has bytes %lld to %lld of %zu, want %zu", node->key, (long long)place[0],
                   (long long)place[1], room, size);
    else if (size > *left)
        build_fail(b, "tensor '%.200s' has bytes that are others' too", node->key);
    if (b->failed)
        return;
    *left -= size;
    build_constant(b, node->key, tensor_of_blob(dtype, rank, dims, blob, start + (size_t)place[0], b->err));
}

void weights_read_safetensors(struct build *b, struct blob *blob)
{
    struct json j;
    size_t size = (size_t)text_size(blob);
    if (json_parse(&j, (const char *)blob->data + HEAD, size, b->err) != 0) {
        build_check(b, false);
        return;
    }
    size_t left = blob->size - HEAD - size;
    for (const struct json_node *n = json_first(&j, j.node); n && !b->failed; n = json_next(&j, n))
        if (n->key && strcmp(n->key, "__metadata__") != 0)
            add_tensor(b, blob, &j, n, HEAD + size, &left);
    json_release(&j);
}
