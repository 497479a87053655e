/* Damaged and hostile .nn files: a message that names the line, never more. */
#define _GNU_SOURCE /* memmem */
#include "nn_test.h"

static bool is_line_error(void)
{
    return strncmp(err.text, "line ", 5) == 0;
}

static void every_truncation(void)
{
    struct graph *g = nn_sample();
    struct blob *whole = nn_bytes(g);

    for (size_t n = 0; n < whole->size; n++) {
        struct blob *part = blob_new(n, &err);
        struct graph *got;

        memcpy(part->data, whole->data, n);
        got = nn_graph(part);
        CHECK_MSG(!got && err.text[0], "at %zu", n);
        graph_free(got);
        blob_unref(part);
    }
    blob_unref(whole);
    graph_free(g);
}

/* A header cut anywhere, but framed and with all the data. */
static void every_shorter_header(void)
{
    struct graph *g = nn_sample(), *got;
    struct blob *whole = nn_bytes(g), *blob;
    const char *end = memmem(whole->data, whole->size, "\ndata ", 6);
    size_t header = (size_t)(end + 1 - (char *)whole->data), start = (header / 64 + 1) * 64;

    for (size_t n = 0; n + 1 < header; n++) {
        struct text text;

        text_init(&text);
        text_add(&text, whole->data, n);
        text_add(&text, "\n", 1);
        blob = nn_frame(text.data, text.size, (char *)whole->data + start, whole->size - start);
        got = nn_graph(blob);
        CHECK_MSG(got || err.text[0], "at %zu", n);
        graph_free(got);
        blob_unref(blob);
        text_release(&text);
    }
    blob_unref(whole);
    graph_free(g);
}

/* What is accepted after all must be a graph like others. */
static void try_blob(struct blob *blob, int *accepted)
{
    struct graph *g = nn_graph(blob), *back;

    if (g) {
        ++*accepted;
        back = nn_round(g);
        graph_free(back);
    } else {
        CHECK(err.text[0] != '\0');
    }
    graph_free(g);
}

static void random_mutations_of_bytes(void)
{
    struct graph *g = nn_sample();
    struct blob *whole = nn_bytes(g), *copy;
    uint64_t seed = 11;
    int accepted = 0;

    for (int i = 0; i < 2000; i++) {
        copy = blob_new(whole->size, &err);
        memcpy(copy->data, whole->data, whole->size);
        for (uint64_t n = 1 + hash_random(&seed) % 3; n > 0; n--)
            ((uint8_t *)copy->data)[hash_random(&seed) % whole->size] ^= (uint8_t)(1u << hash_random(&seed) % 8);
        try_blob(copy, &accepted);
        blob_unref(copy);
    }
    CHECK_MSG(accepted < 1000, "%d of 2000", accepted);
    blob_unref(whole);
    graph_free(g);
}

/* One edit of the header's text: a piece removed, doubled, moved, or replaced by something that means much. */
static void mutate_text(struct text *text, const char *header, size_t size, uint64_t *seed)
{
    static const char *const pieces[] = {"9223372036854775807",
                                         "-",
                                         "->",
                                         ":",
                                         "x",
                                         "\n",
                                         " ",
                                         "[",
                                         "]",
                                         "{",
                                         "}",
                                         "\"",
                                         "%00",
                                         "%",
                                         "seq(",
                                         "graph",
                                         "0",
                                         "nan",
                                         "bytes=",
                                         "=",
                                         "end then_branch\n",
                                         "@",
                                         ".",
                                         "*",
                                         "node - Neg x -> w f32 *\n",
                                         "constant c u8 99999999999 =",
                                         "x-\n",
                                         ","};
    size_t at = hash_random(seed) % size, n = hash_random(seed) % 12, from = hash_random(seed) % size;

    if (n > size - at)
        n = size - at;
    text_add(text, header, at);
    switch (hash_random(seed) % 4) {
    case 0:
        break;
    case 1:
        text_add(text, header + at, n);
        n = 0;
        break;
    case 2:
        text_add(text, header + from, size - from < 30 ? size - from : 30);
        break;
    default:
        text_puts(text, pieces[hash_random(seed) % (sizeof pieces / sizeof *pieces)]);
        n %= 2;
        break;
    }
    text_add(text, header + at + n, size - at - n);
}

static void random_edits_of_the_header(void)
{
    struct graph *g = nn_sample();
    struct blob *whole = nn_bytes(g), *blob;
    const char *end = memmem(whole->data, whole->size, "\ndata ", 6);
    size_t header = (size_t)(end + 1 - (char *)whole->data), start = (header / 64 + 1) * 64;
    uint64_t seed = 5;
    int accepted = 0;

    for (int i = 0; i < 2000; i++) {
        struct text text;

        text_init(&text);
        mutate_text(&text, whole->data, header, &seed);
        if (text.data[text.size - 1] != '\n')
            text_add(&text, "\n", 1);
        blob = nn_frame(text.data, text.size, (char *)whole->data + start, whole->size - start);
        try_blob(blob, &accepted);
        blob_unref(blob);
        text_release(&text);
    }
    CHECK_MSG(accepted > 20 && accepted < 1000, "%d of 2000", accepted);
    blob_unref(whole);
    graph_free(g);
}

/* ---- messages ---- */

static const char *const faults[][2] = {
    {"nn 2\n", "line 1: 'nn 2', want 'nn 1': another version of the format"},
    {"nm 1\n", "line 1: 'nm 1', want 'nn 1': not an .nn file"},
    {"nn 1\nfoo bar\n", "line 2: 'foo' is no declaration that version 1 knows"},
    {"nn 1\n\n", "line 2: an empty line"},
    {"nn 1\r\n", "line 1: a carriage return: line ends were changed, which destroys the data too"},
    {"nn 1\nproperty a\tb c\n", "line 2: control byte 0x09, want it as %09"},
    {"nn 1\ninput \xc3 f32 3\n", "line 2: byte 0xc3 is not UTF-8"},
    {"nn 1\ninput a%4 f32 3\n", "line 2: 'a%4' has a malformed escape; want % and two hexadecimal digits"},
    {"nn 1\ninput a%00 f32 3\n", "line 2: the name 'a%00' holds a NUL byte"},
    {"nn 1\ninput - f32 3\n", "line 2: an input cannot have an empty name"},
    {"nn 1\ninput\n", "line 2: an input needs a name"},
    {"nn 1\ninput a f32\n", "line 2: input 'a' lacks its type and shape"},
    {"nn 1\ninput a f33 3\n", "line 2: the element type 'f33' is unknown"},
    {"nn 1\ninput a f32 3x\n", "line 2: the shape '3x' lacks a dimension"},
    {"nn 1\ninput a f32 -3\n", "line 2: '-3' is no dimension"},
    {"nn 1\ninput a f32 {a\n", "line 2: the shape '{a' has a { without its }"},
    {"nn 1\ninput a f32 {a}3\n", "line 2: the shape '{a}3' lacks an x between dimensions"},
    {"nn 1\ninput a f32 1x1x1x1x1x1x1x1x1x1x1x1x1\n",
     "line 2: the shape '1x1x1x1x1x1x1x1x1x1x1x1x1' has more than 12 dimensions"},
    {"nn 1\ninput a f32 99999999999999999999\n", "line 2: '99999999999999999999' is no integer of 64 bits"},
    {"nn 1\ninput a - 3\n", "line 2: '- 3': an unknown type is '-' with the shape '-'"},
    {"nn 1\ninput a f32 3 3\n", "line 2: unexpected '3' at the end of the line"},
    {"nn 1\ninput a f32 3\ninput a f32 3\n", "line 3: two values are named 'a'"},
    {"nn 1\nconstant a f32 2 = 1\n", "line 2: the shape asks for 2 elements; there are more, or fewer"},
    {"nn 1\nconstant a f32 2 = 1 2 3\n", "line 2: the shape asks for 2 elements; there are more, or fewer"},
    {"nn 1\nconstant a f32 2 = 1 2 \n", "line 2: '2 ' is no number of type f32"},
    {"nn 1\nconstant a f32 2 = 1 0x2\n", "line 2: '0x2' is no number of type f32"},
    {"nn 1\nconstant a f16 1 = nan:7c00\n", "line 2: 'nan:7c00' is no number of type f16"},
    {"nn 1\nconstant a i4 1 = 8\n", "line 2: '8' is no element of type i4"},
    {"nn 1\nconstant a u64 1 = -1\n", "line 2: '-1' is no element of type u64"},
    {"nn 1\nconstant a bool 1 = 2\n", "line 2: '2' is no element of type bool"},
    {"nn 1\nconstant a str 1 = b\n", "line 2: 'b' is no quoted string"},
    {"nn 1\nconstant a f8e5m2 1 = 1\n", "line 2: elements of type f8e5m2 stand in the data section, not in the header"},
    {"nn 1\nconstant a f32 N = 1\n", "line 2: a constant's shape 'N', want numbers"},
    {"nn 1\nconstant a f32 * = 1\n", "line 2: a constant's shape '*' is unknown"},
    {"nn 1\nconstant a f32 9223372036854775807x2 = 1\n",
     "line 2: a constant's shape '9223372036854775807x2' is too large"},
    {"nn 1\nconstant a f32 1000000 = 1\n", "line 2: the shape asks for 1000000 elements; there are more, or fewer"},
    {"nn 1\nconstant a f32 2 bytes=8\n", "line 2: a constant ends with '= ELEMENTS' or with 'bytes=N crc=X'"},
    {"nn 1\nconstant a f32 2 bytes=8 crc=1234567\n",
     "line 2: 'bytes=8 crc=1234567', want a number and eight hexadecimal digits"},
    {"nn 1\nconstant a f32 2 bytes=9 crc=12345678\n", "line 2: 9 bytes do not make 2 elements of type f32"},
    {"nn 1\nconstant a f32 2 bytes=8 crc=12345678\n",
     "line 2: 8 bytes of data, where 0 are left of those that the header announces"},
    {"nn 1\nconstant a str 1000000000 bytes=9 crc=12345678\n",
     "line 2: 9 bytes of data, where 0 are left of those that the header announces"},
    {"nn 1\ninput a f32 N\nconstant a i64 1 = 1\n", "line 3: input 'a' is f32 N, which the constant is not"},
    {"nn 1\nnode - Relu a -> b f32 3\n", "line 2: input 'a' is declared nowhere above"},
    {"nn 1\nnode - Relu a\n", "line 2: input 'a' is declared nowhere above"},
    {"nn 1\ninput a f32 3\nnode - Relu a\n", "line 3: a node has '->' between inputs and outputs"},
    {"nn 1\ninput a f32 3\nnode - Relu a -> b\n", "line 3: output 'b' lacks its type and shape"},
    {"nn 1\ninput a f32 3\nnode - Relu a -> a f32 3\n", "line 3: two values are named 'a'"},
    {"nn 1\ninput a f32 3\nnode c LeakyRelu a -> b f32 3 : alpha=1\n",
     "line 3: node 'c' (LeakyRelu): attribute alpha is an integer, want a float"},
    {"nn 1\ninput a f32 3\nnode - LeakyRelu a -> b f32 3 : alpha=1.0 alpha=2.0\n",
     "line 3: attribute alpha is there twice"},
    {"nn 1\ninput a f32 3\nnode - X a -> b f32 3 : alpha\n", "line 3: 'alpha' is no attribute, want NAME=VALUE"},
    {"nn 1\nnode - X -> : a=[]\n",
     "line 2: attribute a: '[]' is no list; an empty one is ints[], floats[] or strings[]"},
    {"nn 1\nnode - X -> : a=[1,2.0]\n", "line 2: attribute a: '2.0' is no integer of 64 bits"},
    {"nn 1\nnode - X -> : a=[1,]\n", "line 2: attribute a: '1,' is no number of type f32"},
    {"nn 1\nnode - X -> : a=9223372036854775808\n",
     "line 2: attribute a: '9223372036854775808' is no integer of 64 bits"},
    {"nn 1\nnode - X -> : a=yes\n", "line 2: attribute a: 'yes' is no number of type f32"},
    {"nn 1\nnode - X -> : a=\"b\n", "line 2: attribute a: '\"b' is no quoted string"},
    {"nn 1\nnode - X -> : a=f32:2[1]\n",
     "line 2: attribute a: the shape asks for 2 elements; there are more, or fewer"},
    {"nn 1\nnode - X -> : a=f32[1]\n",
     "line 2: attribute a: 'f32[1]' is no value; a tensor is TYPE:SHAPE[ELEMENTS], a string stands in quotes"},
    {"nn 1\nnode - X@0 ->\n", "line 2: opset 0 is impossible"},
    {"nn 1\nnode - dom. ->\n", "line 2: the operator '' is empty"},
    {"nn 1\nnode - X -> : a=graph\n", "line 2: want the line 'begin a' of the node's subgraph"},
    {"nn 1\nnode - X -> : a=graph\nbegin b\n", "line 3: a block of 'b', want that of the node's attribute 'a'"},
    {"nn 1\nnode - X -> : a=graph\nbegin a\n", "line 3: the header ends within the block of 'a'"},
    {"nn 1\nnode - X -> : a=graph\nbegin a\nend b\n", "line 4: end of 'b' within the block of 'a'"},
    {"nn 1\nnode - X -> : a=graph\nbegin a\nproperty p q\nend a\n", "line 4: a property within a subgraph"},
    {"nn 1\nnode - X -> : a=graph\nbegin a\noutput o\nend a\n", "line 4: output 'o' is declared nowhere above"},
    {"nn 1\nend a\n", "line 2: 'end' is no declaration that version 1 knows"},
    {"nn 1\nproperty a b\nproperty a c\n", "line 3: property 'a' is there twice"},
    {"nn 1\ninput a f32 3\nquant a axis=0 scale=f32:scalar[1]\n",
     "line 3: a 'quant' line is no longer read: want QuantizeLinear and DequantizeLinear nodes"},
};

static void faults_are_named(void)
{
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct graph *g = nn_graph_of(faults[i][0]);

        CHECK_MSG(!g, "%s", faults[i][0]);
        CHECK_STR(err.text, faults[i][1]);
        graph_free(g);
    }
}

static void check_data(const char *text, const char *data, size_t size, const char *want)
{
    struct blob *blob = nn_frame(text, strlen(text), data, size);
    struct graph *g = nn_graph(blob);

    CHECK_MSG(!g, "%s", want);
    CHECK_STR(err.text, want);
    graph_free(g);
    blob_unref(blob);
}

static void faults_of_the_data_are_named(void)
{
    static const char two[] = "nn 1\nconstant a u8 1x17 bytes=17 crc=c9eff1bd\n"
                              "constant b u8 17 bytes=17 crc=c9eff1bd\n";
    static const char one[] = "nn 1\nconstant a str 2 bytes=17 crc=c9eff1bd\n";
    char data[100] = {0};
    struct blob *blob;

    check_data(two, data, 17, "line 3: 17 bytes of data, where 0 are left of those that the header announces");
    check_data(two, data, 82, "1 bytes of data belong to no declaration");
    data[20] = 1;
    check_data(two, data, 81, "line 3: bytes between two tensors' data are not zero");
    data[20] = 0;
    data[70] = 1;
    check_data(two, data, 81, "line 3: the data does not agree with its checksum c9eff1bd: the file is damaged");
    check_data(one, data, 17, "line 2: 1 bytes are left behind the last string");
    blob = blob_new(64, &err);
    memset(blob->data, ' ', 64);
    memcpy(blob->data, "nn 1\ndata 0", 11);
    ((char *)blob->data)[62] = '\n';
    CHECK(!nn_graph(blob) && strstr(err.text, "the line 'data' that ends the header at byte 63 wants"));
    blob_unref(blob);
}

/* ---- nesting and size ---- */

static void nesting_is_limited(void)
{
    for (int depth = 60; depth < 200; depth += 20) {
        struct text text;
        struct graph *g;

        text_init(&text);
        text_puts(&text, "nn 1\n");
        for (int i = 0; i < depth; i++)
            text_puts(&text, "node - X -> : a=graph\nbegin a\n");
        for (int i = 0; i < depth; i++)
            text_puts(&text, "end a\n");
        g = nn_graph_of(text.data);
        CHECK(depth <= GRAPH_MAX_DEPTH ? g != NULL : !g && is_line_error() && strstr(err.text, "nested more than"));
        graph_free(g);
        text.size = 0;
        text_puts(&text, "nn 1\ninput a ");
        for (int i = 0; i < 1000 * depth; i++)
            text_puts(&text, "seq(");
        for (int i = 0; i < 1000 * depth; i++)
            text_puts(&text, ")");
        text_puts(&text, " -\n");
        g = nn_graph_of(text.data);
        CHECK(!g && is_line_error());
        text_release(&text);
    }
}

/* Numbers alone allocate nothing. */
static void large_numbers_take_no_memory(void)
{
    static const char *const lines[] = {
        "constant a f32 1000000000x100 bytes=400000000000 crc=00000000",
        "constant a str 1000000000000 bytes=0 crc=00000000",
        "constant a u2 9223372036854775807 =", "node - X -> : a=u8:99999999999[bytes=99999999999,crc=00000000]",
        "constant a f32 1x9223372036854775807 = 1"};

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char text[200];

        snprintf(text, sizeof text, "nn 1\n%s\n", lines[i]);
        CHECK(!nn_graph_of(text) && is_line_error());
    }
}

/* A subgraph must not use what its own node makes. */
static void own_results_are_refused(void)
{
    struct graph *g = nn_graph_of("nn 1\ninput a f32 3\nnode - X a -> b f32 3 : g=graph\nbegin g\n"
                                  "node - Relu b -> c f32 3\noutput c\nend g\noutput b\n");

    CHECK(!g && err.text[0]);
    graph_free(g);
}

int main(void)
{
    RUN(every_truncation);
    RUN(every_shorter_header);
    RUN(random_mutations_of_bytes);
    RUN(random_edits_of_the_header);
    RUN(faults_are_named);
    RUN(faults_of_the_data_are_named);
    RUN(nesting_is_limited);
    RUN(large_numbers_take_no_memory);
    RUN(own_results_are_refused);
    return TEST_END();
}
