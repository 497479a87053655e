/* What is done with photos, and with files that settings of photos come from. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"
#include "model.h"

static char fault[2048];

static const char *explained(const char *what, const struct model_error *error)
{
    if (*error->text && !strchr(error->text, '\n') && strlen(error->text) < sizeof error->text)
        return NULL;
    snprintf(fault, sizeof fault, "%s failed with the message '%.1000s'", what, error->text);
    return fault;
}

/* A network that gives its input, for photos of any size. */
static struct model *network(const char *scratch)
{
    static const char text[] = "nn 1\ninput x f32 1x?x?x?\nnode y Identity x -> y f32 1x?x?x?\noutput y\n";
    struct model_error error = {""};
    FILE *f = fopen(scratch, "we");
    struct model *m = NULL;
    if (f) {
        fprintf(f, "%sdata 0%*s\n", text, (int)(64 - (sizeof text - 1 + 7) % 64), "");
        fclose(f);
        m = model_read(scratch, "nn", &error);
        unlink(scratch);
    }
    if (!m) {
        fprintf(stderr, "fuzz: %s\n", error.text);
        exit(2);
    }
    return m;
}

static struct model_session *session(const char *recipe, const char *scratch)
{
    struct model_error error = {""};
    struct model *m = network(scratch);
    struct model_session_options options = {.threads = 1};
    struct model_session *s =
        model_set_property(m, "recipe", recipe, &error) == 0 ? model_session_new(m, &options, &error) : NULL;
    if (!s) {
        fprintf(stderr, "fuzz: %s: %s\n", recipe, error.text);
        exit(2);
    }
    model_free(m);
    return s;
}

const char *attempt_photo(const char *path, const char *scratch)
{
    static const char *const recipes[] = {"resize=31x17,crop=9", "opencv,letterbox=32x24,gray", "opencv,resize=40x7",
                                          "opencv,filter=bicubic,resize=5x40",
                                          "tensorflow,resize=20:up,antialias,mean=127,std=128"};
    enum { RECIPES = sizeof recipes / sizeof *recipes };
    static struct model_session *sessions[RECIPES];
    for (int i = 0; i < RECIPES; i++) {
        struct model_error error = {""};
        struct model_photo photo;
        if (!sessions[i])
            sessions[i] = session(recipes[i], scratch);
        struct model_tensor *t = model_session_photo(sessions[i], path, &photo, &error);
        if (!t)
            return explained("a photo", &error);
        model_tensor_free(t);
    }
    return NULL;
}

const char *attempt_settings(const char *path, const char *scratch)
{
    struct model_error error = {""};
    char *task, *labels, *recipe = model_recipe_import(path, &task, &labels, &error);
    (void)scratch;
    if (!recipe)
        return explained("settings", &error);
    const char *wrong = task && model_check_property("task", task, &error) < 0 ? explained("a task", &error) : NULL;
    free(recipe);
    free(task);
    free(labels);
    return wrong;
}

attempt_fn *attempt_for(const char *name)
{
    static const struct {
        const char *suffix;
        attempt_fn *attempt;
    } kinds[] = {{".jpg", attempt_photo},    {".png", attempt_photo},    {".gif", attempt_photo},
                 {".bmp", attempt_photo},    {".tga", attempt_photo},    {".ppm", attempt_photo},
                 {".yml", attempt_settings}, {".json", attempt_settings}};
    size_t n = strlen(name);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t m = strlen(kinds[i].suffix);
        if (n > m && strcmp(name + n - m, kinds[i].suffix) == 0)
            return kinds[i].attempt;
    }
    return attempt;
}

/* In memory where there is such a folder: a disk that is busy takes longer than the reader. */
void attempt_path(char *path, size_t size, const char *suffix)
{
    const char *folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(path, size, "%s/fuzz.%ld.%s", folder, (long)getpid(), suffix);
}
