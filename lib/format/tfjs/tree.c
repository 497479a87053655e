/* JSON → the tree of a message. */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "format/tfjs/tfjs.h"

struct maker {
    const struct json *j;
    struct arena *arena;
    size_t nodes;
    struct error *err;
};

static int add_fields(struct maker *m, struct protobuf *to, const struct protobuf_type *type,
                      const struct json_node *object);

/* "tensorShape" or "tensor_shape" for tensor_shape. */
static bool is_named(const char *key, const char *name)
{
    for (; *name; name++, key++) {
        bool joins = *name == '_' && *key != '_';
        name += joins;
        if (*key != (joins ? (char)toupper((unsigned char)*name) : *name))
            return false;
    }
    return !*key;
}

static const struct protobuf_row *find_row(const struct protobuf_type *type, const char *key)
{
    for (size_t i = 0; type && i < type->count; i++)
        if (is_named(key, type->rows[i].name))
            return &type->rows[i];
    return NULL;
}

/* ---- values ---- */

/* The number of an element type in DataType; 0: none. */
static int64_t type_number(const char *name)
{
    static const char *const types[] = {"FLOAT",  "DOUBLE",    "INT32",   "UINT8",   "INT16",  "INT8",
                                        "STRING", "COMPLEX64", "INT64",   "BOOL",    "QINT8",  "QUINT8",
                                        "QINT32", "BFLOAT16",  "QINT16",  "QUINT16", "UINT16", "COMPLEX128",
                                        "HALF",   "RESOURCE",  "VARIANT", "UINT32",  "UINT64"};
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (strncmp(name, "DT_", 3) == 0 && strcmp(name + 3, types[i]) == 0)
            return (int64_t)i + 1;
    return 0;
}

static int64_t integer(const struct json_node *n)
{
    int64_t value;
    if (n->kind == JSON_STRING)
        return text_to_i64(n->string, strlen(n->string), &value) ? value : type_number(n->string);
    if (n->kind == JSON_NUMBER)
        return n->number > -0x1p62 && n->number < 0x1p62 ? (int64_t)n->number : 0;
    return n->kind == JSON_TRUE;
}

static double real(const struct json_node *n)
{
    double value = 0;
    if (n->kind == JSON_STRING)
        text_to_f64(n->string, strlen(n->string), &value);
    return n->kind == JSON_NUMBER ? n->number : value;
}

/* What base 64 stands for, to the first character that is none of it. */
static int set_bytes(struct maker *m, struct protobuf *node, const char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_";
    uint8_t *to = arena_alloc(m->arena, strlen(text) / 4 * 3 + 4, m->err);
    uint32_t bits = 0;
    size_t n = 0, taken = 0;
    for (const char *digit; to && *text && (digit = strchr(digits, *text)); text++) {
        ptrdiff_t value = digit - digits;
        bits = bits << 6 | (uint32_t)(value < 64 ? value : value - 2);
        if (++taken % 4 != 1)
            to[n++] = (uint8_t)(bits >> (6 - 2 * ((taken - 1) % 4)));
    }
    node->span = (struct protobuf_span){to, n, 1, 1};
    return to ? 0 : -1;
}

static int add_value(struct maker *m, struct protobuf *to, const struct protobuf_row *row, const struct json_node *n)
{
    struct protobuf *node = protobuf_add(to, row->name, row->kind, m->arena, &m->nodes, m->err);
    if (!node)
        return -1;
    if (row->kind == PROTOBUF_MESSAGE)
        return add_fields(m, node, row->type, n);
    if (row->kind == PROTOBUF_SPAN8)
        return set_bytes(m, node, n->kind == JSON_STRING ? n->string : "");
    if (row->kind == PROTOBUF_STRING) {
        node->text = n->kind == JSON_STRING ? n->string : "";
        node->size = strlen(node->text);
    } else if (row->kind == PROTOBUF_INT)
        node->i = integer(n);
    else
        node->f = real(n);
    return 0;
}

/* All numbers of a list in one node. */
static int add_floats(struct maker *m, struct protobuf *to, const struct protobuf_row *row,
                      const struct json_node *list)
{
    size_t count = 0, i = 0;
    for (const struct json_node *n = json_first(m->j, list); n; n = json_next(m->j, n))
        count++;
    struct protobuf *node = protobuf_add(to, row->name, row->kind, m->arena, &m->nodes, m->err);
    float *values = node ? arena_alloc(m->arena, (count + 1) * sizeof(*values), m->err) : NULL;
    for (const struct json_node *n = json_first(m->j, list); n && values; n = json_next(m->j, n))
        values[i++] = (float)real(n);
    if (values)
        node->span = (struct protobuf_span){(const uint8_t *)values, count, 4, 4};
    return values ? 0 : -1;
}

/* ---- fields ---- */

/* A map is a list of messages of a key and a value, and an object here. */
static int add_entries(struct maker *m, struct protobuf *to, const struct protobuf_row *row,
                       const struct json_node *object)
{
    const struct protobuf_row *key = protobuf_row(row->type, "key"), *value = protobuf_row(row->type, "value");
    for (const struct json_node *n = json_first(m->j, object); n; n = json_next(m->j, n)) {
        struct protobuf *entry = protobuf_add(to, row->name, PROTOBUF_MESSAGE, m->arena, &m->nodes, m->err);
        struct json_node name = {.kind = JSON_STRING, .string = n->key};
        if (!entry || add_value(m, entry, key, &name) != 0 || add_value(m, entry, value, n) != 0)
            return -1;
    }
    return 0;
}

static int add_field(struct maker *m, struct protobuf *to, const struct protobuf_row *row, const struct json_node *n)
{
    if (n->kind == JSON_OBJECT && protobuf_row(row->type, "key"))
        return add_entries(m, to, row, n);
    if (n->kind != JSON_ARRAY)
        return n->kind == JSON_NULL ? 0 : add_value(m, to, row, n);
    if (row->kind == PROTOBUF_SPAN32)
        return add_floats(m, to, row, n);
    for (const struct json_node *e = json_first(m->j, n); e; e = json_next(m->j, e))
        if (add_value(m, to, row, e) != 0)
            return -1;
    return 0;
}

/* As deep as the JSON is, which has a limit. */
static int add_fields(struct maker *m, struct protobuf *to, const struct protobuf_type *type,
                      const struct json_node *object)
{
    for (const struct json_node *n = json_first(m->j, object); n; n = json_next(m->j, n)) {
        const struct protobuf_row *row = n->key ? find_row(type, n->key) : NULL;
        if (row && row->kind != PROTOBUF_SPAN64 && add_field(m, to, row, n) != 0)
            return -1;
    }
    return 0;
}

struct protobuf *tfjs_tree(const struct json *j, const struct json_node *object, const struct protobuf_type *type,
                           struct arena *arena, struct error *err)
{
    struct maker m = {.j = j, .arena = arena, .err = err};
    struct protobuf *tree = arena_alloc(arena, sizeof(*tree), err);
    if (!tree)
        return NULL;
    tree->name = "";
    tree->kind = PROTOBUF_MESSAGE;
    return add_fields(&m, tree, type, object) == 0 ? tree : NULL;
}
