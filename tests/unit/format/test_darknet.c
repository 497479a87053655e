/* Darknet nets as text, and the file with weights; tests/models/darknet has whole ones with answers. */
#include <stdlib.h>
#include <unistd.h>

#include "../../test.h"
#include "format/darknet/cfg.h"
#include "format/format.h"
#include "op/op.h"

static struct error err;
static char folder[] = "/tmp/test_darknet_XXXXXX", net_path[64], weights_path[64];

static void put(const char *path, const void *data, size_t size)
{
    FILE *f = fopen(path, "wb");
    CHECK(f && fwrite(data, 1, size, f) == size);
    if (f)
        fclose(f);
}

/* The graph of a net without weights, or with so many numbers behind a header of 20 bytes; NULL with a message. */
static struct graph *read_net(const char *text, int numbers)
{
    static const int32_t header[5] = {0, 2, 5, 0, 0};
    float weights[256] = {0};
    put(net_path, text, strlen(text));
    unlink(weights_path);
    if (numbers >= 0) {
        char all[sizeof(header) + sizeof(weights)];
        memcpy(all, header, sizeof(header));
        memcpy(all + sizeof(header), weights, sizeof(weights));
        put(weights_path, all, sizeof(header) + (size_t)numbers * sizeof(float));
    }
    return format_read(net_path, NULL, &err);
}

#define NET "[net]\nwidth=8\nheight=6\nchannels=4\n"

static const char *output_shape(const char *text)
{
    static char shape[200];
    struct graph *g = read_net(text, -1);
    *shape = '\0';
    if (g && g->output_count == 1)
        type_text(g, &g->outputs[0]->type, shape, sizeof(shape));
    else
        printf("%s\n", err.text);
    graph_free(g);
    return shape;
}

static void shapes(void)
{
    CHECK_STR(output_shape(NET "[maxpool]\nsize=2\nstride=1\n"), "f32 1x4x6x8");
    CHECK_STR(output_shape(NET "[maxpool]\nsize=3\nstride=2\n"), "f32 1x4x3x4");
    CHECK_STR(output_shape(NET "[maxpool]\nstride=2\npadding=0\n"), "f32 1x4x3x4");
    CHECK_STR(output_shape(NET "[maxpool]\nmaxpool_depth=1\nout_channels=2\n"), "f32 1x2x6x8");
    CHECK_STR(output_shape(NET "[upsample]\nstride=3\n"), "f32 1x4x18x24");
    CHECK_STR(output_shape(NET "[reorg]\nstride=2\n"), "f32 1x16x3x4");
    CHECK_STR(output_shape(NET "[reorg3d]\nstride=2\n"), "f32 1x16x3x4");
    CHECK_STR(output_shape(NET "[dropout]\n[route]\nlayers = -1, 0\n"), "f32 1x8x6x8");
    CHECK_STR(output_shape(NET "[dropout]\n[route]\nlayers=0\ngroups=4\ngroup_id=3\n"), "f32 1x1x6x8");
    CHECK_STR(output_shape(NET "[maxpool]\nstride=2\n[shortcut]\nfrom=0\n[cost]\n"), "f32 1x4x3x4");
    CHECK_STR(output_shape(NET "[crop]\ncrop_width=5\ncrop_height=2\n"), "f32 1x4x2x5");
    CHECK_STR(output_shape(NET "[avgpool]\n[softmax]\n"), "f32 1x4x1x1");
}

static void blanks_and_comments_do_not_count(void)
{
    struct arena arena;
    struct darknet_cfg cfg = {0};
    static const char text[] =
        "\xef\xbb\xbf# c\n [ net ] \r\n wi dth = 1 2 ;x\n; c\n\nlist = 1, 2 ,-3\nf=.5e1\nwidth=9";
    int64_t list[2];
    arena_init(&arena);
    CHECK_MSG(darknet_cfg_read(&cfg, text, sizeof(text) - 1, &arena, &err) == 0, "%s", err.text);
    CHECK(cfg.count == 1);
    if (cfg.count == 1) {
        CHECK_STR(cfg.sections[0].type, "net");
        CHECK(darknet_int(cfg.sections, "width", 0) == 12); /* the first counts */
        CHECK(darknet_int(cfg.sections, "absent", -1) == -1);
        CHECK(darknet_float(cfg.sections, "f", 0) == 5);
        CHECK(darknet_ints(cfg.sections, "list", list, 2) == 3 && list[0] == 1 && list[1] == 2);
    }
    darknet_cfg_release(&cfg);
    arena_release(&arena);
}

#define CONV NET "[convolutional]\nfilters=2\nsize=1\nactivation=linear\n" /* takes 2 + 8 numbers */

static void weights_must_fit(void)
{
    struct graph *g = read_net(CONV, 10);
    CHECK_MSG(g != NULL, "%s", err.text);
    graph_free(g);
    static const struct {
        int numbers;
        const char *want;
    } bad[] = {
        {-1, "line 5: layer 0, [convolutional]: there are no weights for it: give the .weights too, A.cfg,B.weights"},
        {5,
         "line 5: layer 0, [convolutional]: it takes 8 numbers, but 3 are left in the weights (40 bytes, of which 28 "
         "are read)"},
        {11, "the net takes 60 bytes of weights, but their file has 64: they are another net's"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        CHECK(!read_net(CONV, bad[i].numbers));
        CHECK_STR(err.text + strlen(net_path) + 2, bad[i].want);
    }
}

/* What gathers the inputs of a window has 91^4 elements, in 261 MiB, whatever the file holds. */
static void a_local_layer_is_bounded(void)
{
    static const char text[] = "[net]\nwidth=91\nheight=91\nchannels=1\n[local]\nsize=91\nactivation=linear\n";
    static const int32_t version[] = {0, 2, 5, 0, 0};
    static char weights[sizeof(version) + (1 + 91 * 91) * sizeof(float)];
    memcpy(weights, version, sizeof(version));
    put(net_path, text, strlen(text));
    put(weights_path, weights, sizeof(weights));
    CHECK(!format_read(net_path, NULL, &err));
    CHECK_MSG(strstr(err.text, "[local]: it needs numbers that no file holds"), "%s", err.text);
    unlink(weights_path);
}

static void refused(void)
{
    static const struct {
        const char *text, *want;
    } bad[] = {
        {NET "[route]\nlayers=0\n", "line 5: layer 0, [route]: it names layer 0, want one before it that has a result"},
        {NET "[route]\n", "line 5: layer 0, [route]: layers names 0 layers, want 1 to 256"},
        {NET "[shortcut]\nfrom=-1\n",
         "line 5: layer 0, [shortcut]: it names layer -1, want one before it that has a result"},
        {NET "[maxpool]\nstride=0\n", "line 5: layer 0, [maxpool]: stride=0, want 1 to 65535"},
        {NET "[activation]\nactivation=sine\n", "line 5: layer 0, [activation]: its activation 'sine' is not known"},
        {NET "[yolo]\nclasses=2\nnum=1\nanchors=1,2\n",
         "line 5: layer 0, [yolo]: 4 channels come in, want filters=7 of the layer before: 1 boxes of 5 + 2 classes"},
        {NET "[yolo]\nclasses=2\nnum=3\nanchors=1,2\n",
         "line 5: layer 0, [yolo]: anchors has 2 numbers, want 6, two for each of num=3"},
        {NET "[yolo]\nmask=3\nnum=3\n", "line 5: layer 0, [yolo]: mask has 3, want numbers below num=3"},
        {"[net]\nwidth=8\n", "[net]: height=0, want 1 to 1048576"},
        {"[net]\nnonsense\n", "line 2: 'nonsense' is neither a section nor key=value"},
        {"[net\n", "line 1: '[net' has no ']'"},
        {NET "[]\n", "line 5: '[]' names no layer, want a type between the brackets"},
        {NET, "the net has no layers"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        *err.text = '\0';
        put(net_path, bad[i].text, strlen(bad[i].text));
        unlink(weights_path);
        CHECK_MSG(!format_read(net_path, format_by_name("darknet"), &err), "%s", bad[i].text);
        CHECK_STR(err.text + strlen(net_path) + 2, bad[i].want);
    }
}

/* Names beside the net are its labels. */
static void names_are_labels(void)
{
    char path[64];
    snprintf(path, sizeof(path), "%s/net.names", folder);
    put(path, "cat\ndog\n", 8);
    struct graph *g = read_net(NET "[dropout]\n[avgpool]\n", -1);
    CHECK_MSG(g && graph_property(g, "labels"), "%s", err.text);
    if (g && graph_property(g, "labels"))
        CHECK(graph_property(g, "labels")->size == 8);
    graph_free(g);
    char both[140];
    graph_free(read_net(NET "[convolutional]\n", 5));
    snprintf(both, sizeof(both), "%s,%s", net_path, weights_path);
    g = format_read(both, NULL, &err);
    CHECK_MSG(g && graph_property(g, "labels"), "%s", err.text);
    graph_free(g);
    unlink(path);
}

/* The net of weights that were named alone is that of their name, or else the only one beside them. */
static void weights_find_their_net(void)
{
    char best[64];
    snprintf(best, sizeof(best), "%s/best.weights", folder);
    graph_free(read_net(NET "[convolutional]\n", 5));
    CHECK(rename(weights_path, best) == 0);
    struct graph *g = format_read(best, NULL, &err);
    CHECK_MSG(g && g->input_count == 1, "%s", err.text);
    graph_free(g);
    unlink(net_path);
    CHECK(!format_read(best, NULL, &err));
    CHECK_MSG(strstr(err.text, "unless the second of two (darknet): want its first one, of suffix .cfg"), "%s",
              err.text);
    unlink(best);
}

/* What a program needs to answer with boxes on a photo. */
static void a_detector_says_so(void)
{
    struct graph *g = read_net(NET "[yolo]\nmask=0\nclasses=1\nnum=1\nanchors=3,4\n", -1);
    CHECK(!g && strstr(err.text, "want filters=6"));
    g = read_net("[net]\nwidth=8\nheight=6\nchannels=6\n[yolo]\nclasses=1\nnum=1\nanchors=3,4\n", -1);
    CHECK_MSG(g && graph_property(g, "task"), "%s", err.text);
    CHECK(g && strcmp(graph_property(g, "task")->data, "detect=yolov3") == 0);
    graph_free(g);
    g = read_net(NET "[avgpool]\n", -1);
    CHECK(g && !graph_property(g, "task"));
    graph_free(g);
    g = read_net("[net]\nwidth=8\nheight=6\nchannels=3\n[avgpool]\n", -1);
    CHECK(g && strcmp(graph_property(g, "recipe")->data, "opencv,rgb,scale=0.003921569") == 0);
    graph_free(g);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    snprintf(net_path, sizeof(net_path), "%s/net.cfg", folder);
    snprintf(weights_path, sizeof(weights_path), "%s/net.weights", folder);
    RUN(shapes);
    RUN(blanks_and_comments_do_not_count);
    RUN(weights_must_fit);
    RUN(a_local_layer_is_bounded);
    RUN(refused);
    RUN(names_are_labels);
    RUN(weights_find_their_net);
    RUN(a_detector_says_so);
    unlink(net_path);
    unlink(weights_path);
    rmdir(folder);
    return TEST_END();
}
