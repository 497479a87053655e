#include "frames.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const char frames_damaged[] = "no header of PNM or PAM: damaged, cut off, or too large";

/* What is no regular file is not opened: whoever writes into a pipe would go on, and lose what it wrote. */
void frames_open(struct frames *f, const char *path)
{
    struct stat st;
    *f = (struct frames){.path = path};
    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (bytes != MAP_FAILED)
        f->bytes = bytes, f->size = (size_t)st.st_size;
}

void frames_close(struct frames *f)
{
    munmap((void *)f->bytes, f->size);
}

size_t frames_next(struct frames *f)
{
    size_t left = f->bytes ? f->size - f->at : 0, n = left ? model_picture_size(f->bytes + f->at, left) : 0;
    n = n < left ? n : left; /* a picture cut off is the decoder's to tell */
    f->at += n;
    f->number++;
    return n;
}

/* A file that holds something else is one photo. */
struct model_tensor *frames_photo(struct frames *f, struct model_session *s, struct model_photo *photo,
                                  struct model_error *err)
{
    static const struct model_place all = {0};
    size_t n = frames_next(f);
    err->text[0] = '\0';
    if (f->number == 1 && (n == 0 || n == f->size))
        return model_session_photo(s, f->path, photo, err);
    if (n == 0 && f->at > 0 && f->at < f->size)
        snprintf(err->text, sizeof err->text, "%s", frames_damaged);
    struct model_picture *picture = n ? model_session_picture_of(s, f->bytes + f->at - n, n, err) : NULL;
    struct model_tensor *t = picture ? model_session_part(s, picture, &all, NULL, photo, err) : NULL;
    model_picture_free(picture);
    return t;
}
