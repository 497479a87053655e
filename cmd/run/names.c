/* Where the files of a run go: the output folder mirrors the folders of the inputs. */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../common/program.h"
#include "run.h"

/* How many bytes of their paths all inputs have in common, up to a slash; 0 when some are not known yet, or are for
 * named inputs. */
size_t names_common(char **inputs, size_t count)
{
    size_t common = 0;
    for (size_t i = 0; i < count; i++) {
        const char *slash = strrchr(inputs[i], '/');
        size_t folder = slash ? (size_t)(slash - inputs[i]) + 1 : 0, n = 0;
        if (strcmp(inputs[i], "-") == 0 || strchr(inputs[i], '='))
            return 0;
        while (i && n < common && n < folder && inputs[i][n] == inputs[0][n])
            n++;
        common = i ? n : folder;
    }
    while (common && inputs[0][common - 1] != '/')
        common--;
    return common;
}

/* "a/./b/../cat.jpg" gives "a/b/__/cat": never above the output folder. */
static char *mirrored(const char *path)
{
    char *copy = get_copy(path), *rest = copy, *out = get_memory(2 * strlen(path) + 2, 1), *to = out;
    for (char *part; (part = strsep(&rest, "/"));) {
        if (!*part || strcmp(part, ".") == 0)
            continue;
        if (to > out)
            *to++ = '/';
        to = stpcpy(to, strcmp(part, "..") == 0 ? "__" : part);
    }
    char *slash = strrchr(out, '/'), *dot = strrchr(slash ? slash : out, '.');
    if (dot && dot != (slash ? slash + 1 : out))
        *dot = 0;
    free(copy);
    return out;
}

static char *below_common(const struct runner *r, const char *path)
{
    return mirrored(strlen(path) > r->common ? path + r->common : path);
}

const char *names_to_tell(const struct runner *r)
{
    return r->first ? r->first : path_name(r->request->model);
}

char *names_of_photo(const struct runner *r)
{
    return below_common(r, r->photo_path);
}

char *names_of_run(const struct runner *r)
{
    char *name = below_common(r, r->first), *whole = get_memory(strlen(name) + 32, 1);
    if (r->has_time || r->record)
        sprintf(whole, "%s/%06zu", name, r->frame);
    else
        strcpy(whole, name);
    free(name);
    return whole;
}

char *names_join(const char *folder, const char *name, const char *suffix)
{
    char *path = get_memory(strlen(folder) + strlen(name) + strlen(suffix) + 2, 1);
    sprintf(path, "%s/%s%s", folder, name, suffix);
    return path;
}

/* ---- each once ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

int names_claim(struct runner *r, const char *path)
{
    if (tfind(path, &r->claimed, by_name))
        return say_failed("%s: %s is of an earlier input already: want inputs with different names", r->first, path);
    if (!tsearch(get_copy(path), &r->claimed, by_name))
        exit(say_failed("out of memory"));
    return 0;
}

void names_forget(struct runner *r)
{
    while (r->claimed) {
        char *name = *(char **)r->claimed;
        tdelete(name, &r->claimed, by_name);
        free(name);
    }
}

/* ---- folders ---- */

static int make_folder(const char *path)
{
    struct stat st;
    if (mkdir(path, 0777) == 0 || (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
        return 0;
    const char *why = errno == EEXIST ? "is a file, want a folder to write to" : strerror(errno);
    return say_failed("%s: %s", *path ? path : "''", why);
}

int names_make_folders(const char *path)
{
    char *copy = get_copy(path);
    int status = 0;
    for (char *slash = *copy ? strchr(copy + 1, '/') : NULL; status == 0 && slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        status = make_folder(copy);
        *slash = '/';
    }
    free(copy);
    return status ? status : make_folder(path);
}
