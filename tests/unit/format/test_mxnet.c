/* MXNet's files made by hand: what hostile ones say, and what is kept of what is not known. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../test.h"
#include "base/file.h"
#include "format/format.h"
#include "format_folder.h"
#include "op/op.h"

static struct error err;

/* The graph of a symbol with these parameters (size 0: no file); NULL with a message. */
static struct graph *read_both(const char *symbol, const void *params, size_t size)
{
    char path[100];
    snprintf(path, sizeof(path), "%s/net-0000.params", folder);
    unlink(path);
    put_file("net-symbol.json", symbol, strlen(symbol));
    if (size)
        put_file("net-0000.params", params, size);
    snprintf(path, sizeof(path), "%s/net-symbol.json", folder);
    err.text[0] = '\0';
    return format_read(path, NULL, &err);
}

static void check_refused(const char *symbol, const void *params, size_t size, const char *says)
{
    struct graph *g = read_both(symbol, params, size);
    CHECK_MSG(!g && strstr(err.text, says), "'%s', want '%s'", err.text, says);
    graph_free(g);
}

#define NODES(nodes, heads) "{\"nodes\":[" nodes "],\"arg_nodes\":[0],\"heads\":[" heads "]}"
#define DATA                "{\"op\":\"null\",\"name\":\"data\",\"inputs\":[]}"
#define RELU(inputs)        "{\"op\":\"relu\",\"name\":\"r\",\"inputs\":[" inputs "]}"
#define WEIGHT              "{\"op\":\"null\",\"name\":\"w_weight\",\"inputs\":[]}"
#define SCALED              "{\"op\":\"broadcast_mul\",\"name\":\"m\",\"inputs\":[[0,0,0],[1,0,0]]}"
#define WITH_WEIGHT         NODES(DATA "," WEIGHT "," SCALED, "[2,0,0]")

/* ---- symbols ---- */

static void cycles_are_refused(void)
{
    check_refused(NODES(DATA "," RELU("[1,0,0]"), "[1,0,0]"), NULL, 0, "of a node before it");
    check_refused(NODES(DATA "," RELU("[2,0,0]") "," RELU("[1,0,0]"), "[1,0,0]"), NULL, 0, "of a node before it");
}

static void places_out_of_range_are_refused(void)
{
    check_refused(NODES(DATA "," RELU("[-1,0,0]"), "[1,0,0]"), NULL, 0, "of a node before it");
    check_refused(NODES(DATA "," RELU("[0.5,0,0]"), "[1,0,0]"), NULL, 0, "of a node before it");
    check_refused(NODES(DATA "," RELU("[0,1e18,0]"), "[1,0,0]"), NULL, 0, "of a node before it");
    check_refused(NODES(DATA "," RELU("[0,5,0]"), "[1,0,0]"), NULL, 0, "is not made before it is taken");
    check_refused(NODES(DATA "," RELU("[0,0,0]"), "[7,0,0]"), NULL, 0, "of a node before it");
    check_refused(NODES(DATA, ""), NULL, 0, "no heads");
}

static void unknown_operators_are_kept(void)
{
    char text[200];
    struct graph *g = read_both(NODES(DATA ",{\"op\":\"Warp\",\"name\":\"w\",\"attrs\":{\"by\":\"(2, 3)\"},"
                                           "\"inputs\":[[0,0,0]]}," RELU("[1,1,0]"),
                                      "[2,0,0]"),
                                NULL, 0);
    CHECK_MSG(g != NULL, "%s", err.text);
    if (!g)
        return;
    CHECK(op_list_unknown(g, text, sizeof(text)) == 1 && strstr(text, "mxnet.Warp"));
    const struct attr *by = node_attr(g->first, "by");
    CHECK(by && by->kind == ATTR_STRING && memcmp(by->s.data, "(2, 3)", 6) == 0);
    CHECK(g->first->out_count == 2 && strcmp(g->outputs[0]->name, "r_output") == 0);
    graph_free(g);
}

/* A label is an input of what only training takes. */
static void labels_are_no_inputs(void)
{
    struct graph *g = read_both(NODES(DATA ",{\"op\":\"null\",\"name\":\"softmax_label\",\"inputs\":[]},"
                                           "{\"op\":\"SoftmaxOutput\",\"name\":\"softmax\","
                                           "\"inputs\":[[0,0,0],[1,0,0]]}",
                                      "[2,0,0]"),
                                NULL, 0);
    CHECK_MSG(g != NULL, "%s", err.text);
    CHECK(g && g->input_count == 1 && strcmp(g->inputs[0]->name, "data") == 0 && node_is(g->first, "Softmax"));
    graph_free(g);
}

/* Versions before 0.9 do not name them. */
static void statistics_may_be_hidden(void)
{
    check_refused(NODES(DATA "," WEIGHT "," WEIGHT ",{\"op\":\"BatchNorm\",\"name\":\"bn\",\"param\":{},"
                             "\"inputs\":[[0,0],[1,0],[2,0]]}",
                        "[3,0]"),
                  NULL, 0, "second file is missing");
    check_refused(
        NODES(DATA ",{\"op\":\"BatchNorm\",\"name\":\"bn\",\"param\":{},\"inputs\":[[0,0],[0,0],[0,0]]}", "[1,0]"),
        NULL, 0, "bn_moving_mean are missing");
}

/* ---- parameters ---- */

struct params {
    uint8_t data[256];
    size_t size;
};

static void put(struct params *p, uint64_t value, size_t bytes)
{
    memcpy(p->data + p->size, &value, bytes);
    p->size += bytes;
}

/* One array [3] of the form `mark`, called arg:w_weight. */
static struct params one_array(uint32_t mark, uint64_t dim, uint32_t type)
{
    static const float values[] = {1, 2, 3};
    struct params p = {.size = 0};
    put(&p, 0x112, 8);
    put(&p, 0, 8);
    put(&p, 1, 8);
    put(&p, mark, 4);
    if (mark == 0xF993FAC9)
        put(&p, 0, 4);
    if (mark > 12)
        put(&p, 1, 4);
    put(&p, dim, mark > 12 ? 8 : 4);
    put(&p, 1, 8);
    put(&p, type, 4);
    memcpy(p.data + p.size, values, sizeof(values));
    p.size += sizeof(values);
    put(&p, 1, 8);
    put(&p, 12, 8);
    memcpy(p.data + p.size, "arg:w_weight", 12);
    p.size += 12;
    return p;
}

static void forms_of_all_versions_are_read(void)
{
    static const uint32_t marks[] = {1, 0xF993FAC8, 0xF993FAC9};
    for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
        struct params p = one_array(marks[i], 3, 0);
        struct graph *g = read_both(WITH_WEIGHT, p.data, p.size);
        CHECK_MSG(g != NULL, "%x: %s", marks[i], err.text);
        const struct value *w = g ? node_in(g->first, 1) : NULL;
        CHECK(w && w->constant && w->constant->count == 3 && tensor_get_f64(w->constant, 2) == 3);
        graph_free(g);
    }
}

static void weights_are_wanted(void)
{
    check_refused(WITH_WEIGHT, NULL, 0, "second file is missing");
}

static void huge_counts_are_refused(void)
{
    struct params p = one_array(0xF993FAC9, UINT64_C(1) << 60, 0);
    check_refused(WITH_WEIGHT, p.data, p.size, "array 0 of 1");
    p = one_array(0xF993FAC9, 4, 0); /* its last element is the number of names */
    check_refused(WITH_WEIGHT, p.data, p.size, "names");
    p = one_array(0xF993FAC9, 3, 99);
    check_refused(WITH_WEIGHT, p.data, p.size, "element type is 99");
    p = one_array(1, 3, 0);
    memcpy(p.data + 16, &(uint64_t){UINT64_C(1) << 61}, 8);
    check_refused(WITH_WEIGHT, p.data, p.size, "arrays in a file of");
    p = one_array(1, 3, 0);
    memcpy(p.data + 24, &(uint32_t){1000}, 4);
    check_refused(WITH_WEIGHT, p.data, p.size, "more than 12 axes");
    p = one_array(1, 3, 0);
    memcpy(p.data + p.size - 20, &(uint64_t){UINT64_MAX}, 8);
    check_refused(WITH_WEIGHT, p.data, p.size, "ends within name");
    p = one_array(0xF993FAC9, 3, 0);
    memcpy(p.data + 28, &(uint32_t){1}, 4);
    check_refused(WITH_WEIGHT, p.data, p.size, "sparse");
}

/* Of 7 elements, 2 in front are cut off and 1 behind: the odd one stands in front. */
static void sizes_of_deconvolutions_are_kept(void)
{
    struct params p = one_array(0xF993FAC9, 3, 0);
    struct graph *g = read_both(NODES("{\"op\":\"null\",\"name\":\"data\",\"attrs\":{\"__shape__\":\"(1, 1, 3)\"},"
                                      "\"inputs\":[]}," WEIGHT ",{\"op\":\"Reshape\",\"name\":\"w3\",\"attrs\":"
                                      "{\"shape\":\"(1, 1, 3)\"},\"inputs\":[[1,0,0]]},"
                                      "{\"op\":\"Deconvolution\",\"name\":\"d\",\"attrs\":{\"kernel\":\"(3,)\","
                                      "\"stride\":\"(2,)\",\"target_shape\":\"(4,)\"},\"inputs\":[[0,0,0],[2,0,0]]}",
                                      "[3,0,0]"),
                                p.data, p.size);
    CHECK_MSG(g != NULL, "%s", err.text);
    const struct attr *pads = g ? node_attr(g->last, "pads") : NULL;
    CHECK(pads && pads->n == 2 && pads->ints[0] == 2 && pads->ints[1] == 1);
    graph_free(g);
}

static void weights_of_another_net(void)
{
    struct graph *g = format_read("tests/models/mxnet/cnn-symbol.json,tests/models/mxnet/rnn-0000.params", NULL, &err);
    CHECK_MSG(!g && strstr(err.text, "another net's"), "%s", err.text);
    graph_free(g);
}

int main(void)
{
    char command[100];
    CHECK(mkdtemp(folder) != NULL);
    RUN(cycles_are_refused);
    RUN(places_out_of_range_are_refused);
    RUN(unknown_operators_are_kept);
    RUN(labels_are_no_inputs);
    RUN(statistics_may_be_hidden);
    RUN(forms_of_all_versions_are_read);
    RUN(weights_are_wanted);
    RUN(huge_counts_are_refused);
    RUN(sizes_of_deconvolutions_are_kept);
    RUN(weights_of_another_net);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    CHECK(system(command) == 0);
    return TEST_END();
}
