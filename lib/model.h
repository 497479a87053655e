/* libmodel: reading, rewriting, running and describing neural networks.
 *
 * Functions that can fail return -1 or NULL and put one line of text into *err, which may be NULL. Nothing here prints,
 * exits or keeps global state: different objects may be used on different threads at once, and one object by one thread
 * at a time. Texts and arrays that are returned without `const` belong to the caller, for free(). */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MODEL_API      __attribute__((visibility("default")))
#define MODEL_MAX_RANK 12

struct model_error {
    char text[1024]; /* one line, without a newline at the end */
};

/* ---- the library ---- */

MODEL_API const char *model_version(void);

/* The level of the processor's instruction set in use: the best one, or the one that the environment's NN_ISA names.
 * NULL when that is unknown or this processor lacks it. */
MODEL_API const char *model_level(struct model_error *err);

/* The levels that this processor has, best first; NULL behind the last. */
MODEL_API const char *model_level_at(size_t index);

/* Processors that this process may use, by affinity mask and cgroup: the default number of threads. */
MODEL_API int model_processors(void);

/* Multiply-adds a second, in billions, that one thread reaches in float32 with everything in registers and the first
 * cache: measured now, in about a tenth of a second. 0 on an error. */
MODEL_API double model_peak(struct model_error *err);

/* Removes files that model_write() and others are in the midst of: for the handler of a signal that ends the program.
 * Async-signal-safe. */
MODEL_API void model_abandon_files(void);

/* ---- what there is: rows of tables; false when index is beyond the last. The strings are constant. ---- */

struct model_row {
    const char *name, *what; /* what: one line for people */
};

struct model_format {
    const char *name, *what, *suffixes; /* suffixes: ".onnx .pb", the first one being the usual */
    bool reads, writes;
    bool has_properties; /* what is written carries recipe, task and labels */
};

struct model_pass {
    const char *name, *what;
    bool safe; /* run by default: the result stays the same to rounding */
};

MODEL_API bool model_format_at(size_t index, struct model_format *format);
/* What the writer of format number `format` can be asked. */
MODEL_API bool model_format_option_at(size_t format, size_t index, struct model_row *option);
MODEL_API bool model_pass_at(size_t index, struct model_pass *pass);
MODEL_API bool model_task_at(size_t index, struct model_row *task);
MODEL_API bool model_scheme_at(size_t index, struct model_row *scheme); /* of model_quantize() */
MODEL_API bool model_precision_at(size_t index, struct model_row *precision);
/* The one that "fast" stands for on this processor; another name, or NULL, is given back. */
MODEL_API const char *model_precision_chosen(const char *name);

/* ---- models ---- */

struct model;

/* Reads a model of any known format. path NULL or "-": standard input; "first,second": a format in two files. format:
 * a name of the table, or NULL to recognise it by content, then by suffix; "torch:encode" means that function of a file
 * that holds several, ":encode" too. The message begins with the path. */
MODEL_API struct model *model_read(const char *path, const char *format, struct model_error *err);

/* The shape of an input: of the one of that name, or, name NULL, of the one at that place among the inputs. */
struct model_shape {
    const char *name;
    int rank;
    const int64_t *dims;
    const char *dtype; /* "i64"; NULL: not known */
};

/* The same with what the caller knows of the inputs. A TorchScript archive is a program, which is run to make a graph
 * of it: what it does may depend on these shapes, and then the graph is for them. Other formats do not need them. */
MODEL_API struct model *model_read_for(const char *path, const char *format, const struct model_shape *shapes,
                                       size_t shape_count, struct model_error *err);

/* Writes a model; its files appear only when complete. path NULL or "-": standard output. format NULL: by the suffix,
 * .nn for standard output. options: asked of the format, "opset=17,fp16", or NULL. The message begins with the path. */
MODEL_API int model_write(const struct model *m, const char *path, const char *format, const char *options,
                          struct model_error *err);

/* The tensors of a file without a network, safetensors, GGUF, a state dict of PyTorch, .npz, as a model of constants
 * alone, in the file's order; else the model that the file is. */
MODEL_API struct model *model_read_weights(const char *path, struct model_error *err);

/* A tensor that found no place, or a weight that got nothing. */
struct model_misfit {
    const char *name, *dtype; /* of the model that it is of */
    int rank;
    int64_t dims[MODEL_MAX_RANK];
    bool given; /* it is one of `from` */
    const char *why;
};

/* Puts the constants of `from` in the place of the model's weights: by name, also where one name ends with the other;
 * else by the order of use, if all that are left have the same shapes in the same order; else by a shape that only one
 * has. A matrix may be transposed, a filter be [h, w, in, out], where shapes say so. What may mean several is not
 * guessed. All misfits, for free(); *count 0: there are none, and the weights are changed. NULL: an error. */
MODEL_API struct model_misfit *model_take_weights(struct model *m, const struct model *from, size_t *count,
                                                  struct model_error *err);

/* Whether model_write() could choose a format from this, and it has such options: *chosen, which may be NULL. */
MODEL_API int model_check_target(const char *path, const char *format, const char *options, struct model_format *chosen,
                                 struct model_error *err);

MODEL_API struct model *model_copy(const struct model *m, struct model_error *err); /* weights are shared */
MODEL_API void model_free(struct model *m);                                         /* NULL is allowed */

/* Lets go of the weights, for a caller who has made a session of the model and only asks for names, types and
 * properties from then on: the session then holds the only copy. Such a model cannot be run, written or rewritten. */
MODEL_API void model_drop_weights(struct model *m);

/* Infers shapes and types of all values. Fails where operands do not fit together. */
MODEL_API int model_infer(struct model *m, struct model_error *err);

/* Gives the input `name` these sizes, wherever its own are open, or, with rank 1, the symbolic size `name` this one;
 * then infers. Fails when they contradict sizes that the model states. */
MODEL_API int model_bind(struct model *m, const char *name, int rank, const int64_t *dims, struct model_error *err);

/* The same, changing sizes that it states. Where others are built in, it fails, and the model is of no more use. */
MODEL_API int model_reshape(struct model *m, const char *name, int rank, const int64_t *dims, struct model_error *err);

/* Gives all sizes of inputs that are still open a small one (1 for a batch, 64 for sides of pictures, 512 for sound,
 * else 16), the same for the same symbol, and infers; returns how many there were. Fails for an input without rank. */
MODEL_API int model_bind_rest(struct model *m, struct model_error *err);

/* Keeps what computes the outputs from the inputs, in the lists' order: names of values, "NAME" or "NAME=NEW" between
 * commas. NULL: the outputs that there are; the inputs that outputs depend on. Drops recipe and frame when their input
 * is gone, task and labels when outputs are others; returns how many. After an error the model may only be freed. */
MODEL_API int model_cut(struct model *m, const char *inputs, const char *outputs, struct model_error *err);

/* A property; NULL when it is not set. The text lives as long as the model. */
MODEL_API const char *model_property(const struct model *m, const char *key);

/* Sets a property. These keys are checked and brought to a canonical form: "recipe", how a photo becomes the input
 * ("resize=256,crop=224,rgb,mean=127,std=128"); "task", what the output is ("classify", "detect=yolov8,score=0.3");
 * "labels", one name a line; "frame", how sound is cut for it, in samples: "576:512", see model_frame_parse(). */
MODEL_API int model_set_property(struct model *m, const char *key, const char *text, struct model_error *err);

/* The recipe that a file beside a model asks for, as Hugging Face, timm, Paddle and RapidOCR write them; FILE:KEY: what
 * it has under that key. *task and *labels: such properties, or NULL. The caller frees all; NULL: err has no path. */
MODEL_API char *model_recipe_import(const char *path, char **task, char **labels, struct model_error *err);

/* Whether model_set_property() would take that text, as far as can be told without a model. */
MODEL_API int model_check_property(const char *key, const char *text, struct model_error *err);

/* How many operators are not known; into text, once each, their names, how many there are and an example:
 * "caffe.Warp (3: warp1, ...), caffe.Other (1: x)". */
MODEL_API int model_unknown(const struct model *m, char *text, size_t size);

/* An input or output. */
struct model_port {
    const char *name;                    /* lives as long as the model */
    const char *dtype;                   /* "f32", "i64", "u8", "bool", "str", …; "none": not a tensor, or unknown */
    int rank;                            /* -1 when unknown */
    int64_t dims[MODEL_MAX_RANK];        /* -1 where open */
    const char *symbols[MODEL_MAX_RANK]; /* names of sizes that are open, "?" without one; NULL where they are not */
    char text[200];                      /* "f32 Nx3x224x224", "f32 batch x 3" */
    bool optional; /* an input that has a value when none is given; an output "h_out" that is the next
                    * value of such an input "h" */
};

MODEL_API size_t model_input_count(const struct model *m);
MODEL_API size_t model_output_count(const struct model *m);
MODEL_API bool model_input(const struct model *m, size_t index, struct model_port *port);
MODEL_API bool model_output(const struct model *m, size_t index, struct model_port *port);

/* ---- rewriting ---- */

/* Runs passes until none changes anything: those that `chosen` says (one entry a row of the table), or the safe ones
 * when it is NULL. counts: NULL, or one entry a row, set to how often the pass changed something. */
MODEL_API int model_optimize(struct model *m, const bool *chosen, int *counts, struct model_error *err);

/* Stores the float32 weights of at least 256 elements that layers multiply by (and tables that they look up) as
 * `scheme` says ("int8", "int4", "f16", "bf16"), followed by a Cast or DequantizeLinear that brings them back when the
 * model is loaded; "f32" removes such nodes again. What is less than finite stays. The result is ordinary ONNX. */
struct model_quantized {
    const char *name;               /* the weight's; lives as long as the model */
    double largest, rms;            /* of the differences between the weights before and after */
    size_t elements, before, after; /* the latter in bytes, scales included */
};

/* *report, *count: a list for free(), one entry a tensor changed; report may be NULL. */
MODEL_API int model_quantize(struct model *m, const char *scheme, struct model_quantized **report, size_t *count,
                             struct model_error *err);

/* ---- static quantisation: a network that computes with 8-bit integers, in the form of ONNX's QuantizeLinear and
 * DequantizeLinear. First samples of what it will be used on go through it, then it is made. ---- */

struct model_calibration;
struct model_tensor;

struct model_calibration_options {
    const char *activations; /* "u8" (also for NULL) or "s8" */
    const char *range; /* how these are chosen, a row of the table; NULL: the best of some, with 8 samples or more */
    const char *const *keep; /* names of layers, and operators, that stay in float32 */
    size_t keep_count;
    double max_loss; /* leave layers in float32, as few as can be, so that on the samples kept the root of the mean
                      * square of what the outputs are off is at most this share of their own; 0: none are */
    int effort;      /* choose weights by what layers give on so many of the samples kept, not each the nearest */
    int threads;     /* 0: model_processors() */
    void (*progress)(void *arg, const char *what, size_t done, size_t total); /* of long work; or NULL */
    void *progress_arg;
};

MODEL_API bool model_range_at(size_t index, struct model_row *range);

/* Fails when there is nothing to quantise. The strings of the options must live as long as it. */
MODEL_API struct model_calibration *
model_calibration_new(const struct model *m, const struct model_calibration_options *options, struct model_error *err);
MODEL_API void model_calibration_free(struct model_calibration *c); /* NULL is allowed */

/* Runs the network on a sample, as model_session_run() does, and notes all activations. A few samples are kept. */
MODEL_API int model_calibration_add(struct model_calibration *c, struct model_tensor *const *in,
                                    struct model_error *err);

/* The quantised model; no sample can be added any more. */
MODEL_API struct model *model_calibration_finish(struct model_calibration *c, struct model_error *err);

/* A way to choose ranges that was tried, since the options name none; once model_calibration_finish() gave a model. */
struct model_tried {
    const char *range;
    double snr; /* of the worst output, in dB, on samples kept that had no part in it: the mean of three parts */
    bool is_chosen;
};
MODEL_API bool model_calibration_tried_at(const struct model_calibration *c, size_t index, struct model_tried *tried);

/* A layer, or, behind these, an output of the network. The strings live as long as the calibration. */
struct model_calibrated {
    const char *name, *op; /* op "output": of the network */
    const char *type;      /* of its result: "u8", "s8", or "f32" where it is not rounded; "": not quantised */
    double snr;            /* signal-to-noise ratio of the result on the samples kept, in dB; inf when it is exact */
    double moved;          /* the share of these with another class first; nan, unless it is an output of classes */
    double low, high;      /* what is not clipped; nan when it is not rounded */
    double clipped;        /* the share of what was seen that is */
    size_t before, after;  /* bytes of weights and bias */
    double seconds_before, seconds_after; /* of a run of the layer on this processor; nan when it is not told apart */
};

/* A list for free(), once there is a model. Noise and times of layers take many runs: only by_layers, else nan. */
MODEL_API struct model_calibrated *model_calibration_report(struct model_calibration *c, bool by_layers, size_t *count,
                                                            struct model_error *err);

/* ---- tensors: immutable, row-major, of any of the dtypes ---- */

/* data: row-major elements, which are copied. Not for strings. */
MODEL_API struct model_tensor *model_tensor_new(const char *dtype, int rank, const int64_t *dims, const void *data,
                                                struct model_error *err);

/* Reads a .npy file; the message begins with the path. */
MODEL_API struct model_tensor *model_tensor_read(const char *path, struct model_error *err);

/* Writes it as numpy.save() would, complete or not at all; types that NumPy lacks as the smallest that holds them. */
MODEL_API int model_tensor_write(const struct model_tensor *t, const char *path, struct model_error *err);

/* A random tensor, by the seed, for an input whose sizes are all known: standard normal numbers; integers below 100 and
 * below the size of what they are an index into; both truth values, also of masks; 16000 of a rate. */
MODEL_API struct model_tensor *model_tensor_random(const struct model *m, size_t input, uint64_t seed,
                                                   struct model_error *err);

/* A tensor for an input whose sizes are all known, of that number in every place. */
MODEL_API struct model_tensor *model_tensor_filled(const struct model *m, size_t input, double number,
                                                   struct model_error *err);

/* Row `index` of the first axis, which becomes 1. */
MODEL_API struct model_tensor *model_tensor_row(const struct model_tensor *t, int64_t index, struct model_error *err);

MODEL_API struct model_tensor *model_tensor_ref(struct model_tensor *t);
MODEL_API void model_tensor_free(struct model_tensor *t); /* gives up one reference; NULL is allowed */

MODEL_API const char *model_tensor_dtype(const struct model_tensor *t);
MODEL_API int model_tensor_rank(const struct model_tensor *t);
MODEL_API const int64_t *model_tensor_dims(const struct model_tensor *t);
MODEL_API int64_t model_tensor_count(const struct model_tensor *t);
MODEL_API const void *model_tensor_data(const struct model_tensor *t);
MODEL_API size_t model_tensor_bytes(const struct model_tensor *t);

/* The first n elements (fewer, when there are fewer), separated by spaces, numbers in their shortest exact form. */
MODEL_API char *model_tensor_text(const struct model_tensor *t, size_t n, struct model_error *err);

/* How two tensors differ, as numbers. */
struct model_difference {
    double largest;    /* max |a - b| where both are numbers; inf where only one is a number */
    double reference;  /* max |b| of the finite ones */
    double rms;        /* root of the mean square of a - b */
    int64_t at;        /* the element where the largest is; -1 when there are no elements */
    int64_t differing; /* elements that are not equal */
};

/* Fails, saying have and want, when shapes or types are not the same (types that are written the same count as such,
 * and so do shapes that differ in axes of size 1). */
MODEL_API int model_tensor_compare(const struct model_tensor *have, const struct model_tensor *want,
                                   struct model_difference *difference, struct model_error *err);

/* A .npz file. */
struct model_archive;

MODEL_API struct model_archive *model_archive_open(const char *path, struct model_error *err);
MODEL_API void model_archive_close(struct model_archive *a); /* NULL is allowed */
MODEL_API size_t model_archive_count(const struct model_archive *a);
MODEL_API const char *model_archive_name(const struct model_archive *a, size_t index); /* lives as long as it */
MODEL_API struct model_tensor *model_archive_tensor(const struct model_archive *a, size_t index,
                                                    struct model_error *err);

/* ---- running ---- */

struct model_session_options {
    int threads;           /* 0: model_processors() */
    const char *precision; /* of the table; NULL: "f32" */
    bool profile;          /* time each layer */
    bool roomy;            /* activations may take twice as much as usual, 880 MiB or what NN_MEMORY says */
    bool frugal;           /* activations for the shapes at hand let go of those for others */
};

struct model_session;

/* Makes a model ready to run; it is not needed afterwards. Fails when an operator is not known. options may be NULL. */
MODEL_API struct model_session *model_session_new(const struct model *m, const struct model_session_options *options,
                                                  struct model_error *err);
MODEL_API void model_session_free(struct model_session *s); /* NULL is allowed */

/* in: one tensor an input, in the model's order (NULL where the input is optional); integers and floats of another
 * width are converted where no value is lost by more than rounding, and a batch of one may lack its first axis. out:
 * gets one a output, for model_tensor_free().
 * The first run with given shapes makes a plan for them, which later ones use. */
MODEL_API int model_session_run(struct model_session *s, struct model_tensor *const *in, struct model_tensor **out,
                                struct model_error *err);

/* A layer of the plans that were run. The strings live as long as the session. */
struct model_layer {
    const char *node, *op, *kernel; /* kernel "reference": evaluated in plain C, slowly */
    const char *shape;              /* of the result, "1x64x56x56" */
    double macs;                    /* multiply-adds of a run */
    double seconds;                 /* sum over `runs`; 0 unless profiled */
    long runs;
};

MODEL_API struct model_layer *model_session_layers(const struct model_session *s, size_t *count,
                                                   struct model_error *err);
MODEL_API void model_session_reset(struct model_session *s); /* forgets the times so far */

/* Bytes taken by activations, and by weights in the form that kernels want. */
MODEL_API size_t model_session_activations(const struct model_session *s);
MODEL_API size_t model_session_weights(const struct model_session *s);

/* How often two models were run on the same random inputs, and how far their outputs were apart at most. */
struct model_agreement {
    int runs;
    double worst;  /* max |a - b| / max |b|, over all outputs and runs */
    size_t output; /* where */
    bool agrees;
};

/* Runs a model, and evaluates another operator by operator in plain C, which is slow, or runs it where it rounds to
 * integers on the way, on `runs` random inputs (open sizes as model_bind_rest() gives them); in: NULL, or a tensor for
 * each input, NULL where it is to be random. They agree when each output is within tolerance * max |output of the
 * reference|. Stops at the first run where one is not. */
MODEL_API int model_compare(const struct model *m, const struct model *reference, int runs, double tolerance,
                            struct model_tensor *const *in, struct model_agreement *result, struct model_error *err);

/* ---- photos and answers ---- */

/* What became of a photo on its way to the input. */
struct model_photo {
    int width, height; /* of the photo, upright unless its recipe says exif=no */
    int input_width, input_height;
    float scale_x, scale_y, offset_x, offset_y; /* input = photo * scale + offset */
    bool channels_last;
    bool is_part;   /* all this is about a part of the photo that was cut out, */
    double back[9]; /* whose (x, y, 1) times this matrix, row by row, is the place in the whole, divided by the third
                       number */
};

/* The model's input that takes the photo. -1 when the recipe is malformed or names none. */
MODEL_API ptrdiff_t model_session_photo_input(struct model_session *s, struct model_error *err);

/* Decodes a photo (JPEG, PNG, GIF, BMP, PNM, TGA) and prepares it by the model's recipe; without one it is scaled to
 * the input's size. The message does not name the path. */
MODEL_API struct model_tensor *model_session_photo(struct model_session *s, const char *path, struct model_photo *photo,
                                                   struct model_error *err);

enum model_answer_kind {
    MODEL_ANSWER_NONE,
    MODEL_ANSWER_LABELS,
    MODEL_ANSWER_BOXES,    /* each perhaps with key points or a mask of its own */
    MODEL_ANSWER_POLYGONS, /* each with its corners, and the box around them */
    MODEL_ANSWER_MASK,     /* a label for each pixel of the photo; the answers are the labels, with their shares */
    MODEL_ANSWER_TEXT,     /* one answer with its text */
    MODEL_ANSWER_EMBEDDING,
    MODEL_ANSWER_PICTURE
};

/* A key point, or the corner of a polygon, in pixels of the photo. */
struct model_point {
    float x, y;
    float score; /* of a key point; 1 where the network gives none */
};

/* Part of a photo, and the pixels in it that belong to an object. */
struct model_region {
    int x, y, width, height;
    unsigned char *pixels; /* height rows of width: 1 in the object, else 0; NULL: there is none */
};

struct model_answer {
    size_t index;         /* of the label */
    const char *label;    /* its name; NULL when the model has none. Lives as long as the session */
    float score;          /* of a mask: the share of pixels */
    float x0, y0, x1, y1; /* a box, in pixels of the photo */
    struct model_point *points;
    size_t point_count;
    struct model_region mask; /* of this box alone */
    char *text;               /* NULL: none */
};

struct model_answers {
    enum model_answer_kind kind;
    struct model_answer *at; /* best first */
    size_t count;
    int width, height, channels; /* of a mask (1 channel) or a picture (1: grey, 3: red, green, blue) */
    unsigned char *pixels;       /* height rows of width * channels: a label a pixel, or a picture's samples */
    float *vector;               /* MODEL_ANSWER_EMBEDDING */
    size_t vector_count;
};

/* What kind of answers this session's model gives: MODEL_ANSWER_NONE without a task. */
MODEL_API enum model_answer_kind model_session_answer_kind(const struct model_session *s);

/* The task, when the outputs' names or model_session_guess() told it and the model does not say it; else NULL. */
MODEL_API const char *model_session_guessed_task(const struct model_session *s);

/* Where no task is known, finds the one that a photo's outputs look like, when it is called for the first time. */
MODEL_API void model_session_guess(struct model_session *s, struct model_tensor *const *out,
                                   const struct model_photo *photo);

/* How many answers are of use when nobody says: 5 labels of a classification; 0 for all. */
MODEL_API size_t model_session_usual_answers(const struct model_session *s);

/* Makes answers of the outputs, at most `most` of them, 0 for all. photo NULL: places stay in pixels of the input,
 * whose size must be known then. Released by model_answers_release(). */
MODEL_API int model_session_answers(struct model_session *s, struct model_tensor *const *out,
                                    const struct model_photo *photo, size_t most, struct model_answers *answers,
                                    struct model_error *err);
MODEL_API void model_answers_release(struct model_answers *answers);

/* Writes the picture, or the mask as a picture whose palette's numbers are the labels, as PNG. */
MODEL_API int model_answers_write(const struct model_answers *answers, const char *path, struct model_error *err);

/* ---- describing ---- */

/* The graph as the header of a .nn file, nn(5). */
MODEL_API char *model_text(const struct model *m, struct model_error *err);

/* A drawing for Graphviz. */
MODEL_API char *model_dot(const struct model *m, struct model_error *err);

/* A drawing of the graph, without those in its nodes, as SVG. Fails for a graph that nobody could read. */
MODEL_API char *model_svg(const struct model *m, struct model_error *err);

/* A value: an input, a constant, an output, or what a node makes. */
struct model_value {
    const char *graph; /* "" for the model's own; else the node that this subgraph belongs to */
    const char *role;  /* "input", "constant", "output" or "value" */
    struct model_port port;
    size_t bytes; /* of a constant */
};

struct model_attribute {
    const char *name;
    const char *kind; /* "int", "float", "string", "ints", "floats", "strings", "tensor", "graph", "type" */
    const char *text; /* elements of lists are separated by blanks; of a tensor, the type and a few elements */
};

struct model_node {
    const char *graph;                          /* as a value's */
    const char *name, *domain, *op;             /* name may be ""; domain "" is ONNX's own, "nn" the toolkit's */
    const char *const *inputs, *const *outputs; /* names of values, "" for those that are absent */
    size_t input_count, output_count, attribute_count;
    const struct model_attribute *attributes;
};

/* Functions to be called, or NULL; what they are given lives for that call. What is not 0 ends the walk. */
struct model_walk {
    int (*property)(void *arg, const char *key, const char *text);
    int (*value)(void *arg, const struct model_value *v);
    int (*node)(void *arg, const struct model_node *n);
    void *arg;
};

/* Walks through properties, then values (inputs and outputs first, in order), then nodes; then so each subgraph. */
MODEL_API int model_walk(const struct model *m, const struct model_walk *walk, struct model_error *err);

struct model_op_count {
    const char *name; /* "Conv", "com.microsoft.Gelu"; lives as long as the summary */
    size_t count;
};

/* The network, the same for every file that stores it, by the layers that a pairing pairs; and what the file has. */
struct model_summary {
    struct model_op_count *ops; /* of layers, most frequent first */
    size_t op_count, layers;
    uint64_t parameters; /* elements of layers' constants, in floating point or quantised */
    double macs;         /* multiply-adds of one run; those of layers with open sizes are not in it */
    double activations;  /* elements of the results that live at once, at most; those of open sizes are not in it */
    size_t macs_open, activations_open; /* layers and results that are not */
    uint64_t nodes, constant_bytes;
};

MODEL_API int model_summarize(const struct model *m, struct model_summary *summary, struct model_error *err);
MODEL_API void model_summary_release(struct model_summary *summary);

/* A constant's values; nan where there are none. */
struct model_statistic {
    const char *name; /* lives as long as the model */
    const char *dtype;
    int rank;
    int64_t dims[MODEL_MAX_RANK];
    int64_t elements;
    size_t bytes;
    double least, greatest, mean, deviation; /* of the finite ones */
    int64_t zeros, infinite;                 /* infinite: inf and nan */
};

MODEL_API struct model_statistic *model_statistics(const struct model *m, size_t *count, struct model_error *err);

/* ---- two models ---- */

/* The layers of two models, paired by what they do and not by what they are called. Both are brought to one form first:
 * optimised without fusing, weights in full, open sizes of inputs as the other model has them, else small. */
struct model_pairing;

MODEL_API struct model_pairing *model_pairing_new(const struct model *first, const struct model *second,
                                                  struct model_error *err);
MODEL_API void model_pairing_free(struct model_pairing *p); /* NULL is allowed */

/* A difference. The strings live as long as the pairing. */
struct model_finding {
    const char *what; /* "only" in one; another "operator", "attribute", "weights", "input" or "shape"; elements in
                         another "order" */
    const char *first, *second; /* the layer's name in either model; NULL where it has none */
    const char *op;             /* in the first that has it */
    const char *text;           /* for people: "strides: 1,1 and 2,2" */
};

/* The findings in the order of the layers; false beyond the last. None: both are the same network, up to names, the
 * order of nodes, properties, and rounding of the weights. */
MODEL_API bool model_pairing_finding(const struct model_pairing *p, size_t index, struct model_finding *finding);

/* The largest difference of weights that passes for rounding, relative to the largest element of its tensor. What may
 * pass follows from how both models store their weights. */
MODEL_API double model_pairing_rounding(const struct model_pairing *p);

/* The result of a layer, or an output, of two models that ran on one input; strings live as long as the pairing. */
struct model_layer_error {
    const char *layer, *other; /* its name in the first and in the second */
    const char *op;            /* "Conv"; "output" */
    int rank;                  /* shape in the first */
    int64_t dims[MODEL_MAX_RANK];
    bool comparable;                    /* the shapes are the same, up to the layout; the rest is 0 otherwise */
    struct model_difference difference; /* the second's being the reference, in the first's layout */
    double snr;                         /* signal-to-noise ratio of the first in dB; inf when they are equal */
};

/* What is not 0 ends the run, which then fails. */
typedef int model_layer_error_fn(void *arg, const struct model_layer_error *e);

/* Runs both models and tells of each pair of layers in canonical form, then of the outputs of the models as they are,
 * run as model_session_run() does. first, second: one tensor an input, as for that. An input of the second that is NULL
 * gets what the corresponding one of the first has, in its own layout and quantisation; one of the first that is NULL
 * gets model_tensor_random(). first and second themselves may be NULL. Results are held for so many layers at a time as
 * fit into 256 MiB; each such group is a run from the beginning. */
MODEL_API int model_pairing_run(struct model_pairing *p, const struct model_session_options *options,
                                struct model_tensor *const *first, struct model_tensor *const *second,
                                model_layer_error_fn *tell, void *arg, struct model_error *err);

#ifdef __cplusplus
}
#endif

#include "model_media.h"

#endif
