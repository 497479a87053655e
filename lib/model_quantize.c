/* Storing weights in fewer bits. */
#include "model_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "op/op.h"
#include "quant/weights.h"

static int unknown_scheme(const char *name, struct error *err)
{
    struct text known;
    size_t count;
    const struct quant_scheme *table = quant_schemes(&count);
    text_init(&known);
    for (size_t i = 0; i < count; i++)
        text_printf(&known, "%s, ", table[i].name);
    error_set(err, "'%s' is no way to store weights: want one of %sf32", name, known.failed ? "" : known.data);
    text_release(&known);
    return -1;
}

/* The library's list as the public one. */
static int make_report(const struct quant_change *changes, size_t n, struct model_quantized **report, struct error *err)
{
    *report = mem_calloc(n, sizeof **report, err);
    for (size_t i = 0; *report && i < n; i++)
        (*report)[i] = (struct model_quantized){.name = changes[i].value->name,
                                                .largest = changes[i].largest,
                                                .rms = changes[i].rms,
                                                .elements = changes[i].elements,
                                                .before = changes[i].before,
                                                .after = changes[i].after};
    return *report ? 0 : -1;
}

int model_quantize(struct model *m, const char *name, struct model_quantized **report, size_t *count,
                   struct model_error *error)
{
    struct error *err = model_inner(error);
    bool restore = strcmp(name, "f32") == 0;
    const struct quant_scheme *scheme = quant_scheme_find(name);
    struct quant_change *changes = NULL;
    size_t n = 0;
    if (!scheme && !restore)
        return unknown_scheme(name, err);
    if (quant_restore_weights(m->graph, restore, err) < 0 ||
        (scheme && quant_store_weights(m->graph, scheme, &changes, &n, err) < 0) || op_infer_graph(m->graph, err) < 0) {
        free(changes);
        return -1;
    }
    int status = report ? make_report(changes, n, report, err) : 0;
    if (count)
        *count = n;
    free(changes);
    return status;
}
