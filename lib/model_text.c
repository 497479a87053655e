/* The public API: a model as text. */
#include "model_private.h"

#include "base/text.h"
#include "format/nn/nn.h"

/* The text as the caller's; NULL with a message when it failed. */
static char *finish(struct text *t, int status, struct error *err)
{
    if (status == 0 && t->failed)
        status = error_memory(err);
    if (status == 0)
        return t->data ? t->data : mem_calloc(1, 1, err);
    text_release(t);
    return NULL;
}

char *model_text(const struct model *m, struct model_error *err)
{
    struct text t;
    text_init(&t);
    return finish(&t, nn_write_header(m->graph, &t, model_inner(err)), model_inner(err));
}
