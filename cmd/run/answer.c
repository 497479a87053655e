/* Printing what outputs mean. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/program.h"
#include "../common/record.h"
#include "run.h"

#define VALUES 8 /* of an output without a task */

/* What the answer is about. */
static void print_origin(struct runner *r)
{
    if (r->record)
        print_record(r);
    else
        record_text("path", r->first);
    if (r->has_time)
        record_number("time", "%.3f", r->time);
}

static void print_label(const struct model_answers *a, size_t i)
{
    record_integer("rank", (int64_t)i + 1);
    record_number("score", "%.6g", a->at[i].score);
    record_integer("index", (int64_t)a->at[i].index);
    record_text("label", a->at[i].label);
}

/* The label's name, or its number. */
static void print_name(const struct model_answer *a)
{
    char number[24];
    snprintf(number, sizeof number, "%zu", a->index);
    record_text("label", a->label ? a->label : number);
}

static void print_scored(const struct model_answer *a)
{
    print_name(a);
    record_number("score", "%.6g", a->score);
}

static void print_corners(const struct model_answer *a)
{
    char text[200];
    if (!program_json) {
        record_number("x0", RECORD_PLACE, a->x0);
        record_number("y0", RECORD_PLACE, a->y0);
        record_number("x1", RECORD_PLACE, a->x1);
        record_number("y1", RECORD_PLACE, a->y1);
        return;
    }
    snprintf(text, sizeof text, RECORD_PLACE " " RECORD_PLACE " " RECORD_PLACE " " RECORD_PLACE, a->x0, a->y0, a->x1,
             a->y1);
    record_numbers("box", text);
}

static void print_points(const char *name, const struct model_answer *a, int width)
{
    record_tuples(name);
    for (size_t i = 0; i < a->point_count; i++) {
        const struct model_point *p = &a->points[i];
        const double values[] = {p->x, p->y, p->score};
        record_tuple(width, values);
    }
    record_tuples_end();
}

/* The runs of a mask, row by row: pixels outside, inside, outside and so on. */
static void print_runs(const struct model_region *m)
{
    size_t n = (size_t)m->width * (size_t)m->height, run = 0, used = 0, runs = 1;
    for (size_t i = 1; i < n; i++)
        runs += (m->pixels[i] != 0) != (m->pixels[i - 1] != 0);
    char *text = get_memory(runs + 2, 12); /* a number of at most 10 digits and a blank each */
    bool inside = false;
    for (size_t i = 0; i < n; i++, run++)
        if ((m->pixels[i] != 0) != inside) {
            used += (size_t)sprintf(text + used, "%zu ", run);
            inside = !inside;
            run = 0;
        }
    sprintf(text + used, "%zu", run);
    record_numbers("runs", text);
    free(text);
}

static void print_mask(const struct model_region *m)
{
    record_object("mask");
    record_integer("x", m->x);
    record_integer("y", m->y);
    record_integer("width", m->width);
    record_integer("height", m->height);
    print_runs(m);
    record_object_end();
}

static void print_box(const struct model_answers *a, size_t i)
{
    print_scored(&a->at[i]);
    print_corners(&a->at[i]);
    if (a->at[i].point_count)
        print_points("points", &a->at[i], 3);
    if (a->at[i].mask.pixels && program_json)
        print_mask(&a->at[i].mask);
}

static void print_polygon(const struct model_answers *a, size_t i)
{
    print_scored(&a->at[i]);
    print_points("polygon", &a->at[i], 2);
}

static void print_share(const struct model_answers *a, size_t i)
{
    print_name(&a->at[i]);
    record_number("share", "%.6g", a->at[i].score);
}

static void print_text(const struct model_answers *a, size_t i)
{
    record_text("text", a->at[i].text);
    record_number("score", "%.6g", a->at[i].score);
}

static void print_embedding(const struct model_answers *a, size_t i)
{
    (void)i;
    record_values("embedding", a->vector_count, a->vector);
}

static void print_picture(const struct model_answers *a, size_t i)
{
    (void)i;
    record_integer("width", a->width);
    record_integer("height", a->height);
    record_integer("channels", a->channels);
}

static void print_answers(struct runner *r, const struct model_answers *a)
{
    static void (*const print[])(const struct model_answers *, size_t) = {
        [MODEL_ANSWER_LABELS] = print_label,     [MODEL_ANSWER_BOXES] = print_box,
        [MODEL_ANSWER_POLYGONS] = print_polygon, [MODEL_ANSWER_MASK] = print_share,
        [MODEL_ANSWER_TEXT] = print_text,        [MODEL_ANSWER_EMBEDDING] = print_embedding,
        [MODEL_ANSWER_PICTURE] = print_picture,
    };
    bool one = a->kind == MODEL_ANSWER_EMBEDDING || a->kind == MODEL_ANSWER_PICTURE;
    size_t n = one ? 1 : a->count;
    for (size_t i = 0; i < n; i++) {
        record_begin();
        print_origin(r);
        print[a->kind](a, i);
        record_end();
    }
}

/* ---- without a task ---- */

/* Whether it only goes into the next run. */
static bool is_carried(const struct runner *r, size_t output)
{
    for (size_t i = 0; r->stream && i < r->input_count; i++)
        if (r->state[i] == (ptrdiff_t)output)
            return true;
    return false;
}

static int print_output(struct runner *r, size_t i)
{
    struct model_port port;
    struct model_error err;
    const struct model_tensor *t = r->out[i];
    char *values = model_tensor_text(t, r->request->best ? (size_t)r->request->best : VALUES, &err);
    if (!values)
        return say_failed("%s", err.text);
    model_output(r->m, i, &port);
    record_begin();
    if (r->many || program_json)
        print_origin(r);
    record_text("name", port.name);
    record_text("dtype", model_tensor_dtype(t));
    record_shape("shape", model_tensor_rank(t), model_tensor_dims(t));
    record_numbers("values", values);
    record_end();
    free(values);
    return 0;
}

static int print_outputs(struct runner *r)
{
    int status = 0;
    if (r->request->output && program_loudness <= 0)
        return 0; /* they are in files */
    for (size_t i = 0; status == 0 && i < r->output_count; i++)
        if (!is_carried(r, i))
            status = print_output(r, i);
    return status;
}

/* How authors of networks with such outputs usually prepare a photo: the input's size stands between the two, where
 * the first ends with =; where it is empty, such networks look at what --crop cut out. */
static const struct {
    const char *tasks, *before, *behind;
} recipes[] = {
    {"detect=yolov8,nms=none detect=rtdetr", "resize=", ",rgb,std=255"},
    {"detect=yolov5 detect=yolov5-head detect=yolov8 detect=yolov8-head detect=yolov10 polygons=obb",
     "opencv,letterbox=", ",rgb,std=255"},
    {"detect=yolox", "opencv,letterbox=", ":down:corner,bgr"},
    {"detect=detr points=heatmap", "resize=", ",rgb,scale=1/255,mean=0.485:0.456:0.406,std=0.229:0.224:0.225"},
    {"detect=nanodet", "opencv,resize=", ",bgr,mean=103.53:116.28:123.675,std=57.375:57.12:58.395"},
    {"detect=fastestdet", "opencv,resize=", ",bgr,std=255"},
    {"detect=ultraface detect=ultraface-head", "opencv,resize=", ",rgb,mean=127,std=128"},
    {"detect=scrfd", "opencv,letterbox=", ":down:0:corner,rgb,mean=127.5,std=128"},
    {"detect=blazeface,points=7", "letterbox=", ":0:warp,rgb,std=255"},
    {"detect=blazeface", "letterbox=", ":0:warp,rgb,mean=127.5,std=127.5"},
    {"detect=centernet", "opencv,resize=", ",bgr,scale=1/255,mean=0.408:0.447:0.47,std=0.289:0.274:0.278"},
    {"points,order=xyz points,points=39,order=xyzvp", "", "rgb,std=255"},
    {"points=openpose", "opencv,letterbox=", ":128:corner,bgr,mean=128,std=256"},
    {"polygons=db", "opencv,resize=max:960:down,resize=multiple:32,bgr",
     ",scale=1/255,mean=0.485:0.456:0.406,std=0.229:0.224:0.225"}}; /* the end of a text above */

/* Whether a task is one of some, whatever options come behind. */
static bool is_among(const char *task, const char *tasks)
{
    for (size_t n; *tasks; tasks += n + (tasks[n] == ' ')) {
        n = strcspn(tasks, " ");
        if (strncmp(task, tasks, n) == 0 && (!task[n] || task[n] == ','))
            return true;
    }
    return false;
}

/* A recipe that comes with TensorFlow Lite's metadata has values only. */
static bool has_sizes(const char *recipe)
{
    return recipe && (strstr(recipe, "resize") || strstr(recipe, "letterbox"));
}

static void tell_usual_recipe(const struct runner *r, const char *task)
{
    bool own_size = r->photo.input_width == r->photo.width && r->photo.input_height == r->photo.height;
    size_t i = 0, count = sizeof recipes / sizeof *recipes;
    while (i < count && !is_among(task, recipes[i].tasks))
        i++;
    const char *own = model_property(r->m, "recipe");
    char size[24] = "WxH"; /* any */
    if (!own_size)
        snprintf(size, sizeof size, "%dx%d", r->photo.input_width, r->photo.input_height);
    if (i == count || (*recipes[i].before ? has_sizes(own) : own != NULL))
        return;
    const char *before = recipes[i].before, *size_at = strrchr(before, '=');
    say_note("%s: for such networks, photos are usually prepared by -p %s%s%s", names_to_tell(r), before,
             size_at && !size_at[1] ? size : "", recipes[i].behind);
}

/* Once, of a photo: what its outputs are taken for. */
static void tell_guessed(struct runner *r, const char *task)
{
    static const char *const usual[] = {"classify", "classify, embedding or points", "classify, embedding or points",
                                        "detect=yolo, ctc, steps or embedding",
                                        "mask, picture, points=heatmap or detect=yolov3-head"}; /* by dims */
    if (r->guess_told)
        return;
    r->guess_told = true;
    int rank = model_tensor_rank(r->out[0]);
    if (task) {
        const int64_t *dims = model_tensor_dims(r->out[0]);
        bool one_channel = rank == 4 && (dims[1] == 1 || dims[3] == 1);
        say_note("%s: the model has no task: its outputs are taken for those of %s; -T sets another%s",
                 names_to_tell(r), task,
                 one_channel && strcmp(task, "mask") == 0 ? ", as polygons=db for lines of text" : "");
        tell_usual_recipe(r, task);
    } else if (!r->request->output)
        say_note("%s: the model has no task, and its outputs could be of several: they are printed as they are; "
                 "-T tells which: %s, see nn-tasks(7)",
                 names_to_tell(r), usual[rank < 4 ? rank : 4]);
}

enum model_answer_kind answer_kind(const struct runner *r)
{
    enum model_answer_kind kind = model_session_answer_kind(r->s);
    bool needs_photo = model_session_guessed_task(r->s) || kind == MODEL_ANSWER_BOXES || kind == MODEL_ANSWER_POLYGONS;
    return needs_photo && !r->has_photo && !r->request->properties.text[PROPERTY_TASK] ? MODEL_ANSWER_NONE : kind;
}

int answer(struct runner *r)
{
    struct model_answers a;
    struct model_error err;
    enum model_answer_kind kind = answer_kind(r);
    const char *guessed = model_session_guessed_task(r->s);
    bool is_unsure = guessed && !r->request->properties.given[PROPERTY_LABELS]; /* labels want an answer */
    if (r->has_photo && r->output_count && (guessed || (!r->record && kind == MODEL_ANSWER_NONE)))
        tell_guessed(r, guessed);
    size_t most = r->request->best ? (size_t)r->request->best : model_session_usual_answers(r->s);
    int status = 0;
    if (kind == MODEL_ANSWER_NONE) {
        status = print_outputs(r);
    } else if (model_session_answers(r->s, r->out, r->has_photo ? &r->photo : NULL, most, &a, &err) < 0) {
        if (is_unsure)
            say_note("%s: %s: its outputs are taken as they are", names_to_tell(r), err.text);
        status = is_unsure ? print_outputs(r) : say_failed("%s: %s", names_to_tell(r), err.text);
        kind = is_unsure ? MODEL_ANSWER_NONE : kind;
    } else {
        print_answers(r, &a);
        if (r->request->draw)
            status = draw_answers(r, &a);
        model_answers_release(&a);
    }
    if (r->request->draw && kind == MODEL_ANSWER_NONE)
        status |= say_failed("%s: nothing to draw: -T tells what the outputs are", names_to_tell(r));
    record_flush();
    return status;
}
