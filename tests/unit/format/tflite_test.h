/* What the tests of TFLite share. */
#include "../../test.h"
#include "base/file.h"
#include "format/format.h"
#include "graph/item.h"
#include "op/build.h"

static struct error err;

/* Output 0 for one input of these numbers. The graph goes. */
static void gives(struct graph *g, const float *x, const float *want, int count)
{
    struct item *in[1] = {NULL}, *out[1] = {NULL};
    CHECK_MSG(g != NULL, "%s", err.text);
    struct tensor *t = g ? tensor_new(DTYPE_F32, 4, g->inputs[0]->type.dims, &err) : NULL;
    if (t) {
        memcpy(t->data, x, t->size);
        in[0] = item_of_tensor(t, &err);
        CHECK_MSG(op_run(g, in, out, 1 << 20, 1, &err) == 0, "%s", err.text);
    }
    CHECK(out[0] && out[0]->tensor->count == count && memcmp(out[0]->tensor->data, want, 4 * (size_t)count) == 0);
    item_unref(in[0]);
    item_unref(out[0]);
    graph_free(g);
}
