/* TFLite files made by hand: what no converter writes, and sparse tensors. */
#include "parse/flatbuf_write.h"
#include "tflite_test.h"

struct tensor_spec {
    int type;             /* 0 f32, 1 f16, 2 i32, 6 bool, 8 c64, 9 i8 */
    int32_t dim, rest[3]; /* rest: two or three more axes, where the first of them is not 0 */
    const void *data;     /* NULL: not a constant */
    size_t size;
    uint32_t sparsity, scales;
};

struct operator_spec {
    int code;
    int32_t in[4], out; /* in[1] -2: one input alone; in[2] not 0: three; in[3] not 0: four */
    uint32_t options;
};

/* What a custom operator has besides: its name, numbers, and a second output, 0: none. */
struct custom_spec {
    const char *name;
    int32_t numbers[8], second;
};
static const struct custom_spec *customs; /* one an operator, or NULL */

static uint32_t put_tensor(struct flatbuf_out *o, const struct tensor_spec *t, int buffer)
{
    size_t rank = t->rest[2] ? 4 : t->rest[0] ? 3 : 1;
    uint32_t shape = flatbuf_put_i32s(o, (int32_t[]){t->dim, t->rest[0], t->rest[1], t->rest[2]}, rank);
    flatbuf_begin(o);
    flatbuf_add_ref(o, 0, shape);
    flatbuf_add_int(o, 1, 1, t->type, 0);
    flatbuf_add_int(o, 2, 4, t->data ? buffer : 0, 0);
    flatbuf_add_ref(o, 4, t->scales);
    flatbuf_add_ref(o, 6, t->sparsity);
    return flatbuf_end(o);
}

static uint32_t put_operator(struct flatbuf_out *o, const struct operator_spec *s, int code)
{
    const struct custom_spec *c = customs ? customs + code : &(struct custom_spec){NULL, {0}, 0};
    uint32_t in = flatbuf_put_i32s(o, s->in, s->in[1] == -2 ? 1 : s->in[3] ? 4 : s->in[2] ? 3 : 2);
    uint32_t out = flatbuf_put_i32s(o, (int32_t[]){s->out, c->second}, c->second ? 2 : 1);
    uint32_t numbers = c->name ? flatbuf_put_vector(o, c->numbers, sizeof c->numbers, 1, 16) : 0;
    flatbuf_begin(o);
    flatbuf_add_int(o, 0, 4, code, 0);
    flatbuf_add_ref(o, 1, in);
    flatbuf_add_ref(o, 2, out);
    flatbuf_add_ref(o, 4, s->options);
    flatbuf_add_ref(o, 5, numbers);
    return flatbuf_end(o);
}

/* A model of one subgraph: tensor 0 is its input, the last tensor its output. The graph it is read as, or NULL. */
static struct graph *read_model(struct flatbuf_out *o, const struct tensor_spec *tensors, int tensor_count,
                                const struct operator_spec *operators, int operator_count)
{
    uint32_t refs[16], buffers[17], codes[16], lists[4];
    int32_t first = 0, last = tensor_count - 1;
    size_t size;
    flatbuf_begin(o);
    buffers[0] = flatbuf_end(o);
    for (int i = 0; i < tensor_count; i++) {
        uint32_t data = tensors[i].data ? flatbuf_put_vector(o, tensors[i].data, tensors[i].size, 1, 16) : 0;
        flatbuf_begin(o);
        flatbuf_add_ref(o, 0, data);
        buffers[i + 1] = flatbuf_end(o);
        refs[i] = put_tensor(o, &tensors[i], i + 1);
    }
    lists[0] = flatbuf_put_refs(o, refs, (size_t)tensor_count);
    for (int i = 0; i < operator_count; i++) {
        uint32_t custom = customs ? flatbuf_put_string(o, customs[i].name) : 0;
        flatbuf_begin(o);
        flatbuf_add_int(o, 0, 1, operators[i].code, -1);
        flatbuf_add_int(o, 3, 4, operators[i].code, 0);
        flatbuf_add_ref(o, 1, custom);
        codes[i] = flatbuf_end(o);
        refs[i] = put_operator(o, &operators[i], i);
    }
    lists[1] = flatbuf_put_refs(o, refs, (size_t)operator_count);
    lists[2] = flatbuf_put_i32s(o, &first, 1);
    lists[3] = flatbuf_put_i32s(o, &last, 1);
    flatbuf_begin(o);
    flatbuf_add_ref(o, 0, lists[0]);
    flatbuf_add_ref(o, 1, lists[2]);
    flatbuf_add_ref(o, 2, lists[3]);
    flatbuf_add_ref(o, 3, lists[1]);
    uint32_t graph = flatbuf_end(o), graphs = flatbuf_put_refs(o, &graph, 1);
    uint32_t all_codes = flatbuf_put_refs(o, codes, (size_t)operator_count);
    uint32_t all_buffers = flatbuf_put_refs(o, buffers, (size_t)tensor_count + 1);
    flatbuf_begin(o);
    flatbuf_add_int(o, 0, 4, 3, 0);
    flatbuf_add_ref(o, 1, all_codes);
    flatbuf_add_ref(o, 2, graphs);
    flatbuf_add_ref(o, 4, all_buffers);
    const uint8_t *data = flatbuf_finish(o, flatbuf_end(o), "TFL3", &size);
    struct blob *blob = blob_new(size, NULL);
    memcpy(blob->data, data, size);
    struct source source = {.blob = blob};
    struct graph *g = format_by_name("tflite")->read(&source, &err);
    blob_unref(blob);
    flatbuf_out_release(o);
    return g;
}

static void begin(struct flatbuf_out *o)
{
    err.text[0] = '\0';
    flatbuf_out_init(o, &err);
}

static void refused(struct flatbuf_out *o, const struct tensor_spec *t, int tensors, const struct operator_spec *op,
                    int operators, const char *want)
{
    struct graph *g = read_model(o, t, tensors, op, operators);
    CHECK_MSG(!g && strstr(err.text, want), "got \"%s\", want \"%s\"", err.text, want);
    graph_free(g);
}

static void test_operands(void)
{
    static const struct tensor_spec t[] = {{.dim = 4}, {.dim = 4}, {.dim = 4}};
    struct flatbuf_out o;
    begin(&o);
    refused(&o, t, 3, &(struct operator_spec){0, {0, 7}, 2, 0}, 1, "tensor 7 of a subgraph of 3");
    begin(&o);
    refused(&o, t, 3, &(struct operator_spec){0, {0, 1}, 2, 0}, 1, "used before an operator has made it");
    begin(&o);
    refused(&o, t, 3, &(struct operator_spec){90, {-1, -1}, 2, 0}, 1, ""); /* FLOOR_DIV of nothing */
}

static void test_buffers_of_other_sizes(void)
{
    static const float numbers[] = {1, 2, 3};
    static const struct tensor_spec t[] = {{.dim = 4}, {.dim = 4, .data = numbers, .size = 12}, {.dim = 4}};
    struct flatbuf_out o;
    begin(&o);
    refused(&o, t, 3, &(struct operator_spec){0, {0, 1}, 2, 0}, 1, "4 elements of f32 in 12 bytes");
}

/* A WHILE whose condition and body are the subgraph that it is in. */
static void test_endless_nesting(void)
{
    static const struct tensor_spec t[] = {{.type = 6, .dim = 1}, {.type = 6, .dim = 1}};
    static const struct operator_spec op = {119, {0, -2}, 1, 0};
    struct flatbuf_out o;
    begin(&o);
    refused(&o, t, 2, &op, 1, "inside of one another deeper");
}

/* A loop over a value that is not there. */
static void test_loop_without_input(void)
{
    static const struct tensor_spec t[] = {{.type = 6, .dim = 1}, {.type = 6, .dim = 1}};
    struct flatbuf_out o;
    begin(&o);
    refused(&o, t, 2, &(struct operator_spec){119, {-1, -2}, 1, 0}, 1, "input 0 is absent");
}

static void test_decoding_in_a_circle(void)
{
    static const uint16_t halves[] = {0x3c00, 0x4000, 0x4200, 0x4400};
    static const struct tensor_spec t[] = {
        {.dim = 4}, {.type = 1, .dim = 4, .data = halves, .size = 8}, {.dim = 4}, {.dim = 4}};
    static const struct operator_spec op[] = {{6, {1, -1}, 2, 0}, {6, {2, -1}, 1, 0}, {0, {0, 2}, 3, 0}};
    struct flatbuf_out o;
    begin(&o);
    struct graph *g = read_model(&o, t, 4, op, 3);
    CHECK_MSG(g || err.text[0], "neither a graph nor a message");
    graph_free(g);
}

/* [0 5 0 0 7 0] as one sparse level: segments {0, 2}, indices {1, 4}. */
static uint32_t put_sparsity(struct flatbuf_out *o, int32_t second)
{
    const int32_t segments[] = {0, 2}, indices[] = {1, second}, order[] = {0};
    uint32_t list[2], vectors[2];
    list[0] = flatbuf_put_i32s(o, segments, 2);
    list[1] = flatbuf_put_i32s(o, indices, 2);
    for (int i = 0; i < 2; i++) {
        flatbuf_begin(o);
        flatbuf_add_ref(o, 0, list[i]);
        vectors[i] = flatbuf_end(o);
    }
    flatbuf_begin(o);
    flatbuf_add_int(o, 0, 1, 1, 0);
    flatbuf_add_int(o, 2, 1, 1, 0);
    flatbuf_add_ref(o, 3, vectors[0]);
    flatbuf_add_int(o, 4, 1, 1, 0);
    flatbuf_add_ref(o, 5, vectors[1]);
    uint32_t level = flatbuf_end(o), levels = flatbuf_put_refs(o, &level, 1), o1 = flatbuf_put_i32s(o, order, 1);
    flatbuf_begin(o);
    flatbuf_add_ref(o, 0, o1);
    flatbuf_add_ref(o, 2, levels);
    return flatbuf_end(o);
}

static void test_sparse(void)
{
    static const float values[] = {5, 7}, want[] = {0, 5, 0, 0, 7, 0};
    struct tensor_spec t[] = {{.dim = 6}, {.dim = 6, .data = values, .size = 8}, {.dim = 6}};
    const struct operator_spec add = {0, {0, 1}, 2, 0};
    struct flatbuf_out o;
    begin(&o);
    t[1].sparsity = put_sparsity(&o, 4);
    struct graph *g = read_model(&o, t, 3, &add, 1);
    CHECK_MSG(g != NULL, "%s", err.text);
    const struct tensor *c = g ? node_in(g->first, 1)->constant : NULL;
    CHECK(c && c->count == 6 && memcmp(c->data, want, sizeof want) == 0);
    graph_free(g);
    begin(&o);
    t[1].sparsity = put_sparsity(&o, 6);
    refused(&o, t, 3, &add, 1, "indices do not fit");
}

/* Levels that are dense, each of an axis or block by `order`. */
static uint32_t put_dense_levels(struct flatbuf_out *o, int count, const int32_t *order, const int32_t *sizes,
                                 int blocks)
{
    static const int32_t block_axes[] = {0, 0};
    uint32_t levels[3];
    for (int i = 0; i < count; i++) {
        flatbuf_begin(o);
        flatbuf_add_int(o, 1, 4, sizes[i], 0);
        levels[i] = flatbuf_end(o);
    }
    uint32_t list = flatbuf_put_refs(o, levels, (size_t)count), all = flatbuf_put_i32s(o, order, (size_t)count);
    uint32_t cut = flatbuf_put_i32s(o, block_axes, (size_t)blocks);
    flatbuf_begin(o);
    flatbuf_add_ref(o, 0, all);
    flatbuf_add_ref(o, 1, cut);
    flatbuf_add_ref(o, 2, list);
    return flatbuf_end(o);
}

/* With two levels of blocks on one axis indices reached beyond the tensor: element 4 of 4 and more. */
static void test_sparse_levels_of_one_axis(void)
{
    static const int32_t order[] = {0, 1, 2}, sizes[] = {4, 64, 1};
    static float values[256];
    struct tensor_spec t[] = {{.dim = 4}, {.dim = 4, .data = values, .size = sizeof values}, {.dim = 4}};
    struct flatbuf_out o;
    begin(&o);
    t[1].sparsity = put_dense_levels(&o, 3, order, sizes, 2);
    refused(&o, t, 3, &(struct operator_spec){0, {0, 1}, 2, 0}, 1, "levels do not fit");
}

/* A list of bytes with a scale each, whose axis is that of weights which stood beside it. */
static void test_axis_of_a_list(void)
{
    static const int8_t bytes[] = {1, 2};
    static const float scales[] = {0.5f, 2};
    struct tensor_spec t[] = {{.dim = 2}, {.type = 9, .dim = 2, .data = bytes, .size = 2}, {.dim = 2}, {.dim = 2}};
    const struct operator_spec op[] = {{6, {1, -2}, 2, 0}, {0, {0, 2}, 3, 0}}; /* DEQUANTIZE, ADD */
    struct flatbuf_out o;
    begin(&o);
    uint32_t list = flatbuf_put_vector(&o, scales, 2, 4, 4);
    flatbuf_begin(&o);
    flatbuf_add_ref(&o, 2, list);
    flatbuf_add_int(&o, 6, 4, 3, 0);
    t[1].scales = flatbuf_end(&o);
    struct graph *g = read_model(&o, t, 4, op, 2);
    CHECK_MSG(g != NULL, "%s", err.text);
    graph_free(g);
}

/* Custom operators of MediaPipe: a pool that tells where, its inverse, and a transposed convolution with a bias. */
static void test_mediapipe(void)
{
    static const float places[] = {1, 5, 3, 2}, back[] = {0, 5, 0, 0}, one[] = {3}, taps[] = {1, 2, 3, 4};
    static const float bias[] = {10}, spread[] = {13, 16, 19, 22};
    const struct tensor_spec pool[] = {{.dim = 1, .rest = {2, 2, 1}},
                                       {.dim = 1, .rest = {1, 1, 1}},
                                       {.dim = 1, .rest = {1, 1, 1}},
                                       {.dim = 1, .rest = {2, 2, 1}}};
    const struct operator_spec pools[] = {{32, {0, -2}, 1, 0}, {32, {1, 2}, 3, 0}};
    const struct custom_spec names[] = {{"MaxPoolingWithArgmax2D", {1, 2, 2, 2, 2}, 2},
                                        {"MaxUnpooling2D", {2, 2, 2, 2, 2}, 0}};
    const struct tensor_spec deconv[] = {{.dim = 1, .rest = {1, 1, 1}},
                                         {.dim = 1, .rest = {2, 2, 1}, .data = taps, .size = sizeof taps},
                                         {.dim = 1, .data = bias, .size = sizeof bias},
                                         {.dim = 1, .rest = {2, 2, 1}}};
    const struct operator_spec deconvs = {32, {0, 1, 2}, 3, 0};
    struct custom_spec name = {"Convolution2DTransposeBias", {1, 2, 2}, 0};
    struct flatbuf_out o;
    begin(&o);
    customs = names;
    gives(read_model(&o, pool, 4, pools, 2), places, back, 4);
    begin(&o);
    customs = &name;
    gives(read_model(&o, deconv, 4, &deconvs, 1), one, spread, 4);
    name.numbers[1] = -1; /* cannot be meant: kept as it is */
    begin(&o);
    struct graph *g = read_model(&o, deconv, 4, &deconvs, 1);
    CHECK_MSG(g && strcmp(g->last->domain, "tflite") == 0, "%s", err.text);
    graph_free(g);
    customs = NULL;
}

/* Cast takes the real parts; an axis may go behind several open sizes. */
static void test_complex(void)
{
    static const int32_t length[] = {1, 4}, axis = -2;
    static const float one[] = {1, 0, 0, 0}, parts[] = {1, 1, 1};
    struct tensor_spec t[] = {{.dim = 1, .rest = {1, 1, 4}},
                              {.type = 2, .dim = 2, .data = length, .size = sizeof length},
                              {.type = 8, .dim = 1, .rest = {1, 1, 3}},
                              {.dim = 1, .rest = {1, 1, 3}}};
    struct operator_spec op[] = {{131, {0, 1}, 2, 0}, {53, {2, -2}, 3, 0}}; /* RFFT2D, CAST */
    struct flatbuf_out o;
    begin(&o);
    gives(read_model(&o, t, 4, op, 2), one, parts, 3);
    t[0].dim = t[0].rest[0] = t[2].dim = t[2].rest[0] = -1;
    t[3] = (struct tensor_spec){.type = 8, .dim = -1, .rest = {-1, 3}};
    begin(&o);
    uint32_t axes = flatbuf_put_i32s(&o, &axis, 1);
    flatbuf_begin(&o);
    flatbuf_add_ref(&o, 0, axes);
    op[1] = (struct operator_spec){43, {2, -2}, 3, flatbuf_end(&o)}; /* SQUEEZE */
    struct graph *g = read_model(&o, t, 4, op, 2);
    CHECK_MSG(g && g->outputs[0]->type.rank == 4 && g->outputs[0]->type.dims[2] == 3, "%s", err.text);
    graph_free(g);
}

/* LiteRT's own results: steps of any axis, updates of several, and a masked begin where an axis goes. */
static void test_places(void)
{
    static const float x[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, part[] = {20, 21, 22, 23};
    static const int32_t lengths[] = {2, 3}, at[] = {0, 0, 5, -1}, from[] = {0, -1, 0, 0}, to[] = {9, 9, 9, 9},
                         steps[] = {1, 1, 1, 1};
#define INTS(list, n) {.type = 2, .dim = n, .data = list, .size = sizeof(list)}
#define WHOLE         {.dim = 1, .rest = {2, 2, 3}}
    struct flatbuf_out o;
    begin(&o);
    flatbuf_begin(&o);
    flatbuf_add_int(&o, 0, 4, 3, 0);
    flatbuf_add_int(&o, 1, 4, 1, 0);
    struct operator_spec op = {.code = 112, .in = {0, 1}, .out = 2, .options = flatbuf_end(&o)};
    gives(read_model(&o, (struct tensor_spec[]){WHOLE, INTS(lengths, 2), WHOLE}, 3, &op, 1), x,
          (float[]){1, 0, 2, 4, 3, 5, 8, 7, 6, 11, 10, 9}, 12);
    begin(&o);
    op = (struct operator_spec){.code = 151, .in = {0, 1, 2}, .out = 3};
    gives(read_model(&o,
                     (struct tensor_spec[]){
                         WHOLE, {.dim = 1, .rest = {2, 1, 2}, .data = part, .size = 16}, INTS(at, 4), WHOLE},
                     4, &op, 1),
          x, (float[]){0, 1, 2, 20, 21, 5, 6, 7, 8, 22, 23, 11}, 12);
    begin(&o);
    flatbuf_begin(&o);
    flatbuf_add_int(&o, 0, 4, 15, 0);
    flatbuf_add_int(&o, 1, 4, 15, 0);
    flatbuf_add_int(&o, 4, 4, 2, 0);
    op = (struct operator_spec){.code = 45, .in = {0, 1, 2, 3}, .out = 4, .options = flatbuf_end(&o)};
    gives(read_model(&o, (struct tensor_spec[]){WHOLE, INTS(from, 4), INTS(to, 4), INTS(steps, 4), {.dim = 1}}, 5, &op,
                     1),
          x, x, 6);
#undef INTS
#undef WHOLE
}

int main(void)
{
    RUN(test_operands);
    RUN(test_buffers_of_other_sizes);
    RUN(test_endless_nesting);
    RUN(test_loop_without_input);
    RUN(test_decoding_in_a_circle);
    RUN(test_sparse);
    RUN(test_sparse_levels_of_one_axis);
    RUN(test_axis_of_a_list);
    RUN(test_mediapipe);
    RUN(test_complex);
    RUN(test_places);
    return TEST_END();
}
