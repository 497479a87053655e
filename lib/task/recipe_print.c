/* The canonical text of a recipe. */
#include <string.h>

#include "task/recipe.h"

static void print_sides(struct text *out, int width, int height, bool pair)
{
    text_printf(out, pair ? "%dx%d" : "%d", width, height);
}

static void print_size(struct text *out, const struct recipe_step *s)
{
    if (s->size > RECIPE_SHORT)
        text_printf(out, "%s:", recipe_size_names[s->size]);
    print_sides(out, s->width, s->height, recipe_size_is_pair(s->size));
    if (s->multiple)
        text_printf(out, "x%d", s->multiple);
    if (s->round)
        text_printf(out, ":%s", recipe_round_names[s->round]);
}

static void print_crop(struct text *out, const struct recipe_step *s)
{
    text_puts(out, s->size ? "part:" : "");
    print_sides(out, s->width, s->height, s->size || s->width != s->height || s->x >= 0);
    if (s->x >= 0)
        text_printf(out, "+%d+%d", s->x, s->y);
    text_puts(out, s->round ? ":down" : "");
}

static void print_step(struct text *out, const struct recipe_step *s)
{
    text_printf(out, ",%s%s", recipe_kind_names[s->kind], s->kind == RECIPE_QUANTIZE && !s->values ? "" : "=");
    if (s->kind == RECIPE_CROP)
        print_crop(out, s);
    else if (s->kind <= RECIPE_PAD)
        print_size(out, s);
    for (int i = 0; i < s->values; i++) {
        text_puts(out, i || s->kind <= RECIPE_PAD ? ":" : "");
        text_f32(out, s->value[i]);
    }
    text_puts(out, s->again ? ":again" : "");
    if (s->corner)
        text_puts(out, ":corner");
    if (s->shrink || s->warp)
        text_puts(out, s->warp ? ":warp" : ":shrink");
    if (s->mirror)
        text_printf(out, ":%s", recipe_mirror_names[s->mirror]);
}

static void print_setting(struct text *out, const char *key, const char *value)
{
    text_printf(out, ",%s%s", key, value);
}

/* Every key with a comma before it; settings of the picture between the steps on its pixels and on its values. */
static void print_all(struct text *out, const struct recipe *r)
{
    int i = 0;
    if (r->as_stored)
        print_setting(out, "exif=", "no");
    if (r->library)
        print_setting(out, "", recipe_library_names[r->library]);
    for (; i < r->count && r->steps[i].kind <= RECIPE_PAD; i++)
        print_step(out, &r->steps[i]);
    if (r->filter)
        print_setting(out, "filter=", recipe_filter_names[r->filter]);
    if (r->antialias)
        print_setting(out, "", "antialias");
    if (r->grid)
        print_setting(out, "grid=", recipe_grid_names[r->grid]);
    if (r->colour)
        print_setting(out, "", recipe_colour_names[r->colour]);
    for (; i < r->count; i++)
        print_step(out, &r->steps[i]);
    if (r->layout)
        print_setting(out, "layout=", recipe_layout_names[r->layout]);
    if (r->dtype)
        print_setting(out, "dtype=", recipe_dtype_names[r->dtype]);
    if (r->input[0]) {
        text_puts(out, ",input=");
        text_escape(out, r->input, strlen(r->input), ",");
    }
}

void recipe_print(const struct recipe *r, struct text *out)
{
    struct text t;
    text_init(&t);
    print_all(&t, r);
    if (t.size)
        text_add(out, t.data + 1, t.size - 1);
    out->failed |= t.failed;
    text_release(&t);
}
