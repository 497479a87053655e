/* The text of a .pnnx.param file: "type name inputs outputs operands… key=value…", a line for each operator. */
#include "format/pnnx/net.h"

#include <stdlib.h>
#include <string.h>

#include "parse/words.h"

#define MAGIC "7767517"

void pnnx_net_init(struct pnnx_net *net)
{
    *net = (struct pnnx_net){0};
    arena_init(&net->arena);
}

void pnnx_net_release(struct pnnx_net *net)
{
    for (size_t i = 0; i < net->operator_count; i++)
        free(net->operators[i].params);
    free(net->operators);
    arena_release(&net->arena);
}

const char *pnnx_param(const struct pnnx_operator *op, const char *key)
{
    for (size_t i = 0; i < op->param_count; i++)
        if (strcmp(op->params[i].key, key) == 0)
            return op->params[i].text;
    return NULL;
}

static int parameter(struct words *w, struct pnnx_operator *op, struct word word)
{
    const char *equals = memchr(word.at, '=', word.size);
    if (!equals || equals == word.at)
        return words_error(w, "key=value", word);
    if (mem_grow(&op->params, &op->param_cap, op->param_count + 1, sizeof(*op->params), w->err) != 0)
        return -1;
    struct pnnx_param *p = &op->params[op->param_count];
    p->key = arena_strndup(w->arena, word.at, (size_t)(equals - word.at), w->err);
    p->text = arena_strndup(w->arena, equals + 1, word.size - (size_t)(equals + 1 - word.at), w->err);
    op->param_count += p->key && p->text;
    return p->key && p->text ? 0 : -1;
}

static int operator_line(struct pnnx_net *net, struct words *w)
{
    int64_t ins, outs;
    if (mem_grow(&net->operators, &net->operator_cap, net->operator_count + 1, sizeof(*net->operators), w->err) != 0)
        return -1;
    struct pnnx_operator *op = &net->operators[net->operator_count++];
    *op = (struct pnnx_operator){0};
    if (!(op->type = words_name(w, "an operator's type")) || !(op->name = words_name(w, "an operator's name")) ||
        words_count(w, "the number of inputs", &ins) != 0 || words_count(w, "the number of outputs", &outs) != 0 ||
        words_names(w, "the name of an operand", ins, &op->in_count, &op->in) != 0 ||
        words_names(w, "the name of an operand", outs, &op->out_count, &op->out) != 0)
        return -1;
    for (struct word word = words_next(w); word.size; word = words_next(w))
        if (parameter(w, op, word) != 0)
            return -1;
    return 0;
}

static bool is_magic(struct word word)
{
    return word.size == sizeof(MAGIC) - 1 && memcmp(word.at, MAGIC, word.size) == 0;
}

/* The magic number and the two counts, of which only that of the operators matters. */
static int header(struct words *w, int64_t *operators)
{
    int64_t operands;
    words_skip(w);
    struct word magic = words_next(w);
    if (!is_magic(magic))
        return words_error(w, "the magic number " MAGIC, magic);
    words_skip(w);
    return words_count(w, "the number of operators", operators) != 0 ||
                   words_count(w, "the number of operands", &operands) != 0
               ? -1
               : 0;
}

bool pnnx_is_text(const void *data, size_t size)
{
    struct words w = {.at = data, .end = (const char *)data + size, .any_line = true};
    if (!is_magic(words_next(&w)))
        return false;
    words_next(&w);
    words_next(&w);
    struct word type = words_next(&w);
    return memchr(type.at, '.', type.size) || memchr(type.at, ':', type.size);
}

int pnnx_read_text(struct pnnx_net *net, const void *data, size_t size, struct error *err)
{
    struct words w = {.at = data, .end = (const char *)data + size, .line = 1, .arena = &net->arena, .err = err};
    int64_t operators;
    if (header(&w, &operators) != 0)
        return error_prefix(err, "not a pnnx file");
    for (int64_t seen = 0; words_skip(&w); seen++) {
        if (seen >= operators)
            return error_set(err, "line %d: more than the %lld operators that the file states", w.line,
                             (long long)operators);
        if (operator_line(net, &w) != 0)
            return -1;
    }
    if ((int64_t)net->operator_count != operators)
        return error_set(err, "%zu operators where the file states %lld: it is truncated", net->operator_count,
                         (long long)operators);
    return 0;
}
