/* Darknet's yolo and region layers: boxes and class scores of a grid of cells. */
#include <math.h>
#include <string.h>

#include "op/build.h"
#include "op/real.h"
#include "op/rows.h"

#define YOLO_CLASSES_MAX (1 << 20)
#define YOLO_BOXES_MAX   (1 << 12)

struct yolo {
    const float *anchors; /* width, height of each */
    const int64_t *mask;
    int boxes, anchor_count; /* boxes: of one cell */
    int64_t classes, image[2];
    bool softmax, raw; /* raw: what comes in has been through the logistic function, but not the sizes */
    float scale, threshold;
};

static int read_anchors(struct yolo *y, const struct node *n, struct error *err)
{
    int masks, numbers;
    y->anchors = op_floats(n, "anchors", &numbers);
    y->mask = op_ints(n, "mask", &masks);
    y->anchor_count = numbers / 2;
    y->boxes = masks ? masks : y->anchor_count;
    if (numbers % 2 || y->boxes < 1 || y->boxes > YOLO_BOXES_MAX)
        return error_set(err, "attribute anchors: %d numbers for %d boxes, want a width and a height for each", numbers,
                         y->boxes);
    for (int i = 0; i < masks; i++)
        if (y->mask[i] < 0 || y->mask[i] >= y->anchor_count)
            return error_set(err, "attribute mask: %lld, but there are %d anchors", (long long)y->mask[i],
                             y->anchor_count);
    return 0;
}

static int read_image(struct yolo *y, const struct node *n, struct error *err)
{
    int count;
    const int64_t *size = op_ints(n, "image_size", &count);
    if (count != 0 && count != 2)
        return error_set(err, "attribute image_size: %d values, want height and width", count);
    for (int i = 0; i < count; i++) {
        if (size[i] < 1 || size[i] > INT32_MAX)
            return error_set(err, "attribute image_size: %lld, want at least 1", (long long)size[i]);
        y->image[i] = size[i];
    }
    return 0;
}

static int read_yolo(struct yolo *y, const struct node *n, const struct type *x, struct error *err)
{
    *y = (struct yolo){.classes = op_int(n, "classes"),
                       .softmax = op_int(n, "softmax") != 0,
                       .raw = op_int(n, "new_coords") != 0,
                       .scale = op_float(n, "scale_x_y"),
                       .threshold = op_float(n, "threshold")};
    if (y->classes < 1 || y->classes > YOLO_CLASSES_MAX)
        return error_set(err, "attribute classes: %lld, want 1 to %d", (long long)y->classes, YOLO_CLASSES_MAX);
    if (read_anchors(y, n, err) < 0 || read_image(y, n, err) < 0)
        return -1;
    if (x->rank >= 0 && x->rank != 4)
        return error_set(err, "input X has rank %d, want 4", x->rank);
    if (x->rank == 4 && x->dims[1] >= 0 && x->dims[1] != y->boxes * (5 + y->classes))
        return error_set(err, "input X has %lld channels, want %d boxes of 5 + %lld", (long long)x->dims[1], y->boxes,
                         (long long)y->classes);
    return 0;
}

int infer_yolo_region(struct op_infer *c, struct error *err)
{
    const struct type *x = real_type(c, 0);
    struct yolo y;
    int64_t dims[] = {DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN};
    if (read_yolo(&y, c->node, x, err) < 0)
        return real_infer_fail(c, err);
    if (x->rank == 4) {
        dims[0] = x->dims[0];
        dims[1] = graph_dim_mul(c->graph, graph_dim_mul(c->graph, x->dims[2], x->dims[3]), y.boxes);
    }
    dims[2] = 5 + y.classes;
    return infer_set(c, 0, x->dtype, 3, dims, err);
}

/* ---- expansion: on [N, boxes, 5 + classes, H, W] ---- */

static struct value *constant(struct build *b, int rank, const int64_t *dims, struct tensor **t)
{
    *t = b->failed ? NULL : tensor_new(build_dtype(b, 0), rank, dims, b->err);
    return b->failed ? NULL : build_constant(b, NULL, *t);
}

static struct value *with_number(struct build *b, const char *op, struct value *v, double number)
{
    return BUILD(b, op, v, build_number(b, build_dtype(b, 0), number));
}

#define YOLO_CELLS_MAX ((int64_t)1 << 24)

/* Column and row of each cell, [1, 1, 2, H, W]. */
static struct value *cells(struct build *b, int64_t height, int64_t width)
{
    struct tensor *t;
    if (height > YOLO_CELLS_MAX || width > YOLO_CELLS_MAX || height * width > YOLO_CELLS_MAX)
        build_fail(b, "%lld x %lld cells are too many", (long long)height, (long long)width);
    struct value *v = constant(b, 5, (int64_t[]){1, 1, 2, height, width}, &t);
    for (int64_t i = 0; v && i < height * width; i++) {
        tensor_set_f64(t, i, (double)(i % width));
        tensor_set_f64(t, height * width + i, (double)(i / width));
    }
    return v;
}

/* (place + cell) / grid, [N, boxes, 2, H, W]. */
static struct value *centers(struct build *b, const struct yolo *y, struct value *v, int64_t height, int64_t width)
{
    struct tensor *t;
    if (!y->raw)
        v = BUILD(b, "Sigmoid", v);
    if (y->scale != 1)
        v = with_number(b, "Sub", with_number(b, "Mul", v, y->scale), 0.5 * (y->scale - 1.0));
    v = BUILD(b, "Add", v, cells(b, height, width));
    struct value *grid = constant(b, 5, (int64_t[]){1, 1, 2, 1, 1}, &t);
    for (int i = 0; grid && i < 2; i++)
        tensor_set_f64(t, i, (double)(i ? height : width));
    return BUILD(b, "Div", v, grid);
}

/* exp(v) * anchor / image, or (2 * v)^2 for the exponential. */
static struct value *extents(struct build *b, const struct yolo *y, struct value *v, const int64_t *image)
{
    struct tensor *t;
    v = y->raw ? BUILD(b, "Mul", v, v) : BUILD(b, "Exp", v);
    struct value *sizes = constant(b, 5, (int64_t[]){1, y->boxes, 2, 1, 1}, &t);
    for (int i = 0; sizes && i < 2 * y->boxes; i++) {
        int64_t anchor = y->mask ? y->mask[i / 2] : i / 2;
        double size = y->anchors[2 * anchor + i % 2];
        tensor_set_f64(t, i, (y->raw ? 4 : 1) * size / (double)image[i % 2 ? 0 : 1]);
    }
    return BUILD(b, "Mul", v, sizes);
}

/* Class probabilities times that of a box; those at most `threshold` are 0. */
static struct value *class_scores(struct build *b, const struct yolo *y, struct value *v, struct value *object)
{
    if (y->softmax)
        v = BUILD(b, "Softmax/axis=2", v);
    else if (!y->raw)
        v = BUILD(b, "Sigmoid", v);
    v = BUILD(b, "Mul", v, object);
    if (!(y->threshold > 0))
        return v;
    return BUILD(b, "Where", with_number(b, "Greater", v, y->threshold), v, build_number(b, build_dtype(b, 0), 0));
}

/* Height and width that anchors are told in: the attribute, those of input image, or the grid's. */
static void anchor_size(struct build *b, const struct yolo *y, int64_t *size)
{
    for (int i = 0; i < 2; i++)
        size[i] = y->image[0] ? y->image[i] : node_in(b->node, 1) ? build_dim(b, 1, i - 2) : build_dim(b, 0, 2 + i);
    if (!b->failed && (size[0] < 1 || size[1] < 1))
        build_fail(b, "the image is empty");
}

int expand_yolo_region(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct yolo y;
    int64_t height = build_dim(&b, 0, 2), width = build_dim(&b, 0, 3), image[2];
    if (b.failed || read_yolo(&y, n, &n->in[0]->type, err) < 0)
        return -1;
    anchor_size(&b, &y, image);
    const int64_t row = 5 + y.classes, split[] = {0, y.boxes, row, height, width},
                  flat[] = {0, height * width * y.boxes, row}, perm[] = {0, 3, 4, 1, 2};
    struct value *x = build_reshape(&b, n->in[0], 5, split), *object = build_slice(&b, x, 2, 4, 5);
    if (!y.raw)
        object = BUILD(&b, "Sigmoid", object);
    struct value *all = BUILD(&b, "Concat", centers(&b, &y, build_slice(&b, x, 2, 0, 2), height, width),
                              extents(&b, &y, build_slice(&b, x, 2, 2, 4), image), object,
                              class_scores(&b, &y, build_slice(&b, x, 2, 5, row), object));
    all = build_transpose(&b, build_int(&b, all, "axis", 2), 5, perm);
    build_give(&b, 0, build_reshape(&b, all, 3, flat));
    return build_end(&b);
}
