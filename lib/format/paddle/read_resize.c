/* Sizes of images: interpolation, pads, sampling. */
#include <string.h>

#include "format/paddle/paddle.h"

#define MOST_AXES 3

/* ---- interpolation ---- */

static void set_mode(struct paddle_node *o, struct value *v)
{
    bool nearest = strcmp(o->kind->arg, "nearest") == 0, linear = strcmp(o->kind->arg, "linear") == 0;
    bool align = paddle_bool(o, "align_corners", true);
    bool half = !nearest && !(linear && paddle_int(o, "align_mode", 1) == 1);
    build_resize_mode(o->b, v, o->kind->arg, align, half);
    if (nearest)
        build_string(o->b, v, "nearest_mode", align ? "round_prefer_ceil" : "floor");
}

/* The attributes out_d, out_h and out_w, as far as there are axes; NULL where one is not set. */
static struct value *stated_size(struct paddle_node *o, int axes)
{
    static const char *const names[] = {"out_d", "out_h", "out_w"};
    int64_t size[MOST_AXES];
    for (int i = 0; i < axes; i++) {
        size[i] = paddle_int(o, names[MOST_AXES - axes + i], -1);
        if (size[i] <= 0)
            return NULL;
    }
    return build_list(o->b, axes, size);
}

static struct value *stated_factors(struct paddle_node *o, int axes)
{
    float factors[MOST_AXES];
    int count = paddle_floats(o, "scale", factors, MOST_AXES);
    for (int i = 0; i < axes && count > 0; i++) {
        factors[i] = factors[count == 1 ? 0 : i];
        if (!(factors[i] > 0 && factors[i] < 65536) || (count != 1 && count < axes))
            return NULL;
    }
    return count > 0 ? build_f32s(o->b, axes, factors) : NULL;
}

/* A size that is an input goes before a factor that is one, that before a stated factor, and this before a stated
 * size. */
void paddle_read_interp(struct paddle_node *o)
{
    static const int64_t places[] = {2, 3, 4};
    struct value *x = paddle_in(o, 0), *size = NULL, *factors = NULL;
    int axes = paddle_rank(o, x) - 2;
    if (axes < 1 || axes > MOST_AXES) {
        build_fail(o->b, "an input of %d spatial axes", axes);
        return;
    }
    if (paddle_has(o, 1) || paddle_has(o, 2))
        size = paddle_numbers(o, "", 1, 2);
    else if (paddle_has(o, 3))
        factors = BUILD(o->b, "Expand", paddle_in(o, 3), BUILD_LIST(o->b, axes));
    else if (!(factors = stated_factors(o, axes)))
        size = stated_size(o, axes);
    if (!size && !factors)
        build_fail(o->b, "it has neither a size nor a factor");
    if (factors && paddle_bool(o, "align_corners", true)) { /* whole sizes tell the steps */
        size = build_formula(o->b, "$1 $0 Shape/start=2 ~ Mul:2 Floor Cast/to=7", 2, (struct value *[]){x, factors});
        factors = NULL;
    }
    struct value *v = build_ints(o->b, BUILD(o->b, "Resize", x, NULL, factors, size), "axes", axes, places);
    set_mode(o, v);
    paddle_give(o, 0, v);
}

void paddle_read_grid_sample(struct paddle_node *o)
{
    bool border = paddle_is(o, "padding_mode", "border"), reflect = paddle_is(o, "padding_mode", "reflection");
    struct value *v = BUILD(o->b, "GridSample", paddle_in(o, 0), paddle_in(o, 1));
    build_string(o->b, v, "mode", paddle_is(o, "mode", "nearest") ? "nearest" : "linear");
    build_string(o->b, v, "padding_mode", border ? "border" : reflect ? "reflection" : "zeros");
    paddle_give(o, 0, build_int(o->b, v, "align_corners", paddle_bool(o, "align_corners", true)));
}

void paddle_read_affine_grid(struct paddle_node *o)
{
    struct value *v = BUILD(o->b, "AffineGrid", paddle_in(o, 0), paddle_numbers(o, "output_shape", 1, -1));
    paddle_give(o, 0, build_int(o->b, v, "align_corners", paddle_bool(o, "align_corners", true)));
}

/* ---- pads ---- */

static const char *pad_mode(struct paddle_node *o)
{
    static const char *const modes[][2] = {{"constant", "constant"},
                                           {"reflect", "reflect"},
                                           {"replicate", "edge"},
                                           {"edge", "edge"},
                                           {"circular", "wrap"}};
    const char *text = paddle_text(o, "mode", "constant");
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
        if (strcmp(text, modes[i][0]) == 0)
            return modes[i][1];
    build_fail(o->b, "pads of mode '%.20s'", text);
    return "constant";
}

/* The pads of the file in ONNX's order: pairs for all axes; top, bottom, left, right; or from the last axis on. */
static bool place_pads(const char *order, const int64_t *given, int count, int rank, int64_t *pads)
{
    bool whole = strcmp(order, "pairs") == 0, flat = strcmp(order, "2d") == 0;
    if (whole ? count != 2 * rank : flat ? count != 4 || rank != 4 : count != 2 * (rank - 2))
        return false;
    for (int i = 0; i < count; i++) {
        int axis = whole ? i / 2 : flat ? 2 + i / 2 : rank - 1 - i / 2;
        pads[i % 2 ? rank + axis : axis] = given[i];
    }
    return true;
}

void paddle_read_pad(struct paddle_node *o)
{
    int64_t given[2 * TENSOR_MAX_RANK], pads[2 * TENSOR_MAX_RANK] = {0};
    struct value *x = paddle_in(o, 0);
    int rank = paddle_rank(o, x);
    bool whole = strcmp(o->kind->arg, "pairs") == 0;
    const char *mode = pad_mode(o);
    int count = paddle_want_ints(o, "paddings", whole ? -1 : 1, -1, given, 2 * TENSOR_MAX_RANK);
    if (!o->b->failed && !place_pads(o->kind->arg, given, count, rank, pads))
        build_fail(o->b, "%d pads of %d axes", count, rank);
    struct value *number = paddle_scalar(o, "pad_value|value", whole ? 1 : -1, paddle_type(o, x), 0);
    bool constant = strcmp(mode, "constant") == 0;
    struct value *v = BUILD(o->b, "Pad", x, build_list(o->b, 2 * rank, pads), constant ? number : NULL);
    paddle_give(o, 0, constant ? v : build_string(o->b, v, "mode", mode));
}
