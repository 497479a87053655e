/* Running functions: statements. */
#include <string.h>

#include "format/torch/torch.h"

/* ---- names ---- */

struct torch_value *torch_local(struct torch_frame *f, const char *name)
{
    struct torch_value *v = NULL;
    for (; f && !v; f = f->outer)
        v = lookup_find(&f->names, name);
    return v;
}

void torch_assign(struct torch_frame *f, const char *name, struct torch_value v)
{
    struct torch_value *slot = lookup_find(&f->names, name);
    if (!slot && !f->t->b->failed) {
        slot = arena_alloc(&f->t->arena, sizeof(*slot), f->t->b->err);
        build_check(f->t->b, slot && lookup_add(&f->names, name, slot, f->t->b->err) == 0);
    }
    if (!f->t->b->failed)
        *slot = v;
}

/* ---- statements ---- */

/* The first line behind a block that is indented deeper than `indent`. */
static size_t block_end(const struct torch_frame *f, size_t line, int indent)
{
    while (line < f->source->count && f->source->lines[line].indent > indent)
        line++;
    return line;
}

static bool is_word(const struct torch_line *l, const char *word)
{
    return l->at < l->end && l->at->kind == TOKEN_NAME && strcmp(l->at->text, word) == 0;
}

static bool is_else(const struct torch_frame *f, size_t line, int indent)
{
    return line < f->source->count && f->source->lines[line].indent == indent &&
           is_word(&f->source->lines[line], "else");
}

/* Whether a block does nothing but complain. */
static bool only_raises(const struct torch_frame *f, size_t line, int indent)
{
    bool raises = false;
    for (; line < f->source->count && f->source->lines[line].indent > indent; line++) {
        const struct torch_line *l = &f->source->lines[line];
        for (const struct torch_token *at = l->at; at < l->end; at++)
            raises = raises || (at->kind == TOKEN_NAME && strcmp(at->text, "RaiseException") == 0);
    }
    return raises;
}

static size_t run_if(struct torch_frame *f, size_t line)
{
    const struct torch_line *l = &f->source->lines[line];
    struct torch_cursor c = {l->at + 1, l->end};
    struct torch_value condition = torch_expression(f, &c);
    int truth = torch_truth(f->t, condition);
    size_t yes = line + 1, no = block_end(f, yes, l->indent), end = no;
    bool has_else = is_else(f, no, l->indent);
    if (has_else)
        end = block_end(f, no + 1, l->indent);
    if (truth < 0 && only_raises(f, yes, l->indent))
        truth = 0;
    else if (truth < 0 && (has_else ? only_raises(f, no + 1, l->indent) : false))
        truth = 1;
    if (f->t->b->failed)
        return end;
    if (truth < 0)
        torch_branch(f, condition, yes, has_else ? no + 1 : 0, l->indent);
    else if (truth)
        torch_block(f, yes, l->indent);
    else if (has_else)
        torch_block(f, no + 1, l->indent);
    return end;
}

static size_t run_while(struct torch_frame *f, size_t line)
{
    const struct torch_line *l = &f->source->lines[line];
    size_t end = block_end(f, line + 1, l->indent);
    int truth = 1;
    while (truth > 0 && !f->t->b->failed && !f->returned) {
        struct torch_cursor c = {l->at + 1, l->end};
        struct torch_value start = torch_expression(f, &c);
        truth = torch_truth(f->t, start);
        if (truth < 0)
            torch_loop(f, &(struct torch_loop){.line = line + 1,
                                               .end = end,
                                               .indent = l->indent,
                                               .start = start,
                                               .condition = {l->at + 1, l->end}});
        if (truth > 0 && ++f->t->statements > TORCH_STATEMENTS)
            build_fail(f->t->b, "more than %d statements are run", TORCH_STATEMENTS);
        if (truth > 0 && !f->t->b->failed)
            torch_block(f, line + 1, l->indent);
    }
    return end;
}

/* "for name in range(n)", where n is what only a run tells. */
static bool run_open_for(struct torch_frame *f, size_t line, size_t end)
{
    const struct torch_line *l = &f->source->lines[line];
    struct torch_cursor c = {l->at + 5, l->end};
    if (l->end - l->at < 7 || strcmp(l->at[3].text, "range") != 0 || strcmp(l->at[4].text, "(") != 0)
        return false;
    struct torch_value count = torch_expression(f, &c);
    if (count.kind != TORCH_SIZE || !torch_at(&c, ")"))
        return false;
    torch_loop(f, &(struct torch_loop){
                      .line = line + 1, .end = end, .indent = l->indent, .counter = l->at[1].text, .start = count});
    return true;
}

/* "for name in list:". */
static size_t run_for(struct torch_frame *f, size_t line)
{
    const struct torch_line *l = &f->source->lines[line];
    struct torch_cursor c = {l->at + 3, l->end};
    if (l->end - l->at < 5 || l->at[1].kind != TOKEN_NAME || strcmp(l->at[2].text, "in") != 0) {
        build_fail(f->t->b, "a loop that is not understood");
        return line + 1;
    }
    size_t end = block_end(f, line + 1, l->indent);
    if (run_open_for(f, line, end))
        return end;
    struct torch_value list = torch_expression(f, &c);
    if (!f->t->b->failed && (!torch_is_list(list) || list.list->tail || list.list->growing))
        torch_fail_open(f->t, "a loop over what is no list, or whose length only a run tells");
    for (size_t i = 0; !f->t->b->failed && !f->returned && i < list.list->count; i++) {
        torch_assign(f, l->at[1].text, list.list->items[i]);
        torch_block(f, line + 1, l->indent);
    }
    return end;
}

/* ---- assignments ---- */

static void assign_to(struct torch_frame *f, const struct torch_token *at, const struct torch_token *end,
                      struct torch_value v)
{
    struct torch_reader *t = f->t;
    if (end - at == 1 && at->kind == TOKEN_NAME) {
        torch_assign(f, at->text, v);
        return;
    }
    if (end - at >= 3 && strcmp(end[-2].text, ".") == 0) { /* an attribute */
        struct torch_cursor c = {at, end - 2};
        struct torch_value o = torch_expression(f, &c);
        if (o.kind == TORCH_OBJECT)
            torch_set(t, o.object, end[-1].text, v);
        else
            build_fail(t->b, "an attribute of what is no object is set");
        return;
    }
    build_fail(t->b, "an assignment that is not understood");
}

/* "a, b, = …": each part up to a comma. */
static void assign_parts(struct torch_frame *f, const struct torch_token *at, const struct torch_token *end,
                         struct torch_value v)
{
    size_t i = 0;
    if (!torch_is_list(v) || v.list->tail || v.list->growing) {
        build_fail(f->t->b, "what is no list, or whose length only a run tells, is taken apart");
        return;
    }
    while (at < end && !f->t->b->failed) {
        const struct torch_token *stop = at;
        while (stop < end && strcmp(stop->text, ",") != 0)
            stop++;
        if (i >= v.list->count)
            build_fail(f->t->b, "a list of %zu is taken apart into more", v.list->count);
        else
            assign_to(f, at, stop, v.list->items[i++]);
        at = stop + 1;
    }
}

static bool is_sign(const struct torch_token *at, const char *sign)
{
    return at->kind == TOKEN_SIGN && strcmp(at->text, sign) == 0;
}

/* "x", or "x, y", which is a tuple without brackets. */
static struct torch_value right_side(struct torch_frame *f, struct torch_cursor *c)
{
    struct torch_value v = torch_expression(f, c);
    if (!torch_at(c, ","))
        return v;
    struct torch_value tuple = torch_list(f->t, TORCH_TUPLE);
    torch_append(f->t, tuple, v);
    while (torch_take(c, ",") && c->at < c->end && !f->t->b->failed)
        torch_append(f->t, tuple, torch_expression(f, c));
    return tuple;
}

/* Of "a, b, = torch.unbind(x)": 2. Of other calls 0: what is taken apart is not what unbind() gives within them. */
static int count_parts(const struct torch_line *l, const struct torch_token *equal)
{
    int count = 0, unbinds = 0;
    for (const struct torch_token *at = l->at; at < l->end; at++) {
        count += at < equal && at->kind == TOKEN_NAME;
        unbinds += strcmp(at->text, "unbind") == 0;
    }
    bool alone = unbinds == 1 && l->end - equal > 5 && strcmp(equal[3].text, "unbind") == 0 && is_sign(l->end - 1, ")");
    return alone ? count : 0;
}

/* An assignment, or an expression for what it does. */
static void run_simple(struct torch_frame *f, const struct torch_line *l)
{
    const struct torch_token *equal = NULL, *colon = NULL;
    int depth = 0;
    bool comma = false;
    for (const struct torch_token *at = l->at; at < l->end && !equal; at++) {
        bool sign = at->kind == TOKEN_SIGN;
        depth += sign && strchr("([{", *at->text) ? 1 : sign && strchr(")]}", *at->text) ? -1 : 0;
        if (depth == 0 && is_sign(at, "="))
            equal = at;
        else if (depth == 0 && is_sign(at, ":") && !colon)
            colon = at;
        else if (depth == 0 && !colon && is_sign(at, ","))
            comma = true;
    }
    struct torch_cursor c = {equal ? equal + 1 : l->at, l->end};
    f->t->parts = comma && equal ? count_parts(l, equal) : 0;
    struct torch_value v = right_side(f, &c);
    f->t->parts = 0;
    if (!f->t->b->failed && c.at != c.end)
        build_fail(f->t->b, "'%.60s' is not understood", c.at->text);
    if (!equal || f->t->b->failed)
        return;
    const struct torch_token *end = colon ? colon : equal;
    if (comma)
        assign_parts(f, l->at, end, v);
    else
        assign_to(f, l->at, end, v);
}

static void run_return(struct torch_frame *f, const struct torch_line *l)
{
    struct torch_cursor c = {l->at + 1, l->end};
    f->result = c.at < c.end ? right_side(f, &c) : torch_none();
    f->returned = true;
}

/* One statement; where the next one begins. */
static size_t run_statement(struct torch_frame *f, size_t line)
{
    const struct torch_line *l = &f->source->lines[line];
    if (++f->t->statements > TORCH_STATEMENTS)
        build_fail(f->t->b, "more than %d statements are run", TORCH_STATEMENTS);
    if (is_word(l, "if"))
        return run_if(f, line);
    if (is_word(l, "while"))
        return run_while(f, line);
    if (is_word(l, "for"))
        return run_for(f, line);
    if (is_word(l, "with"))
        return torch_block(f, line + 1, l->indent);
    if (is_word(l, "return"))
        run_return(f, l);
    else if (!is_word(l, "pass"))
        run_simple(f, l);
    return line + 1;
}

/* The lines from `line` on that are indented deeper than `indent`; the first one behind. */
size_t torch_block(struct torch_frame *f, size_t line, int indent)
{
    size_t end = block_end(f, line, indent);
    if (++f->t->depth > TORCH_DEPTH)
        build_fail(f->t->b, "it goes deeper than %d", TORCH_DEPTH);
    while (line < end && !f->t->b->failed && !f->returned) {
        size_t at = line;
        line = run_statement(f, line);
        if (f->t->b->failed && !strstr(f->t->b->err->text, ".py:"))
            error_prefix(f->t->b->err, "%.200s.py:%u", f->source->module, f->source->lines[at].number);
    }
    f->t->depth--;
    return end;
}

/* ---- functions ---- */

void torch_skip_type(struct torch_cursor *c)
{
    int depth = 0;
    for (; c->at < c->end; c->at++) {
        bool sign = c->at->kind == TOKEN_SIGN;
        if (sign && strchr("[(", *c->at->text))
            depth++;
        else if (sign && depth > 0 && strchr("])", *c->at->text))
            depth--;
        else if (sign && depth == 0 && strchr(",)=", *c->at->text))
            return;
    }
}

static bool bind_named(struct torch_frame *f, const char *name, const struct torch_args *args)
{
    for (int i = 0; i < args->count; i++)
        if (args->names[i] && strcmp(args->names[i], name) == 0) {
            torch_assign(f, name, args->values[i]);
            return true;
        }
    return false;
}

/* "def name(self: T, x: Tensor, y: int=2) -> T:" */
static void bind_arguments(struct torch_frame *f, const struct torch_line *l, const struct torch_args *args)
{
    struct torch_cursor c = {l->at + 2, l->end};
    int place = 0;
    torch_take(&c, "(");
    while (c.at < c.end && !torch_at(&c, ")") && !f->t->b->failed) {
        const char *name = c.at++->text;
        if (torch_take(&c, ":"))
            torch_skip_type(&c);
        bool has_default = torch_take(&c, "=");
        struct torch_value v = has_default ? torch_expression(f, &c) : torch_none();
        torch_take(&c, ",");
        if (bind_named(f, name, args))
            continue;
        while (place < args->count && args->names[place])
            place++;
        if (place < args->count)
            v = args->values[place++];
        else if (!has_default)
            build_fail(f->t->b, "argument '%.100s' of %.100s() is not given", name, l->at[1].text);
        torch_assign(f, name, v);
    }
}

struct torch_value torch_run(struct torch_reader *t, const char *function, const struct torch_args *args)
{
    struct torch_function *fn = lookup_find(&t->functions, function);
    struct torch_frame f = {.t = t, .source = fn ? fn->source : NULL};
    const char *path = t->path;
    if (!fn) {
        build_fail(t->b, "there is no function '%.300s' in the archive", function);
        return torch_none();
    }
    if (++t->depth > TORCH_DEPTH)
        build_fail(t->b, "it goes deeper than %d", TORCH_DEPTH);
    if (++fn->active > TORCH_CALLS)
        build_fail(t->b, "%.300s() calls itself more than %d deep", function, TORCH_CALLS);
    const struct torch_line *l = &fn->source->lines[fn->line];
    if (args->count && args->values[0].kind == TORCH_OBJECT)
        t->path = args->values[0].object->path;
    if (!t->b->failed)
        bind_arguments(&f, l, args);
    if (!t->b->failed)
        torch_block(&f, fn->line + 1, l->indent);
    t->path = path;
    t->depth--;
    fn->active--;
    lookup_release(&f.names);
    return f.result;
}
