#include "format/darknet/cfg.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define MOST_BYTES (1 << 24) /* of the layers' text; files may have holes */

/* ---- lines ---- */

/* One line without blanks, NUL-terminated, in the arena; *text moves behind it. */
static char *next_line(const char **text, const char *end, struct arena *arena, struct error *err)
{
    const char *newline = memchr(*text, '\n', (size_t)(end - *text));
    size_t size = (size_t)((newline ? newline : end) - *text), n = 0;
    char *line = arena_strndup(arena, *text, size, err);
    *text += size + (newline != NULL);
    for (size_t i = 0; line && i < size; i++)
        if (line[i] && !isspace((unsigned char)line[i]))
            line[n++] = line[i];
    if (line)
        line[n] = '\0';
    return line;
}

static int add_section(struct darknet_cfg *cfg, char *line, int number, struct error *err)
{
    char *end = strchr(line, ']');
    if (!end)
        return error_set(err, "line %d: '%.60s' has no ']'", number, line);
    if (end == line + 1)
        return error_set(err, "line %d: '[]' names no layer, want a type between the brackets", number);
    if (cfg->count == DARKNET_MAX_SECTIONS)
        return error_set(err, "line %d: more than %d sections", number, DARKNET_MAX_SECTIONS);
    if (mem_grow(&cfg->sections, &cfg->cap, cfg->count + 1, sizeof(*cfg->sections), err) != 0)
        return -1;
    *end = '\0';
    cfg->sections[cfg->count++] = (struct darknet_section){.type = line + 1, .line = number};
    return 0;
}

static int add_option(struct darknet_cfg *cfg, char *line, int number, struct arena *arena, struct error *err)
{
    char *equals = strchr(line, '=');
    if (cfg->count == 0)
        return error_set(err, "line %d: '%.60s' stands before any section, want [net]", number, line);
    if (!equals)
        return error_set(err, "line %d: '%.60s' is neither a section nor key=value", number, line);
    struct darknet_option *o = arena_alloc(arena, sizeof(*o), err);
    struct darknet_section *s = &cfg->sections[cfg->count - 1];
    if (!o)
        return -1;
    *equals = '\0';
    o->key = line;
    o->value = equals + 1;
    if (s->last)
        s->last->next = o;
    else
        s->first = o;
    s->last = o;
    return 0;
}

int darknet_cfg_read(struct darknet_cfg *cfg, const char *text, size_t size, struct arena *arena, struct error *err)
{
    const char *end = text + size;
    if (size > MOST_BYTES)
        return error_set(err, "a text of %zu bytes, want at most %d", size, MOST_BYTES);
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3;
    for (int number = 1; text < end; number++) {
        char *line = next_line(&text, end, arena, err);
        if (!line)
            return -1;
        if (!*line || *line == '#' || *line == ';')
            continue;
        if ((*line == '[' ? add_section(cfg, line, number, err) : add_option(cfg, line, number, arena, err)) != 0)
            return -1;
    }
    return 0;
}

void darknet_cfg_release(struct darknet_cfg *cfg)
{
    free(cfg->sections);
    *cfg = (struct darknet_cfg){0};
}

/* ---- values ---- */

const char *darknet_text(const struct darknet_section *s, const char *key)
{
    for (const struct darknet_option *o = s->first; o; o = o->next)
        if (strcmp(o->key, key) == 0)
            return o->value;
    return NULL;
}

/* How many characters of `text` are a number. */
static size_t number_size(const char *text, bool whole)
{
    size_t n = strspn(text, "+-");
    n += strspn(text + n, whole ? "0123456789" : "0123456789.");
    if (!whole && (text[n] == 'e' || text[n] == 'E')) {
        size_t sign = strspn(text + n + 1, "+-"), digits = strspn(text + n + 1 + sign, "0123456789");
        n += digits ? 1 + sign + digits : 0;
    }
    return n;
}

static int64_t to_int(const char *text)
{
    int64_t value = 0;
    text += *text == '+';
    return text_to_i64(text, number_size(text, true), &value) ? value : 0;
}

static float to_float(const char *text)
{
    float value = 0;
    return text_to_f32(text, number_size(text, false), &value) ? value : 0;
}

int64_t darknet_int(const struct darknet_section *s, const char *key, int64_t otherwise)
{
    const char *text = darknet_text(s, key);
    return text ? to_int(text) : otherwise;
}

float darknet_float(const struct darknet_section *s, const char *key, float otherwise)
{
    const char *text = darknet_text(s, key);
    return text ? to_float(text) : otherwise;
}

/* The place behind the next comma; NULL at the end. */
static const char *behind_comma(const char *text)
{
    const char *comma = strchr(text, ',');
    return comma && comma[1] ? comma + 1 : NULL;
}

int darknet_ints(const struct darknet_section *s, const char *key, int64_t *values, int max)
{
    int n = 0;
    for (const char *text = darknet_text(s, key); text && *text; text = behind_comma(text), n++)
        if (n < max)
            values[n] = to_int(text);
    return n;
}

int darknet_floats(const struct darknet_section *s, const char *key, float *values, int max)
{
    int n = 0;
    for (const char *text = darknet_text(s, key); text && *text; text = behind_comma(text), n++)
        if (n < max)
            values[n] = to_float(text);
    return n;
}
