/* Outputs in files: writing them, and comparing with those of another run. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/program.h"
#include "../common/record.h"
#include "run.h"

/* ---- folders ---- */

/* The folder of this run below `top`, for free(); each serves once for writing: NULL with a message for a second time.
 */
static char *run_folder(struct runner *r, const char *top, bool once)
{
    if (!r->many || !r->first)
        return get_copy(top);
    char *name = names_of_run(r), *folder = names_join(top, name, "");
    free(name);
    if (!once || names_claim(r, folder) == 0)
        return folder;
    free(folder);
    return NULL;
}

static char *output_path(const char *folder, size_t i)
{
    char *path = get_memory(strlen(folder) + 40, 1);
    sprintf(path, "%s/out_%zu.npy", folder, i);
    return path;
}

/* ---- writing ---- */

static int write_one(const struct runner *r, const char *folder, size_t i)
{
    struct model_error err;
    char *path = output_path(folder, i);
    int status = model_tensor_write(r->out[i], path, &err) < 0 ? say_failed("%s", err.text) : 0;
    free(path);
    return status;
}

/* The mask, or the picture that the network paints, beside the tensors; none where a guess turns out wrong. */
static int write_picture(struct runner *r, const char *folder)
{
    struct model_answers a;
    struct model_error err;
    if (model_session_answers(r->s, r->out, r->has_photo ? &r->photo : NULL, 0, &a, &err) < 0)
        return model_session_guessed_task(r->s) ? 0 : say_failed("%s: %s", names_to_tell(r), err.text);
    char *path = get_memory(strlen(folder) + 20, 1);
    sprintf(path, a.kind == MODEL_ANSWER_MASK ? "%s/mask.png" : "%s/picture.png", folder);
    int status = model_answers_write(&a, path, &err) < 0 ? say_failed("%s", err.text) : 0;
    free(path);
    model_answers_release(&a);
    return status;
}

int write_outputs(struct runner *r)
{
    char *folder = run_folder(r, r->request->output, true);
    int status = folder && names_make_folders(folder) == 0 ? 0 : 1;
    for (size_t i = 0; status == 0 && i < r->output_count; i++)
        status = write_one(r, folder, i);
    enum model_answer_kind kind = answer_kind(r);
    if (status == 0 && (kind == MODEL_ANSWER_MASK || kind == MODEL_ANSWER_PICTURE))
        status = write_picture(r, folder);
    free(folder);
    return status;
}

/* ---- comparing ---- */

/* "[0,17]" */
static const char *place(const struct model_tensor *t, int64_t at, char *text, size_t size)
{
    int64_t index[MODEL_MAX_RANK];
    size_t used = 0;
    int rank = model_tensor_rank(t);
    for (int i = rank - 1; i >= 0; i--) {
        index[i] = at % model_tensor_dims(t)[i];
        at /= model_tensor_dims(t)[i];
    }
    snprintf(text, size, "[]");
    for (int i = 0; i < rank; i++)
        used += (size_t)snprintf(text + used, size - used, i ? ",%lld" : "[%lld", (long long)index[i]);
    if (rank)
        snprintf(text + used, size - used, "]");
    return text;
}

static int tell_difference(const struct runner *r, const struct model_port *port, const struct model_tensor *have,
                           const struct model_difference *d, double allowed)
{
    char where[300];
    return say_failed("%s: output '%s' differs at %s by %.3g, more than %.3g; %lld of %lld elements are not equal",
                      names_to_tell(r), port->name, place(have, d->at, where, sizeof where), d->largest, allowed,
                      (long long)d->differing, (long long)model_tensor_count(have));
}

static int judge(const struct runner *r, size_t i, const struct model_tensor *want)
{
    struct model_port port;
    struct model_error err;
    struct model_difference d;
    model_output(r->m, i, &port);
    if (model_tensor_compare(r->out[i], want, &d, &err) < 0)
        return say_failed("%s: output '%s' is %s", names_to_tell(r), port.name, err.text);
    double allowed = r->request->atol + r->request->rtol * d.reference;
    bool good = d.largest <= allowed;
    if (program_loudness >= 0) {
        record_begin();
        record_text("path", r->first);
        record_text("name", port.name);
        record_text("verdict", good ? "same" : "differs");
        record_number("largest", "%.6g", d.largest);
        record_number("reference", "%.6g", d.reference);
        record_end();
    }
    return good ? 0 : tell_difference(r, &port, r->out[i], &d, allowed);
}

int compare_outputs(struct runner *r)
{
    char *folder = run_folder(r, r->request->expect, false);
    int status = 0;
    for (size_t i = 0; i < r->output_count; i++) {
        struct model_error err;
        struct model_port port;
        char *path = output_path(folder, i);
        bool is_missing = model_output(r->m, i, &port) && port.optional && access(path, F_OK) != 0;
        struct model_tensor *want = is_missing ? NULL : model_tensor_read(path, &err);
        if (!is_missing)
            status |= want ? judge(r, i, want) : say_failed("%s", err.text);
        model_tensor_free(want);
        free(path);
    }
    free(folder);
    return status;
}
