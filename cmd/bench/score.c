#include "score.h"

#include <ctype.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/files.h"
#include "../common/frames.h"
#include "../common/program.h"
#include "../common/record.h"

#define BEST 5

/* ---- the list ---- */

static int read_line(const char *list, size_t number, char *line, struct example *e)
{
    e->path = list_file(list, line, &e->label);
    return e->label ? 0 : say_failed("%s: line %zu: want a path, a tab or blank, and a label", path_name(list), number);
}

struct example *examples_read(const char *list, size_t *count)
{
    char *text = read_text(list), *rest = text;
    struct example *examples = NULL;
    size_t cap = 0, number = 0;
    *count = 0;
    for (char *line; text && (line = strsep(&rest, "\n"));) {
        number++;
        list_trim(line);
        if (!*line)
            continue;
        if (*count == cap) {
            cap = cap ? 2 * cap : 256;
            struct example *more = realloc(examples, cap * sizeof *more);
            if (!more)
                exit(say_failed("out of memory"));
            examples = more;
        }
        if (read_line(list, number, line, &examples[(*count)++]))
            return NULL;
    }
    if (text && *count == 0)
        say_failed("%s: no line in it", path_name(list));
    return examples;
}

/* ---- one example ---- */

/* Whether an answer is the label: by its number when that is one, else by its name. */
static bool is_right(const struct model_answer *a, const char *label)
{
    char *end;
    unsigned long number = strtoul(label, &end, 10);
    if (isdigit((unsigned char)*label) && (*end == '\0' || isspace((unsigned char)*end)))
        return a->index == number;
    return a->label && strcmp(a->label, label) == 0;
}

struct scoring {
    const char *path;
    const struct request *request;
    const struct example *examples;
    size_t count;
    atomic_size_t next;
    pthread_mutex_t lock; /* of what follows, and of messages */
    size_t done, first, among, failed;
    double seconds;
};

/* Each thread has a model and a session of its own. */
struct worker {
    pthread_t thread;
    struct scoring *s;
    struct model *m;
    struct model_session *session;
    struct model_tensor **in, **out;
};

/* The place of the right label among the best; BEST when it is none of them, -1 on an error. */
static int rank_of(struct worker *w, const char *label, struct model_error *err)
{
    struct model_answers a;
    int rank = BEST;
    if (model_session_answers(w->session, w->out, NULL, BEST, &a, err) < 0)
        return -1;
    for (size_t i = a.count; i-- > 0;)
        rank = is_right(&a.at[i], label) ? (int)i : rank;
    model_answers_release(&a);
    return rank;
}

static int run_example(struct worker *w, struct model_tensor *t, ptrdiff_t input, const char *label, double *seconds,
                       struct model_error *err)
{
    double start = now();
    w->in[input] = t;
    int rank = model_session_run(w->session, w->in, w->out, err) == 0 ? 0 : -1;
    *seconds = now() - start;
    w->in[input] = NULL;
    if (rank == 0)
        rank = rank_of(w, label, err);
    for (size_t i = 0; i < model_output_count(w->m); i++) {
        model_tensor_free(w->out[i]);
        w->out[i] = NULL;
    }
    return rank;
}

/* t: NULL with a message. */
static void try_tensor(struct worker *w, const struct example *e, struct model_tensor *t, ptrdiff_t input,
                       struct model_error *err)
{
    double seconds = 0;
    int rank = t ? run_example(w, t, input, e->label, &seconds, err) : -1;
    model_tensor_free(t);
    pthread_mutex_lock(&w->s->lock);
    if (rank < 0)
        say_failed("%s: %s", e->path, err->text);
    w->s->failed += rank < 0;
    w->s->done += rank >= 0;
    w->s->first += rank == 0;
    w->s->among += rank >= 0 && rank < BEST;
    w->s->seconds += seconds;
    pthread_mutex_unlock(&w->s->lock);
}

/* An array, or each photo of a file. */
static void try_example(struct worker *w, const struct example *e)
{
    struct model_error err = {""};
    struct model_photo photo;
    struct frames f;
    struct model_tensor *t = NULL;
    bool array = has_suffix(e->path, ".npy");
    ptrdiff_t input = array ? 0 : model_session_photo_input(w->session, &err);
    frames_open(&f, e->path);
    do {
        if (input >= 0)
            t = array ? model_tensor_read(e->path, &err) : frames_photo(&f, w->session, &photo, &err);
        if (t || *err.text)
            try_tensor(w, e, t, input, &err);
    } while (t && !array);
    frames_close(&f);
}

/* ---- all of them ---- */

static void *work(void *arg)
{
    struct worker *w = arg;
    for (size_t i; (i = atomic_fetch_add(&w->s->next, 1)) < w->s->count;) {
        pthread_mutex_lock(&w->s->lock);
        say_progress("scoring", i, w->s->count);
        pthread_mutex_unlock(&w->s->lock);
        try_example(w, &w->s->examples[i]);
    }
    return NULL;
}

static int check_task(const struct worker *w, const char *path)
{
    if (model_session_answer_kind(w->session) == MODEL_ANSWER_LABELS)
        return 0;
    return say_failed("%s: the model does not classify, as far as is known: want nnconvert -T classify",
                      path_name(path));
}

/* 0, or 1 with a message. */
static int start(struct worker *w, struct scoring *s)
{
    struct model_error err;
    struct model_session_options o = s->request->session;
    o.threads = 1;
    w->s = s;
    w->m = input_read(s->path, s->request->from);
    if (!w->m)
        return 1;
    w->in = get_memory(model_input_count(w->m), sizeof *w->in);
    w->out = get_memory(model_output_count(w->m), sizeof *w->out);
    w->session = model_session_new(w->m, &o, &err);
    return w->session ? check_task(w, s->path) : say_failed("%s: %s", path_name(s->path), err.text);
}

static void stop(struct worker *w)
{
    model_session_free(w->session);
    model_free(w->m);
    free(w->in);
    free(w->out);
}

static void print_score(const struct scoring *s)
{
    double n = (double)s->done;
    if (program_loudness < 0 && !program_json) {
        printf("%.2f\n", 100 * (double)s->first / n);
        return;
    }
    record_begin();
    record_text("name", path_name(s->path));
    record_integer("examples", (int64_t)s->done);
    record_integer("right", (int64_t)s->first);
    record_integer("among_5", (int64_t)s->among);
    record_number("top1_percent", "%.2f", 100 * (double)s->first / n);
    record_number("top5_percent", "%.2f", 100 * (double)s->among / n);
    record_number("run_ms", "%.3f", s->seconds / n * 1e3);
    record_end();
}

static int run_all(struct scoring *s, struct worker *workers, int count)
{
    int status = 0, started = 1;
    for (int i = 0; status == 0 && i < count; i++)
        status = start(&workers[i], s);
    if (status)
        return status;
    while (started < count && pthread_create(&workers[started].thread, NULL, work, &workers[started]) == 0)
        started++;
    work(&workers[0]);
    for (int i = 1; i < started; i++)
        pthread_join(workers[i].thread, NULL);
    say_progress("scoring", 1, 1);
    if (s->done)
        print_score(s);
    return s->failed > 0;
}

int score_model(const char *path, const struct request *r, const struct example *examples, size_t count)
{
    struct scoring s = {.path = path, .request = r, .examples = examples, .count = count};
    int threads = r->session.threads ? r->session.threads : model_processors();
    if (strcmp(path, "-") == 0) /* which cannot be read twice */
        threads = 1;
    struct worker *workers = get_memory((size_t)threads, sizeof *workers);
    pthread_mutex_init(&s.lock, NULL);
    int status = run_all(&s, workers, threads);
    for (int i = 0; i < threads; i++)
        stop(&workers[i]);
    pthread_mutex_destroy(&s.lock);
    free(workers);
    return status;
}
