/* Networks with states: each run gets what the one before made of them. */
#include <stdlib.h>
#include <string.h>

#include "../common/inputs.h"
#include "../common/program.h"
#include "run.h"

/* ---- which inputs are states ---- */

static ptrdiff_t output_named(const struct model *m, const char *name)
{
    struct model_port port;
    for (size_t i = 0; model_output(m, i, &port); i++)
        if (strcmp(port.name, name) == 0)
            return (ptrdiff_t)i;
    return -1;
}

/* "IN=OUT", as --state has it. */
static int take_state(struct runner *r, const char *text)
{
    char names[300];
    const char *out = "";
    ptrdiff_t in = input_named(r->m, text, &out);
    if (in < 0)
        return say_failed("--state %s: want IN=OUT, IN being one of %s", text, input_names(r->m, names, sizeof names));
    r->state[in] = output_named(r->m, out);
    return r->state[in] < 0 ? say_failed("--state %s: the model has no output '%s'", text, out) : 0;
}

int stream_init(struct runner *r)
{
    bool all = true;
    int status = 0;
    for (size_t i = 0; i < r->input_count; i++) {
        r->state[i] = model_state(r->m, i);
        all &= r->state[i] >= 0;
    }
    if (all && r->input_count)
        r->state[0] = -1; /* a network that only changes what it is given, as one that removes noise */
    for (size_t i = 0; status == 0 && i < r->request->state_count; i++)
        status = take_state(r, r->request->states[i]);
    r->stream = r->request->stream || r->request->state_count;
    return status;
}

bool stream_wants(const struct runner *r, size_t input)
{
    return !r->stream || r->state[input] < 0;
}

ptrdiff_t stream_input(const struct runner *r)
{
    struct model_port port;
    bool has_states = false;
    ptrdiff_t found = -1;
    for (size_t i = 0; model_input(r->m, i, &port); i++) {
        has_states |= r->state[i] >= 0;
        if (found < 0 && r->state[i] < 0 && port.rank != 0)
            found = (ptrdiff_t)i;
    }
    return has_states || r->stream ? found : -1;
}

bool stream_fits(const struct runner *r, size_t input, const struct model_tensor *t)
{
    struct model_port port;
    model_input(r->m, input, &port);
    if (port.rank < 0)
        return true;
    bool fits = port.rank == model_tensor_rank(t);
    for (int i = 0; fits && i < port.rank; i++)
        fits = port.dims[i] < 0 || port.dims[i] == model_tensor_dims(t)[i];
    return fits;
}

/* ---- from run to run ---- */

void stream_start(struct runner *r)
{
    ptrdiff_t frame = stream_input(r);
    r->stream = r->many = true;
    for (size_t i = 0; i < r->input_count; i++)
        r->kept[i] = r->given[i] && (ptrdiff_t)i != frame;
}

int stream_fill(struct runner *r)
{
    struct model_error err;
    struct model_port port;
    for (size_t i = 0; r->stream && model_input(r->m, i, &port); i++)
        if (r->state[i] >= 0 && !r->in[i] && !port.optional && !(r->in[i] = model_state_start(r->m, i, &err)))
            return say_failed("%s: %s", names_to_tell(r), err.text);
    return 0;
}

void stream_carry(struct runner *r)
{
    for (size_t i = 0; r->stream && i < r->input_count; i++) {
        struct model_tensor *next = r->state[i] < 0 ? NULL : r->out[r->state[i]];
        if (!next)
            continue;
        model_tensor_free(r->in[i]);
        r->in[i] = model_tensor_ref(next);
        r->given[i] = r->kept[i] = r->carried = true;
    }
}

void stream_restart(struct runner *r)
{
    for (size_t i = 0; r->carried && i < r->input_count; i++)
        if (r->state[i] >= 0) {
            model_tensor_free(r->in[i]);
            r->in[i] = NULL;
            r->given[i] = r->kept[i] = false;
        }
    r->carried = false;
}
