/* Two models on the same input, layer by layer. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/files.h"
#include "../common/program.h"
#include "../common/record.h"
#include "run.h"

/* What was told so far. */
struct comparison {
    const struct runner *r;
    size_t layers, parted; /* parted: beyond the tolerance */
    char first[600];       /* where they part first */
};

/* ---- telling ---- */

static void note_first(struct comparison *c, const struct model_layer_error *e, double allowed)
{
    const struct model_difference *d = &e->difference;
    if (c->parted++)
        return;
    if (!e->comparable)
        snprintf(c->first, sizeof c->first, "%s '%.200s' and '%.200s' have different shapes", e->op, e->layer,
                 e->other);
    else
        snprintf(c->first, sizeof c->first, "%s '%.200s' differs from '%.200s' by %.3g, more than %.3g", e->op,
                 e->layer, e->other, d->largest, allowed);
}

static void print_error(const struct comparison *c, const struct model_layer_error *e, bool good)
{
    record_begin();
    if (c->r->many || program_json)
        record_text("path", c->r->first);
    record_text("op", e->op);
    record_text("layer", e->layer);
    record_text("other", e->other);
    record_shape("shape", e->rank, e->dims);
    record_text("verdict", good ? "same" : "differs");
    record_number("largest", "%.6g", e->comparable ? e->difference.largest : NAN);
    record_number("reference", "%.6g", e->comparable ? e->difference.reference : NAN);
    record_number("snr", "%.1f", e->comparable ? e->snr : NAN);
    record_end();
}

static int tell(void *arg, const struct model_layer_error *e)
{
    struct comparison *c = arg;
    double allowed = c->r->request->atol + c->r->request->rtol * e->difference.reference;
    bool good = e->comparable && e->difference.largest <= allowed;
    if (!good)
        note_first(c, e, allowed);
    c->layers++;
    if (program_loudness >= 0)
        print_error(c, e, good);
    return 0;
}

static int conclude(const struct comparison *c, const struct model_pairing *p)
{
    struct model_finding f;
    size_t findings = 0;
    while (model_pairing_finding(p, findings, &f))
        findings++;
    if (findings)
        say_note("differences between the networks: %zu, which %sinspect -d tells", findings, PROGPREFIX);
    if (c->layers == 0)
        return say_failed("%s and %s: no layers that correspond", path_name(c->r->request->model),
                          c->r->request->compare);
    return c->parted
               ? say_failed("%s: %s; so do %zu of %zu layers", names_to_tell(c->r), c->first, c->parted, c->layers)
               : 0;
}

/* ---- inputs ---- */

/* A copy whose open sizes are those of the tensors given. */
static struct model *bound_copy(const struct runner *r, struct model_error *err)
{
    struct model *m = model_copy(r->m, err);
    struct model_port port;
    for (size_t i = 0; m && model_input(m, i, &port); i++)
        if (r->in[i] && model_bind(m, port.name, model_tensor_rank(r->in[i]), model_tensor_dims(r->in[i]), err) < 0) {
            model_free(m);
            m = NULL;
        }
    return m;
}

/* A photo goes through the other's own recipe, if it has one. */
static int prepare_photo(const struct runner *r, struct model_tensor **in, struct model_error *err)
{
    struct model_photo photo;
    if (!r->has_photo || !model_property(r->other, "recipe"))
        return 0;
    struct model_session *s = model_session_new(r->other, NULL, err);
    ptrdiff_t at = s ? model_session_photo_input(s, err) : -1;
    if (at >= 0)
        in[at] = model_session_photo(s, r->photo_path, &photo, err);
    model_session_free(s);
    return at >= 0 && in[at] ? 0 : -1;
}

static int compare_with(const struct runner *r, const struct model *m, struct model_tensor **second,
                        struct model_error *err)
{
    struct comparison c = {.r = r};
    record_table();
    struct model_pairing *p = prepare_photo(r, second, err) == 0 ? model_pairing_new(m, r->other, err) : NULL;
    bool ran = p && model_pairing_run(p, &r->request->session, r->in, second, tell, &c, err) == 0;
    record_table_end();
    int status = ran ? conclude(&c, p)
                     : say_failed("%s and %s: %s", path_name(r->request->model), r->request->compare, err->text);
    model_pairing_free(p);
    return status;
}

int compare_layers(struct runner *r)
{
    struct model_error err;
    size_t n = model_input_count(r->other);
    struct model_tensor **second = get_memory(n, sizeof *second);
    struct model *m = bound_copy(r, &err);
    int status = m ? compare_with(r, m, second, &err) : say_failed("%s: %s", path_name(r->request->model), err.text);
    for (size_t i = 0; i < n; i++)
        model_tensor_free(second[i]);
    free(second);
    model_free(m);
    return status;
}
