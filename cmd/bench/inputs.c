/* Inputs: from files, or random, always the same. */
#include <stdlib.h>

#include "../common/program.h"
#include "bench.h"

#define SEED 1

static bool is_open(const struct model_port *port)
{
    for (int i = 0; i < port->rank; i++)
        if (port->dims[i] < 0)
            return true;
    return false;
}

/* Binds what is open still, and tells which inputs that was in. */
static int bind_rest(struct bench *b)
{
    struct model_error err;
    struct model_port port;
    bool *open = get_memory(b->input_count, sizeof *open);
    for (size_t i = 0; model_input(b->m, i, &port); i++)
        open[i] = is_open(&port);
    int bound = model_bind_rest(b->m, &err);
    for (size_t i = 0; bound >= 0 && model_input(b->m, i, &port); i++)
        if (open[i])
            say_note("%s: open sizes of input '%s' set, which -s can do too: %s", b->path, port.name, port.text);
    free(open);
    return bound < 0 ? say_failed("%s: %s", b->path, err.text) : 0;
}

int prepare_inputs(struct bench *b, const struct request *r)
{
    if (inputs_apply(&r->inputs, b->m, b->path, b->in) || bind_rest(b))
        return 1;
    return inputs_fill(b->m, b->path, SEED, b->in);
}
