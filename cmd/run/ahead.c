/* The photo of the next run, which another thread decodes and prepares while the network runs. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../common/files.h"
#include "../common/program.h"
#include "run.h"

struct ahead {
    pthread_t thread;
    struct model_session *s;
    char *path;
    struct model_picture *picture;
    struct model_tensor *tensor;
    struct model_photo photo;
    struct model_error err;
    double took;
};

static void *work(void *arg)
{
    static const struct model_place all = {0};
    struct ahead *a = arg;
    double start = now();
    a->picture = model_session_picture(a->s, a->path, &a->err);
    a->tensor = a->picture ? model_session_part(a->s, a->picture, &all, NULL, &a->photo, &a->err) : NULL;
    a->took = now() - start;
    return NULL;
}

/* Whether it can be read before its turn: a file that holds no arrays and no sound. */
static bool is_photo(const char *path)
{
    static const char *const others[] = {".npy", ".npz", ".wav"};
    struct stat st;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (has_suffix(path, others[i]))
            return false;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

void ahead_start(struct runner *r)
{
    const char *path = r->next;
    r->next = NULL;
    if (!path || r->ahead || r->request->crop || r->request->session.threads == 1)
        return;
    input_named(r->m, path, &path);
    if ((r->picture_path && strcmp(path, r->picture_path) == 0) || !is_photo(path))
        return;
    struct ahead *a = get_memory(1, sizeof *a);
    *a = (struct ahead){.s = r->s, .path = get_copy(path)};
    if (pthread_create(&a->thread, NULL, work, a) == 0) {
        r->ahead = a;
        return;
    }
    free(a->path);
    free(a);
}

bool ahead_take(struct runner *r, const char *path, struct model_tensor **t, struct model_error *err)
{
    struct ahead *a = r->ahead;
    bool is_it = a && path && strcmp(a->path, path) == 0;
    if (!a)
        return false;
    pthread_join(a->thread, NULL);
    r->ahead = NULL;
    if (is_it) {
        model_picture_free(r->picture);
        free(r->picture_path);
        r->picture = a->picture;
        r->picture_path = a->path;
        r->photo = a->photo;
        r->spent.preparing += a->took;
        *t = a->tensor;
        *err = a->err;
    } else {
        model_picture_free(a->picture);
        model_tensor_free(a->tensor);
        free(a->path);
    }
    free(a);
    return is_it;
}
