/* The public API: answers drawn on a photo. */
#define _GNU_SOURCE /* strcasestr */
#include "model_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "draw/draw.h"
#include "draw/skeleton.h"
#include "image/part.h"

#define MASK_SHARE  128  /* of 255: how far a mask covers the photo */
#define MOST_TAGS   256  /* of which others keep away */
#define LEAST_SCORE 0.3f /* of a key point that is drawn */

struct model_drawing {
    struct image image;
    float line, letters; /* widths of lines and the height of text, in pixels */
    size_t count;        /* answers drawn so far */
    struct tag {
        float left, right, bottom;
    } tag[MOST_TAGS];
    size_t tags;
};

/* Unlike fminf() and fmaxf() an instruction each: nothing here is NaN. */
static float lower(float a, float b)
{
    return a < b ? a : b;
}

static float higher(float a, float b)
{
    return a > b ? a : b;
}

struct model_drawing *model_drawing_new(const struct model_picture *picture, struct model_error *error)
{
    struct error *err = model_inner(error);
    const struct image *photo = model_picture_image(picture);
    struct model_drawing *d = mem_calloc(1, sizeof *d, err);
    struct image_rect all = {0, 0, photo->width, photo->height};
    if (!d || image_want_all(photo, err) < 0 || image_crop(&d->image, photo, &all, err) < 0) {
        free(d);
        return NULL;
    }
    float side = sqrtf((float)photo->width * (float)photo->height);
    d->line = higher(side / 320, 1.5f);
    d->letters = higher(side / 45, 13);
    return d;
}

void model_drawing_free(struct model_drawing *drawing)
{
    if (drawing)
        image_release(&drawing->image);
    free(drawing);
}

/* ---- texts ---- */

/* "cat 0.93"; the answer's number when that cannot be drawn. score < 0: none. */
static void tag_text(const char *name, size_t index, double score, size_t number, char *text, size_t size)
{
    char label[200];
    if (name)
        snprintf(label, sizeof label, "%.190s", name);
    else
        snprintf(label, sizeof label, "%zu", index);
    if (!draw_can_text(label))
        snprintf(label, sizeof label, "#%zu", number);
    if (score >= 0)
        snprintf(text, size, "%s %.2f", label, score);
    else
        snprintf(text, size, "%s", label);
}

/* Whether it lies on none of those before. */
static bool is_free(const struct model_drawing *d, const struct tag *tag)
{
    for (size_t i = 0; i < d->tags; i++)
        if (fabsf(tag->bottom - d->tag[i].bottom) < d->letters && tag->left < d->tag[i].right &&
            tag->right > d->tag[i].left)
            return false;
    return true;
}

static struct tag tag_at(const struct model_drawing *d, float left, float bottom, float width)
{
    left = higher(lower(left, (float)d->image.width - width), 0);
    return (struct tag){left, left + width, higher(lower(bottom, (float)d->image.height), d->letters)};
}

/* With its bottom left corner at x, y, moved into the picture, and down a few lines where another one is. Without a
 * place it is left out, so that tags of better answers can be read. */
static int add_tag(struct model_drawing *d, float x, float y, const char *text, size_t colour, struct error *err)
{
    float height = (float)d->image.height;
    if (height < 2 * d->letters)
        return 0; /* it would hide all that there is */
    struct tag tag = tag_at(d, x, y, draw_text_width(text, d->letters));
    for (int i = 0; i < 4 && !is_free(d, &tag); i++)
        tag.bottom += d->letters;
    if (tag.bottom > height || !is_free(d, &tag))
        return 0;
    if (d->tags < MOST_TAGS)
        d->tag[d->tags++] = tag;
    return draw_tag(&d->image, tag.left, tag.bottom - d->letters, d->letters, text, draw_colour_of(colour), err);
}

/* How much of the objects a tag covers: the sum of the shares of their boxes. */
static float covered(const struct model_drawing *d, const struct tag *tag, const struct model_answers *a)
{
    float sum = 0;
    for (size_t i = 0; i < a->count && i < MOST_TAGS; i++) {
        const struct model_answer *o = &a->at[i];
        float w = lower(tag->right, o->x1) - higher(tag->left, o->x0);
        float h = lower(tag->bottom, o->y1) - higher(tag->bottom - d->letters, o->y0);
        sum += w > 0 && h > 0 ? w * h / ((o->x1 - o->x0) * (o->y1 - o->y0)) : 0;
    }
    return sum;
}

/* Where a polygon between two columns is highest, or lowest. */
static float edge_over(const struct model_answer *o, float left, float right, bool below)
{
    float edge = below ? -INFINITY : INFINITY;
    for (size_t i = 0; i < o->point_count; i++) {
        struct model_point a = o->points[i], b = o->points[(i + 1) % o->point_count];
        for (int end = 0; end < 2; end++) {
            float x = higher(lower(end ? a.x : b.x, right), left), share = b.x != a.x ? (x - a.x) / (b.x - a.x) : end;
            float y = a.y + share * (b.y - a.y);
            if (share >= 0 && share <= 1)
                edge = below ? higher(edge, y) : lower(edge, y);
        }
    }
    return isfinite(edge) ? edge : below ? o->y1 : o->y0;
}

/* Where an object's tag goes: above it on the left, unless much less of all of them is covered above on the right, or
 * below. */
static struct tag tag_of(const struct model_drawing *d, const struct model_answers *a, const struct model_answer *o,
                         const char *text)
{
    float width = draw_text_width(text, d->letters), least = INFINITY;
    int places = o->y1 + d->letters > (float)d->image.height ? 2 : 4;
    struct tag best = {0};
    for (int i = 0; i < places; i++) {
        struct tag tag = tag_at(d, i % 2 ? o->x1 + d->line / 2 - width : o->x0 - d->line / 2,
                                i / 2 ? o->y1 + d->letters : o->y0, width);
        if (a->kind == MODEL_ANSWER_POLYGONS)
            tag = tag_at(d, tag.left, edge_over(o, tag.left, tag.right, i / 2) + (i / 2 ? d->letters : 0), width);
        float cost = covered(d, &tag, a) + (i ? 0.05f : 0) + (is_free(d, &tag) ? 0 : MOST_TAGS);
        if (cost < least) {
            least = cost;
            best = tag;
        }
    }
    return best;
}

/* ---- places ---- */

static void outline_box(struct model_drawing *d, const double x[2], const double y[2], struct draw_colour colour)
{
    const struct draw_point corners[] = {
        {(float)x[0], (float)y[0]}, {(float)x[1], (float)y[0]}, {(float)x[1], (float)y[1]}, {(float)x[0], (float)y[1]}};
    draw_outline(&d->image, corners, 4, d->line, colour);
}

static void outline_place(struct model_drawing *d, const struct model_place *place, struct draw_colour colour)
{
    struct draw_point corners[4];
    if (place->corners == 2)
        outline_box(d, place->x, place->y, colour);
    for (int i = 0; i < 4; i++)
        corners[i] = (struct draw_point){(float)place->x[i], (float)place->y[i]};
    if (place->corners == 4)
        draw_outline(&d->image, corners, 4, d->line, colour);
}

/* The top left corner of a tag at a place: above it, or inside the photo when it is all of it. */
static struct draw_point tag_place(const struct model_drawing *d, const struct model_place *place, size_t row)
{
    struct draw_point at = {(float)place->x[0], (float)place->y[0]};
    for (int i = 1; i < place->corners; i++) {
        at.x = lower(at.x, (float)place->x[i]);
        at.y = lower(at.y, (float)place->y[i]);
    }
    at.y += place->corners ? -(float)row * d->letters : (float)(row + 1) * d->letters;
    return at;
}

/* The least label of a mask that is painted: 0 where its name tells of a kind of thing, not of what no thing covers. */
static size_t first_painted(const struct model_answers *a)
{
    const char *name = NULL;
    for (size_t i = 0; i < a->count; i++)
        if (a->at[i].index == 0)
            name = a->at[i].label;
    return !name || strcasestr(name, "background") || strcasestr(name, "unlabel") || strcasecmp(name, "void") == 0;
}

/* Labels and texts of all of a photo, or of a place in it. */
static int draw_names(struct model_drawing *d, const struct model_answers *a, const struct model_place *place,
                      struct error *err)
{
    char text[240];
    bool is_text = a->kind == MODEL_ANSWER_TEXT;
    int status = 0;
    size_t row = 0, rows = (size_t)((float)d->image.height / d->letters); /* that the picture has room for */
    for (size_t i = 0; status == 0 && i < a->count && (place->corners || row < rows); i++) {
        const struct model_answer *one = &a->at[i];
        size_t colour = is_text ? d->count : one->index;
        struct draw_point at = tag_place(d, place, row);
        if (i == 0)
            outline_place(d, place, draw_colour_of(colour));
        tag_text(is_text ? one->text : one->label, one->index, is_text ? -1 : one->score, ++d->count, text,
                 sizeof text);
        if (*text && (a->kind != MODEL_ANSWER_MASK || one->index >= first_painted(a)))
            status = add_tag(d, at.x - d->line / 2, at.y, text, colour, err), row++;
    }
    return status;
}

/* ---- objects ---- */

/* Of many points, as of a face, no more than a share of what they extend over, so that a small one is not covered. */
static float point_size(const struct model_drawing *d, const struct model_answer *a)
{
    struct draw_point low = {a->points[0].x, a->points[0].y}, high = low;
    if (a->point_count <= 30)
        return higher(d->line * 2.2f, 2);
    for (size_t i = 1; i < a->point_count; i++) {
        low = (struct draw_point){lower(low.x, a->points[i].x), lower(low.y, a->points[i].y)};
        high = (struct draw_point){higher(high.x, a->points[i].x), higher(high.y, a->points[i].y)};
    }
    return higher(lower(d->line * 1.2f, higher(high.x - low.x, high.y - low.y) / 45), 1);
}

static void draw_key_points(struct model_drawing *d, const struct model_answer *a, struct draw_colour colour)
{
    const struct model_point *p = a->points;
    size_t first, second;
    for (size_t i = 0; draw_bone(a->point_count, i, &first, &second); i++) {
        const struct model_point *from = &p[first], *to = &p[second];
        if (from->score >= LEAST_SCORE && to->score >= LEAST_SCORE)
            draw_line(&d->image, (struct draw_point){from->x, from->y}, (struct draw_point){to->x, to->y}, d->line,
                      colour);
    }
    float size = a->point_count ? point_size(d, a) : 0;
    for (size_t i = 0; i < a->point_count; i++) {
        struct draw_point at = {p[i].x, p[i].y};
        if (p[i].score < LEAST_SCORE)
            continue;
        draw_line(&d->image, at, at, size * 1.5f, draw_ink_on(colour));
        draw_line(&d->image, at, at, size, colour);
    }
}

static int draw_polygon(struct model_drawing *d, const struct model_answer *a, struct draw_colour colour,
                        struct error *err)
{
    struct draw_point *corners = mem_calloc(a->point_count, sizeof *corners, err);
    if (!corners)
        return -1;
    for (size_t i = 0; i < a->point_count; i++)
        corners[i] = (struct draw_point){a->points[i].x, a->points[i].y};
    draw_outline(&d->image, corners, a->point_count, d->line, colour);
    free(corners);
    return 0;
}

static int draw_object(struct model_drawing *d, const struct model_answer *a, bool polygon, struct draw_colour colour,
                       struct error *err)
{
    struct draw_colour palette[256] = {[1] = colour};
    const struct image_rect region = {a->mask.x, a->mask.y, a->mask.width, a->mask.height};
    if (a->mask.pixels)
        draw_labels(&d->image, &region, a->mask.pixels, 1, MASK_SHARE, palette);
    if (polygon)
        return draw_polygon(d, a, colour, err);
    outline_box(d, (const double[]){a->x0, a->x1}, (const double[]){a->y0, a->y1}, colour);
    draw_key_points(d, a, colour);
    return 0;
}

/* Whether objects are told apart by colour, since their label is the same: people, faces, lines of text. */
static bool are_alike(const struct model_answers *a)
{
    bool alike = a->count && (a->at[0].point_count || a->at[0].mask.pixels);
    for (size_t i = 1; alike && i < a->count; i++)
        alike = a->at[i].index == a->at[0].index;
    return alike;
}

/* Tags come last, so that no line runs through them; the best have their place first. What has no name is numbered. */
static int draw_objects(struct model_drawing *d, const struct model_answers *a, struct error *err)
{
    char text[240];
    int status = 0;
    bool alike = are_alike(a), nameless = alike && a->kind == MODEL_ANSWER_POLYGONS && !a->at[0].label;
    for (size_t i = a->count; status == 0 && i-- > 0;)
        status = draw_object(d, &a->at[i], a->kind == MODEL_ANSWER_POLYGONS,
                             draw_colour_of(alike ? d->count + i : a->at[i].index), err);
    for (size_t i = 0; status == 0 && i < a->count; i++) {
        const struct model_answer *one = &a->at[i];
        size_t number = d->count + i + 1;
        if (!one->label && one->point_count && a->kind != MODEL_ANSWER_POLYGONS)
            continue; /* its points say enough */
        if (nameless)
            snprintf(text, sizeof text, "%zu", number);
        else
            tag_text(one->label, one->index, one->score, number, text, sizeof text);
        struct tag tag = tag_of(d, a, one, text);
        status = add_tag(d, tag.left, tag.bottom, text, alike ? number - 1 : one->index, err);
    }
    d->count += a->count;
    return status;
}

/* ---- whole pictures ---- */

/* The labels of a mask, over all of the photo or the box that it is about. */
static int draw_mask(struct model_drawing *d, const struct model_answers *a, const struct model_place *place,
                     struct error *err)
{
    static const struct image_part_how plain = {0};
    struct draw_colour palette[256];
    struct image_place at = {.corners = place->corners};
    struct image_part part;
    struct image labels = {a->width, a->height, 1, a->pixels, NULL}, scaled;
    if (place->corners > 2)
        return 0; /* a mask is not turned back */
    memcpy(at.x, place->x, sizeof at.x);
    memcpy(at.y, place->y, sizeof at.y);
    if (image_part_plan(&part, &d->image, &at, &plain, err) < 0 ||
        image_resize(&scaled, &labels, part.width, part.height, IMAGE_NEAREST, NULL, err) < 0)
        return -1;
    for (size_t i = 0; i < 256; i++)
        palette[i] = draw_colour_of(i);
    draw_labels(&d->image, &part.box, scaled.data, (int)first_painted(a), MASK_SHARE, palette);
    image_release(&scaled);
    return draw_names(d, a, place, err);
}

static int take_picture(struct model_drawing *d, const struct model_answers *a, struct error *err)
{
    struct image picture;
    if (image_init(&picture, a->width, a->height, 3, err) < 0)
        return -1;
    for (size_t i = 0; i < (size_t)a->width * (size_t)a->height * 3; i++)
        picture.data[i] = a->pixels[a->channels == 3 ? i : i / 3];
    image_release(&d->image);
    d->image = picture;
    return 0;
}

int model_drawing_add(struct model_drawing *d, const struct model_answers *a, const struct model_place *place,
                      struct model_error *error)
{
    struct error *err = model_inner(error);
    switch (a->kind) {
    case MODEL_ANSWER_LABELS:
    case MODEL_ANSWER_TEXT:
        return draw_names(d, a, place, err);
    case MODEL_ANSWER_BOXES:
    case MODEL_ANSWER_POLYGONS:
        return draw_objects(d, a, err);
    case MODEL_ANSWER_MASK:
        return draw_mask(d, a, place, err);
    case MODEL_ANSWER_PICTURE:
        return take_picture(d, a, err);
    default:
        return 0;
    }
}

/* ---- files ---- */

static int write_file(const char *path, const struct text *data, struct error *err)
{
    struct file_out out = {.fd = -1};
    if (file_create(&out, path, err) < 0)
        return -1;
    if (file_write(&out, data->data, data->size, err) == 0)
        return file_commit(&out, err);
    file_abandon(&out);
    return -1;
}

static int write_picture(const struct image *image, bool is_mask, const char *path, struct error *err)
{
    struct text png;
    uint8_t palette[256][3] = {{0}};
    text_init(&png);
    for (size_t i = 1; i < 256; i++)
        memcpy(palette[i], draw_colour_of(i).rgb, 3);
    int status = is_mask ? image_write_palette(image, (const uint8_t(*)[3])palette, &png, err)
                         : image_write_png(image, &png, err);
    if (status == 0)
        status = write_file(path, &png, err);
    text_release(&png);
    return status < 0 ? error_prefix(err, "%s", path) : 0;
}

int model_drawing_write(const struct model_drawing *drawing, const char *path, struct model_error *err)
{
    return write_picture(&drawing->image, false, path, model_inner(err));
}

int model_answers_write(const struct model_answers *a, const char *path, struct model_error *err)
{
    struct image image = {a->width, a->height, a->channels, a->pixels, NULL};
    return write_picture(&image, a->kind == MODEL_ANSWER_MASK, path, model_inner(err));
}
