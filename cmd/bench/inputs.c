/* Inputs: from files, or random, always the same. */
#include "../common/program.h"
#include "bench.h"

#define SEED 1

static void tell_bound(const struct bench *b)
{
    struct model_port port;
    for (size_t i = 0; model_input(b->m, i, &port); i++)
        if (!b->in[i])
            say_note("%s: open sizes of input '%s' set, which -s can do too: %s", b->path, port.name, port.text);
}

int prepare_inputs(struct bench *b, const struct request *r)
{
    struct model_error err;
    if (inputs_apply(&r->inputs, b->m, b->path, b->in))
        return 1;
    int bound = model_bind_rest(b->m, &err);
    if (bound < 0)
        return say_failed("%s: %s", b->path, err.text);
    if (bound > 0)
        tell_bound(b);
    return inputs_fill(b->m, b->path, SEED, b->in);
}
