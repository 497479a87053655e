/* TensorFlow.js' files made by hand: weights of every form, in several shards, and what hostile ones say. */
#include <stdlib.h>
#include <unistd.h>

#include "../../test.h"
#include "format/format.h"
#include "format_folder.h"
#include "op/op.h"

static struct error err;

/* x + w, where the manifest says `weight` of w, and its bytes are in two shards, the first of `cut` bytes. */
static struct graph *read_sum(const char *type, const char *shape, const char *weight, const void *bytes, size_t size,
                              size_t cut)
{
    char text[2000];
    snprintf(text, sizeof(text),
             "{\"modelTopology\":{\"node\":["
             "{\"name\":\"x\",\"op\":\"Placeholder\",\"attr\":{\"dtype\":{\"type\":\"%s\"},\"shape\":{\"shape\":"
             "{\"dim\":[{\"size\":\"-1\"},{\"size\":3}]}}}},"
             "{\"name\":\"w\",\"op\":\"Const\",\"attr\":{\"value\":{\"tensor\":{\"dtype\":\"%s\"}}}},"
             "{\"name\":\"y\",\"op\":\"AddV2\",\"input\":[\"x\",\"w\"]}]},\"signature\":{\"inputs\":{\"in\":{\"name\":"
             "\"x:0\"}},\"outputs\":{\"out\":{\"name\":\"y:0\"}}},\"weightsManifest\":[{\"paths\":[\"a\",\"b\"],"
             "\"weights\":[{\"name\":\"w\",\"shape\":%s,%s}]}]}",
             type, type, shape, weight);
    put_file("a", bytes, cut);
    put_file("b", (const char *)bytes + cut, size - cut);
    put_file("model.json", text, strlen(text));
    err.text[0] = '\0';
    return format_read(folder, NULL, &err);
}

#define PLAIN(type)                 "\"dtype\":\"" type "\""
#define PACKED(type, packed, scale) PLAIN(type) ",\"quantization\":{\"dtype\":\"" packed "\"" scale "}"

static void weights_of_all_forms_are_read(void)
{
    static const float floats[] = {1, -2, 3};
    static const int32_t ints[] = {1, -2, 3};
    static const uint8_t bytes[] = {12, 0, 20};
    static const uint16_t words[] = {1200, 0, 2000}, halves[] = {0x3c00, 0xc000, 0x4200};
    static const struct {
        const char *type, *weight;
        const void *bytes;
        size_t size;
        double want[3];
    } forms[] = {
        {"DT_FLOAT", PLAIN("float32"), floats, 12, {1, -2, 3}},
        {"DT_INT32", PLAIN("int32"), ints, 12, {1, -2, 3}},
        {"DT_INT64", PLAIN("int32"), ints, 12, {1, -2, 3}},
        {"DT_FLOAT", PACKED("float32", "uint8", ",\"scale\":0.25,\"min\":-2"), bytes, 3, {1, -2, 3}},
        {"DT_FLOAT", PACKED("float32", "uint16", ",\"scale\":0.0025,\"min\":-2"), words, 6, {1, -2, 3}},
        {"DT_INT32", PACKED("int32", "uint8", ",\"scale\":0.22,\"min\":-2"), bytes, 3, {1, -2, 2}},
        {"DT_FLOAT", PACKED("float32", "float16", ""), halves, 6, {1, -2, 3}},
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
        for (size_t cut = 0; cut <= forms[i].size; cut++) {
            struct graph *g = read_sum(forms[i].type, "[3]", forms[i].weight, forms[i].bytes, forms[i].size, cut);
            CHECK_MSG(g != NULL, "%zu, %zu: %s", i, cut, err.text);
            const struct value *w = g ? node_in(g->last, 1) : NULL;
            for (int k = 0; k < 3 && w && w->constant; k++)
                CHECK(fabs(tensor_get_f64(w->constant, k) - forms[i].want[k]) < 1e-6);
            CHECK(w && w->constant && strcmp(g->inputs[0]->name, "in") == 0 && g->inputs[0]->type.dims[1] == 3);
            graph_free(g);
        }
}

static void texts_are_read(void)
{
    struct graph *g = read_sum("DT_STRING", "[2]", PLAIN("string"), "\2\0\0\0hi\0\0\0\0", 10, 5);
    graph_free(g);
    CHECK_MSG(g != NULL || !strstr(err.text, "weight"), "%s", err.text); /* strings have no sum */
    g = read_sum("DT_STRING", "[2]", PLAIN("string"), "\377\377\377\377hi\0\0\0\0", 10, 5);
    CHECK_MSG(!g && strstr(err.text, "are missing"), "%s", err.text);
    graph_free(g);
    g = read_sum("DT_STRING", "[9000000000]", PLAIN("string"), "\2\0\0\0hi\0\0\0\0", 10, 5);
    CHECK_MSG(!g && strstr(err.text, "no room for its texts"), "%s", err.text);
    graph_free(g);
}

static void check_refused(const char *shape, const char *weight, const char *says)
{
    struct graph *g = read_sum("DT_FLOAT", shape, weight, "0123456789ab", 12, 7);
    CHECK_MSG(!g && strstr(err.text, says), "'%s', want '%s'", err.text, says);
    graph_free(g);
}

static void hostile_manifests_are_refused(void)
{
    check_refused("[4]", PLAIN("float32"), "weight 'w': 4 bytes are missing");
    check_refused("[1099511627775,1099511627775]", PLAIN("float32"), "its shape is none");
    check_refused("[1e30]", PLAIN("float32"), "not read");
    check_refused("[-3]", PLAIN("float32"), "not read");
    check_refused("[1,1,1,1,1,1,1,1,1,1,1,1,3]", PLAIN("float32"), "not read");
    check_refused("[3]", PLAIN("float8"), "not read");
    check_refused("[3]", PACKED("float32", "string", ""), "not read");
    check_refused("[3],\"name\":\"v\"", PLAIN("float64"), "not read");
}

static void check_text_refused(const char *text, const char *says)
{
    put_file("model.json", text, strlen(text));
    struct graph *g = format_read(folder, format_by_name("tfjs"), &err);
    CHECK_MSG(!g && strstr(err.text, says), "'%s', want '%s'", err.text, says);
    graph_free(g);
}

#define EMPTY ",\"weightsManifest\":[]}"

static void what_is_missing_is_said(void)
{
    check_text_refused("{\"modelTopology\":3" EMPTY, "no modelTopology");
    check_text_refused("{\"modelTopology\":{\"node\":[]}" EMPTY, "no outputs");
    check_text_refused("{\"modelTopology\":{\"node\":[{\"name\":\"w\",\"op\":\"Const\"},"
                       "{\"name\":\"y\",\"op\":\"Relu\",\"input\":[\"w\"]}]}" EMPTY,
                       "the weights have no 'w'");
    check_text_refused("{\"modelTopology\":{\"node\":[]},\"weightsManifest\":[{\"paths\":[],\"weights\":[]}]}",
                       "in 0 files");
    check_text_refused("{\"modelTopology\":{\"node\":[]},\"weightsManifest\":[{\"paths\":[\"../a\"],\"weights\":[]}]}",
                       "..");
    check_text_refused("{\"modelTopology\":{\"class_name\":\"Sequential\",\"config\":{\"layers\":[{\"class_name\":"
                       "\"Dense\",\"config\":{\"name\":\"d\",\"units\":2,\"batch_input_shape\":[null,3]}}]}}" EMPTY,
                       "no weight 'kernel'");
}

int main(void)
{
    char command[100];
    if (!mkdtemp(folder))
        return 1;
    RUN(weights_of_all_forms_are_read);
    RUN(texts_are_read);
    RUN(hostile_manifests_are_refused);
    RUN(what_is_missing_is_said);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) != 0 || TEST_END();
}
