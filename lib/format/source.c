#include "format/source.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

/* ---- names ---- */

/* The next word of a space-separated list, and its length; false behind the last. */
static bool next_word(const char **at, size_t *size)
{
    *at += *size;
    *at += strspn(*at, " ");
    *size = strcspn(*at, " ");
    return *size > 0;
}

size_t source_suffix(const char *path, const char *suffixes)
{
    const char *at = suffixes;
    size_t path_size = strlen(path), longest = 0;
    for (size_t size = 0; next_word(&at, &size);)
        if (size > longest && size < path_size && strncasecmp(path + path_size - size, at, size) == 0)
            longest = size;
    return longest;
}

/* The length of path without its suffix. */
static size_t stem_size(const char *path, const char *suffixes)
{
    size_t size = suffixes ? source_suffix(path, suffixes) : 0;
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    if (size)
        return strlen(path) - size;
    return dot && dot != path && dot[-1] != '/' ? (size_t)(dot - path) : strlen(path);
}

static char *join(const char *stem, size_t stem_size, const char *suffix, size_t suffix_size, struct error *err)
{
    char *name = mem_calloc(stem_size + suffix_size + 1, 1, err);
    if (!name)
        return NULL;
    memcpy(name, stem, stem_size);
    memcpy(name + stem_size, suffix, suffix_size);
    return name;
}

static char *renamed(const char *path, const char *suffixes, const char *suffix, size_t size, struct error *err)
{
    if (*suffix == '+')
        return join(path, strlen(path), suffix + 1, size - 1, err);
    return join(path, stem_size(path, suffixes), suffix, size, err);
}

char *source_renamed(const char *path, const char *suffixes, const char *suffix, struct error *err)
{
    return renamed(path, suffixes, suffix, strlen(suffix), err);
}

/* ---- opening ---- */

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

/* The comma behind which the first of two paths is a file; else the first comma; NULL when there is none. */
static char *find_split(char *path)
{
    for (char *comma = strchr(path, ','); comma; comma = strchr(comma + 1, ',')) {
        *comma = '\0';
        bool found = is_there(path);
        *comma = ',';
        if (found)
            return comma;
    }
    return strchr(path, ',');
}

static int read_first(struct source *s, struct error *err)
{
    s->is_folder = s->path && is_folder(s->path);
    s->blob = s->is_folder ? blob_new(0, err) : file_read(s->path ? s->path : "-", err);
    if (s->blob)
        return 0;
    error_prefix(err, "%s", s->path ? s->path : "standard input");
    source_release(s);
    return -1;
}

int source_open(struct source *s, const char *path, struct error *err)
{
    *s = (struct source){0};
    if (path && strcmp(path, "-") != 0) {
        if (!(s->paths = join(path, strlen(path), "", 0, err)))
            return -1;
        char *comma = is_there(path) ? NULL : find_split(s->paths);
        s->path = s->paths;
        if (comma) {
            *comma = '\0';
            s->second = comma + 1;
        }
    }
    return read_first(s, err);
}

int source_open_both(struct source *s, const char *first, const char *second, struct error *err)
{
    size_t first_size = strlen(first) + 1;
    *s = (struct source){0};
    s->paths = mem_calloc(first_size + (second ? strlen(second) : 0) + 1, 1, err);
    if (!s->paths)
        return -1;
    s->path = strcpy(s->paths, first);
    if (second)
        s->second = strcpy(s->paths + first_size, second);
    return read_first(s, err);
}

void source_release(struct source *s)
{
    blob_unref(s->blob);
    free(s->paths);
    *s = (struct source){0};
}

const struct source_shape *source_shape_of(const struct source *s, const char *name, size_t place)
{
    for (size_t i = 0; i < s->shape_count; i++)
        if (s->shapes[i].name && strcmp(s->shapes[i].name, name) == 0)
            return &s->shapes[i];
    return place < s->shape_count && !s->shapes[place].name ? &s->shapes[place] : NULL;
}

/* ---- other files ---- */

char *source_only(const char *path, const char *suffix, struct error *err)
{
    const char *slash = strrchr(path, '/');
    size_t folder_size = slash ? (size_t)(slash + 1 - path) : 0;
    char *folder = join(folder_size ? path : "./", folder_size ? folder_size : 2, "", 0, err), *found = NULL;
    DIR *dir = folder ? opendir(folder) : NULL;
    int count = 0;
    for (struct dirent *e; dir && (e = readdir(dir));) {
        if (!source_suffix(e->d_name, suffix))
            continue;
        free(found);
        found = ++count == 1 ? join(path, folder_size, e->d_name, strlen(e->d_name), err) : NULL;
    }
    if (dir)
        closedir(dir);
    free(folder);
    return found;
}

/* What one word of the list stands for, whether it is there or not. */
static char *find_beside(const struct source *s, const char *word, size_t size)
{
    char suffix[32];
    if (*word != '*' || size > sizeof(suffix))
        return renamed(s->path, s->suffixes, word, size, NULL);
    memcpy(suffix, word + 1, size - 1);
    suffix[size - 1] = '\0';
    return source_only(s->path, suffix, NULL);
}

/* The path of the first twin that there is, for free(); NULL without a message when there is none. */
static char *find_twin(const struct source *s, const char *suffixes)
{
    const char *at = suffixes;
    for (size_t size = 0; s->path && next_word(&at, &size);) {
        char *path = find_beside(s, at, size);
        if (path && strcmp(path, s->path) != 0 && is_there(path))
            return path;
        free(path);
    }
    return NULL;
}

bool source_has_twin(const struct source *s, const char *suffixes)
{
    char *path = s->second ? NULL : find_twin(s, suffixes);
    free(path);
    return s->second || path;
}

static void no_twin(const struct source *s, const char *suffixes, struct error *err)
{
    const char *at = suffixes;
    size_t size = 0;
    if (!s->path) {
        error_set(err, "the model has a second file (%s), which standard input cannot reach: give both, A,B", suffixes);
        return;
    }
    next_word(&at, &size);
    char *path = renamed(s->path, s->suffixes, at, size, NULL);
    error_set(err, "its second file is missing: there is no %s; give both, %s,FILE", path ? path : suffixes, s->path);
    free(path);
}

struct blob *source_twin(const struct source *s, const char *suffixes, struct error *err)
{
    char *found = s->second ? NULL : find_twin(s, suffixes);
    const char *path = s->second ? s->second : found;
    struct blob *blob = path ? file_read(path, err) : NULL;
    if (!path)
        no_twin(s, suffixes, err);
    else if (!blob)
        error_prefix(err, "%s", path);
    free(found);
    return blob;
}

/* A path in the folder, so that what is named lies beside it. */
static struct blob *member_of_folder(const struct source *s, const char *name, struct error *err)
{
    char *inside = join(s->path, strlen(s->path), "/.", 2, err);
    struct blob *blob = inside ? file_read_beside(inside, name, err) : NULL;
    free(inside);
    return blob;
}

struct blob *source_member(const struct source *s, const char *name, struct error *err)
{
    if (s->is_folder)
        return member_of_folder(s, name, err);
    return file_read_beside(s->path ? s->path : "-", name, err);
}
