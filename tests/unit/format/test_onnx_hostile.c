/* Damaged and malicious ONNX files: an error, in little time and memory. */
#include "base/hash.h"
#include "onnx_file.h"

static struct error err;

/* A file with a bit of everything. */
static void everything(struct msg *m)
{
    struct msg g = {.size = 0}, a = {.size = 0}, t, yes = {.size = 0}, f = {.size = 0};
    file_value(&g, 11, "x", 1, FILE_DIMS(1, 2, -1));
    file_floats(&g, "w", FILE_DIMS(2, 2, 1), FILE_FLOATS(1, 2, 3, 4));
    tensor_head(&t, "axes", DTYPE_I64, FILE_DIMS(1));
    put_int(&t, 7, 1);
    put_msg(&g, 5, &t);
    tensor_head(&t, "cond", DTYPE_BOOL, 0, NULL);
    put_bytes(&t, 5, "\1", 1);
    put_msg(&g, 5, &t);
    attr_ints(&a, "pads", 2, (int64_t[]){1, 1});
    attr_string(&a, "auto_pad", "NOTSET");
    file_node(&g, "Conv", "x,w", "c", &a);
    a.size = 0;
    attr_ints(&a, "axes", 1, (int64_t[]){2});
    file_node(&g, "ReduceMean", "c", "r", &a);
    file_node(&yes, "Add", "r,r", "s", NULL);
    file_value(&yes, 12, "s", 1, -1, NULL);
    a.size = 0;
    attr_msg(&a, "then_branch", 6, 5, &yes);
    attr_msg(&a, "else_branch", 6, 5, &yes);
    file_node(&g, "If", "cond", "i", &a);
    file_node(&g, "Softmax", "i", "p", NULL);
    a.size = 0;
    attr_float(&a, "k", 0.5f);
    file_node_in(&g, 1, "local", "F", "p", "y", &a);
    file_value(&g, 12, "y", 1, FILE_DIMS(1, 2, 1));
    file_value(&g, 13, "c", 1, FILE_DIMS(1, 2, -1));
    file_model(m, &g, 12);
    a.size = 0;
    put_string(&f, 1, "F");
    put_names(&f, 4, "x");
    put_names(&f, 5, "y");
    attr_ref(&a, "alpha", 1, "k");
    file_node_in(&f, 7, "", "LeakyRelu", "x", "y", &a);
    file_opset(&f, 9, "", 6);
    put_string(&f, 10, "local");
    put_msg(m, 25, &f);
}

/* Reading must end with a graph or a message. */
static bool survives(const uint8_t *data, size_t size)
{
    err.text[0] = '\0';
    struct graph *g = file_parse(data, size, NULL, &err);
    if (!g)
        return err.text[0] != '\0';
    struct error ignored;
    op_infer_graph(g, &ignored);
    bool good = graph_check(g, &err) == 0;
    graph_free(g);
    return good;
}

static void truncations(void)
{
    static struct msg m;
    everything(&m);
    struct graph *g = file_parse(m.data, m.size, NULL, &err);
    CHECK_MSG(g != NULL, "%s", err.text);
    graph_free(g);
    for (size_t size = 0; size < m.size; size++)
        CHECK_MSG(survives(m.data, size), "%zu bytes: %s", size, err.text);
}

static void mutations(void)
{
    static struct msg m, changed;
    uint64_t seed = 1;
    everything(&m);
    for (int i = 0; i < 2000; i++) {
        changed = m;
        for (uint64_t n = hash_random(&seed) % 4 + 1; n > 0; n--) {
            size_t at = hash_random(&seed) % changed.size;
            uint64_t how = hash_random(&seed) % 4;
            if (how == 0)
                changed.data[at] = (uint8_t)hash_random(&seed);
            else if (how == 1)
                changed.data[at] ^= (uint8_t)(1u << hash_random(&seed) % 8);
            else if (how == 2)
                changed.data[at] = (uint8_t)(hash_random(&seed) % 2 ? 0xff : 0);
            else
                memmove(changed.data + at, changed.data + at + 1, --changed.size - at);
        }
        CHECK_MSG(survives(changed.data, changed.size), "mutation %d: %s", i, err.text);
    }
}

/* `fields` around the bytes, outermost first, over and over. */
static size_t nest(uint8_t *data, size_t capacity, int depth, const int *fields, int field_count)
{
    size_t at = capacity, size = 0;
    for (int i = depth; i-- > 0;) {
        uint8_t head[8];
        size_t n = 0;
        head[n++] = (uint8_t)(fields[i % field_count] << 3 | 2);
        for (size_t v = size; head[n++] = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0)), v > 0x7f;)
            v >>= 7;
        at -= n;
        memcpy(data + at, head, n);
        size += n;
    }
    memmove(data, data + at, size);
    return size;
}

static void nesting(void)
{
    static uint8_t inner[200000], model[200100];
    const int graphs[] = {1, 5, 6}; /* node, attribute, graph */
    for (int depth = 30; depth <= 30000; depth *= 10) {
        struct msg head = {.size = 0};
        size_t size = nest(inner, sizeof(inner), depth, graphs, 3);
        put_number(&head, 7 << 3 | 2);
        put_number(&head, size);
        memcpy(model, head.data, head.size);
        memcpy(model + head.size, inner, size);
        CHECK_MSG(!file_parse(model, head.size + size, NULL, &err), "%d deep", depth);
    }
    CHECK_MSG(strstr(err.text, "deep"), "%s", err.text);
}

/* A type within a type, by sequences. */
static void deep_type(void)
{
    static uint8_t inner[4000];
    const int fields[] = {4, 1};
    size_t size = nest(inner, sizeof(inner), 400, fields, 2);
    struct msg value = {.size = 0}, g = {.size = 0};
    put_string(&value, 1, "x");
    put_bytes(&value, 2, inner, size);
    put_msg(&g, 11, &value);
    CHECK(!file_read_model(&g, 13, &err) && strstr(err.text, "nested more than 100 deep"));
}

/* Many small messages: counted before they are made. */
static void bombs(void)
{
    size_t size = (12 << 20) + 1;
    uint8_t *data = malloc(size);
    struct msg head = {.size = 0};
    if (!data)
        return;
    put_number(&head, 7 << 3 | 2);
    put_number(&head, size - 5);
    memcpy(data, head.data, head.size);
    for (size_t i = head.size; i + 1 < size; i += 2) { /* nodes of no bytes */
        data[i] = 1 << 3 | 2;
        data[i + 1] = 0;
    }
    CHECK(!file_parse(data, size, NULL, &err));
    CHECK_MSG(strstr(err.text, "more than"), "%s", err.text);
    memset(data, 0, size);
    for (size_t i = 0; i + 1 < size; i += 2) /* a graph in very many pieces */
        data[i] = 7 << 3 | 2;
    CHECK(!file_parse(data, size - 1, NULL, &err) && strstr(err.text, "more than"));
    free(data);
}

static void wrong_wire(void)
{
    static const uint8_t group[] = {0x3b, 0x3c}, varint[] = {0x38, 1},
                         endless[] = {0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1};
    CHECK(!file_parse(group, sizeof(group), NULL, &err) && strstr(err.text, "damaged"));
    CHECK(!file_parse(varint, sizeof(varint), NULL, &err) && strstr(err.text, "wire type 0"));
    CHECK(!file_parse(endless, sizeof(endless), NULL, &err) && strstr(err.text, "damaged"));
    CHECK(!file_parse("", 0, NULL, &err) && strstr(err.text, "no graph"));
}

/* Data that a file says lies elsewhere in it: the field is the reader's own. */
static void forged_span(void)
{
    struct msg g = {.size = 0}, t;
    tensor_head(&t, "w", DTYPE_F32, FILE_DIMS(2));
    put_int(&t, 100, 9);
    put_int(&t, 100, 1ll << 40);
    put_int(&t, 100, 8);
    put_msg(&g, 5, &t);
    CHECK(!file_read_model(&g, 13, &err) && strstr(err.text, "0 bytes of data"));
}

static void in_time(void)
{
    clock_t start = clock();
    bombs();
    nesting();
    CHECK(test_in_time(start, 2));
}

int main(void)
{
    RUN(truncations);
    RUN(mutations);
    RUN(deep_type);
    RUN(wrong_wire);
    RUN(forged_span);
    RUN(in_time);
    return TEST_END();
}
