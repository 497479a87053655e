/* Answers drawn on their photos. */
#include <stdlib.h>
#include <string.h>

#include "../common/program.h"
#include "run.h"

/* ---- a drawing for each photo ---- */

/* Its file, claimed, in a folder that is there; NULL with a message. */
static char *drawing_path(struct runner *r, const char *suffix)
{
    char *name = names_of_photo(r), *path = names_join(r->request->draw, name, suffix), *folder = get_copy(path);
    *strrchr(folder, '/') = 0;
    bool good = names_claim(r, path) == 0 && names_make_folders(folder) == 0;
    free(name);
    free(folder);
    if (good)
        return path;
    free(path);
    return NULL;
}

int draw_end(struct runner *r)
{
    struct model_error err;
    int status = 0;
    if (r->drawing && model_drawing_write(r->drawing, r->drawing_path, &err) < 0)
        status = say_failed("%s", err.text);
    model_drawing_free(r->drawing);
    free(r->drawing_path);
    free(r->drawn);
    r->drawing = NULL;
    r->drawing_path = r->drawn = NULL;
    return status;
}

/* Ends the drawing of another photo, and begins this one's. */
static int draw_begin(struct runner *r)
{
    struct model_error err;
    if (r->drawn && strcmp(r->drawn, r->photo_path) == 0)
        return 0;
    int status = draw_end(r);
    r->drawn = get_copy(r->photo_path);
    r->drawing_path = drawing_path(r, ".png");
    if (!r->drawing_path)
        return 1;
    r->drawing = model_drawing_new(r->picture, &err);
    return r->drawing ? status : say_failed("%s: %s", r->photo_path, err.text);
}

/* ---- answers ---- */

/* A mask by itself, its palette's numbers being the labels. */
static int write_mask(struct runner *r, const struct model_answers *a)
{
    struct model_error err;
    char *path = drawing_path(r, ".mask.png");
    int status = path ? 0 : 1;
    if (path && model_answers_write(a, path, &err) < 0)
        status = say_failed("%s", err.text);
    free(path);
    return status;
}

int draw_answers(struct runner *r, const struct model_answers *a)
{
    struct model_error err;
    struct model_place place = {0};
    if (!r->has_photo || !r->picture)
        return say_failed("%s: nothing to draw on: want a photo", names_to_tell(r));
    if (r->record)
        model_record_place(r->record, &place);
    int status = draw_begin(r);
    if (r->drawing && model_drawing_add(r->drawing, a, &place, &err) < 0)
        status = say_failed("%s: %s", r->photo_path, err.text);
    if (a->kind == MODEL_ANSWER_MASK && !r->record)
        status |= write_mask(r, a);
    return r->record ? status : status | draw_end(r);
}
