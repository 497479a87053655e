/* The source of methods: taken apart into lines and tokens, and listed. Source of the language: PyTorch's "TorchScript
 * language reference"; what stands in an archive is its printed form. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "format/torch/torch.h"

#define MOST_BYTES (16 << 20) /* of one file */

struct lexer {
    struct torch_reader *t;
    struct torch_source *source;
    char *at, *end; /* *end is NUL */
    struct torch_token *tokens;
    size_t count, cap, line_cap;
    size_t *starts; /* of each line, a token */
    size_t start_cap;
    uint32_t number;
    int brackets; /* open ones: a line goes on within */
    struct error *err;
};

static int refuse(const struct lexer *x, const char *what)
{
    return error_set(x->err, "%.200s: line %u: want %s", x->source->module, x->number, what);
}

static int add_token(struct lexer *x, enum torch_token_kind kind, const char *text, size_t size)
{
    if (mem_grow(&x->tokens, &x->cap, x->count + 1, sizeof(*x->tokens), x->err) != 0)
        return -1;
    text = arena_strndup(&x->t->arena, text, size, x->err);
    x->tokens[x->count++] = (struct torch_token){kind, text};
    return text ? 0 : -1;
}

/* Escapes are undone in place: none gets longer. */
static int read_string(struct lexer *x)
{
    static const char from[] = "nrt0\\'\"", into[] = "\n\r\t\0\\'\"";
    char quote = *x->at++, *start = x->at, *to = x->at;
    while (*x->at != quote) {
        if (*x->at == 0 || *x->at == '\n')
            return refuse(x, "the end of a string");
        if (*x->at == '\\' && x->at[1]) {
            const char *found = strchr(from, x->at[1]);
            *to++ = found ? into[found - from] : x->at[1];
            x->at += 2;
        } else {
            *to++ = *x->at++;
        }
    }
    x->at++;
    return add_token(x, TOKEN_STRING, start, (size_t)(to - start));
}

static int read_word(struct lexer *x)
{
    char *start = x->at;
    bool number = isdigit((unsigned char)*start) || (*start == '.' && isdigit((unsigned char)start[1]));
    while (isalnum((unsigned char)*x->at) || *x->at == '_' || (number && *x->at == '.') ||
           (number && (*x->at == '+' || *x->at == '-') && strchr("eE", x->at[-1]) && start[1] != 'x'))
        x->at++;
    return add_token(x, number ? TOKEN_NUMBER : TOKEN_NAME, start, (size_t)(x->at - start));
}

static int read_sign(struct lexer *x)
{
    char two[3] = {x->at[0], x->at[0] ? x->at[1] : '\0'};
    size_t size = text_has_word("-> == != <= >= // ** << >>", two) ? 2 : 1;
    if (strchr("([{", *x->at))
        x->brackets++;
    if (strchr(")]}", *x->at) && --x->brackets < 0)
        return refuse(x, "no closing bracket");
    x->at += size;
    return add_token(x, TOKEN_SIGN, x->at - size, size);
}

static int begin_line(struct lexer *x)
{
    struct torch_source *s = x->source;
    int indent = (int)strspn(x->at, " ");
    if (mem_grow(&s->lines, &x->line_cap, s->count + 1, sizeof(*s->lines), x->err) != 0 ||
        mem_grow(&x->starts, &x->start_cap, s->count + 2, sizeof(*x->starts), x->err) != 0)
        return -1;
    s->lines[s->count] = (struct torch_line){.indent = indent, .number = x->number};
    x->starts[s->count++] = x->count;
    return 0;
}

/* One line as Python has it: up to a newline outside of brackets. Empty ones are no lines. */
static int read_line(struct lexer *x)
{
    int result = 0;
    if (x->at[strspn(x->at, " \t\r")] != '\n' && x->at[strspn(x->at, " \t\r")] != '#')
        result = begin_line(x);
    while (result == 0 && *x->at && (*x->at != '\n' || x->brackets)) {
        x->number += *x->at == '\n';
        if (isspace((unsigned char)*x->at))
            x->at++;
        else if (*x->at == '#')
            x->at += strcspn(x->at, "\n");
        else if (*x->at == '"' || *x->at == '\'')
            result = read_string(x);
        else if (isalnum((unsigned char)*x->at) || *x->at == '_' ||
                 (*x->at == '.' && isdigit((unsigned char)x->at[1]) && x->count &&
                  x->tokens[x->count - 1].kind == TOKEN_SIGN && !strchr(")]", *x->tokens[x->count - 1].text)))
            result = read_word(x);
        else
            result = read_sign(x);
    }
    x->at += *x->at == '\n';
    x->number++;
    return result;
}

static int read_lines(struct lexer *x)
{
    while (x->at < x->end)
        if (read_line(x) != 0)
            return -1;
    struct torch_source *s = x->source;
    const struct torch_token *tokens = x->tokens;
    for (size_t i = 0; i < s->count; i++) {
        s->lines[i].at = tokens + x->starts[i];
        s->lines[i].end = tokens + (i + 1 < s->count ? x->starts[i + 1] : x->count);
    }
    return 0;
}

/* ---- the list of functions ---- */

static bool is_name(const struct torch_line *l, int i, const char *name)
{
    return l->end - l->at > i && l->at[i].kind == TOKEN_NAME && strcmp(l->at[i].text, name) == 0;
}

static bool is_sign(const struct torch_token *token, const char *sign)
{
    return token->kind == TOKEN_SIGN && strcmp(token->text, sign) == 0;
}

static int add_name(struct torch_reader *t, struct lookup *to, const char *name, void *what, struct error *err)
{
    char *kept = arena_strdup(&t->arena, name, err);
    if (!kept || lookup_find(to, name))
        return kept ? 0 : -1; /* the first counts */
    return lookup_add(to, kept, what, err);
}

static int add_function(struct torch_reader *t, const struct torch_source *s, size_t line, const char *class,
                        struct error *err)
{
    char name[1024];
    struct torch_function *f = arena_alloc(&t->arena, sizeof(*f), err);
    snprintf(name, sizeof(name), "%.500s.%.250s%s%.250s", s->module, class, *class ? "." : "",
             s->lines[line].at[1].text);
    if (!f)
        return -1;
    *f = (struct torch_function){s, line, 0};
    return add_name(t, &t->functions, name, f, err);
}

/* "name : type = expression", in a class. */
static int add_constant(struct torch_reader *t, const struct torch_source *s, struct torch_line *l, const char *class,
                        struct error *err)
{
    char name[1024];
    const struct torch_token *at = l->at;
    while (at < l->end && !is_sign(at, "="))
        at++;
    struct torch_line *part = at < l->end ? arena_alloc(&t->arena, sizeof(*part), err) : NULL;
    if (at >= l->end || l->at->kind != TOKEN_NAME)
        return 0;
    if (!part)
        return -1;
    *part = (struct torch_line){.at = at + 1, .end = l->end};
    snprintf(name, sizeof(name), "%.500s.%.250s:%.250s", s->module, class, l->at->text);
    return add_name(t, &t->constants, name, part, err);
}

static int list_functions(struct torch_reader *t, struct torch_source *s, struct error *err)
{
    const char *class = "";
    char name[1024];
    for (size_t i = 0; i < s->count; i++) {
        struct torch_line *l = &s->lines[i];
        int result = 0;
        if (l->indent == 0)
            class = is_name(l, 0, "class") && l->end - l->at > 2 ? l->at[1].text : "";
        if (l->indent == 0 && *class && is_name(l, 3, "NamedTuple")) {
            snprintf(name, sizeof(name), "%.500s.%.250s", s->module, class);
            result = add_name(t, &t->tuples, name, s, err);
        }
        if (is_name(l, 0, "def") && l->end - l->at > 3 && (l->indent == 0 || *class))
            result = add_function(t, s, i, class, err);
        else if (*class && l->indent == 2)
            result = add_constant(t, s, l, class, err);
        if (result != 0)
            return -1;
    }
    return 0;
}

int torch_source_read(struct torch_reader *t, const char *module, const char *text, size_t size, struct error *err)
{
    struct torch_source *s = arena_alloc(&t->arena, sizeof(*s), err);
    char *copy = s && size <= MOST_BYTES ? arena_strndup(&t->arena, text, size, err) : NULL;
    if (size > MOST_BYTES)
        return error_set(err, "%.200s: %zu bytes of source: want at most %d", module, size, MOST_BYTES);
    if (!copy || !(s->module = arena_strdup(&t->arena, module, err)))
        return -1;
    struct lexer x = {.t = t, .source = s, .at = copy, .end = copy + size, .number = 1, .err = err};
    int result = read_lines(&x);
    struct torch_line *lines = s->lines;
    struct torch_token *tokens = x.tokens;
    if (result == 0) { /* from here on in the arena */
        struct torch_token *kept = arena_alloc(&t->arena, (x.count + 1) * sizeof(*kept), err);
        s->lines = arena_alloc(&t->arena, (s->count + 1) * sizeof(*s->lines), err);
        result = kept && s->lines ? 0 : -1;
        for (size_t i = 0; result == 0 && i < s->count; i++) {
            s->lines[i] = lines[i];
            s->lines[i].at = kept + (lines[i].at - tokens);
            s->lines[i].end = kept + (lines[i].end - tokens);
        }
        if (result == 0 && x.count)
            memcpy(kept, tokens, x.count * sizeof(*kept));
    }
    free(lines);
    free(tokens);
    free(x.starts);
    return result == 0 ? list_functions(t, s, err) : -1;
}
