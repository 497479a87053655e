/* The text of a .pnnx.param file: "type name inputs outputs operands… key=value…", a line for each operator. */
#include "format/pnnx/net.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

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

struct scan {
    const char *at, *end;
    int line;
    struct pnnx_net *net;
    struct error *err;
};

struct token {
    const char *at;
    size_t size;
};

static int scan_error(const struct scan *s, const char *what, struct token t)
{
    return error_set(s->err, "line %d: %s was expected, not '%.*s'", s->line, what, t.size > 60 ? 60 : (int)t.size,
                     t.at);
}

/* The next run of bytes that are no blanks on this line; empty at its end. */
static struct token next_token(struct scan *s)
{
    while (s->at < s->end && *s->at != '\n' && isspace((unsigned char)*s->at))
        s->at++;
    struct token t = {s->at, 0};
    while (s->at < s->end && !isspace((unsigned char)*s->at))
        s->at++;
    t.size = (size_t)(s->at - t.at);
    return t;
}

/* To the beginning of the next line that holds anything; false at the end of the file. */
static bool next_line(struct scan *s)
{
    for (; s->at < s->end && isspace((unsigned char)*s->at); s->at++)
        s->line += *s->at == '\n';
    return s->at < s->end;
}

/* A number that counts things of which each takes a byte of the file at least. */
static int next_count(struct scan *s, const char *what, int64_t *value)
{
    struct token t = next_token(s);
    bool fine = text_to_i64(t.at, t.size, value) && *value >= 0 && *value <= s->end - t.at;
    return fine ? 0 : scan_error(s, what, t);
}

static const char *next_name(struct scan *s, const char *what)
{
    struct token t = next_token(s);
    if (!t.size) {
        scan_error(s, what, t);
        return NULL;
    }
    return arena_strndup(&s->net->arena, t.at, t.size, s->err);
}

static int names(struct scan *s, int64_t count, int *out_count, const char ***out)
{
    *out = arena_alloc(&s->net->arena, (size_t)count * sizeof(**out), s->err);
    if (!*out)
        return -1;
    for (; *out_count < count; ++*out_count)
        if (!((*out)[*out_count] = next_name(s, "the name of an operand")))
            return -1;
    return 0;
}

static int parameter(struct scan *s, struct pnnx_operator *op, struct token t)
{
    const char *equals = memchr(t.at, '=', t.size);
    if (!equals || equals == t.at)
        return scan_error(s, "key=value", t);
    if (mem_grow(&op->params, &op->param_cap, op->param_count + 1, sizeof(*op->params), s->err) != 0)
        return -1;
    struct pnnx_param *p = &op->params[op->param_count];
    p->key = arena_strndup(&s->net->arena, t.at, (size_t)(equals - t.at), s->err);
    p->text = arena_strndup(&s->net->arena, equals + 1, t.size - (size_t)(equals + 1 - t.at), s->err);
    op->param_count += p->key && p->text;
    return p->key && p->text ? 0 : -1;
}

static int operator_line(struct scan *s)
{
    struct pnnx_net *net = s->net;
    int64_t ins, outs;
    if (mem_grow(&net->operators, &net->operator_cap, net->operator_count + 1, sizeof(*net->operators), s->err) != 0)
        return -1;
    struct pnnx_operator *op = &net->operators[net->operator_count++];
    *op = (struct pnnx_operator){0};
    if (!(op->type = next_name(s, "an operator's type")) || !(op->name = next_name(s, "an operator's name")) ||
        next_count(s, "the number of inputs", &ins) != 0 || next_count(s, "the number of outputs", &outs) != 0 ||
        names(s, ins, &op->in_count, &op->in) != 0 || names(s, outs, &op->out_count, &op->out) != 0)
        return -1;
    for (struct token t = next_token(s); t.size; t = next_token(s))
        if (parameter(s, op, t) != 0)
            return -1;
    return 0;
}

/* The magic number and the two counts, of which only that of the operators matters. */
static int header(struct scan *s, int64_t *operators)
{
    int64_t operands;
    next_line(s);
    struct token t = next_token(s);
    if (t.size != sizeof(MAGIC) - 1 || memcmp(t.at, MAGIC, t.size) != 0)
        return scan_error(s, "the magic number " MAGIC, t);
    next_line(s);
    if (next_count(s, "the number of operators", operators) != 0 ||
        next_count(s, "the number of operands", &operands) != 0)
        return -1;
    next_line(s);
    return 0;
}

bool pnnx_is_text(const void *data, size_t size)
{
    struct scan s = {.at = data, .end = (const char *)data + size};
    struct token magic = next_line(&s) ? next_token(&s) : (struct token){data, 0};
    if (magic.size != sizeof(MAGIC) - 1 || memcmp(magic.at, MAGIC, magic.size) != 0 || !next_line(&s))
        return false;
    next_token(&s);
    next_token(&s);
    struct token type = next_line(&s) ? next_token(&s) : (struct token){data, 0};
    return memchr(type.at, '.', type.size) || memchr(type.at, ':', type.size);
}

int pnnx_read_text(struct pnnx_net *net, const void *data, size_t size, struct error *err)
{
    struct scan s = {.at = data, .end = (const char *)data + size, .line = 1, .net = net, .err = err};
    int64_t operators;
    if (header(&s, &operators) != 0)
        return error_prefix(err, "not a pnnx file");
    for (int64_t seen = 0; next_line(&s); seen++) {
        if (seen >= operators)
            return error_set(err, "line %d: more than the %lld operators that the file states", s.line,
                             (long long)operators);
        if (operator_line(&s) != 0)
            return -1;
    }
    if ((int64_t)net->operator_count != operators)
        return error_set(err, "%zu operators where the file states %lld: it is truncated", net->operator_count,
                         (long long)operators);
    return 0;
}
