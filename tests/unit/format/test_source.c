/* Sources and targets: twins, members, files that appear together. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/format.h"
#include "../../test.h"

static struct error err;
static char folder[] = "/tmp/test_source_XXXXXX";

static const char *path_of(const char *name)
{
    static char paths[4][300];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static void put(const char *name, const char *text)
{
    FILE *f = fopen(path_of(name), "w");
    CHECK(f != NULL);
    if (f) {
        fputs(text, f);
        fclose(f);
    }
}

static bool has_text(const char *name, const char *text)
{
    char got[100] = "";
    FILE *f = fopen(path_of(name), "r");
    if (!f)
        return false;
    size_t n = fread(got, 1, sizeof(got) - 1, f);
    fclose(f);
    return n == strlen(text) && strcmp(got, text) == 0;
}

/* ---- names ---- */

static void suffixes(void)
{
    CHECK(source_suffix("net.param", ".param .param.bin") == 6);
    CHECK(source_suffix("net.PARAM.BIN", ".bin .param.bin") == 10);
    CHECK(source_suffix(".bin", ".bin") == 0);
    CHECK(source_suffix("net.onnx", ".nn") == 0);
    CHECK(source_suffix("net", "") == 0);
}

static void check_renamed(const char *path, const char *list, const char *suffix, const char *want)
{
    char *got = source_renamed(path, list, suffix, &err);
    CHECK(got != NULL);
    if (got)
        CHECK_STR(got, want);
    free(got);
}

static void renaming(void)
{
    check_renamed("a/net.param", ".param", ".bin", "a/net.bin");
    check_renamed("a/net.param.bin", ".param .param.bin", ".bin", "a/net.bin");
    check_renamed("a/net.mnn", ".mnn", "+.weight", "a/net.mnn.weight");
    check_renamed("a.b/net", ".param", ".bin", "a.b/net.bin");
    check_renamed("net.txt", ".param", ".bin", "net.bin");
    check_renamed(".net", NULL, ".bin", ".net.bin");
}

/* ---- sources ---- */

static bool blob_is(struct blob *blob, const char *text)
{
    bool same = blob && blob->size == strlen(text) && memcmp(blob->data, text, blob->size) == 0;
    blob_unref(blob);
    return same;
}

static void twins_are_found(void)
{
    struct source s;
    put("net.param", "first");
    put("net.bin", "second");
    put("other.bin", "third");
    CHECK(source_open(&s, path_of("net.param"), &err) == 0);
    s.suffixes = ".param";
    CHECK(source_has_twin(&s, ".weights .bin") && !source_has_twin(&s, ".weights"));
    CHECK(blob_is(source_twin(&s, ".weights .bin", &err), "second"));
    CHECK(!source_twin(&s, ".weights", &err) && strstr(err.text, "there is no") && strstr(err.text, "net.weights"));
    source_release(&s);
    char both[600];
    snprintf(both, sizeof(both), "%s,%s", path_of("net.param"), path_of("other.bin"));
    CHECK(source_open(&s, both, &err) == 0);
    CHECK(blob_is(source_twin(&s, ".bin", &err), "third"));
    source_release(&s);
}

/* The only file of a kind is the model's, whatever its name. */
static void the_only_one_is_the_twin(void)
{
    struct source s;
    mkdir(path_of("lone"), 0777);
    put("lone/deploy.prototxt", "net");
    put("lone/trained.caffemodel", "weights");
    CHECK(source_open(&s, path_of("lone/deploy.prototxt"), &err) == 0);
    s.suffixes = ".prototxt";
    CHECK(!source_has_twin(&s, ".caffemodel"));
    CHECK(blob_is(source_twin(&s, ".caffemodel *.caffemodel", &err), "weights"));
    put("lone/other.caffemodel", "others");
    CHECK(!source_has_twin(&s, ".caffemodel *.caffemodel"));
    source_release(&s);
}

static void members_stay_inside(void)
{
    struct source s;
    mkdir(path_of("saved"), 0777);
    put("saved/inside", "in");
    put("outside", "out");
    CHECK(source_open(&s, path_of("saved"), &err) == 0 && s.is_folder && s.blob->size == 0);
    CHECK(blob_is(source_member(&s, "inside", &err), "in"));
    CHECK(!source_member(&s, "../outside", &err) && err.text[0]);
    CHECK(!source_member(&s, "/etc/passwd", &err));
    CHECK(symlink("../outside", path_of("saved/link")) == 0 && !source_member(&s, "link", &err));
    source_release(&s);
    CHECK(source_open(&s, path_of("outside"), &err) == 0);
    CHECK(blob_is(source_member(&s, "net.param", &err), "first"));
    source_release(&s);
}

/* A hub's cache: names are links into one folder of contents. */
static void links_into_one_store(void)
{
    struct source s;
    mkdir(path_of("blobs"), 0777);
    mkdir(path_of("snapshot"), 0777);
    put("blobs/1", "model");
    put("blobs/2", "data");
    CHECK(symlink("../blobs/1", path_of("snapshot/net.onnx")) == 0);
    CHECK(symlink("../blobs/2", path_of("snapshot/net.data")) == 0);
    CHECK(symlink("../outside", path_of("snapshot/evil")) == 0);
    CHECK(source_open(&s, path_of("snapshot/net.onnx"), &err) == 0);
    CHECK(blob_is(source_member(&s, "net.data", &err), "data"));
    CHECK(!source_member(&s, "evil", &err));
    source_release(&s);
}

/* ---- targets ---- */

static const struct target_option known[] = {{"opset", "N", "the opset"}, {"fp16", NULL, "halves"}, {NULL, NULL, NULL}};

static void options(void)
{
    struct target t;
    CHECK(target_init(&t, NULL, "", "fp16,opset=17", known, &err) == 0);
    CHECK(target_option(&t, "fp16") && target_number(&t, "opset", &err) == 17 && !target_option(&t, "int8"));
    target_abandon(&t);
    CHECK(target_init(&t, NULL, "", "int8", known, &err) != 0 && strstr(err.text, "want opset=N, fp16"));
    CHECK(target_init(&t, NULL, "", "fp16=1", known, &err) != 0 && strstr(err.text, "takes no value"));
    CHECK(target_init(&t, NULL, "", "opset", known, &err) != 0 && strstr(err.text, "takes a value"));
    CHECK(target_init(&t, NULL, "", "x", NULL, &err) != 0 && strstr(err.text, "the format has none"));
    CHECK(target_init(&t, NULL, "", "opset=x", known, &err) == 0 && target_number(&t, "opset", &err) == -1);
    target_abandon(&t);
}

static int write_both(const char *name, const char *first, const char *second)
{
    struct target t;
    if (target_init(&t, path_of(name), ".param", NULL, NULL, &err) != 0)
        return -1;
    struct file_out *a = target_file(&t, NULL, &err), *b = a ? target_file(&t, ".bin", &err) : NULL;
    if (b && file_write(a, first, strlen(first), &err) == 0 && file_write(b, second, strlen(second), &err) == 0)
        return target_commit(&t, &err);
    target_abandon(&t);
    return -1;
}

static void files_appear_together(void)
{
    CHECK(write_both("out.param", "one", "two") == 0);
    CHECK(has_text("out.param", "one") && has_text("out.bin", "two"));
    CHECK(write_both("out.param", "three", "four") == 0);
    CHECK(has_text("out.param", "three") && has_text("out.bin", "four"));
}

static int files_in(const char *name)
{
    char command[400];
    int count = -1;
    snprintf(command, sizeof(command), "ls -A %s | wc -l", path_of(name));
    FILE *p = popen(command, "r");
    if (!p || fscanf(p, "%d", &count) != 1)
        count = -1;
    if (p)
        pclose(p);
    return count;
}

/* A directory takes the second file's place after it was opened: nothing may change. */
static void all_or_none(void)
{
    struct target t;
    mkdir(path_of("d"), 0777);
    put("d/x.param", "old");
    CHECK(target_init(&t, path_of("d/x.param"), ".param", NULL, NULL, &err) == 0);
    CHECK(target_file(&t, NULL, &err) && target_file(&t, ".bin", &err));
    CHECK(file_write(&t.files[0], "new", 3, &err) == 0);
    mkdir(path_of("d/x.bin"), 0777);
    CHECK(target_commit(&t, &err) != 0 && err.text[0]);
    CHECK(has_text("d/x.param", "old"));
    CHECK(files_in("d") == 2);
    rmdir(path_of("d/x.bin"));
    CHECK(write_both("d/x.param", "a", "b") == 0 && files_in("d") == 2);
}

static void standard_output_is_one_file(void)
{
    struct target t;
    CHECK(target_init(&t, "-", ".param", NULL, NULL, &err) == 0);
    CHECK(!target_file(&t, ".bin", &err) && strstr(err.text, "standard output"));
    target_abandon(&t);
}

int main(void)
{
    char command[100];
    if (!mkdtemp(folder))
        return 1;
    RUN(suffixes);
    RUN(renaming);
    RUN(twins_are_found);
    RUN(the_only_one_is_the_twin);
    RUN(members_stay_inside);
    RUN(links_into_one_store);
    RUN(options);
    RUN(files_appear_together);
    RUN(all_or_none);
    RUN(standard_output_is_one_file);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) != 0 || TEST_END();
}
