#include "parse/xml.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

struct reader {
    struct xml *x;
    char *at, *end; /* *end is NUL, which ends every loop */
    int depth;
    struct error *err;
};

/* ---- characters ---- */

static int fail(const struct reader *r, const char *what)
{
    size_t line = 1;
    for (const char *c = r->x->text; c < r->at; c++)
        line += *c == '\n';
    return error_set(r->err, "XML: line %zu: want %s", line, what);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_space(struct reader *r)
{
    while (is_space(*r->at))
        r->at++;
}

static bool take(struct reader *r, const char *word)
{
    size_t n = strlen(word);
    bool found = strncmp(r->at, word, n) == 0;
    r->at += found ? n : 0;
    return found;
}

/* Behind what ends with `word`. */
static int skip_past(struct reader *r, const char *word, const char *what)
{
    char *found = strstr(r->at, word);
    if (!found)
        return fail(r, what);
    r->at = found + strlen(word);
    return 0;
}

/* A name ends where none of these signs may stand in one; its NUL is put there later, over a sign that was read. */
static int read_name(struct reader *r, char **name, size_t *n)
{
    *name = r->at;
    *n = strcspn(r->at, " \t\r\n/>=<\"'&");
    if (*n == 0)
        return fail(r, "a name");
    r->at += *n;
    return 0;
}

/* "#65;" or "#x41;" behind the '&'. */
static int read_reference(struct reader *r, char **to)
{
    bool hex = r->at[1] == 'x';
    char *from = r->at + 1 + hex, *stop;
    unsigned long c = *from != '+' && *from != '-' && !is_space(*from) ? strtoul(from, &stop, hex ? 16 : 10) : 0;
    if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || *stop != ';')
        return fail(r, "the number of a character, as \"&#65;\"");
    *to += text_utf8(*to, (uint32_t)c);
    r->at = stop + 1;
    return 0;
}

static int read_entity(struct reader *r, char **to)
{
    static const char *const words[] = {"lt;", "gt;", "amp;", "quot;", "apos;"};
    static const char signs[] = "<>&\"'";
    r->at++;
    if (*r->at == '#')
        return read_reference(r, to);
    for (int i = 0; i < 5; i++)
        if (take(r, words[i])) {
            *(*to)++ = signs[i];
            return 0;
        }
    return fail(r, "one of the entities lt, gt, amp, quot, apos");
}

/* Unescaped in place, since that never makes it longer. */
static int read_quoted(struct reader *r, const char **value)
{
    char quote = *r->at, *to = r->at + 1;
    if (quote != '"' && quote != '\'')
        return fail(r, "a value in quotes");
    *value = to;
    r->at++;
    while (*r->at != quote) {
        if (*r->at == 0 || *r->at == '<')
            return fail(r, "the end of a value");
        if (*r->at != '&')
            *to++ = *r->at++;
        else if (read_entity(r, &to) != 0)
            return -1;
    }
    r->at++;
    *to = 0;
    return 0;
}

/* ---- elements ---- */

static int read_attr(struct reader *r)
{
    struct xml *x = r->x;
    char *name;
    size_t n;
    if (read_name(r, &name, &n) != 0 ||
        mem_grow(&x->attr, &x->attr_cap, x->attr_count + 1, sizeof(*x->attr), r->err) != 0)
        return -1;
    struct xml_attr *a = &x->attr[x->attr_count++];
    skip_space(r);
    if (*r->at != '=')
        return fail(r, "'=' behind the name of an attribute");
    r->at++;
    skip_space(r);
    a->name = name;
    if (read_quoted(r, &a->value) != 0)
        return -1;
    name[n] = 0;
    return 0;
}

/* Comments, CDATA and processing instructions: nothing that a model says stands there. */
static int skip_other(struct reader *r, bool *found)
{
    *found = true;
    if (take(r, "<!--"))
        return skip_past(r, "-->", "the end of a comment");
    if (take(r, "<![CDATA["))
        return skip_past(r, "]]>", "the end of CDATA");
    if (take(r, "<?"))
        return skip_past(r, "?>", "the end of an instruction");
    if (strncmp(r->at, "<!", 2) == 0)
        return fail(r, "no document type, nor anything else that begins with \"<!\"");
    *found = false;
    return 0;
}

static int read_element(struct reader *r, size_t *index);

static int read_end(struct reader *r, const char *name, size_t n)
{
    char *found;
    size_t length;
    if (read_name(r, &found, &length) != 0)
        return -1;
    skip_space(r);
    if (length != n || memcmp(found, name, n) != 0 || !take(r, ">"))
        return fail(r, "the end of the element that is open");
    return 0;
}

/* What stands between an element's tags, and the latter of them. */
static int read_inside(struct reader *r, size_t self, const char *name, size_t n)
{
    size_t last = 0, index;
    bool other;
    if (++r->depth > XML_MAX_DEPTH)
        return fail(r, "less depth");
    for (;;) {
        r->at += strcspn(r->at, "<");
        if (*r->at == 0)
            return fail(r, "the end of an element");
        if (skip_other(r, &other) != 0)
            return -1;
        if (other)
            continue;
        if (take(r, "</"))
            break;
        if (read_element(r, &index) != 0)
            return -1;
        *(last ? &r->x->node[last].next : &r->x->node[self].first) = index;
        last = index;
    }
    r->depth--;
    return read_end(r, name, n);
}

static int read_attrs(struct reader *r, size_t self)
{
    r->x->node[self].attr = r->x->attr_count;
    for (skip_space(r); *r->at != '>' && *r->at != '/'; skip_space(r))
        if (read_attr(r) != 0)
            return -1;
    r->x->node[self].attr_count = r->x->attr_count - r->x->node[self].attr;
    return 0;
}

static int read_element(struct reader *r, size_t *index)
{
    struct xml *x = r->x;
    char *name;
    size_t n, self = *index = x->count;
    if (!take(r, "<"))
        return fail(r, "an element");
    if (mem_grow(&x->node, &x->cap, x->count + 1, sizeof(*x->node), r->err) != 0)
        return -1;
    x->node[x->count++] = (struct xml_node){0};
    if (read_name(r, &name, &n) != 0 || read_attrs(r, self) != 0)
        return -1;
    bool empty = take(r, "/");
    if (!take(r, ">"))
        return fail(r, "'>'");
    x->node[self].name = name;
    if (!empty && read_inside(r, self, name, n) != 0)
        return -1;
    name[n] = 0;
    return 0;
}

/* ---- the whole ---- */

static int read_document(struct reader *r)
{
    size_t root;
    bool other = true;
    take(r, "\xef\xbb\xbf");
    while (other) {
        skip_space(r);
        if (skip_other(r, &other) != 0)
            return -1;
    }
    if (read_element(r, &root) != 0)
        return -1;
    for (other = true; other;) {
        skip_space(r);
        if (skip_other(r, &other) != 0)
            return -1;
    }
    return r->at == r->end ? 0 : fail(r, "nothing behind the outermost element");
}

int xml_parse(struct xml *out, const char *text, size_t n, struct error *err)
{
    if (n > XML_MAX_BYTES)
        return error_set(err, "XML: %zu bytes: want at most %d", n, XML_MAX_BYTES);
    struct xml x = {.text = mem_calloc(n + 1, 1, err)};
    struct reader r = {.x = &x, .at = x.text, .end = x.text + n, .err = err};
    if (!x.text)
        return -1;
    memcpy(x.text, text, n);
    if (read_document(&r) != 0) {
        xml_release(&x);
        return -1;
    }
    *out = x;
    return 0;
}

void xml_release(struct xml *x)
{
    free(x->text);
    free(x->node);
    free(x->attr);
}

/* ---- looking ---- */

const char *xml_attr(const struct xml *x, const struct xml_node *node, const char *name)
{
    for (size_t i = 0; node && i < node->attr_count; i++)
        if (strcmp(x->attr[node->attr + i].name, name) == 0)
            return x->attr[node->attr + i].value;
    return NULL;
}

static const struct xml_node *find(const struct xml *x, size_t index, const char *name)
{
    while (index && name && strcmp(x->node[index].name, name) != 0)
        index = x->node[index].next;
    return index ? &x->node[index] : NULL;
}

const struct xml_node *xml_first(const struct xml *x, const struct xml_node *parent, const char *name)
{
    return parent ? find(x, parent->first, name) : NULL;
}

const struct xml_node *xml_next(const struct xml *x, const struct xml_node *node, const char *name)
{
    return find(x, node->next, name);
}
