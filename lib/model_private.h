/* Shared by lib/model*.c. */
#ifndef MODEL_PRIVATE_H
#define MODEL_PRIVATE_H

#include <assert.h>

#include "base/error.h"
#include "exec/exec.h"
#include "graph/graph.h"
#include "model.h"
#include "task/task.h"

static_assert(sizeof(struct model_error) == sizeof(struct error), "the public error is base's");
static_assert(MODEL_MAX_RANK == TENSOR_MAX_RANK, "the public limit is the graph's");

struct model {
    struct graph *graph;
};

struct model_session {
    struct graph *graph; /* for the types of its inputs */
    struct exec *exec;
    struct pool *pool;
    struct item **in, **out; /* as many as the graph has */
    struct recipe recipe;
    bool has_task;
    const char *guessed; /* the task's text, when nobody said it; or NULL */
    bool guess_tried;    /* by what a photo's outputs look like */
    char guess[TASK_GUESS];
    struct task task;
    struct task_labels labels;
    struct model_end *ends; /* of the outputs */
    struct tensor *mask;    /* the last run's input attention_mask, as float32, where the task is an embedding */
};

/* How an output ends, and what its whole numbers stand for: (number - zero) * scale. */
struct model_end {
    enum task_end end;
    bool scaled;
    float scale, zero;
};

static inline struct error *model_inner(struct model_error *err)
{
    return (struct error *)err;
}

/* A public tensor is a graph's tensor under another name. */
static inline struct tensor *model_inner_tensor(const struct model_tensor *t)
{
    return (struct tensor *)(uintptr_t)t;
}

static inline struct model_tensor *model_outer_tensor(struct tensor *t)
{
    return (struct model_tensor *)t;
}

/* A new model that owns the graph, which is freed on failure; NULL gives NULL. */
struct model *model_of_graph(struct graph *g, struct error *err);

/* "1x3x224x224", "scalar". */
const char *model_dims_text(int rank, const int64_t *dims, char *text, size_t size);

/* Describes a value. */
void model_fill_port(const struct value *v, struct model_port *port);

/* Adds element i, which is a where b is wanted, to a difference that begins with `at` -1; its square to *squares. */
void model_add_difference(struct model_difference *d, int64_t i, double a, double b, double *squares);

/* Parses what a session needs of the model's properties. */
int model_session_settings(struct model_session *s, struct error *err);

/* A picture as the input of the session's model that takes photos, and what became of it; NULL with a message. `width`
 * as in struct model_cut. */
struct tensor *model_prepare_photo(struct model_session *s, const struct image *image, int width,
                                   struct model_photo *photo, struct error *err);

/* The size of the input that a picture becomes. */
int model_input_size(const struct model_session *s, const struct image *image, int *width, int *height,
                     struct error *err);

const struct image *model_picture_image(const struct model_picture *picture);

/* Moves answers from the pixels of a part that was cut out to those of the photo; with around_points, boxes are those
 * around their key points. */
void model_move_answers(struct model_answers *answers, const struct model_photo *photo, bool around_points);

/* Sets recipe, task and labels where the program that exported the model wrote them in its own words, as properties or
 * beside it. */
int model_take_exported(struct graph *g, const char *path, struct error *err);

/* Sets the ends of the outputs, once the graph has its constants. */
int model_session_ends(struct model_session *s, struct error *err);

/* Fails when a detector has not as many labels as classes, as far as the shapes of its outputs tell. */
int model_check_detector(const struct graph *g, const struct task *task, const struct task_labels *labels,
                         struct error *err);

/* The input that a recipe is for; -1 when there is none. */
ptrdiff_t model_photo_input(const struct graph *g, const struct recipe *r, struct error *err);

/* Gives a "quantize" without numbers those by which the graph makes numbers of the recipe's input. */
int model_resolve_quantize(const struct graph *g, struct recipe *r, struct error *err);

/* What becomes of a photo of that size on its way to an input. */
int model_plan_photo(const struct recipe *r, const struct value *input, int width, int height, struct recipe_plan *plan,
                     struct error *err);

/* Checks a frame's size, and appends its canonical text. */
int model_check_frame(const struct graph *g, const char *text, struct text *out, struct error *err);

/* Checks a recipe against the input it is for. */
int model_check_recipe(const struct graph *g, const struct recipe *r, struct error *err);

/* Fails when a recipe for floats would leave next to nothing of a photo in an input of bytes. */
int model_check_levels(const struct graph *g, const struct recipe *r, struct error *err);

#endif
