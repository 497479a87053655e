/* Prints nn-tasks(7) from the tables of tasks and their options. */
#include <stdio.h>
#include <string.h>

#include "task/task.h"

static const struct {
    const char *name, *words, *what;
    int most;
    float low, high;
} options[] = {
#define OPTION(id, name, most, low, high, words, what) {name, words, what, most, low, high},
#include "task/option.def"
#undef OPTION
};

static const struct {
    const char *title, *record;
    enum task_kind kind;
} kinds[] = {
    {"Labels", "path, rank, score, index, label", TASK_CLASSIFY},
    {"Boxes", "path, label, score, x0, y0, x1, y1; with key points a field of them, x,y,score each", TASK_DETECT},
    {"Key points", "the same, of the box around them", TASK_LANDMARKS},
    {"Polygons", "path, label, score, and a field of corners, x,y each; lines of text as they are read", TASK_POLYGONS},
    {"Masks", "path, label, share of the photo; the mask itself with -o", TASK_MASK},
    {"Text", "path, text, score", TASK_CTC},
    {"Vectors", "path, and a field of numbers", TASK_EMBEDDING},
    {"Pictures", "path, width, height, channels; the picture itself with -o", TASK_PICTURE},
};

/* Text with the minus signs that mdoc wants. */
static void print_text(const char *text)
{
    for (; *text; text++)
        printf(*text == '-' ? "\\-" : "%c", *text);
}

/* An option with its default: `name` letters, `all` with the default, where one is given; else the first word. */
static void print_default(const char *text, size_t name, size_t all)
{
    name = name < all ? name : all;
    char own[40], words[200] = "";
    snprintf(own, sizeof own, "%.*s", (int)name, text);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (strcmp(options[i].name, own) == 0)
            snprintf(words, sizeof words, "%.*s", (int)strcspn(options[i].words, " "), options[i].words);
    printf("%s=", own);
    if (all > name)
        snprintf(words, sizeof words, "%.*s", (int)(all - name - 1), text + name + 1);
    print_text(words);
    printf(text[all] ? ",\n" : "");
}

static const char *const whats[] = {
#define TASK(id, name, kind, decode, options, what) what,
#include "task/task.def"
#undef TASK
};

static void print_task(enum task_id id)
{
    printf(".It Cm ");
    print_text(task_name(id));
    putchar('\n');
    print_text(whats[id]);
    printf(".\n.br\nOptions: ");
    for (const char *at = task_options(id); *at; at += strcspn(at, ","), at += *at == ',')
        print_default(at, strcspn(at, "="), strcspn(at, ","));
    printf(".\n");
}

static void print_kind(size_t k)
{
    printf(".Ss %s\nRecord: ", kinds[k].title);
    print_text(kinds[k].record);
    printf(".\n.Bl -tag -width Ds\n");
    for (int id = 0; id < TASK_IDS; id++) {
        struct task task;
        struct error err;
        const char *name = task_name((enum task_id)id);
        if (task_parse(name, strlen(name), &task, &err) == 0 && task.kind == kinds[k].kind)
            print_task((enum task_id)id);
    }
    printf(".El\n");
}

static void print_option(size_t i)
{
    printf(".It Cm %s Ns =\n", options[i].name);
    print_text(options[i].what);
    if (*options[i].words) {
        printf(":\n.Li ");
        for (const char *at = options[i].words; *at; at++)
            printf(*at == ' ' ? " ,\n.Li " : *at == '-' ? "\\-" : "%c", *at);
        printf(" .\n");
    } else {
        printf(": %s of %g to %g.\n", options[i].most > 1 ? "numbers, separated by colons," : "a number",
               (double)options[i].low, (double)options[i].high);
    }
}

static const char head[] =
    ".\\\" Made by `make pages' from the tables in lib/task: do not edit.\n"
    ".Dd November 26, 2026\n"
    ".Dt NN-TASKS 7\n"
    ".Os\n"
    ".Sh NAME\n"
    ".Nm nn-tasks\n"
    ".Nd what the outputs of a network mean\n"
    ".Sh DESCRIPTION\n"
    "The task is given to\n"
    ".Xr nnconvert 1\n"
    "or\n"
    ".Xr nnrun 1\n"
    "with\n"
    ".Fl T ,\n"
    "or comes with the model: in its property\n"
    ".Va task ,\n"
    "or in the metadata of exporters such as Ultralytics.\n"
    "Without one,\n"
    ".Xr nnrun 1\n"
    "guesses it from the names, shapes and values of a photo's outputs, with a note; ambiguous outputs are printed as\n"
    "they are.\n"
    "One map of scores is taken for a mask, or where what stands out of it are bars, for lines of text.\n"
    "What a task that is given leaves open, such as the order of coordinates, is guessed too.\n"
    "A task is a name and options with their values:\n"
    ".Pp\n"
    ".Dl detect=yolov8,score=0.3,iou=0.6\n"
    ".Pp\n"
    "All outputs of the network are considered.\n"
    "They are told apart by their names (boxes, loc, bbox; scores, conf, cls, logits; landmarks, kps), else by their\n"
    "shapes.\n"
    "A leading 1 of a shape may be missing; maps may have channels first or last, as the input has them.\n"
    "Numbers that are not finite give no answer.\n"
    "All coordinates are pixels of the photo: every step of the recipe is undone.\n"
    ".Sh TASKS\n"
    "Options are listed with their defaults; nothing after\n"
    ".Ql =\n"
    "means that the default follows from the network's shapes.\n";

static const char tail[] =
    ".Sh FORMS\n"
    "The encoding of the four numbers of a box, by the option\n"
    ".Cm form :\n"
    ".Bl -tag -width Ds\n"
    ".It Cm corners\n"
    "x0, y0, x1, y1.\n"
    ".It Cm centres\n"
    "Centre x, y, width, height.\n"
    ".It Cm yx\n"
    "y0, x0, y1, x1.\n"
    ".It Cm offsets\n"
    "Of SSD: x = anchor x + v0 * variance0 * anchor width, width = anchor width * exp(v2 * variance1).\n"
    ".It Cm offsets\\-yx\n"
    "The same, y before x and height before width.\n"
    ".It Cm edges\n"
    "Of MTCNN: x0 = left side of the anchor + v0 * its width.\n"
    ".It Cm linear\n"
    "Of BlazeFace: centre less the anchor's, width, height, in pixels.\n"
    "Such boxes are not clipped to the photo.\n"
    ".It Cm distances\n"
    "From the anchor's centre to left, top, right and bottom, in cells; each perhaps a distribution of\n"
    ".Cm bins\n"
    "numbers.\n"
    ".It Cm yolo2 , yolo3\n"
    "Centre (sigmoid(v0) + column) * stride, width exp(v2) * anchor, in cells or in pixels.\n"
    ".It Cm yolo5\n"
    "Centre (2 sigmoid(v0) \\- 0.5 + column) * stride, width (2 sigmoid(v2))^2 * anchor.\n"
    ".It Cm yolox\n"
    "Centre (v0 + column) * stride, width exp(v2) * stride.\n"
    ".It Cm fastest\n"
    "Centre (tanh(v0) + column) * stride, width sigmoid(v2) * width of the input; scores are objectness^0.6 * "
    "class^0.4.\n"
    ".El\n"
    ".Sh EXAMPLES\n"
    "Faces, with the raw outputs of UltraFace:\n"
    ".Pp\n"
    ".Dl nnrun -p resize=320x240,rgb,mean=127,std=128 -T detect=ultraface-head slim.onnx people.jpg\n"
    ".Pp\n"
    "All labels above one half of a network with a sigmoid for each:\n"
    ".Pp\n"
    ".Dl nnrun -T classify,scores=sigmoid,score=0.5 tags.onnx beach.jpg\n"
    ".Sh SEE ALSO\n"
    ".Xr nnconvert 1 ,\n"
    ".Xr nnrun 1 ,\n"
    ".Xr nn 5\n";

int main(void)
{
    fputs(head, stdout);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        print_kind(k);
    printf(".Sh OPTIONS\n.Bl -tag -width Ds\n");
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        print_option(i);
    printf(".El\n");
    fputs(tail, stdout);
    return 0;
}
