/* The ncnn format: a .param file, text or binary, and a .bin file of weights. */
#include "format/ncnn/ncnn.h"

#include "format/format.h"

static int sniff(const struct source *source)
{
    const struct blob *blob = source->blob;
    return ncnn_is_text(blob->data, blob->size) || ncnn_is_binary(blob->data, blob->size) ? 100 : 0;
}

static struct graph *read(const struct source *source, struct error *err)
{
    const struct blob *blob = source->blob;
    struct ncnn_net net;
    ncnn_net_init(&net);
    int result = ncnn_is_binary(blob->data, blob->size) ? ncnn_read_binary(&net, blob->data, blob->size, err)
                                                        : ncnn_read_text(&net, blob->data, blob->size, err);
    struct graph *g = result == 0 ? ncnn_read_net(&net, source, err) : NULL;
    ncnn_net_release(&net);
    return g;
}

static const char *operator_at(size_t index)
{
    return ncnn_type_name((int)index);
}

static const struct target_option options[] = {{"fp16", NULL, "store weights as f16"}, {NULL, NULL, NULL}};

const struct format format_ncnn = {
    .name = "ncnn",
    .suffixes = ".param .param.bin",
    .twins = ".bin",
    .what = "ncnn's layers (.param, .param.bin) and weights (.bin)",
    .has_numbers = true,
    .sniff = sniff,
    .options = options,
    .read = read,
    .write = ncnn_write,
    .operator_at = operator_at,
};
