/* Text: strokes of letters as line segments. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "draw/font.h"

#define PEN         1.15f /* its width, in units of a letter */
#define GAP         2     /* between letters */
#define BLANK       3
#define MARK        2 /* the width of most marks */
#define PIECES      6 /* of each part of a curve */
#define MOST_POINTS 16

/* Bytes that are no UTF-8 are a character that nothing draws. */
static unsigned next_code(const char **text)
{
    const uint8_t *at = (const uint8_t *)*text;
    unsigned code = text_get_utf8(&at, at + strlen(*text));
    *text = (const char *)at;
    return code;
}

/* ---- a letter ---- */

struct pen {
    struct draw_segment *segments;
    size_t count, cap;
    float x, y, scale; /* of the letter's origin, on the picture */
    struct error *err;
    bool failed;
};

static void add_segment(struct pen *p, struct draw_point from, struct draw_point to)
{
    if (p->failed || mem_grow(&p->segments, &p->cap, p->count + 1, sizeof *p->segments, p->err) < 0) {
        p->failed = true;
        return;
    }
    p->segments[p->count++] = (struct draw_segment){from, to};
}

static struct draw_point between(struct draw_point a, struct draw_point b, float t)
{
    return (struct draw_point){a.x + (b.x - a.x) * t, a.y + (b.y - a.y) * t};
}

/* A quadratic curve from a to c, drawn towards b. */
static void add_curve(struct pen *p, struct draw_point a, struct draw_point b, struct draw_point c)
{
    struct draw_point from = a;
    for (int i = 1; i <= PIECES; i++) {
        float t = (float)i / PIECES;
        struct draw_point to = between(between(a, b, t), between(b, c, t), t);
        add_segment(p, from, to);
        from = to;
    }
}

static void add_stroke(struct pen *p, const struct draw_point *at, int n, bool curve)
{
    struct draw_point from = at[0];
    for (int i = 1; i < n && !curve; i++)
        add_segment(p, at[i - 1], at[i]);
    for (int i = 1; i < n - 1 && curve; i++) {
        struct draw_point to = i == n - 2 ? at[n - 1] : between(at[i], at[i + 1], 0.5f);
        add_curve(p, from, at[i], to);
        from = to;
    }
}

static float unit(char c)
{
    return (float)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void add_strokes(struct pen *p, const char *strokes, float dx, float dy)
{
    while (*strokes) {
        struct draw_point at[MOST_POINTS];
        bool curve = *strokes == '~';
        int n = 0;
        for (strokes += curve; *strokes && *strokes != ' ' && n < MOST_POINTS; strokes += 2)
            at[n++] = (struct draw_point){p->x + (unit(strokes[0]) + dx) * p->scale,
                                          p->y + (unit(strokes[1]) + dy) * p->scale};
        add_stroke(p, at, n, curve);
        strokes += *strokes == ' ';
    }
}

/* How far the next letter stands behind the beginning of this one; nothing is added without a pen. -1: it cannot be
 * drawn. */
static int add_letter(struct pen *p, unsigned code)
{
    struct font_accented parts = {code, 0};
    const char *strokes = font_strokes(code);
    if (!strokes && font_take_apart(code, &parts))
        strokes = font_strokes(parts.base);
    if (!strokes)
        return -1;
    int narrow = font_width(strokes), width = parts.mark && narrow < MARK ? MARK : narrow;
    bool capital = parts.base >= 'A' && parts.base <= 'Z', high = capital || strchr("bdfhklt", (int)parts.base);
    if (p)
        add_strokes(p, strokes, (float)(width - narrow) / 2, 0);
    if (p && parts.mark)
        add_strokes(p, font_mark(parts.mark), (float)(width - MARK) / 2, high && !strchr(",;", parts.mark) ? -2.5f : 0);
    return *strokes ? width + GAP : BLANK;
}

/* ---- a line ---- */

bool draw_can_text(const char *text)
{
    while (*text)
        if (add_letter(NULL, next_code(&text)) < 0)
            return false;
    return true;
}

float draw_text_width(const char *text, float height)
{
    int width = 0;
    while (*text) {
        int advance = add_letter(NULL, next_code(&text));
        width += advance > 0 ? advance : 0;
    }
    return (float)width * height / FONT_HEIGHT;
}

int draw_text(struct image *image, float x, float y, float height, const char *text, struct draw_colour colour,
              struct error *err)
{
    float scale = height / FONT_HEIGHT;
    struct pen p = {.x = x + scale, .y = y, .scale = scale, .err = err};
    while (*text && !p.failed && p.x < (float)image->width) {
        int advance = add_letter(&p, next_code(&text));
        p.x += advance > 0 ? (float)advance * scale : 0;
    }
    float width = fmaxf(PEN * scale, 1.2f);
    int status = p.failed ? -1 : draw_segments(image, p.segments, p.count, width, colour, err);
    free(p.segments);
    return status;
}

int draw_tag(struct image *image, float x, float y, float height, const char *text, struct draw_colour colour,
             struct error *err)
{
    struct image_rect ground = {(int)x, (int)y, (int)ceilf(draw_text_width(text, height)), (int)ceilf(height)};
    draw_area(image, &ground, 255, colour);
    return draw_text(image, (float)ground.x, (float)ground.y, height, text, draw_ink_on(colour), err);
}
