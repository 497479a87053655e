/* Records of another network: each names a photo and a part of it, on which this one runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/program.h"
#include "../common/record.h"
#include "run.h"

/* ---- options ---- */

static const struct {
    const char *name;
    bool wants; /* a number, a double; else a bool */
    size_t at;  /* in struct model_cut */
} words[] = {
    {"pad", true, offsetof(struct model_cut, pad)},        {"square", false, offsetof(struct model_cut, square)},
    {"affine", false, offsetof(struct model_cut, affine)}, {"align", false, offsetof(struct model_cut, align)},
    {"udp", false, offsetof(struct model_cut, udp)},       {"tall", true, offsetof(struct model_cut, tall)},
    {"linear", false, offsetof(struct model_cut, linear)}};

static const char *const aims[] = {[MODEL_AIM_HAND] = "hand", [MODEL_AIM_FACE] = "face", [MODEL_AIM_BODY] = "body"};

static bool take_word(struct model_cut *cut, const char *word)
{
    size_t n = strcspn(word, "=");
    for (int i = MODEL_AIM_HAND; i <= MODEL_AIM_BODY; i++)
        if (strcmp(aims[i], word) == 0) {
            cut->aim = (enum model_aim)i;
            return true;
        }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i].name) == n && strncmp(words[i].name, word, n) == 0 && words[i].wants == (word[n] == '=')) {
            void *to = (char *)cut + words[i].at;
            if (words[i].wants)
                *(double *)to = program_real(words[i].name, word + n + 1, true);
            else
                *(bool *)to = true;
            return true;
        }
    return false;
}

#define TALL 1.5 /* lines of text that run down the page are read from below */

void crop_option(struct request *r, const char *value)
{
    char *copy = value ? get_copy(value) : NULL, *rest = copy;
    r->crop = true;
    r->cut = (struct model_cut){.tall = TALL};
    for (char *word; (word = strsep(&rest, ","));)
        if (!take_word(&r->cut, word))
            exit_usage("--crop=%s: '%s' is not known: want pad=SHARE, square, affine, align, udp, hand, face, "
                       "body, tall=RATIO, linear",
                       value, word);
    free(copy);
}

#define SURE 0.9

void turn_option(struct request *r, const char *value)
{
    r->turn = value ? program_real("--turn", value, false) : SURE;
}

/* ---- photos ---- */

/* FILE/000003, as records call the third picture behind the first of a file: its bytes; NULL: it is none. */
static const char *frame_bytes(struct runner *r, const char *path, size_t *n)
{
    const char *slash = strrchr(path, '/');
    if (!slash || strspn(slash + 1, "0123456789") != strlen(slash + 1))
        return NULL;
    size_t number = strtoul(slash + 1, NULL, 10), folder = (size_t)(slash - path);
    struct frames *f = &r->film;
    if (!f->path || strncmp(f->path, path, folder) != 0 || f->path[folder] || number < f->number) {
        crop_close_film(r);
        char *file = get_copy(path);
        file[folder] = '\0';
        frames_open(f, file);
    }
    for (*n = 1; *n && f->number <= number;)
        *n = frames_next(f);
    return *n ? frames_bytes(f, n) : NULL;
}

void crop_close_film(struct runner *r)
{
    frames_close(&r->film);
    free((char *)r->film.path);
}

static const struct model_picture *find_picture(struct runner *r, const char *path, struct model_error *err)
{
    if (r->picture && strcmp(r->picture_path, path) == 0)
        return r->picture;
    model_picture_free(r->picture);
    free(r->picture_path);
    r->picture_path = get_copy(path);
    size_t n = r->byte_count;
    const char *bytes = r->bytes || !r->request->crop ? r->bytes : frame_bytes(r, path, &n);
    r->picture = bytes ? model_session_picture_of(r->s, bytes, n, err) : model_session_picture(r->s, path, err);
    if (!r->picture && !bytes && strncmp(path, "stdin/", 6) == 0)
        snprintf(err->text, sizeof err->text,
                 "the pipe is gone: want its pictures in a file");
    return r->picture;
}

const struct model_picture *picture_of(struct runner *r, const char *path)
{
    struct model_error err;
    const struct model_picture *picture = find_picture(r, path, &err);
    if (!picture)
        say_failed("%s: %s", path, err.text);
    return picture;
}

/* ---- records ---- */

/* "180", or "180_degree", when the network is sure of it; others than quarters are malformed: -1. */
static int degrees(const struct runner *r, const struct model_record *record)
{
    double score;
    char *end;
    const char *label = model_record_label(record, &score);
    if (!r->request->turn)
        return 0;
    long value = label ? strtol(label, &end, 10) : -1;
    if (!label || end == label || value < 0 || value > 270 || value % 90)
        return -1;
    return score >= r->request->turn ? (int)value : 0;
}

static struct model_tensor *cut_part(struct runner *r, struct model_error *err)
{
    struct model_place place;
    struct model_cut cut = r->request->cut;
    model_record_place(r->record, &place);
    cut.turn = degrees(r, r->record);
    cut.width = r->width;
    const char *lacking = NULL;
    if (cut.align && !model_record_face(r->record, &place))
        lacking = "no five key points: want records of a detector of faces";
    else if (cut.aim && !model_record_aim(r->record, cut.aim, &place))
        lacking = "no box with key points: want records of a detector of what --crop says";
    else if (cut.turn < 0)
        lacking = "the last label is no direction: want a classifier's, 0, 90, 180 or 270";
    if (!lacking)
        return model_session_part(r->s, r->picture, &place, &cut, &r->photo, err);
    snprintf(err->text, sizeof err->text, "%s", lacking);
    return NULL;
}

/* The part as the photo's input; false with a message. */
static bool take_part(struct runner *r, const char *where)
{
    struct model_error err;
    struct model_place place;
    struct model_field field;
    ptrdiff_t at = model_session_photo_input(r->s, &err);
    model_record_place(r->record, &place);
    if (place.corners == 0 && model_record_field(r->record, 1, &field)) {
        say_failed("%s: %s: no box and no polygon: want records of a detector", where, r->first);
        return false;
    }
    double start = now();
    struct model_tensor *t = at < 0 ? NULL : cut_part(r, &err);
    r->spent.preparing += now() - start;
    r->spent.photos++;
    if (!t) {
        say_failed("%s: %s: %s", where, r->first, err.text);
        return false;
    }
    model_tensor_free(r->in[at]);
    r->in[at] = t;
    r->given[at] = r->has_photo = true;
    return true;
}

void feed_record(struct runner *r, const char *line, size_t n, const char *where)
{
    struct model_error err;
    r->record = model_record_read(line, n, &err);
    if (!r->record) {
        r->status = say_failed("%s: %s", where, err.text);
        return;
    }
    free(r->first); /* of an input given by name */
    free(r->photo_path);
    r->first = get_copy(model_record_path(r->record));
    r->photo_path = get_copy(r->first);
    r->frame = r->picture && strcmp(r->picture_path, r->first) == 0 ? r->frame + 1 : 0;
    double start = now();
    const struct model_picture *picture = picture_of(r, r->first);
    r->spent.preparing += now() - start;
    r->failed = !picture || !take_part(r, where);
    feed_run(r);
}

double part_proportion(struct runner *r, const char *line, size_t n, int *height)
{
    struct model_error err;
    struct model_tensor *t = NULL;
    r->record = model_record_read(line, n, &err);
    if (r->record && find_picture(r, model_record_path(r->record), &err))
        t = cut_part(r, &err);
    double wide = t ? (double)r->photo.width / r->photo.height : 0;
    *height = t ? r->photo.input_height : 0;
    model_tensor_free(t);
    model_record_free(r->record);
    r->record = NULL;
    return wide;
}

/* ---- printing ---- */

/* "1,2 3,4" as [[1,2],[3,4]]. */
static void print_points(const struct model_field *f)
{
    char *json = get_memory(3 * strlen(f->text) + 8, 1), *to = json;
    to = stpcpy(to, "[[");
    for (const char *at = f->text; *at; at++)
        if (*at == ' ')
            to = stpcpy(to, "],[");
        else
            *to++ = *at;
    strcpy(to, "]]");
    record_raw(f->name, json);
    free(json);
}

static void print_words(const struct model_field *f)
{
    char *copy = get_copy(f->text), *rest = copy;
    for (char *word; (word = strsep(&rest, " "));)
        record_raw(f->name, word);
    free(copy);
}

static void print_field(const struct model_field *f)
{
    if (f->kind == MODEL_FIELD_TEXT || (f->kind == MODEL_FIELD_JSON && !program_json))
        record_text(f->name, f->text);
    else if (f->kind == MODEL_FIELD_BOX && program_json)
        record_numbers(f->name, f->text);
    else if (f->kind == MODEL_FIELD_BOX)
        print_words(f);
    else if (f->kind == MODEL_FIELD_POINTS && program_json)
        print_points(f);
    else
        record_raw(f->name, f->text);
}

void print_record(struct runner *r)
{
    struct model_field field;
    size_t n = 0;
    while (model_record_field(r->record, n, &field))
        n++;
    free(r->names);
    r->names = get_memory(n, sizeof *r->names);
    for (size_t i = 0; model_record_field(r->record, i, &field); i++) {
        print_field(&field);
        r->names[i] = field.name;
    }
    record_taken(r->names, n);
}
