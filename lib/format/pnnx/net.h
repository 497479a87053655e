/* A network as a .pnnx.param file states it: operators in order, operands by name, parameters by name. Everything lives
 * in the net's arena; the text's bytes are copied. */
#ifndef FORMAT_PNNX_NET_H
#define FORMAT_PNNX_NET_H

#include <stdbool.h>

#include "base/mem.h"

/* "groups=1"; the key of "@weight=(16,3,3,3)f32", "$input=4" and "#4=(1,3,8,8)f32" begins with its sign: a weight, the
 * operand that has this role, the type of an operand. */
struct pnnx_param {
    const char *key, *text;
};

struct pnnx_operator {
    const char *type, *name;
    int in_count, out_count;
    const char **in, **out; /* names of operands */
    struct pnnx_param *params;
    size_t param_count, param_cap;
};

struct pnnx_net {
    struct arena arena;
    struct pnnx_operator *operators;
    size_t operator_count, operator_cap;
};

void pnnx_net_init(struct pnnx_net *net);
void pnnx_net_release(struct pnnx_net *net);

/* Whether the bytes begin as such a file does: as an ncnn file, but with a first operator of a type like "pnnx.Input".
 */
bool pnnx_is_text(const void *data, size_t size);

/* Fills a net that was initialised. The message says which line. */
int pnnx_read_text(struct pnnx_net *net, const void *data, size_t size, struct error *err);

/* The text of a parameter, NULL when it is not given. */
const char *pnnx_param(const struct pnnx_operator *op, const char *key);

#endif
