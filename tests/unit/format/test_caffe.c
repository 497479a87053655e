/* Caffe nets as text; tests/models/caffe has whole ones with weights and answers. */
#include <stdlib.h>
#include <unistd.h>

#include "../../test.h"
#include "format/format.h"
#include "op/op.h"

static struct error err;
static char folder[] = "/tmp/test_caffe_XXXXXX", path[64];

/* The graph of a net; NULL with a message, which begins with the path. */
static struct graph *read_net(const char *text)
{
    FILE *f = fopen(path, "w");
    if (!f)
        return NULL;
    fputs(text, f);
    fclose(f);
    return format_read(path, format_by_name("caffe"), &err);
}

#define INPUT "input: 'data' input_shape { dim: 1 dim: 4 dim: 6 dim: 7 } "

static int count_ops(const struct graph *g, const char *op)
{
    int n = 0;
    for (const struct node *node = g->first; node; node = node->next)
        n += strcmp(node->op, op) == 0;
    return n;
}

/* The shape of the only output, "1x4x3x3"; "" when the net cannot be read. */
static const char *output_shape(const char *text)
{
    static char shape[200];
    struct graph *g = read_net(text);
    *shape = '\0';
    if (g && g->output_count == 1)
        type_text(g, &g->outputs[0]->type, shape, sizeof(shape));
    else
        printf("%s\n", err.text);
    graph_free(g);
    return shape;
}

/* ---- shapes ---- */

#define POOL(params) INPUT "layer { name: 'p' type: 'Pooling' bottom: 'data' top: 'p' pooling_param { " params " } }"

static void pools_round_up(void)
{
    CHECK_STR(output_shape(POOL("kernel_size: 2 stride: 2")), "f32 1x4x3x4");
    CHECK_STR(output_shape(POOL("kernel_size: 2 stride: 2 round_mode: FLOOR")), "f32 1x4x3x3");
    CHECK_STR(output_shape(POOL("kernel_size: 2 stride: 2 ceil_mode: false")), "f32 1x4x3x3");
    CHECK_STR(output_shape(POOL("kernel_size: 3 stride: 2 pad: 1")), "f32 1x4x4x4");
    CHECK_STR(output_shape(POOL("kernel_h: 3 kernel_w: 2 stride_h: 3 stride_w: 1")), "f32 1x4x2x6");
    CHECK_STR(output_shape(POOL("pool: AVE global_pooling: true")), "f32 1x4x1x1");
    /* A window that begins behind the end, which Caffe keeps as nothing is padded. */
    CHECK_STR(output_shape(POOL("kernel_size: 1 stride: 2")), "f32 1x4x4x4");
}

#define SHAPE(type, params) INPUT "layer { name: 'r' type: '" type "' bottom: 'data' top: 'r' " params " }"

static void layers_that_reshape(void)
{
    CHECK_STR(output_shape(SHAPE("Flatten", "")), "f32 1x168");
    CHECK_STR(output_shape(SHAPE("Flatten", "flatten_param { axis: 2 }")), "f32 1x4x42");
    CHECK_STR(output_shape(SHAPE("Flatten", "flatten_param { axis: 1 end_axis: 2 }")), "f32 1x24x7");
    CHECK_STR(output_shape(SHAPE("Reshape", "reshape_param { shape { dim: 0 dim: 2 dim: -1 } }")), "f32 1x2x84");
    CHECK_STR(output_shape(SHAPE("Reshape", "reshape_param { axis: 1 num_axes: 1 shape { dim: 2 dim: 2 } }")),
              "f32 1x2x2x6x7");
    CHECK_STR(output_shape(SHAPE("Reshape", "reshape_param { axis: -1 shape { dim: 1 dim: 1 } }")), "f32 1x4x6x7x1x1");
    CHECK_STR(output_shape(SHAPE("Permute", "permute_param { order: 0 order: 2 }")), "f32 1x6x4x7");
    CHECK_STR(output_shape(SHAPE("Tile", "tile_param { axis: -1 tiles: 3 }")), "f32 1x4x6x21");
    CHECK_STR(output_shape(SHAPE("Reduction", "reduction_param { axis: 2 operation: MEAN }")), "f32 1x4");
    CHECK_STR(output_shape(SHAPE("ArgMax", "argmax_param { top_k: 3 }")), "f32 1x1x3x1");
    CHECK_STR(output_shape(SHAPE("ArgMax", "argmax_param { top_k: 2 out_max_val: true }")), "f32 1x2x2x1");
    CHECK_STR(output_shape(SHAPE("ArgMax", "argmax_param { axis: 1 }")), "f32 1x1x6x7");
    CHECK_STR(output_shape(SHAPE("Interp", "interp_param { zoom_factor: 2 }")), "f32 1x4x11x13");
    CHECK_STR(output_shape(SHAPE("Interp", "interp_param { height: 3 width: 20 }")), "f32 1x4x3x20");
    CHECK_STR(output_shape(SHAPE("Upsample", "upsample_param { scale: 3 }")), "f32 1x4x18x21");
    CHECK_STR(output_shape(SHAPE("Reverse", "reverse_param { axis: 2 }")), "f32 1x4x6x7");
    CHECK_STR(output_shape(SHAPE("BatchReindex", "bottom: 'data'")), "f32 1x4x6x7x4x6x7");
    CHECK_STR(output_shape(SHAPE("ContinuationIndicator", "continuation_indicator_param { time_step: 9 }")), "f32 9x1");
    CHECK_STR(output_shape(SHAPE("SPP", "spp_param { pyramid_height: 2 }")), "f32 1x20");
}

/* ---- phases, inputs, outputs ---- */

static void layers_of_training_are_left_out(void)
{
    struct graph *g = read_net("layer { name: 'd' type: 'Data' top: 'data' top: 'label' include { phase: TRAIN } "
                               "  transform_param { crop_size: 4 } }"
                               "layer { name: 'd' type: 'Data' top: 'data' top: 'label' include { phase: TEST } "
                               "  transform_param { crop_size: 5 mean_value: 100 scale: 0.5 } }"
                               "layer { name: 'r' type: 'ReLU' bottom: 'data' top: 'data' }"
                               "layer { name: 'x' type: 'Sigmoid' bottom: 'data' top: 'x' exclude { phase: TEST } }"
                               "layer { name: 'acc' type: 'Accuracy' bottom: 'data' bottom: 'label' top: 'acc' }"
                               "layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'data' bottom: 'label' }");
    CHECK_MSG(g != NULL, "%s", err.text);
    if (!g)
        return;
    CHECK(g->input_count == 1 && g->inputs[0]->type.dims[2] == 5);
    CHECK(g->output_count == 1 && count_ops(g, "Softmax") == 1 && count_ops(g, "Sigmoid") == 0);
    CHECK_STR(g->outputs[0]->name, "loss");
    CHECK(graph_property(g, "recipe") && strcmp(graph_property(g, "recipe")->data, "bgr,mean=100,scale=0.5") == 0);
    graph_free(g);
}

static void a_layer_in_place_gives_the_name_on(void)
{
    struct graph *g = read_net(INPUT "layer { name: 'a' type: 'AbsVal' bottom: 'data' top: 'a' }"
                                     "layer { name: 'b' type: 'ReLU' bottom: 'a' top: 'a' }"
                                     "layer { name: 'c' type: 'TanH' bottom: 'a' top: 'a' }");
    CHECK_MSG(g && g->output_count == 1, "%s", err.text);
    if (g) {
        CHECK_STR(g->outputs[0]->name, "a");
        CHECK_STR(g->outputs[0]->producer->op, "Tanh");
        CHECK_STR(g->first->op, "Abs");
    }
    graph_free(g);
}

/* Stated for a patch of which it makes one place, a net is for pictures of any size; one that pools the whole is not.
 */
static void a_patch_slides(void)
{
    static const char patch[] = "input: 'data' input_dim: 1 input_dim: 4 input_dim: 6 input_dim: 6 "
                                "layer { name: 'p' type: 'Pooling' bottom: 'data' top: 'p' pooling_param { %s } }";
    char text[300];
    snprintf(text, sizeof(text), patch, "kernel_size: 6");
    CHECK_STR(output_shape(text), "f32 1x4xH-5xW-5");
    snprintf(text, sizeof(text), patch, "global_pooling: true");
    CHECK_STR(output_shape(text), "f32 1x4x1x1");
    snprintf(text, sizeof(text), patch, "pool: AVE kernel_size: 6");
    CHECK_STR(output_shape(text), "f32 1x4x1x1");
}

static void an_unknown_layer_is_kept(void)
{
    struct graph *g = read_net(INPUT "layer { name: 'x' type: 'Warp' bottom: 'data' top: 'x' top: 'y' "
                                     "  warp_param { size: 3 size: 4 mode: FAST inner { alpha: 0.5 } } }");
    CHECK_MSG(g && g->output_count == 2, "%s", err.text);
    if (!g)
        return;
    const struct node *n = g->outputs[0]->producer;
    CHECK_STR(n->op, "Warp");
    CHECK_STR(n->domain, "caffe");
    CHECK(node_attr(n, "size") && node_attr(n, "size")->kind == ATTR_INTS && node_attr(n, "size")->n == 2);
    CHECK(node_attr(n, "mode") && node_attr(n, "mode")->kind == ATTR_STRING);
    CHECK(node_attr(n, "inner.alpha") && node_attr(n, "inner.alpha")->f == 0.5f);
    graph_free(g);
}

/* Its parameters are a line of Python. */
static void a_python_layer_of_proposals(void)
{
    struct graph *g = read_net("input: 's' input_shape { dim: 1 dim: 12 dim: 6 dim: 7 } "
                               "input: 'd' input_shape { dim: 1 dim: 24 dim: 6 dim: 7 } "
                               "input: 'i' input_shape { dim: 1 dim: 3 } "
                               "layer { name: 'p' type: 'Python' bottom: 's' bottom: 'd' bottom: 'i' "
                               "  top: 'rois' python_param { module: 'rpn.proposal_layer' layer: 'ProposalLayer' "
                               "  param_str: \"'feat_stride': 8\\n'scales': !!python/tuple [2, 4.5]\" } }");
    CHECK_MSG(g && g->output_count == 1, "%s", err.text);
    if (!g)
        return;
    const struct node *n = g->outputs[0]->producer;
    const struct attr *stride = node_attr(n, "feat_stride"), *scales = node_attr(n, "scales");
    CHECK_STR(n->op, "Proposal");
    CHECK(stride && stride->i == 8);
    CHECK(scales && scales->n == 2 && scales->floats[0] == 2 && scales->floats[1] == 4.5f);
    graph_free(g);
}

/* A layer that does nothing still makes a result of the input. */
static void the_input_may_be_the_output(void)
{
    struct graph *g = read_net(INPUT "layer { name: 's' type: 'Split' bottom: 'data' top: 's' }");
    CHECK_MSG(g && g->output_count == 1 && strcmp(g->outputs[0]->name, "s") == 0, "%s", err.text);
    graph_free(g);
}

/* A result that has the name of an input goes by its layer's. */
static void a_net_may_work_in_place_only(void)
{
    struct graph *g = read_net(INPUT "layer { name: 'r' type: 'ReLU' bottom: 'data' top: 'data' }");
    CHECK_MSG(g && g->output_count == 1 && strcmp(g->outputs[0]->name, "r") == 0, "%s", err.text);
    graph_free(g);
    g = read_net(INPUT "layer { name: 'd' type: 'Dropout' bottom: 'data' top: 'data' }");
    CHECK_MSG(g && g->output_count == 1 && count_ops(g, "Identity") == 1, "%s", err.text);
    graph_free(g);
    CHECK(!read_net(INPUT "layer { name: 'a' type: 'Accuracy' bottom: 'data' }"));
    CHECK_MSG(strstr(err.text, "the net has no outputs"), "%s", err.text);
}

/* ---- messages ---- */

static void lists_of_an_unknown_layer_are_whole(void)
{
    static char text[60000];
    size_t n = (size_t)snprintf(text, sizeof(text), INPUT "layer { name: 'u' type: 'U' bottom: 'data' u_param { ");
    for (int i = 0; i < 5000; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "a: %d ", i);
    snprintf(text + n, sizeof(text) - n, "} top: 'u' }");
    struct graph *g = read_net(text);
    CHECK_MSG(g != NULL, "%s", err.text);
    const struct attr *a = g ? node_attr(g->first, "a") : NULL;
    CHECK(a && a->kind == ATTR_INTS && a->n == 5000 && a->ints[4999] == 4999);
    graph_free(g);
}

/* Each field was looked for among all others: 100000 took a minute. */
static void fields_of_an_unknown_layer_are_bounded(void)
{
    static char text[200000];
    size_t n = (size_t)snprintf(text, sizeof(text), INPUT "layer { name: 'u' type: 'U' bottom: 'data' u_param { ");
    for (int i = 0; i < 9000; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "a%d {} ", i);
    snprintf(text + n, sizeof(text) - n, "} top: 'u' }");
    CHECK(!read_net(text));
    CHECK_MSG(strstr(err.text, "more than 8192 fields in one message"), "%s", err.text);
}

static unsigned char *put_varint(unsigned char *at, size_t n)
{
    for (; n >= 128; n >>= 7)
        *at++ = (unsigned char)(n | 128);
    *at++ = (unsigned char)n;
    return at;
}

/* A file with one layer 'a', which has so many doubles as weights. */
static void put_weights(const char *to, size_t count)
{
    static const unsigned char name[] = {0x0a, 1, 'a', 0x12, 1, 'I'};
    static unsigned char head[64], zeros[60000];
    size_t data = count * sizeof(double), blob = 1 + (size_t)(put_varint(head, data) - head) + data;
    size_t layer = sizeof(name) + 1 + (size_t)(put_varint(head, blob) - head) + blob;
    unsigned char *at = put_varint(put_varint(head, 100 << 3 | 2), layer);
    memcpy(at, name, sizeof(name));
    at = put_varint(put_varint(at + sizeof(name), 7 << 3 | 2), blob);
    at = put_varint(put_varint(at, 8 << 3 | 2), data);
    FILE *f = fopen(to, "wb");
    CHECK(f && fwrite(head, 1, (size_t)(at - head), f) == (size_t)(at - head) && fwrite(zeros, 1, data, f) == data);
    if (f)
        fclose(f);
}

/* 2900 layers of one name, each of which had a copy of 6048 numbers. */
static void copies_of_shared_weights_are_bounded(void)
{
    static char text[400000], both[160], weights[80];
    size_t n = (size_t)snprintf(text, sizeof(text), INPUT);
    for (int i = 0; i < 2900; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n,
                              "layer { name: 'a' type: 'InnerProduct' bottom: 'data' top: '%d' "
                              "inner_product_param { num_output: 36 bias_term: false } }\n",
                              i);
    snprintf(weights, sizeof(weights), "%s.weights", path);
    snprintf(both, sizeof(both), "%s,%s", path, weights);
    put_weights(weights, 6048);
    FILE *f = fopen(path, "w");
    CHECK(f && fwrite(text, 1, n, f) == n);
    if (f)
        fclose(f);
    struct graph *g = format_read(both, format_by_name("caffe"), &err);
    CHECK_MSG(!g && strstr(err.text, "shared with layers before"), "%s", err.text);
    graph_free(g);
    unlink(weights);
}

static void refused(void)
{
    static const struct {
        const char *text, *want;
    } bad[] = {
        {INPUT "layer { name: 'c' type: 'Convolution' bottom: 'data' top: 'c' convolution_param { num_output: 4 "
               "kernel_size: 3 } }",
         "layer 'c' (Convolution): there are no weights for it: give the .caffemodel too, A.prototxt,B.caffemodel"},
        {INPUT "layer { name: 'c' type: 'Convolution' bottom: 'data' top: 'c' convolution_param { kernel_size: 3 } }",
         "layer 'c' (Convolution): num_output is 0, want 1 to 2147483647"},
        {INPUT "layer { name: 'c' type: 'Convolution' bottom: 'data' top: 'c' convolution_param { num_output: 4 } }",
         "layer 'c' (Convolution): it has no kernel_size, want 1 or more"},
        {INPUT "layer { name: 'c' type: 'Convolution' bottom: 'data' top: 'c' convolution_param { num_output: 4 "
               "kernel_size: 3 group: 3 } }",
         "layer 'c' (Convolution): num_output 4 is no multiple of group 3"},
        {INPUT "layer { name: 'r' type: 'ReLU' bottom: 'missing' top: 'r' }",
         "layer 'r' (ReLU): its bottom 'missing' is made by no layer before it"},
        {INPUT "layer { name: 'r' type: 'ReLU' top: 'r' }", "layer 'r' (ReLU): it has 0 bottoms, want 1 or more"},
        {INPUT "layer { name: 'r' bottom: 'data' top: 'r' }", "the layer 'r' has no type that is known"},
        {POOL("kernel_size: 9"), "layer 'p' (Pooling): its window of 9 is larger than its input, 6"},
        {POOL("pool: STOCHASTIC kernel_size: 2"),
         "layer 'p' (Pooling): it pools by a method that is not read, want MAX or AVE"},
        {SHAPE("Permute", "permute_param { order: 1 order: 1 }"),
         "layer 'r' (Permute): order has 1, want each axis of its bottom at most once"},
        {SHAPE("Softmax", "softmax_param { axis: 4 }"), "layer 'r' (Softmax): axis is 4, but its bottom has 4 axes"},
        {SHAPE("Slice", "slice_param { slice_point: 9 } top: 's'"),
         "layer 'r' (Slice): slice_point 9 lies not between 0 and 4"},
        {"layer {\n name: 'x'\n type: 5 }", "line 3: type has a value of another kind, want a string"},
        {"net: 'a.prototxt' base_lr: 0.1",
         "the settings of a training (a solver), not a net: want the file that its \"net\" names"},
        {"input: 'data' input_dim: 1", "input_dim: want 4 sizes of 1 to 2147483647 for each input"},
        {INPUT, "the net has no outputs"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        *err.text = '\0';
        CHECK_MSG(!read_net(bad[i].text), "%s", bad[i].text);
        CHECK_STR(err.text + strlen(path) + 2, bad[i].want);
    }
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof(path), "%s/net.prototxt", folder);
    RUN(pools_round_up);
    RUN(layers_that_reshape);
    RUN(layers_of_training_are_left_out);
    RUN(a_layer_in_place_gives_the_name_on);
    RUN(a_patch_slides);
    RUN(an_unknown_layer_is_kept);
    RUN(a_python_layer_of_proposals);
    RUN(the_input_may_be_the_output);
    RUN(a_net_may_work_in_place_only);
    RUN(lists_of_an_unknown_layer_are_whole);
    RUN(fields_of_an_unknown_layer_are_bounded);
    RUN(copies_of_shared_weights_are_bounded);
    RUN(refused);
    unlink(path);
    rmdir(folder);
    return TEST_END();
}
