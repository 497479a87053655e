/* The pnnx format: what PyTorch's scripts become on their way to ncnn, a .pnnx.param file of operators and a .pnnx.bin
 * archive of weights. */
#include "format/pnnx/pnnx.h"

#include "format/format.h"

static int sniff(const struct source *source)
{
    return pnnx_is_text(source->blob->data, source->blob->size) ? 100 : 0;
}

static struct graph *read(const struct source *source, struct error *err)
{
    struct pnnx_net net;
    pnnx_net_init(&net);
    int result = pnnx_read_text(&net, source->blob->data, source->blob->size, err);
    struct graph *g = result == 0 ? pnnx_read_net(&net, source, err) : NULL;
    pnnx_net_release(&net);
    return g;
}

const struct format format_pnnx = {
    .name = "pnnx",
    .suffixes = ".pnnx.param",
    .twins = ".pnnx.bin",
    .what = "pnnx's PyTorch operators (.pnnx.param) and weights (.pnnx.bin)",
    .sniff = sniff,
    .read = read,
    .operator_at = pnnx_type_at,
};
