/* Tables from keys to values: LookupTableFind of one is a LabelEncoder. They are filled before the network runs, by a
 * node of the graph or of a function that the graph calls: from constants, or from the lines of a file beside a
 * SavedModel. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/tensorflow/tensorflow.h"

#define STAND_IN   "HashTableV2" /* the node of a table until all that look into it are read */
#define WHOLE      (-2)          /* a column: the line */
#define NUMBER     (-1)          /* and its number */
#define MOST_LINES (1 << 22)

/* The node that fills a table. */
struct filling {
    struct tensorflow_reader *r;
    const struct protobuf *node, *function, *call; /* in a function: which, and the node of the graph that calls it */
};

static bool fills(const struct protobuf *node)
{
    const char *op = protobuf_text(node, "op", "");
    return strncmp(op, "LookupTableImport", 17) == 0 || strncmp(op, "InitializeTable", 15) == 0;
}

/* The node that makes input i of the one that fills. */
static const struct protobuf *given(const struct filling *f, size_t i)
{
    int output;
    const char *tensor = tensorflow_input(f->node, i);
    if (f->function)
        tensorflow_count_looks(f->r->root, protobuf_count(f->function, "node_def") +
                                               protobuf_count(protobuf_message(f->function, "signature"), "input_arg"));
    int64_t arg = f->function ? tensorflow_argument(f->function, tensor) : -1;
    if (f->function && arg < 0)
        return tensorflow_function_node(f->function, tensor);
    tensor = f->function ? tensorflow_input(f->call, (size_t)arg) : tensor;
    const struct tensorflow_node *n = tensorflow_scope_find(f->r->root, tensor, &output);
    return n ? n->message : NULL;
}

static bool fills_table(const struct filling *f, const char *table)
{
    const struct protobuf *n = fills(f->node) ? given(f, 0) : NULL;
    return n && strcmp(protobuf_text(n, "name", ""), table) == 0;
}

static bool find_filling(struct tensorflow_reader *r, const char *table, struct filling *f)
{
    const struct tensorflow_scope *root = r->root;
    for (size_t i = 0; i < root->count && !r->b.failed; i++) {
        const struct protobuf *n = root->nodes[i].message;
        *f = (struct filling){.r = r, .node = n};
        if (fills_table(f, table))
            return true;
        const char *name = protobuf_text(protobuf_message(tensorflow_attr(n, "f"), "func"), "name", "");
        *f = (struct filling){.r = r, .function = lookup_find(&r->functions, name), .call = n};
        size_t looks = 0;
        f->node = protobuf_first(f->function, "node_def");
        for (; f->node && !r->b.failed; f->node = protobuf_more(f->node), looks++)
            if (fills_table(f, table))
                return true;
        tensorflow_count_looks(r->root, looks);
    }
    tensorflow_count_looks(r->root, root->count);
    return false;
}

/* ---- lines of a file ---- */

/* "words.txt_1" beside "words.txt": TensorFlow calls a file so whose own name is taken. */
static bool is_second(const char *file, const char *name)
{
    size_t n = strlen(name);
    return strncmp(file, name, n) == 0 && file[n] == '_' && file[n + 1 + strspn(file + n + 1, "0123456789")] == 0;
}

/* The name of the SavedModel's file for a table: the only one, or the longest that stands in the table's own name; NULL
 * when that does not tell it. */
static const char *find_asset(struct tensorflow_reader *r, const char *shared)
{
    const struct protobuf *first = protobuf_first(r->meta, "asset_file_def");
    const char *name = NULL, *only = protobuf_text(first, "filename", "");
    size_t count = 0;
    bool clear = true;
    for (const struct protobuf *a = first; a; a = protobuf_more(a), count++) {
        const char *file = protobuf_text(a, "filename", "");
        if (*file && strstr(shared, file) && (!name || strlen(file) > strlen(name)))
            name = file;
    }
    for (const struct protobuf *a = first; a && name; a = protobuf_more(a)) {
        const char *file = protobuf_text(a, "filename", "");
        clear = clear && !is_second(file, name) && !is_second(name, file);
    }
    tensorflow_count_looks(r->root, count);
    return count == 1 && *only ? only : clear ? name : NULL;
}

static struct blob *open_asset(struct tensorflow_reader *r, const char *shared)
{
    char path[512];
    const char *name = find_asset(r, shared);
    snprintf(path, sizeof(path), "assets/%.400s", name ? name : "");
    if (!name)
        build_fail(&r->b, "which file of the SavedModel fills table '%.100s' is not known", shared);
    return name ? source_member(r->source, path, r->b.err) : NULL;
}

/* How many lines of the file make the table: "vocab_size" of them where that is set, else all. */
static int64_t count_lines(const struct filling *f, const struct blob *blob)
{
    int64_t count = 0, most = protobuf_int(tensorflow_attr(f->node, "vocab_size"), "i", -1);
    const char *text = blob->data, *end = text + blob->size;
    for (const char *p = text; p < end && (most < 1 || count < most); p++)
        count += *p == '\n' || p + 1 == end;
    if (count > MOST_LINES)
        build_fail(&f->r->b, "a table of %lld lines, want at most %d", (long long)count, MOST_LINES);
    return count;
}

/* The lines as texts, [count]; a CR at the end is none of it. */
static struct tensor *list_lines(struct tensorflow_reader *r, const struct blob *blob, int64_t count)
{
    const char *text = blob->data, *end = text + blob->size;
    struct str *lines = r->b.failed ? NULL : mem_calloc((size_t)count + 1, sizeof(*lines), r->b.err);
    for (int64_t i = 0; lines && i < count; i++) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t size = (size_t)((stop ? stop : end) - text);
        lines[i] = (struct str){text, size > 0 && text[size - 1] == '\r' ? size - 1 : size};
        text = stop ? stop + 1 : end;
    }
    struct tensor *t = lines ? tensor_of_strings(1, &count, lines, r->b.err) : NULL;
    free(lines);
    return t;
}

/* The lines' numbers, [count], counted from "offset". */
static struct tensor *list_numbers(const struct filling *f, int64_t count)
{
    int64_t first = protobuf_int(tensorflow_attr(f->node, "offset"), "i", 0);
    struct tensor *t = f->r->b.failed ? NULL : tensor_new(DTYPE_I64, 1, &count, f->r->b.err);
    for (int64_t i = 0; t && i < count; i++)
        tensor_set_i64(t, i, (int64_t)((uint64_t)first + (uint64_t)i));
    return t;
}

static bool read_file(const struct filling *f, const char *shared, struct tensor **keys, struct tensor **values)
{
    int64_t key = protobuf_int(tensorflow_attr(f->node, "key_index"), "i", 0),
            value = protobuf_int(tensorflow_attr(f->node, "value_index"), "i", 0);
    bool plain = (key == NUMBER && value == WHOLE) || (key == WHOLE && value == NUMBER);
    struct blob *blob = plain ? open_asset(f->r, shared) : NULL;
    if (blob) {
        int64_t count = count_lines(f, blob);
        struct tensor *lines = list_lines(f->r, blob, count), *numbers = list_numbers(f, count);
        *keys = key == WHOLE ? lines : numbers;
        *values = key == WHOLE ? numbers : lines;
    }
    blob_unref(blob);
    return plain;
}

/* ---- operators ---- */

void tensorflow_read_table(struct tensorflow_op *o)
{
    struct value *v = build_node(o->b, "tensorflow." STAND_IN, 0, NULL);
    tensorflow_give(o, 0, build_string(o->b, v, "name", o->node->name));
}

static size_t bytes_of_all(const struct tensor *t)
{
    size_t bytes = t ? t->size : 0;
    for (int64_t i = 0; t && t->dtype == DTYPE_STRING && i < t->count; i++)
        bytes += ((const struct str *)t->data)[i].size;
    return bytes;
}

/* Each that looks into a table gets its keys and values anew. Their bytes are work: 256 MiB of them are too much. */
static void contents(struct tensorflow_op *o, struct tensor **keys, struct tensor **values)
{
    struct tensorflow_reader *r = o->scope->r;
    struct filling f;
    const struct value *table = tensorflow_in(o, 0);
    bool known = table && table->producer && strcmp(table->producer->op, STAND_IN) == 0;
    const struct attr *kept = known ? node_attr(table->producer, "name") : NULL;
    const char *name = kept ? kept->s.data : "";
    const struct tensorflow_node *n = known ? lookup_find(&r->root->names, name) : NULL;
    bool found = n && find_filling(r, name, &f);
    if (found && strncmp(protobuf_text(f.node, "op", ""), "InitializeTableFrom", 19) == 0) {
        const struct protobuf *shared = protobuf_find(tensorflow_attr(n->message, "shared_name"), "s");
        found = read_file(&f, tensorflow_span(r, shared, ""), keys, values);
    } else if (found) {
        const struct protobuf *k = given(&f, 1), *v = given(&f, 2);
        found = tensorflow_is_op(k, "Const") && tensorflow_is_op(v, "Const");
        *keys = found ? tensorflow_constant(r, k) : NULL;
        *values = found ? tensorflow_constant(r, v) : NULL;
    }
    if (!found)
        build_fail(o->b, "table '%.100s' is not in the file, or filled in a way that is not read", name);
    build_check(o->b, *keys && *values);
    tensorflow_count_looks(r->root, (bytes_of_all(*keys) + bytes_of_all(*values)) / 4);
}

/* What the table has for each key, and a default for those that it has not. */
void tensorflow_read_table_find(struct tensorflow_op *o)
{
    struct tensor *keys = NULL, *values = NULL;
    struct value *x = tensorflow_in(o, 1), *other = tensorflow_in(o, 2);
    contents(o, &keys, &values);
    if (!o->b->failed && (!other->constant || other->constant->count != 1 || keys->count != values->count))
        build_fail(o->b, "want as many values as keys, and a constant for keys that it has not");
    struct value *v = o->b->failed ? NULL : build_node(o->b, "ai.onnx.ml.LabelEncoder", 1, &x);
    struct node *n = v ? v->producer : NULL;
    build_check(o->b, n && node_set_tensor(n, "keys_tensor", tensor_ref(keys), o->b->err) == 0 &&
                          node_set_tensor(n, "values_tensor", tensor_ref(values), o->b->err) == 0 &&
                          node_set_tensor(n, "default_tensor", tensor_ref(other->constant), o->b->err) == 0);
    tensor_unref(keys);
    tensor_unref(values);
    tensorflow_give(o, 0, v);
}

void tensorflow_read_table_size(struct tensorflow_op *o)
{
    struct tensor *keys = NULL, *values = NULL;
    contents(o, &keys, &values);
    tensorflow_give(o, 0, build_number(o->b, DTYPE_I64, keys ? (double)keys->count : 0));
    tensor_unref(keys);
    tensor_unref(values);
}
