#define _GNU_SOURCE /* mkdtemp */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../test.h"

static struct error err;

/* Every test runs in an empty folder of its own. */
static char folder[64];

static void enter_folder(void)
{
    strcpy(folder, "/tmp/test_file.XXXXXX");
    CHECK(mkdtemp(folder) && chdir(folder) == 0);
}

static void leave_folder(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf %s", folder);
    CHECK(chdir("/") == 0 && system(command) == 0);
}

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static bool holds(const char *path, const char *text)
{
    char got[256];
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(got, 1, sizeof got, f) : 0;

    if (f)
        fclose(f);
    return f && n == strlen(text) && memcmp(got, text, n) == 0;
}

static int count_files(void)
{
    DIR *d = opendir(".");
    int n = -2; /* . and .. */

    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

static bool is_blob(struct blob *blob, const char *text)
{
    bool same = blob && blob->size == strlen(text) && memcmp(blob->data, text, blob->size) == 0;

    blob_unref(blob);
    return same;
}

/* Refused, with a message of which `part` is a part. */
static bool is_refused(struct blob *blob, const char *part)
{
    bool refused = !blob && strstr(err.text, part);

    if (!refused)
        printf("%s: %s\n", blob ? "not refused" : "message", err.text);
    blob_unref(blob);
    err.text[0] = '\0';
    return refused;
}

static void test_read(void)
{
    struct blob *blob;

    enter_folder();
    put("a", "some text");
    put("empty", "");
    CHECK(is_blob(file_read("a", &err), "some text"));
    CHECK(is_blob(file_read("empty", &err), ""));
    CHECK(is_blob(file_read("/dev/null", &err), ""));
    blob = file_read("a", &err);
    CHECK(unlink("a") == 0);
    put("a", "new");
    CHECK(is_blob(blob, "some text"));
    CHECK(symlink("a", "link") == 0 && is_blob(file_read("link", &err), "new"));
    blob = file_read("/proc/self/status", &err);
    CHECK(blob && blob->size > 100 && memcmp(blob->data, "Name:", 5) == 0);
    blob_unref(blob);
    leave_folder();
}

/* What was copied stays, whatever becomes of the file: bytes of a mapping that are gone end the process. */
static void test_copy(void)
{
    struct blob *blob;

    enter_folder();
    put("a", "some text");
    blob = file_copy("a", &err);
    CHECK(blob && truncate("a", 0) == 0);
    CHECK(is_blob(blob, "some text"));
    leave_folder();
}

static void test_read_refused(void)
{
    enter_folder();
    CHECK(is_refused(file_read(".", &err), "directory"));
    CHECK(is_refused(file_read("/dev/zero", &err), "device"));
    CHECK(is_refused(file_read("absent", &err), "No such file"));
    CHECK(is_refused(file_read("", &err), "No such file"));
    leave_folder();
}

struct feed {
    int fd;
    size_t size;
};

static void *write_feed(void *arg)
{
    struct feed *feed = arg;
    unsigned char chunk[10007];

    for (size_t done = 0; done < feed->size;) {
        size_t n = feed->size - done < sizeof chunk ? feed->size - done : sizeof chunk;
        ssize_t put_bytes;

        for (size_t i = 0; i < n; i++)
            chunk[i] = (unsigned char)((done + i) * 31 >> 3);
        put_bytes = write(feed->fd, chunk, n);
        if (put_bytes <= 0)
            break;
        done += (size_t)put_bytes;
    }
    close(feed->fd);
    return NULL;
}

/* `size` bytes through a pipe that stands as standard input, read as `path`. */
static void check_pipe(size_t size, const char *path, bool nonblocking)
{
    int ends[2], saved = dup(STDIN_FILENO);
    struct feed feed = {.size = size};
    struct blob *blob;
    pthread_t writer;
    bool same = true;

    CHECK(pipe(ends) == 0 && dup2(ends[0], STDIN_FILENO) == STDIN_FILENO && close(ends[0]) == 0);
    if (nonblocking)
        fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    feed.fd = ends[1];
    pthread_create(&writer, NULL, write_feed, &feed);
    blob = file_read(path, &err);
    pthread_join(writer, NULL);
    CHECK(blob && blob->size == size && (uintptr_t)blob->data % 64 == 0);
    for (size_t i = 0; blob && i < blob->size; i++)
        same = same && ((unsigned char *)blob->data)[i] == (unsigned char)(i * 31 >> 3);
    CHECK(same);
    blob_unref(blob);
    dup2(saved, STDIN_FILENO);
    close(saved);
}

static void test_read_pipe(void)
{
    static const size_t sizes[] = {0, 1, 4096, 1 << 20, (1 << 20) + 1, 3000001};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        check_pipe(sizes[i], i % 2 ? "/dev/stdin" : "-", false);
    check_pipe(300000, "-", true);
}

/* Standard input that is a file, from where its reading stands. */
static void test_read_stdin_file(void)
{
    int saved = dup(STDIN_FILENO), fd;

    enter_folder();
    put("a", "first second");
    fd = open("a", O_RDONLY);
    dup2(fd, STDIN_FILENO);
    close(fd);
    CHECK(is_blob(file_read("-", &err), "first second"));
    CHECK(lseek(STDIN_FILENO, 6, SEEK_SET) == 6);
    CHECK(is_blob(file_read("-", &err), "second"));
    CHECK(is_blob(file_read("-", &err), ""));
    dup2(saved, STDIN_FILENO);
    close(saved);
    leave_folder();
}

static void test_read_terminal(void)
{
    int terminal = posix_openpt(O_RDWR | O_NOCTTY), saved = dup(STDIN_FILENO);

    if (terminal < 0)
        return;
    dup2(terminal, STDIN_FILENO);
    CHECK(is_refused(file_read("-", &err), "terminal"));
    dup2(saved, STDIN_FILENO);
    close(saved);
    close(terminal);
}

static void test_beside(void)
{
    enter_folder();
    CHECK(mkdir("m", 0777) == 0 && mkdir("m/sub", 0777) == 0);
    put("top", "top");
    put("m/data", "data");
    put("m/sub/data", "deep");
    put("m/empty", "");
    CHECK(is_blob(file_read_beside("m/net.onnx", "data", &err), "data"));
    CHECK(is_blob(file_read_beside("m/net.onnx", "sub/data", &err), "deep"));
    CHECK(is_blob(file_read_beside("m/net.onnx", "./sub//data", &err), "deep"));
    CHECK(is_blob(file_read_beside("m/net.onnx", "empty", &err), ""));
    CHECK(is_blob(file_read_beside("net.onnx", "top", &err), "top"));
    CHECK(is_refused(file_read_beside("/net.onnx", folder + 1, &err), "")); /* a folder, seen from "/" */
    CHECK(is_refused(file_read_beside("m/net.onnx", "absent", &err), "No such"));
    CHECK(is_refused(file_read_beside("m/net.onnx", "data/x", &err), "Not a directory"));
    CHECK(is_refused(file_read_beside("absent/net.onnx", "data", &err), "absent"));
    CHECK(is_refused(file_read_beside("m/net.onnx", "sub", &err), "regular"));
    CHECK(is_refused(file_read_beside("m/net.onnx", "data/", &err), "Not a directory"));
    leave_folder();
}

static void test_beside_escapes(void)
{
    static const char *const bad[] = {"../top", "sub/../../top", "..", "/etc/passwd", "sub/..", "", "./../top", "//x"};

    enter_folder();
    CHECK(mkdir("m", 0777) == 0 && mkdir("m/sub", 0777) == 0);
    put("top", "top");
    put("m/..x", "fine");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(is_refused(file_read_beside("m/net.onnx", bad[i], &err), "relative"));
    CHECK(is_blob(file_read_beside("m/net.onnx", "..x", &err), "fine"));
    CHECK(is_refused(file_read_beside("-", "top", &err), "standard input"));
    CHECK(symlink("../top", "m/link") == 0 && symlink("..", "m/up") == 0 && symlink("/", "m/sub/root") == 0);
    CHECK(symlink("..x", "m/inner") == 0);
    CHECK(is_refused(file_read_beside("m/net.onnx", "link", &err), "link"));
    CHECK(is_refused(file_read_beside("m/net.onnx", "up/top", &err), "up is a link"));
    CHECK(is_refused(file_read_beside("m/net.onnx", "sub/root/etc/passwd", &err), "root is a link"));
    CHECK(is_refused(file_read_beside("m/net.onnx", "inner", &err), "link"));
    leave_folder();
}

/* Would hang for ever if it blocked. */
static void test_beside_fifo(void)
{
    enter_folder();
    alarm(20);
    CHECK(mkfifo("fifo", 0666) == 0);
    CHECK(is_refused(file_read_beside("net.onnx", "fifo", &err), "regular"));
    alarm(0);
    leave_folder();
}

static mode_t mode_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static int write_file(const char *path, const char *text)
{
    struct file_out out;

    return file_create(&out, path, &err) == 0 && file_write(&out, text, strlen(text), &err) == 0
               ? file_commit(&out, &err)
               : -1;
}

static void test_write(void)
{
    struct file_out out;
    mode_t mask = umask(027);

    enter_folder();
    CHECK(file_create(&out, "new", &err) == 0);
    CHECK(access("new", F_OK) < 0 && count_files() == 1);
    CHECK(file_write(&out, "one ", 4, &err) == 0 && file_write(&out, "", 0, &err) == 0);
    CHECK(file_write(&out, "two", 3, &err) == 0);
    CHECK(access("new", F_OK) < 0);
    CHECK(file_commit(&out, &err) == 0 && holds("new", "one two") && mode_of("new") == 0640 && count_files() == 1);
    file_abandon(&out);
    CHECK(holds("new", "one two"));
    umask(mask);
    leave_folder();
}

static void test_replace(void)
{
    struct file_out out;
    struct blob *old;

    enter_folder();
    put("a", "old");
    CHECK(chmod("a", 0604) == 0);
    old = file_read("a", &err);
    CHECK(file_create(&out, "a", &err) == 0 && file_write(&out, "new!", 4, &err) == 0);
    CHECK(holds("a", "old"));
    CHECK(file_commit(&out, &err) == 0 && holds("a", "new!") && mode_of("a") == 0604 && count_files() == 1);
    CHECK(is_blob(old, "old"));
    CHECK(mkdir("d", 0777) == 0 && symlink("../a", "d/link") == 0);
    CHECK(write_file("d/link", "by link") == 0 && holds("a", "by link"));
    CHECK(readlink("d/link", (char[8]){0}, 8) == 4 && count_files() == 2);
    CHECK(write_file("./a", "dot") == 0 && holds("a", "dot"));
    leave_folder();
}

static void test_abandon(void)
{
    struct file_out out, other;

    enter_folder();
    put("a", "old");
    CHECK(file_create(&out, "a", &err) == 0 && file_create(&other, "b", &err) == 0 && count_files() == 3);
    CHECK(file_write(&out, "half", 4, &err) == 0);
    file_abandon(&out);
    file_abandon(&out);
    CHECK(count_files() == 2 && holds("a", "old"));
    file_abandon(&other);
    CHECK(count_files() == 1);
    leave_folder();
}

static void test_create_refused(void)
{
    static const char *const bad[] = {".", "absent/x", "dangling", "", "a/x"};
    struct file_out out;
    char long_name[300];

    enter_folder();
    put("a", "old");
    CHECK(symlink("nowhere", "dangling") == 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        err.text[0] = '\0';
        CHECK_MSG(file_create(&out, bad[i], &err) == -1 && err.text[0], "%s", bad[i]);
        file_abandon(&out);
    }
    memset(long_name, 'n', sizeof long_name);
    long_name[299] = '\0';
    CHECK(file_create(&out, long_name, &err) == -1);
    long_name[255] = '\0'; /* as long as a name may be: the temporary one must be too */
    CHECK(write_file(long_name, "x") == 0 && holds(long_name, "x") && unlink(long_name) == 0);
    if (geteuid() != 0) {
        CHECK(chmod("a", 0444) == 0);
        CHECK(file_create(&out, "a", &err) == -1);
    }
    CHECK(count_files() == 2);
    leave_folder();
}

static void test_too_many(void)
{
    struct file_out out[65];
    char name[16];

    enter_folder();
    for (int i = 0; i < 65; i++) {
        snprintf(name, sizeof name, "f%d", i);
        CHECK((file_create(&out[i], name, &err) == 0) == (i < 64));
    }
    CHECK(strstr(err.text, "64 files") && count_files() == 64);
    file_abandon(&out[10]);
    CHECK(file_create(&out[10], "again", &err) == 0);
    for (int i = 0; i < 64; i++)
        file_abandon(&out[i]);
    CHECK(count_files() == 0);
    leave_folder();
}

/* A pipe or device that stands at the path is written to, not replaced. */
static void test_special_targets(void)
{
    struct file_out out;
    char got[16] = "";
    int fd;

    CHECK(write_file("/dev/null", "x") == 0);
    enter_folder();
    CHECK(mkfifo("fifo", 0666) == 0);
    fd = open("fifo", O_RDWR);
    CHECK(file_create(&out, "fifo", &err) == 0 && out.temporary == NULL);
    CHECK(file_write(&out, "through", 7, &err) == 0 && file_commit(&out, &err) == 0);
    CHECK(read(fd, got, sizeof got) == 7);
    CHECK_STR(got, "through");
    CHECK(count_files() == 1);
    close(fd);
    leave_folder();
}

/* Standard output as "-", as nothing, and by name, when it is a file opened for appending. */
static void test_standard_output(void)
{
    int saved = dup(STDOUT_FILENO), fd, status;

    enter_folder();
    fflush(stdout);
    put("log", "0");
    fd = open("log", O_WRONLY | O_APPEND);
    dup2(fd, STDOUT_FILENO);
    close(fd);
    status = write_file("-", "1") | write_file(NULL, "2") | write_file("/dev/stdout", "3");
    dup2(saved, STDOUT_FILENO);
    close(saved);
    CHECK(status == 0 && holds("log", "0123") && count_files() == 1);
    leave_folder();
}

/* Neither a dead process nor a pending signal, but an error; and the signal mask is as it was. */
static void test_broken_pipe(void)
{
    int ends[2], saved = dup(STDOUT_FILENO), status;
    struct file_out out;
    sigset_t mask;

    fflush(stdout);
    CHECK(pipe(ends) == 0);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    status = file_create(&out, "-", &err) == 0 ? file_write(&out, "x", 1, &err) : 1;
    dup2(saved, STDOUT_FILENO);
    close(saved);
    CHECK(status == -1 && strstr(err.text, "reader"));
    CHECK(sigpending(&mask) == 0 && sigismember(&mask, SIGPIPE) == 0);
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &mask) == 0 && sigismember(&mask, SIGPIPE) == 0);
    file_abandon(&out);
}

static void *drain(void *arg)
{
    struct feed *feed = arg;
    unsigned char chunk[4096];
    ssize_t n;

    while ((n = read(feed->fd, chunk, sizeof chunk)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            if (chunk[i] != (unsigned char)(feed->size++ % 251))
                return arg;
        }
        usleep(20);
    }
    return NULL;
}

/* Far more than a pipe holds, into a non-blocking one with a slow reader: short writes and EAGAIN. */
static void test_short_writes(void)
{
    enum { N = 1000003 };
    int ends[2], saved = dup(STDOUT_FILENO), status;
    unsigned char *data = malloc(N);
    struct feed feed = {0};
    struct file_out out;
    pthread_t reader;
    void *wrong;

    for (int i = 0; i < N; i++)
        data[i] = (unsigned char)(i % 251);
    fflush(stdout);
    CHECK(pipe(ends) == 0);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[1]);
    feed.fd = ends[0];
    pthread_create(&reader, NULL, drain, &feed);
    status = file_create(&out, NULL, &err) | file_write(&out, data, N, &err) | file_commit(&out, &err);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    pthread_join(reader, &wrong);
    CHECK(status == 0 && !wrong && feed.size == N);
    close(ends[0]);
    free(data);
}

/* The disk is full (a limit stands for it): an error, and nothing left behind. */
static void test_full_disk(void)
{
    struct rlimit before, small;
    struct file_out out;
    char data[5000] = {1};
    int status;

    enter_folder();
    put("a", "old");
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 8000;
    setrlimit(RLIMIT_FSIZE, &small);
    status = file_create(&out, "a", &err);
    status |= file_write(&out, data, sizeof data, &err);
    CHECK(status == 0);
    status = file_write(&out, data, sizeof data, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    CHECK(status == -1 && err.text[0]);
    file_abandon(&out);
    CHECK(holds("a", "old") && count_files() == 1);
    leave_folder();
}

static void on_signal(int number)
{
    file_abandon_all();
    _exit(number);
}

/* A process ended by a signal in the middle of writing leaves no file, whole or part. */
static void test_interrupted(void)
{
    int ready[2], status = 0;
    pid_t child;
    char c;

    enter_folder();
    put("a", "old");
    CHECK(pipe(ready) == 0);
    child = fork();
    if (child == 0) {
        struct file_out one, two;

        signal(SIGTERM, on_signal);
        if (file_create(&one, "a", &err) < 0 || file_create(&two, "b", &err) < 0 ||
            file_write(&one, "half", 4, &err) < 0 || write(ready[1], "r", 1) != 1)
            _exit(99);
        for (;;)
            pause();
    }
    CHECK(child > 0 && read(ready[0], &c, 1) == 1 && count_files() == 3);
    CHECK(kill(child, SIGTERM) == 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == SIGTERM);
    CHECK(holds("a", "old") && count_files() == 1);
    close(ready[0]);
    close(ready[1]);
    leave_folder();
}

/* The owner goes on after file_abandon_all(): its commit fails, and nothing is freed twice. (The name leaks: see
 * there.) */
static void test_abandoned_under_way(void)
{
    struct file_out out;
    char *name;

    enter_folder();
    CHECK(file_create(&out, "a", &err) == 0);
    name = out.temporary;
    file_abandon_all();
    CHECK(count_files() == 0);
    CHECK(file_commit(&out, &err) == -1 && count_files() == 0);
    file_abandon(&out);
    free(name);
    leave_folder();
}

int main(void)
{
    RUN(test_read);
    RUN(test_copy);
    RUN(test_read_refused);
    RUN(test_read_pipe);
    RUN(test_read_stdin_file);
    RUN(test_read_terminal);
    RUN(test_beside);
    RUN(test_beside_escapes);
    RUN(test_beside_fifo);
    RUN(test_write);
    RUN(test_replace);
    RUN(test_abandon);
    RUN(test_create_refused);
    RUN(test_too_many);
    RUN(test_special_targets);
    RUN(test_standard_output);
    RUN(test_broken_pipe);
    RUN(test_short_writes);
    RUN(test_full_disk);
    RUN(test_interrupted);
    RUN(test_abandoned_under_way);
    return TEST_END();
}
