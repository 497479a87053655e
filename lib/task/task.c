/* The list of tasks, and the text that names one. */
#include "task/task.h"

#include <math.h>
#include <stdalign.h>
#include <string.h>

#include "base/packed.h"

_Static_assert(TASK_OPTIONS <= 64, "a bit of struct task.said for each");

/* Rows end as their tables' rest does: see base/packed.h. */
struct kind {
    alignas(char *) enum task_kind kind;
};
struct row {
    const char *name, *options;
    struct kind of;
};

struct range {
    alignas(char *) int most;
    float low, high;
};
struct option {
    const char *name, *words;
    struct range range;
};

static const struct kind kinds[] = {
#define TASK(id, name, kind, decode, options, what) {kind},
#include "task/task.def"
#undef TASK
};
#include "task/task.inc"
PACKED_TABLE(rows, struct row, 2, kinds);

static const struct range ranges[] = {
#define OPTION(id, name, most, low, high, words, what) {most, low, high},
#include "task/option.def"
#undef OPTION
};
#include "task/option.inc"
PACKED_TABLE(options, struct option, 2, ranges);

static const struct row *row_at(enum task_id id)
{
    return packed_row(&rows, id);
}

static const struct option *option_at(int option)
{
    return packed_row(&options, (size_t)option);
}

const char *task_name(enum task_id id)
{
    return row_at(id)->name;
}

const char *task_options(enum task_id id)
{
    return row_at(id)->options;
}

/* ---- values of options ---- */

static bool is_word(const char *word, size_t n, const char *text, size_t m)
{
    return n == m && memcmp(word, text, n) == 0;
}

/* The place of [text, text + n) among words between blanks; -1 when it is none of them. */
static int word_place(const char *words, const char *text, size_t n)
{
    for (int place = 0; *words; place++) {
        size_t m = strcspn(words, " ");
        if (is_word(words, m, text, n))
            return place;
        words += m + (words[m] == ' ');
    }
    return -1;
}

/* Numbers between colons; false unless all are, and lie in the option's range. */
static bool read_numbers(const struct option *o, const char *text, size_t n, struct task_numbers *out)
{
    const char *end = text + n;
    out->count = 0;
    while (out->count < o->range.most) {
        const char *colon = memchr(text, ':', (size_t)(end - text)), *stop = colon ? colon : end;
        float *v = &out->at[out->count++];
        if (!text_to_f32(text, (size_t)(stop - text), v) || !(*v >= o->range.low && *v <= o->range.high))
            return false;
        if (!colon)
            return true;
        text = colon + 1;
    }
    return false;
}

static bool read_value(const struct option *o, const char *text, size_t n, struct task_numbers *out)
{
    int place = *o->words ? word_place(o->words, text, n) : -1;
    *out = (struct task_numbers){.count = place >= 0, .at = {(float)place}};
    return *o->words ? place >= 0 : read_numbers(o, text, n, out);
}

static void print_value(const struct option *o, const struct task_numbers *v, struct text *out)
{
    const char *word = o->words;
    for (int place = 0; *word && place < (int)v->at[0]; place++)
        word += strcspn(word, " ") + 1;
    text_add(out, word, strcspn(word, " "));
    for (int i = 0; !*o->words && i < v->count; i++) {
        text_puts(out, i ? ":" : "");
        text_f32(out, v->at[i]);
    }
}

/* ---- the list of a task's options ---- */

/* The option that `text` begins with, up to '='; TASK_OPTIONS when there is none. */
static int find_option(const char *text, size_t n)
{
    int i = 0;
    while (i < TASK_OPTIONS && !is_word(option_at(i)->name, strlen(option_at(i)->name), text, n))
        i++;
    return i;
}

/* The default of an option as this row has it, n 0: the first word, or no number; NULL when it does not take it. */
static const char *default_of(const struct row *row, int option, size_t *n)
{
    const char *wanted = option_at(option)->name;
    for (const char *at = row->options; *at;) {
        size_t name = strcspn(at, "=,"), all = strcspn(at, ",");
        if (is_word(wanted, strlen(wanted), at, name)) {
            *n = all > name ? all - name - 1 : 0;
            return at + all - *n;
        }
        at += all + (at[all] == ',');
    }
    return NULL;
}

static void set_defaults(struct task *task)
{
    for (int i = 0; i < TASK_OPTIONS; i++) {
        size_t n;
        const char *value = default_of(row_at(task->id), i, &n);
        task->option[i] = (struct task_numbers){.count = value && *option_at(i)->words};
        if (value && n)
            read_value(option_at(i), value, n, &task->option[i]);
    }
}

static int unknown_option(const struct row *row, const char *text, size_t n, struct error *err)
{
    struct text list;
    text_init(&list);
    for (const char *at = row->options; *at; at += strcspn(at, ","), at += *at == ',') {
        text_puts(&list, at == row->options ? "" : "=, ");
        text_add(&list, at, strcspn(at, "=,"));
    }
    error_set(err, "task %s: %.*s: want one of %s=", row->name, n < 80 ? (int)n : 80, text, list.data ? list.data : "");
    text_release(&list);
    return -1;
}

static int bad_value(const struct row *row, const struct option *o, const char *text, size_t n, struct error *err)
{
    if (*o->words)
        return error_set(err, "task %s: %.*s: want one of %s", row->name, n < 80 ? (int)n : 80, text, o->words);
    const struct range *range = &o->range;
    return error_set(err, "task %s: %.*s: want %s=F, of %g to %g%s", row->name, n < 80 ? (int)n : 80, text, o->name,
                     (double)range->low, (double)range->high, range->most > 1 ? ", several separated by colons" : "");
}

static int parse_option(struct task *task, const char *text, size_t n, struct error *err)
{
    const struct row *row = row_at(task->id);
    const char *equals = n ? memchr(text, '=', n) : NULL;
    int option = equals ? find_option(text, (size_t)(equals - text)) : TASK_OPTIONS;
    size_t ignored;
    if (option == TASK_OPTIONS || !default_of(row, option, &ignored))
        return unknown_option(row, text, n, err);
    if (!read_value(option_at(option), equals + 1, n - (size_t)(equals + 1 - text), &task->option[option]))
        return bad_value(row, option_at(option), text, n, err);
    task->said |= (uint64_t)1 << option;
    return 0;
}

static int parse_options(struct task *task, const char *text, const char *end, struct error *err)
{
    while (text < end) {
        text++;
        const char *comma = memchr(text, ',', (size_t)(end - text));
        const char *stop = comma ? comma : end;
        if (parse_option(task, text, (size_t)(stop - text), err))
            return -1;
        text = stop;
    }
    return 0;
}

/* Whether the name is `stem`, or goes on with "=". */
static bool is_kin(const char *name, const char *stem, size_t n)
{
    return strncmp(name, stem, n) == 0 && (!name[n] || name[n] == '=');
}

/* Names those of its kind, or the kinds when it is of none. */
static int unknown(const char *text, size_t n, struct error *err)
{
    struct text list;
    size_t stem = 0, kin = 0;
    while (stem < n && text[stem] != '=')
        stem++;
    for (int i = 0; i < TASK_IDS; i++)
        kin += is_kin(task_name((enum task_id)i), text, stem);
    text_init(&list);
    for (int i = 0; i < TASK_IDS; i++) {
        const char *name = task_name((enum task_id)i);
        int size = (int)strcspn(name, kin ? "" : "=");
        if (kin ? is_kin(name, text, stem) : !i || !is_kin(task_name((enum task_id)(i - 1)), name, (size_t)size))
            text_printf(&list, "%s%.*s%s", list.size ? ", " : "", size, name, name[size] ? "=..." : "");
    }
    int shown = n == 0 ? 2 : n < 80 ? (int)n : 80;
    error_set(err, "task %.*s: unknown: want %s", shown, n ? text : "''", list.data ? list.data : "another");
    text_release(&list);
    return -1;
}

int task_parse(const char *text, size_t n, struct task *out, struct error *err)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return error_set(err, "task: control byte 0x%02x at %zu: want printable text", (unsigned char)text[i], i);
    const char *comma = n ? memchr(text, ',', n) : NULL;
    size_t name = comma ? (size_t)(comma - text) : n;
    for (int i = 0; i < TASK_IDS; i++) {
        if (!is_word(task_name((enum task_id)i), strlen(task_name((enum task_id)i)), text, name))
            continue;
        struct task task = {.id = (enum task_id)i, .kind = row_at((enum task_id)i)->of.kind};
        set_defaults(&task);
        if (parse_options(&task, text + name, text + n, err))
            return -1;
        *out = task;
        return 0;
    }
    return unknown(text, name, err);
}

void task_print(const struct task *task, struct text *out)
{
    text_puts(out, row_at(task->id)->name);
    for (int i = 0; i < TASK_OPTIONS; i++)
        if (task->said >> i & 1) {
            text_printf(out, ",%s=", option_at(i)->name);
            print_value(option_at(i), &task->option[i], out);
        }
}

void task_follow(struct task *task, const struct task *guess)
{
    struct task both = *guess;
    size_t ignored;
    bool open = task->id == TASK_ID_POINTS || task->id == TASK_ID_DETECT;
    if (task->id != guess->id && (!open || guess->kind != task->kind))
        return;
    both.said = task->said;
    for (int i = 0; i < TASK_OPTIONS; i++)
        if (task->said >> i & 1) {
            if (!default_of(row_at(guess->id), i, &ignored))
                return; /* it means coordinates */
            both.option[i] = task->option[i];
        }
    *task = both;
}
