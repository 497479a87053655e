#define _GNU_SOURCE /* mremap, O_PATH */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define PIPE_FIRST ((size_t)1 << 20)
#define PIPE_MOST ((uint64_t)16 << 30)

static void release_map(struct blob *blob)
{
    if (blob->size)
        munmap(blob->data, blob->size);
}

static struct blob *map_blob(void *data, size_t size, struct error *err)
{
    struct blob *blob = mem_calloc(1, sizeof *blob, err);

    if (!blob) {
        munmap(data, size);
        return NULL;
    }
    *blob = (struct blob){.data = data, .size = size, .refs = 1, .release = release_map};
    return blob;
}

/* Pages that read() fills: growing them moves no bytes, and the data stands aligned as that of a mapped file does. */
struct pages {
    char *data;
    size_t size, cap;
};

static int grow_pages(struct pages *pages, struct error *err)
{
    size_t want = pages->cap ? 2 * pages->cap : PIPE_FIRST;
    void *p;

    if (want <= pages->cap || want > PIPE_MOST)
        return error_set(err, "goes on beyond %d GiB: give a file, not a pipe", (int)(PIPE_MOST >> 30));
    if (pages->data)
        p = mremap(pages->data, pages->cap, want, MREMAP_MAYMOVE);
    else
        p = mmap(NULL, want, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return error_memory(err);
    pages->data = p;
    pages->cap = want;
    return 0;
}

static int fill_pages(struct pages *pages, int fd, struct error *err)
{
    for (;;) {
        ssize_t got;

        if (pages->size == pages->cap && grow_pages(pages, err) < 0)
            return -1;
        got = read(fd, pages->data + pages->size, pages->cap - pages->size);
        if (got == 0)
            return 0;
        if (got > 0)
            pages->size += (size_t)got;
        else if (errno == EAGAIN) /* some parent made the pipe non-blocking */
            poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1);
        else if (errno != EINTR)
            return error_set(err, "%s", strerror(errno));
    }
}

static struct blob *read_to_end(int fd, struct error *err)
{
    struct pages pages = {0};
    void *p;

    if (fill_pages(&pages, fd, err) < 0) {
        if (pages.data)
            munmap(pages.data, pages.cap);
        return NULL;
    }
    if (pages.size == 0) {
        munmap(pages.data, pages.cap);
        return blob_new(0, err);
    }
    p = mremap(pages.data, pages.cap, pages.size, MREMAP_MAYMOVE);
    if (p == MAP_FAILED) {
        munmap(pages.data, pages.cap);
        error_memory(err);
        return NULL;
    }
    return map_blob(p, pages.size, err);
}

/* A file of size 0 is read too: those of /proc have more in them than they say. So is one whose reading has begun, as
 * standard input's may have, and one on a file system that cannot map. */
static struct blob *read_regular(int fd, const struct stat *st, bool copy, struct error *err)
{
    struct blob *blob;
    void *p;

    if ((uintmax_t)st->st_size > SIZE_MAX) {
        error_set(err, "%jd bytes are more than a program may hold", (intmax_t)st->st_size);
        return NULL;
    }
    if (copy || st->st_size <= 0 || lseek(fd, 0, SEEK_CUR) != 0)
        return read_to_end(fd, err);
    p = mmap(NULL, (size_t)st->st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        return read_to_end(fd, err);
    blob = map_blob(p, (size_t)st->st_size, err);
    if (blob)
        blob->is_file = true;
    return blob;
}

static bool is_null_device(const struct stat *st)
{
    return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

static struct blob *read_open(int fd, bool copy, struct error *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        error_set(err, "%s", strerror(errno));
    else if (S_ISREG(st.st_mode))
        return read_regular(fd, &st, copy, err);
    else if (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || is_null_device(&st))
        return read_to_end(fd, err);
    else if (S_ISDIR(st.st_mode))
        error_set(err, "is a directory, want a file");
    else if (isatty(fd) && fd == STDIN_FILENO)
        error_set(err, "standard input is a terminal: give a file, or pipe a model in");
    else
        error_set(err, "is a device, want a file or a pipe");
    return NULL;
}

static struct blob *read_path(const char *path, bool copy, struct error *err)
{
    struct blob *blob;
    int fd;

    if (strcmp(path, "-") == 0)
        return read_open(STDIN_FILENO, copy, err);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        error_set(err, "%s", strerror(errno));
        return NULL;
    }
    blob = read_open(fd, copy, err);
    close(fd);
    return blob;
}

struct blob *file_read(const char *path, struct error *err)
{
    return read_path(path, false, err);
}

struct blob *file_copy(const char *path, struct error *err)
{
    return read_path(path, true, err);
}

/* ---- files that a model names --------------------------------------------------------------------------------- */

static bool is_inside_name(const char *name)
{
    const char *at = name;

    if (*name == '\0' || *name == '/')
        return false;
    for (;;) {
        size_t n = strcspn(at, "/");

        if (n == 2 && at[0] == '.' && at[1] == '.')
            return false;
        at += n;
        if (*at == '\0')
            return true;
        at++;
    }
}

static int open_folder_of(const char *path, struct error *err)
{
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0;
    char *folder;
    int fd;

    folder = slash ? mem_calloc(n + 2, 1, err) : strdup(".");
    if (!folder)
        return error_memory(err);
    if (slash)
        memcpy(folder, path, n ? n : 1); /* "/model" lies in "/" */
    fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        error_set(err, "folder %s: %s", folder, strerror(errno));
    free(folder);
    return fd;
}

/* One component, never through a link. O_NONBLOCK, so that a FIFO put there cannot hang the open(). */
static int open_component(int folder, const char *name, bool is_last, struct error *err)
{
    int flags = is_last ? O_RDONLY | O_NONBLOCK | O_NOCTTY : O_PATH | O_DIRECTORY;
    int fd = openat(folder, name, flags | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;

    if (fd >= 0)
        return fd;
    if ((errno == ELOOP || errno == ENOTDIR) && fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISLNK(st.st_mode))
        return error_set(err, "%s is a link, which a file named by a model must not be or pass", name);
    return error_set(err, "%s", strerror(errno));
}

/* Walks from `folder`, which it closes, one component at a time. Each is opened beneath the one before, so that nothing
 * renamed or linked meanwhile can lead elsewhere. Cuts `name` at its slashes. */
static int open_beneath(int folder, char *name, struct error *err)
{
    for (;;) {
        size_t n = strcspn(name, "/");
        bool is_last = name[n] == '\0';
        int next;

        name[n] = '\0';
        next = open_component(folder, n ? name : ".", is_last, err);
        close(folder);
        if (next < 0 || is_last)
            return next;
        folder = next;
        name += n + 1;
    }
}

static int open_beside(const char *beside, const char *name, struct error *err)
{
    char *copy;
    int folder, fd = -1;

    if (strcmp(beside, "-") == 0)
        return error_set(err, "a model on standard input has no folder to find it in: give the model's path");
    if (!is_inside_name(name))
        return error_set(err, "want a path relative to the model's folder and without \"..\"");
    folder = open_folder_of(beside, err);
    if (folder < 0)
        return -1;
    copy = strdup(name);
    if (copy) {
        fd = open_beneath(folder, copy, err);
        free(copy);
    } else {
        close(folder);
        error_memory(err);
    }
    return fd;
}

/* The length of the folder's part of a path. */
static size_t folder_size(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) : 0;
}

/* Where `beside` and the file it names are both links into one folder, as in the caches of model hubs, the latter is
 * opened there; -1 without a message when this is not so. */
static int open_in_store(const char *beside, const char *name)
{
    struct stat st;
    size_t size = folder_size(beside);
    char *model = lstat(beside, &st) == 0 && S_ISLNK(st.st_mode) ? realpath(beside, NULL) : NULL, *link = NULL;
    char *path = mem_calloc(size + strlen(name) + 2, 1, NULL);
    int fd = -1;

    if (model && path) {
        memcpy(path, beside, size);
        if (size)
            path[size++] = '/';
        strcpy(path + size, name);
        link = realpath(path, NULL);
    }
    if (link && folder_size(link) == folder_size(model) && memcmp(link, model, folder_size(model)) == 0)
        fd = open(link, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
    free(link);
    free(path);
    free(model);
    return fd;
}

struct blob *file_read_beside(const char *beside, const char *name, struct error *err)
{
    struct blob *blob = NULL;
    struct stat st;
    int fd = is_inside_name(name) ? open_in_store(beside, name) : -1;

    if (fd < 0)
        fd = open_beside(beside, name, err);

    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) < 0)
        error_set(err, "%s", strerror(errno));
    else if (!S_ISREG(st.st_mode))
        error_set(err, "is not a regular file");
    else
        blob = read_regular(fd, &st, false, err);
    close(fd);
    return blob;
}
