/* Layers that bring data into the net: they become inputs of the graph. */
#include <string.h>

#include "format/caffe/caffe.h"

/* The dims of a BlobShape; the rank, or -1 after a failure. */
static int read_shape(struct build *b, const struct protobuf *shape, int64_t *dims)
{
    int rank = 0;
    for (const struct protobuf *p = protobuf_first(shape, "dim"); p; p = protobuf_more(p)) {
        int64_t dim = protobuf_as_int(p, -1);
        if (rank == TENSOR_MAX_RANK || dim < 1 || dim > INT32_MAX) {
            build_fail(b, "axis %d of its shape has size %lld, want 1 to 2147483647, and at most %d axes", rank,
                       (long long)dim, TENSOR_MAX_RANK);
            return -1;
        }
        dims[rank++] = dim;
    }
    return rank;
}

/* An input of the graph. Where the net slides, heights and widths are open. */
static struct value *add_input(struct caffe_reader *r, const struct protobuf *top, int rank, int64_t *dims)
{
    for (int i = 2; i < 4 && rank == 4; i++)
        if (r->slides || dims[i] < 0)
            dims[i] = graph_symbol(r->build.graph, i == 2 ? "H" : "W", r->build.err);
    return build_input(&r->build, protobuf_as_text(top, ""), DTYPE_F32, rank, dims);
}

static const struct protobuf *first_top(const struct caffe_read *l)
{
    return protobuf_first(l->layer->message, "top");
}

/* The next field of the name; the last one serves for all that are behind it. */
static const struct protobuf *next_or_last(const struct protobuf *p)
{
    const struct protobuf *more = p ? protobuf_more(p) : NULL;
    return more ? more : p;
}

/* A shape for each top, or one for all. */
void caffe_read_input(struct caffe_read *l)
{
    const struct protobuf *shape = protobuf_first(l->param, "shape"), *top = first_top(l);
    int64_t dims[TENSOR_MAX_RANK];
    for (int i = 0; top && !l->b->failed; i++, top = protobuf_more(top)) {
        int rank = shape ? read_shape(l->b, shape, dims) : -1;
        l->out[i] = add_input(l->reader, top, rank, dims);
        shape = next_or_last(shape);
    }
}

/* The first of these fields, of the layer's parameter, its transformation, or the resizing in that, that is above 0. */
static int64_t first_of(const struct caffe_read *l, const char *const *names, int64_t otherwise)
{
    const struct protobuf *transform = protobuf_message(l->layer->message, "transform_param");
    const struct protobuf *places[] = {transform, l->param, protobuf_message(transform, "resize_param")};
    for (; *names; names++)
        for (int i = 0; i < 3; i++) {
            int64_t size = protobuf_int(places[i], *names, 0);
            if (size > 0 && size <= INT32_MAX)
                return size;
        }
    return otherwise;
}

/* The first top are the data; the others are labels, which only training needs. What sizes are not in the file depend
 * on a data base that is not there. */
void caffe_read_data(struct caffe_read *l)
{
    static const char *const batch[] = {"batch_size", NULL}, *const channels[] = {"channels", NULL};
    static const char *const height[] = {"crop_h", "crop_size", "height", "new_height", NULL};
    static const char *const width[] = {"crop_w", "crop_size", "width", "new_width", NULL};
    const struct protobuf *transform = protobuf_message(l->layer->message, "transform_param");
    int64_t gray = protobuf_int(transform, "force_gray", 0);
    int64_t dims[4] = {first_of(l, batch, 1), first_of(l, channels, gray ? 1 : 3), first_of(l, height, DIM_UNKNOWN),
                       first_of(l, width, DIM_UNKNOWN)};
    if (l->out_count > 0)
        l->out[0] = add_input(l->reader, first_top(l), strcmp(l->layer->type, "HDF5Data") == 0 ? -1 : 4, dims);
}

/* One number everywhere is a constant; what is random is an input. */
void caffe_read_dummy(struct caffe_read *l)
{
    static const char *const legacy[] = {"num", "channels", "height", "width"};
    const struct protobuf *shape = protobuf_first(l->param, "shape"), *filler = protobuf_first(l->param, "data_filler");
    const struct protobuf *top = first_top(l);
    for (int i = 0; top && !l->b->failed; i++, top = protobuf_more(top)) {
        int64_t dims[TENSOR_MAX_RANK];
        int rank = shape ? read_shape(l->b, shape, dims) : 4;
        for (int k = 0; k < 4 && !shape; k++)
            dims[k] = caffe_int_in(l, legacy[k], 1, 1, INT32_MAX);
        struct tensor *number = NULL;
        if (l->b->failed)
            return;
        if (strcmp(protobuf_text(filler, "type", "constant"), "constant") == 0)
            number = tensor_scalar_f32((float)protobuf_float(filler, "value", 0), l->b->err);
        if (number)
            l->out[i] = BUILD(l->b, "Expand", build_constant(l->b, NULL, number), build_list(l->b, rank, dims));
        else
            l->out[i] = add_input(l->reader, top, rank, dims);
        shape = next_or_last(shape);
        filler = next_or_last(filler);
    }
}

/* A weight that is a top. */
void caffe_read_parameter(struct caffe_read *l)
{
    int64_t dims[TENSOR_MAX_RANK];
    int rank = read_shape(l->b, protobuf_message(l->param, "shape"), dims);
    if (!l->b->failed)
        l->out[0] = caffe_weight(l, 0, "weight", rank, dims);
}

/* ---- the net's own inputs ---- */

/* Fields beside the layers, of older files: "input" with "input_shape", or with four "input_dim" each. */
void caffe_add_inputs(struct caffe_reader *r)
{
    const struct protobuf *net = r->net.message, *shape = protobuf_first(net, "input_shape");
    const struct protobuf *dim = protobuf_first(net, "input_dim");
    for (const struct protobuf *p = protobuf_first(net, "input"); p && !r->build.failed; p = protobuf_more(p)) {
        int64_t dims[TENSOR_MAX_RANK];
        int rank = shape ? read_shape(&r->build, shape, dims) : dim ? 4 : -1;
        for (int i = 0; i < 4 && !shape && dim; i++) {
            dims[i] = protobuf_as_int(dim, -1);
            dim = protobuf_more(dim);
            if (dims[i] < 1 || dims[i] > INT32_MAX || (!dim && i < 3))
                build_fail(&r->build, "input_dim: want 4 sizes of 1 to 2147483647 for each input");
        }
        shape = shape ? protobuf_more(shape) : NULL;
        caffe_set_top(r, protobuf_as_text(p, ""), add_input(r, p, rank, dims));
    }
}
