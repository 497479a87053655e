/* Layers that only change what a blob looks like: inputs and constants, reshaping, permuting, joining. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "format/ncnn/ncnn.h"
#include "format/ncnn/read.h"
#include "format/ncnn/read_size.h"

/* The parameters' numbers for c, d, h, w, in the graph's order. */
static const int size_ids[] = {2, 11, 1, 0};
static const char letters[] = "cdhw";

/* The axes among c, d, h, w that a blob of so many has: 1: w; 2: h w; 3: c h w; 4: all. */
static int letters_of(int dims, int *at)
{
    static const int lists[5][4] = {{0}, {3}, {2, 3}, {0, 2, 3}, {0, 1, 2, 3}};
    memcpy(at, lists[dims], sizeof(lists[dims]));
    return dims;
}

/* ---- inputs and constants ---- */

/* Layers whose first input has a fixed number of axes: 1, 2, 3 or 4. */
static const char *const fixed[] = {
    "Embed",
    "Convolution1D ConvolutionDepthWise1D Pooling1D Deconvolution1D LSTM GRU RNN MultiHeadAttention "
    "DeconvolutionDepthWise1D Gemm Fold",
    "Convolution ConvolutionDepthWise Deconvolution DeconvolutionDepthWise Pooling PixelShuffle Reorg ShuffleChannel "
    "Interp LRN SDPA RotaryEmbed GridSample DeformableConv2D Unfold ROIPooling",
    "Convolution3D ConvolutionDepthWise3D Pooling3D Deconvolution3D DeconvolutionDepthWise3D",
};

/* Layers that keep the number of axes of their first input. */
static const char keeping[] =
    "Split ReLU BatchNorm Scale Bias PReLU Sigmoid TanH Eltwise BinaryOp UnaryOp Clip HardSwish Swish GELU Softmax "
    "Padding Concat Noop Dropout ELU LayerNorm Mish Softplus GroupNorm Power Slice Crop AbsVal RMSNorm Cast Packing";

/* Axes of Einsum's first operand: the letters before a comma or the arrow. */
static int einsum_dims(const struct ncnn_layer *l)
{
    int n = 0, count = (int)ncnn_count(l, 0);
    while (n < count && n < 4 && ncnn_int_at(l, 0, (size_t)n) >= 'a')
        n++;
    return n;
}

/* Axes that a type of layer wants, 0: any. Orders of Permute beyond 1 need three axes, beyond 5 four. */
static int wanted(const struct ncnn_layer *l)
{
    for (int dims = 1; dims <= 4; dims++)
        if (text_has_word(fixed[dims - 1], l->type))
            return dims;
    if (strcmp(l->type, "Einsum") == 0)
        return einsum_dims(l);
    int order = strcmp(l->type, "Permute") == 0 ? ncnn_int(l, 0, 0) : 0;
    return order > 5 ? 4 : order > 1 ? 3 : 0;
}

/* A file that does not say how many axes an input has, as those of pnnx, is asked who takes it. Where nobody tells, 0,
 * or what this reading tries. */
static int guess_dims(struct reader *r, const char *blob)
{
    const struct ncnn_layer *l = ncnn_consumer(r, blob);
    for (int hops = 0; l && hops < 1000; hops++) {
        int dims = wanted(l);
        if (dims)
            return dims;
        l = text_has_word(keeping, l->type) && l->out_count ? ncnn_consumer(r, l->out[0]) : NULL;
    }
    r->guessed = true;
    return r->guess;
}

/* The channels that a convolution behind an input takes, -1 when there is none. */
static int64_t channels_taken(const struct ncnn_layer *l)
{
    int64_t outputs = l ? ncnn_int(l, 0, 0) : 0, width = l ? ncnn_int(l, 1, 0) : 0;
    int64_t taps = l ? width * ncnn_int(l, 11, (int)width) : 0;
    if (!l || strcmp(l->type, "Convolution") != 0 || outputs <= 0 || taps <= 0 || ncnn_int(l, 6, 0) < outputs)
        return -1;
    return ncnn_int(l, 6, 0) / outputs / taps;
}

/* A size that the file leaves open is a symbol: "w", and "w_2" of the second input. */
static int64_t open_size(struct reader *r, char letter)
{
    char name[32];
    if (r->inputs == 1)
        snprintf(name, sizeof(name), "%c", letter);
    else
        snprintf(name, sizeof(name), "%c_%d", letter, r->inputs);
    int64_t dim = graph_symbol(r->b.graph, name, r->b.err);
    build_check(&r->b, dim != 0);
    return dim;
}

struct value *ncnn_input(struct reader *r)
{
    const char *blob = r->l->out_count ? r->l->out[0] : "";
    int at[4], dims = 0;
    int64_t shape[5] = {1};
    r->inputs++;
    if (r->l->out_count != 1)
        build_fail(&r->b, "has %d outputs; 1 was expected", r->l->out_count);
    for (int i = 0; i < 4; i++)
        if (ncnn_int(r->l, size_ids[i], 0) != 0 && !dims)
            dims = i == 0 ? 3 : 4 - i;
    if (ncnn_int(r->l, 11, 0) != 0)
        dims = 4;
    if (!dims)
        dims = guess_dims(r, blob);
    if (!dims)
        return build_input(&r->b, blob, DTYPE_F32, -1, NULL);
    letters_of(dims, at);
    const struct source_shape *known = source_shape_of(r->bin.source, blob, (size_t)r->inputs - 1);
    for (int i = 0; i < dims && !r->b.failed; i++) {
        int64_t n = ncnn_int(r->l, size_ids[at[r->sizes == NCNN_SIZES_TURNED ? dims - 1 - i : i]], 0);
        r->sized |= n > 0;
        if (r->sizes == NCNN_SIZES_OPEN)
            n = 0;
        if (n <= 0 && dims == 3 && i == 0)
            n = channels_taken(ncnn_consumer(r, blob));
        if (n > 0 && known && known->rank == dims + 1)
            n = known->dims[i + 1]; /* the file's sizes are hints: layers go by those of a run */
        shape[i + 1] = n > 0 ? n : open_size(r, letters[at[i]]);
    }
    enum dtype dtype = dims == 1 && ncnn_consumer(r, blob) && strcmp(ncnn_consumer(r, blob)->type, "Embed") == 0
                           ? DTYPE_I32
                           : DTYPE_F32;
    return build_input(&r->b, blob, dtype, dims + 1, shape);
}

struct value *ncnn_memory_data(struct reader *r)
{
    int64_t shape[5] = {1};
    int rank = 1;
    for (int i = 0; i < 4; i++) {
        int n = ncnn_int(r->l, size_ids[i], 0);
        if (n < 0)
            build_fail(&r->b, "has a size of %d", n);
        if (n > 0)
            shape[rank++] = n;
    }
    if (rank == 1) /* one number, of which the file has nothing */
        return build_constant(&r->b, NULL, tensor_new(DTYPE_F32, 2, (int64_t[]){1, 1}, r->b.err));
    return ncnn_int(r->l, 21, 1) ? ncnn_raw(r, "data", rank, shape) : ncnn_weight(r, "data", rank, shape);
}

/* ---- identities ---- */

struct value *ncnn_identity(struct reader *r)
{
    return ncnn_in(r, 0);
}

struct value *ncnn_split(struct reader *r)
{
    struct value *v = ncnn_in(r, 0);
    for (int o = 1; o < r->l->out_count; o++)
        ncnn_give(r, o, v);
    return v;
}

/* ---- reshaping ---- */

struct value *ncnn_flatten(struct reader *r)
{
    return build_reshape(&r->b, ncnn_in(r, 0), 2, (int64_t[]){1, -1});
}

/* A size of 0 is the input's along that axis. */
static struct value *reshaped(struct reader *r, struct value *x, int dims, struct size *sizes)
{
    struct size shape[5] = {ncnn_size_number(1)};
    int at[4];
    letters_of(dims, at);
    for (int i = 0; i < dims; i++)
        shape[i + 1] = !sizes[i].value && sizes[i].number == 0 ? ncnn_size_of(r, x, letters[at[i]]) : sizes[i];
    return BUILD(&r->b, "Reshape", x, ncnn_size_list(r, dims + 1, shape));
}

#define NO_BATCH 233

/* Of sizes that count the batch too, as newer files may have them: those of one sample, as every blob here is. */
static int without_batch(struct reader *r, int dims, struct size *sizes, int axis)
{
    int at = axis < 0 ? axis + dims : axis;
    if (at < 0 || at >= dims || sizes[at].value || sizes[at].number != 1)
        build_fail(&r->b, "makes a batch that is not 1 of its axis %d", axis);
    for (; !r->b.failed && at + 1 < dims; at++)
        sizes[at] = sizes[at + 1];
    return dims - 1;
}

struct value *ncnn_reshape(struct reader *r)
{
    struct size sizes[5];
    struct value *x = ncnn_in(r, 0);
    const char *expression = ncnn_string(r->l, 6);
    int dims = 0, batch = ncnn_int(r->l, 13, NO_BATCH);
    if (*expression) { /* the width first */
        struct size backwards[5];
        dims = ncnn_size_parse(r, expression, backwards, batch == NO_BATCH ? 4 : 5);
        for (int i = 0; i < dims; i++)
            sizes[i] = backwards[dims - 1 - i];
    } else {
        for (int i = 0; i < 4; i++)
            if (ncnn_int(r->l, size_ids[i], -233) != -233)
                sizes[dims++] = ncnn_size_number(ncnn_int(r->l, size_ids[i], -233));
    }
    if (batch != NO_BATCH)
        dims = without_batch(r, dims, sizes, batch);
    if (dims <= 0)
        return x;
    return r->b.failed ? NULL : reshaped(r, x, dims, sizes);
}

/* Axes by number (parameter 3), or, of old files, by a flag for each of w, h, d, c. */
static int listed_axes(struct reader *r, struct value *x, int dims, int64_t *axes)
{
    int n = 0, at[4];
    for (size_t i = 0; i < ncnn_count(r->l, 3) && n < 4; i++) {
        int axis = ncnn_int_at(r->l, 3, i);
        axes[n++] = axis < 0 ? axis : axis + 1;
    }
    if (ncnn_count(r->l, 3) || !x)
        return n;
    if (dims > 4)
        build_fail(&r->b, "has flags for four axes; its blob has %d", dims);
    letters_of(r->b.failed ? 0 : dims, at);
    for (int i = 0; i < dims && !r->b.failed; i++)
        if (ncnn_int(r->l, size_ids[at[i]], 0) && ncnn_size(r, x, i) == 1)
            axes[n++] = i + 1;
    return n;
}

/* An axis that is not 1 stays; a blob has at least one. */
struct value *ncnn_squeeze(struct reader *r)
{
    int64_t axes[4], kept[4];
    struct value *x = ncnn_in(r, 0);
    int dims = ncnn_dims(r, x), n = listed_axes(r, x, dims, axes), count = 0;
    for (int i = 0; i < n; i++) {
        int64_t axis = axes[i] < 0 ? axes[i] + dims : axes[i] - 1, size = ncnn_size(r, x, (int)axis);
        if ((size == 1 || size < 0) && axis >= 0 && count < dims - 1)
            kept[count++] = axis + 1;
    }
    return count ? BUILD(&r->b, "Squeeze", x, build_list(&r->b, count, kept)) : x;
}

struct value *ncnn_expand_dims(struct reader *r)
{
    int64_t axes[4];
    struct value *x = ncnn_in(r, 0);
    int n = listed_axes(r, NULL, 0, axes);
    return n ? BUILD(&r->b, "Unsqueeze", x, build_list(&r->b, n, axes)) : x;
}

/* ---- permuting ---- */

/* What is the fastest axis of the result, then the next, …, by the layer's order. */
static const char orders[][5] = {
    "wh",   "hw",   "whc",  "hwc",  "wch",  "cwh",  "hcw",  "chw",  "whdc", "hwdc", "wdhc",
    "dwhc", "hdwc", "dhwc", "whcd", "hwcd", "wchd", "cwhd", "hcwd", "chwd", "wdch", "dwch",
    "wcdh", "cwdh", "dcwh", "cdwh", "hdcw", "dhcw", "hcdw", "chdw", "dchw", "cdhw",
};

const char *ncnn_permute_order(int dims, int type)
{
    static const int begin[] = {0, 0, 0, 2, 8, sizeof(orders) / sizeof(orders[0])}; /* of those with so many letters */
    bool is_known = dims >= 2 && dims <= 4 && type >= 0 && type < begin[dims + 1] - begin[dims];
    return is_known ? orders[begin[dims] + type] : NULL;
}

struct value *ncnn_permute(struct reader *r)
{
    struct value *x = ncnn_in(r, 0);
    int dims = ncnn_dims(r, x), type = ncnn_int(r->l, 0, 0), at[4];
    const char *order = ncnn_permute_order(dims, type);
    int64_t perm[5] = {0};
    if (r->b.failed || type == 0 || dims == 1)
        return x;
    if (!order) {
        build_fail(&r->b, "has the order %d, which a blob of %d axes has not", type, dims);
        return NULL;
    }
    letters_of(dims, at);
    for (int i = 0; i < dims; i++)
        for (int k = 0; k < dims; k++)
            if (letters[at[k]] == order[dims - 1 - i])
                perm[i + 1] = k + 1;
    return build_transpose(&r->b, x, dims + 1, perm);
}

/* ---- joining and repeating ---- */

struct value *ncnn_concat(struct reader *r)
{
    struct value *in[1024];
    int n = r->l->in_count;
    if (n > 1024)
        build_fail(&r->b, "joins %d blobs", n);
    for (int i = 0; i < n && !r->b.failed; i++)
        in[i] = ncnn_in(r, i);
    struct value *first = ncnn_in(r, 0);
    int axis = ncnn_axis(r, first, ncnn_int(r->l, 0, 0));
    return r->b.failed ? NULL : build_int(&r->b, build_node(&r->b, "Concat", n, in), "axis", axis);
}

/* One axis so many times, or a number for each of the last axes. */
struct value *ncnn_tile(struct reader *r)
{
    struct value *x = ncnn_in(r, 0);
    int dims = ncnn_dims(r, x), listed = (int)ncnn_count(r->l, 2);
    int64_t repeats[TENSOR_MAX_RANK];
    for (int i = 0; i < TENSOR_MAX_RANK; i++)
        repeats[i] = 1;
    if (r->b.failed || listed > 4) {
        build_fail(&r->b, "repeats %d axes", listed);
        return NULL;
    }
    if (!listed)
        repeats[ncnn_axis(r, x, ncnn_int(r->l, 0, 0))] = ncnn_int(r->l, 1, 1);
    for (; dims < listed; dims++) /* axes of 1 are added in front */
        x = build_unsqueeze(&r->b, x, 1);
    for (int i = 0; i < listed; i++)
        repeats[dims + 1 - listed + i] = ncnn_int_at(r->l, 2, (size_t)i);
    return BUILD(&r->b, "Tile", x, build_list(&r->b, dims + 1, repeats));
}
