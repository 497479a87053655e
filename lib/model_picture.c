/* The public API: photos, and parts of them that an earlier network found. */
#include "model_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/record.h"
#include "image/part.h"

/* ---- photos ---- */

struct model_picture {
    struct image image;
    struct blob *file; /* that it is read from; NULL: it is not any more */
};

static struct model_picture *open_picture(struct model_session *s, const void *bytes, size_t n, struct error *err)
{
    struct model_picture *p = mem_calloc(1, sizeof *p, err);
    if (p && image_decode_lazily(&p->image, bytes, n, err) == 0 &&
        image_turn(&p->image, s->recipe.as_stored ? 1 : image_exif_orientation(bytes, n), err) == 0)
        return p;
    model_picture_free(p);
    return NULL;
}

struct model_picture *model_session_picture_of(struct model_session *s, const void *bytes, size_t n,
                                               struct model_error *error)
{
    struct model_picture *p = open_picture(s, bytes, n, model_inner(error));
    if (p && image_want(&p->image, NULL, 0, NULL, 0, model_inner(error)) == 0)
        return p;
    model_picture_free(p);
    return NULL;
}

struct model_picture *model_session_picture(struct model_session *s, const char *path, struct model_error *error)
{
    struct blob *blob = file_copy(path, model_inner(error));
    struct model_picture *p = blob ? open_picture(s, blob->data, blob->size, model_inner(error)) : NULL;
    if (p)
        p->file = blob;
    else
        blob_unref(blob);
    return p;
}

size_t model_picture_size(const void *bytes, size_t n)
{
    return image_pnm_size(bytes, n);
}

const struct image *model_picture_image(const struct model_picture *picture)
{
    return &picture->image;
}

void model_picture_free(struct model_picture *picture)
{
    if (picture) {
        image_release(&picture->image);
        blob_unref(picture->file);
    }
    free(picture);
}

struct model_tensor *model_session_photo(struct model_session *s, const char *path, struct model_photo *photo,
                                         struct model_error *error)
{
    static const struct model_place all = {0};
    struct model_picture *p = model_session_picture(s, path, error);
    struct model_tensor *t = p ? model_session_part(s, p, &all, NULL, photo, error) : NULL;
    model_picture_free(p);
    return t;
}

/* ---- parts ---- */

/* As the graphs of MediaPipe's hand, face and pose landmarks have it. */
static const struct {
    struct image_aim how;
    size_t from, to; /* key points */
} aims[] = {[MODEL_AIM_HAND] = {{90, 2.6, 0.5, false}, 0, 2},
            [MODEL_AIM_FACE] = {{0, 1.5, 0, false}, 0, 1},
            [MODEL_AIM_BODY] = {{90, 1.25, 0, true}, 0, 1}};

struct model_tensor *model_session_part(struct model_session *s, const struct model_picture *picture,
                                        const struct model_place *place, const struct model_cut *cut,
                                        struct model_photo *photo, struct model_error *error)
{
    static const struct model_cut plain = {0};
    struct error *err = model_inner(error);
    struct image_place at = {.corners = place->corners};
    struct image_part part;
    struct image image;
    cut = cut ? cut : &plain;
    struct image_part_how how = {aims[cut->aim].how, cut->pad, cut->square, cut->tall, cut->linear, 0, 0,
                                 cut->udp,           cut->turn};
    if ((cut->affine || cut->udp || place->corners >= 5) &&
        model_input_size(s, &picture->image, &how.width, &how.height, err) < 0)
        return NULL;
    memcpy(at.x, place->x, sizeof at.x);
    memcpy(at.y, place->y, sizeof at.y);
    if (place->corners == 0 && cut->turn == 0)
        return model_outer_tensor(model_prepare_photo(s, &picture->image, cut->width, photo, err));
    if (image_want_all(&picture->image, err) < 0 || image_part_plan(&part, &picture->image, &at, &how, err) < 0 ||
        image_part_cut(&image, &picture->image, &part, err) < 0)
        return NULL;
    struct tensor *t = model_prepare_photo(s, &image, cut->width, photo, err);
    image_release(&image);
    photo->is_part = true;
    memcpy(photo->back, part.back.m, sizeof photo->back);
    return model_outer_tensor(t);
}

static void move_point(const struct image_map *map, float *x, float *y)
{
    double at_x = *x, at_y = *y;
    image_map_point(map, &at_x, &at_y);
    *x = (float)at_x;
    *y = (float)at_y;
}

/* The box around the four corners of the box, moved. */
static void move_box(const struct image_map *map, struct model_answer *a)
{
    float x[4] = {a->x0, a->x1, a->x1, a->x0}, y[4] = {a->y0, a->y0, a->y1, a->y1};
    for (int i = 0; i < 4; i++) {
        move_point(map, &x[i], &y[i]);
        a->x0 = i && a->x0 < x[i] ? a->x0 : x[i];
        a->y0 = i && a->y0 < y[i] ? a->y0 : y[i];
        a->x1 = i && a->x1 > x[i] ? a->x1 : x[i];
        a->y1 = i && a->y1 > y[i] ? a->y1 : y[i];
    }
}

/* A mask goes along with a box; one that would have to be turned or warped is dropped. */
static void move_mask(const struct image_map *map, struct model_region *mask)
{
    const double *m = map->m;
    bool shifts = m[0] == 1 && m[1] == 0 && m[3] == 0 && m[4] == 1 && m[6] == 0 && m[7] == 0;
    if (shifts) {
        mask->x += (int)m[2];
        mask->y += (int)m[5];
        return;
    }
    free(mask->pixels);
    *mask = (struct model_region){0};
}

/* To what key points take of it: the box around a turned box is larger than that. */
static void shrink_box(struct model_answer *a)
{
    float x0 = INFINITY, y0 = INFINITY, x1 = -INFINITY, y1 = -INFINITY;
    for (size_t k = 0; k < a->point_count; k++) {
        x0 = fminf(x0, a->points[k].x), y0 = fminf(y0, a->points[k].y);
        x1 = fmaxf(x1, a->points[k].x), y1 = fmaxf(y1, a->points[k].y);
    }
    if (x0 > x1)
        return;
    a->x0 = fmaxf(a->x0, x0), a->y0 = fmaxf(a->y0, y0);
    a->x1 = fminf(a->x1, x1), a->y1 = fminf(a->y1, y1);
}

void model_move_answers(struct model_answers *answers, const struct model_photo *photo, bool around_points)
{
    struct image_map map;
    memcpy(map.m, photo->back, sizeof map.m);
    bool is_place = answers->kind == MODEL_ANSWER_BOXES || answers->kind == MODEL_ANSWER_POLYGONS;
    for (size_t i = 0; is_place && i < answers->count; i++) {
        struct model_answer *a = &answers->at[i];
        move_box(&map, a);
        move_mask(&map, &a->mask);
        for (size_t k = 0; k < a->point_count; k++)
            move_point(&map, &a->points[k].x, &a->points[k].y);
        if (around_points)
            shrink_box(a);
    }
}

/* ---- records ---- */

struct model_record {
    struct data_record inner;
};

struct model_record *model_record_read(const char *line, size_t n, struct model_error *err)
{
    struct model_record *r = mem_calloc(1, sizeof *r, model_inner(err));
    if (r && data_record_parse(&r->inner, line, n, model_inner(err)) == 0)
        return r;
    free(r);
    return NULL;
}

void model_record_free(struct model_record *record)
{
    if (record)
        data_record_release(&record->inner);
    free(record);
}

static_assert((int)MODEL_FIELD_JSON == (int)DATA_FIELD_JSON, "the public kinds are those of data");

bool model_record_field(const struct model_record *record, size_t index, struct model_field *field)
{
    if (index >= record->inner.count)
        return false;
    const struct data_field *f = &record->inner.fields[index];
    *field = (struct model_field){f->name, (enum model_field_kind)f->kind, f->text};
    return true;
}

const char *model_record_path(const struct model_record *record)
{
    return record->inner.path;
}

void model_record_place(const struct model_record *record, struct model_place *place)
{
    *place = (struct model_place){.corners = record->inner.corners};
    memcpy(place->x, record->inner.x, sizeof record->inner.x);
    memcpy(place->y, record->inner.y, sizeof record->inner.y);
}

bool model_record_face(const struct model_record *record, struct model_place *place)
{
    *place = (struct model_place){.corners = 5};
    memcpy(place->x, record->inner.point_x, sizeof place->x);
    memcpy(place->y, record->inner.point_y, sizeof place->y);
    return record->inner.point_count == 5;
}

bool model_record_aim(const struct model_record *record, enum model_aim aim, struct model_place *place)
{
    const struct data_record *r = &record->inner;
    const size_t points[] = {aims[aim].from, aims[aim].to};
    model_record_place(record, place);
    bool fits = place->corners == 2 && r->point_count > points[1];
    place->corners = 6;
    for (size_t i = 0; fits && i < 2; i++)
        place->x[2 + i] = r->point_x[points[i]], place->y[2 + i] = r->point_y[points[i]];
    return fits;
}

const char *model_record_label(const struct model_record *record, double *score)
{
    *score = record->inner.score;
    return record->inner.label;
}
