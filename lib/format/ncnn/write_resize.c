/* Resolution, and moves between space and channels. */
#include <math.h>
#include <string.h>

#include "format/ncnn/write.h"
#include "op/check.h"

enum { NEAREST = 1, LINEAR, CUBIC };

static int type_of(const char *mode)
{
    return strcmp(mode, "nearest") == 0 ? NEAREST : strcmp(mode, "linear") == 0 ? LINEAR : CUBIC;
}

/* Whether only the last axes change, those of a blob's map: two, or one of a blob of two axes. */
static bool is_map(struct writer *w)
{
    const struct value *x = w->n->in[0], *y = w->n->out[0];
    int rank = x->type.rank, last = rank == 3 ? 1 : 2;
    for (int i = 0; i < rank - last; i++)
        if (x->type.dims[i] != y->type.dims[i] || x->type.dims[i] == DIM_UNKNOWN)
            return false;
    return rank == 3 || rank == 4;
}

/* ncnn's nearest is floor(place * size / out), which some other ways to count are too where the factor is whole. */
static bool is_floor(const struct node *n, float h, float v)
{
    const char *place = op_string(n, "coordinate_transformation_mode"), *round = op_string(n, "nearest_mode");
    bool whole = h == floorf(h) && v == floorf(v), twice = h <= 2 && v <= 2;
    if (strcmp(place, "asymmetric") == 0)
        return strcmp(round, "floor") == 0 || (whole && twice && strcmp(round, "round_prefer_floor") == 0);
    return whole && strstr(place, "half_pixel") && strncmp(round, "round_prefer", 12) == 0 && h >= 1 && v >= 1;
}

static bool is_known_mode(struct writer *w, int type, float h, float v)
{
    const struct node *n = w->n;
    const char *place = op_string(n, "coordinate_transformation_mode");
    bool centres = strcmp(place, "half_pixel") == 0 || strcmp(place, "pytorch_half_pixel") == 0;
    if (op_int(n, "antialias") || op_int(n, "exclude_outside"))
        return false;
    if (type == NEAREST)
        return is_floor(n, h, v);
    if (type == CUBIC && op_float(n, "cubic_coeff_a") != -0.75f)
        return false;
    return centres || strcmp(place, "align_corners") == 0;
}

/* Scales of the map's axes from the list of all axes or of some. */
static void map_scales(const struct node *n, const struct tensor *t, int rank, float *h, float *v)
{
    int count;
    const int64_t *axes = op_ints(n, "axes", &count);
    *h = *v = 1;
    for (int64_t i = 0; t && i < t->count; i++) {
        int64_t axis = axes && i < count ? axes[i] : i;
        axis = axis < 0 ? axis + rank : axis;
        if (axis == rank - 1)
            *v = (float)tensor_get_f64(t, i);
        else if (axis == rank - 2)
            *h = (float)tensor_get_f64(t, i);
    }
}

static void put_interp(struct writer *w, int type, bool corners, bool scaled, float h, float v)
{
    const struct value *y = w->n->out[0];
    int64_t height = y->type.rank == 3 ? 0 : y->type.dims[y->type.rank - 2], width = y->type.dims[y->type.rank - 1];
    if (type != NEAREST && !op_dtype_in("float", y->type.dtype))
        ncnn_miss(w, "of integers");
    ncnn_image_layer(w, "Interp");
    ncnn_put_int(w, 0, type);
    if (scaled) {
        ncnn_put_float(w, 1, h);
        ncnn_put_float(w, 2, v);
    } else {
        if (height < 0 || width < 0)
            ncnn_miss(w, "to sizes that are not known");
        ncnn_put_int(w, 3, height ? height : 1);
        ncnn_put_int(w, 4, width);
    }
    ncnn_put_int(w, 6, corners);
}

void ncnn_write_resize(struct writer *w)
{
    const struct value *x = w->n->in[0], *y = w->n->out[0];
    const struct tensor *scales = ncnn_constant_of(w, node_in(w->n, 2));
    int type = type_of(op_string(w->n, "mode")), rank = x->type.rank;
    float h = 1, v = 1;
    bool scaled = scales && scales->count > 0;
    if (scaled)
        map_scales(w->n, scales, rank, &h, &v);
    else if (rank >= 3 && x->type.dims[rank - 1] > 0 && y->type.dims[rank - 1] > 0) {
        v = (float)y->type.dims[rank - 1] / (float)x->type.dims[rank - 1];
        h = x->type.dims[rank - 2] > 0 ? (float)y->type.dims[rank - 2] / (float)x->type.dims[rank - 2] : 1;
    }
    if (!is_map(w) || !is_known_mode(w, type, h, v)) {
        ncnn_miss(w, "of other axes than the map's, or in a mode that it has not");
        return;
    }
    if (rank == 3 && scaled)
        h = 1;
    bool corners = type != NEAREST && strcmp(op_string(w->n, "coordinate_transformation_mode"), "align_corners") == 0;
    put_interp(w, type, corners, scaled, h, v);
}

/* Caffe's and ncnn's own form. */
void ncnn_write_interp(struct writer *w)
{
    int count;
    const float *scales = op_floats(w->n, "scales", &count);
    const char *place = op_string(w->n, "coordinates");
    int type = type_of(op_string(w->n, "mode"));
    bool corners = strcmp(place, "align_corners") == 0;
    bool fine = type == NEAREST ? strcmp(place, "asymmetric") == 0 : corners || strcmp(place, "half_pixel") == 0;
    if (!fine || op_int(w->n, "pad_begin") || op_int(w->n, "pad_end") || w->n->in[0]->type.rank != 4) {
        ncnn_miss(w, "that cuts, or in a mode that it has not");
        return;
    }
    bool scaled = count == 2 && !node_in(w->n, 1);
    put_interp(w, type, corners, scaled, scaled ? scales[0] : 1, scaled ? scales[1] : 1);
}

void ncnn_write_depth_to_space(struct writer *w)
{
    ncnn_image_layer(w, "PixelShuffle");
    ncnn_put_int(w, 0, op_int(w->n, "blocksize"));
    ncnn_put_int(w, 1, strcmp(op_string(w->n, "mode"), "DCR") == 0);
}

void ncnn_write_space_to_depth(struct writer *w)
{
    ncnn_image_layer(w, "Reorg");
    ncnn_put_int(w, 0, op_int(w->n, "blocksize"));
    ncnn_put_int(w, 1, 1);
}

void ncnn_write_reorg(struct writer *w)
{
    const char *mode = op_string(w->n, "mode");
    if (strcmp(mode, "darknet") == 0) {
        ncnn_miss(w, "in Darknet's order");
        return;
    }
    ncnn_image_layer(w, "Reorg");
    ncnn_put_int(w, 0, op_int(w->n, "stride"));
    ncnn_put_int(w, 1, strcmp(mode, "DCR") == 0);
}

void ncnn_write_shuffle_channel(struct writer *w)
{
    ncnn_image_layer(w, "ShuffleChannel");
    ncnn_put_int(w, 0, op_int(w->n, "group"));
    ncnn_put_int(w, 1, op_int(w->n, "reverse") != 0);
}

void ncnn_write_grid_sample(struct writer *w)
{
    static const char *const modes[] = {"linear", "nearest", "cubic"}, *const paddings[] = {"zeros", "border",
                                                                                            "reflection"};
    int mode = 0, padding = 0;
    while (mode < 2 && strcmp(modes[mode], op_string(w->n, "mode")) != 0)
        mode++;
    while (padding < 2 && strcmp(paddings[padding], op_string(w->n, "padding_mode")) != 0)
        padding++;
    const char *in[2] = {ncnn_image(w, w->n->in[0]), ncnn_image(w, w->n->in[1])}, *out = ncnn_result(w, w->n->out[0]);
    ncnn_layer_of(w, "GridSample", 2, in, 1, &out);
    ncnn_put_int(w, 0, mode + 1);
    ncnn_put_int(w, 1, padding + 1);
    ncnn_put_int(w, 2, op_int(w->n, "align_corners") != 0);
}
