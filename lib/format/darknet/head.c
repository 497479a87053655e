/* Heads of detectors. Source: yolo_layer.c and region_layer.c. */
#include "format/darknet/darknet.h"

#define MOST_ANCHORS 1024

/* What a head has in common. Rows of boxes are a result of the net, also when layers follow. `boxes` of them stand at
 * each place. */
static struct value *add_head(struct darknet_read *l, int64_t boxes, float threshold)
{
    struct darknet_map map = darknet_map_of(l, &l->in);
    int64_t num = darknet_in(l, "num", 1, 1, MOST_ANCHORS), classes = darknet_in(l, "classes", 20, 1, 1 << 20);
    float anchors[2 * MOST_ANCHORS];
    int given = darknet_floats(l->section, "anchors", anchors, 2 * MOST_ANCHORS);
    if (given < 2 * num)
        build_fail(l->b, "anchors has %d numbers, want %lld, two for each of num=%lld", given, (long long)(2 * num),
                   (long long)num);
    if (!l->b->failed && map.channels != boxes * (5 + classes))
        build_fail(l->b, "%lld channels come in, want filters=%lld of the layer before: %lld boxes of 5 + %lld classes",
                   (long long)map.channels, (long long)(boxes * (5 + classes)), (long long)boxes, (long long)classes);
    struct value *v = l->b->failed ? NULL : BUILD(l->b, "nn.YoloRegion", l->in);
    build_floats(l->b, v, "anchors", 2 * (int)num, anchors);
    build_int(l->b, v, "classes", classes);
    l->is_head = true;
    l->reader->classes = classes;
    /* The key is also there for training; without it, what other readers of these files take. */
    return build_float(l->b, v, "threshold", darknet_float(l->section, "thresh", threshold));
}

void darknet_read_yolo(struct darknet_read *l)
{
    int64_t mask[MOST_ANCHORS], num = darknet_in(l, "num", 1, 1, MOST_ANCHORS);
    int n = darknet_ints(l->section, "mask", mask, MOST_ANCHORS);
    for (int i = 0; i < n && i < MOST_ANCHORS && !l->b->failed; i++)
        if (mask[i] < 0 || mask[i] >= num)
            build_fail(l->b, "mask has %lld, want numbers below num=%lld", (long long)mask[i], (long long)num);
    if (n > MOST_ANCHORS)
        build_fail(l->b, "mask has %d numbers, want at most %d", n, MOST_ANCHORS);
    struct value *v = add_head(l, n ? n : num, 0.2f);
    if (n)
        build_ints(l->b, v, "mask", n, mask);
    build_ints(l->b, v, "image_size", 2, (int64_t[]){l->reader->height, l->reader->width});
    build_float(l->b, v, "scale_x_y", darknet_float(l->section, "scale_x_y", 1));
    l->out = build_int(l->b, v, "new_coords", darknet_int(l->section, "new_coords", 0) != 0);
}

/* Its anchors are counted in places. */
void darknet_read_region(struct darknet_read *l)
{
    if (darknet_text(l->section, "tree") || darknet_int(l->section, "coords", 4) != 4)
        build_fail(l->b, "a tree of classes, and coords other than 4, are not read");
    struct value *v = add_head(l, darknet_in(l, "num", 1, 1, MOST_ANCHORS), 0.001f);
    l->out = build_int(l->b, v, "softmax", darknet_int(l->section, "softmax", 0) != 0);
}

/* The first version's: for each cell of a grid the probabilities of classes, then for all boxes objectness, then their
 * places. What comes in is the result; its meaning is in the section. */
void darknet_read_detection(struct darknet_read *l)
{
    if (darknet_int(l->section, "softmax", 0))
        build_fail(l->b, "softmax is not read, want 0");
    l->out = l->in;
}
