/* What the parts of nnrun share. */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include "../common/files.h"
#include "../common/frames.h"
#include "../common/inputs.h"
#include "model.h"

struct request {
    const char *model, *from;
    struct properties properties;
    struct model_session_options session;
    long best;                          /* -k; 0: not given */
    const char *output, *expect, *draw; /* folders */
    const char *compare;                /* the other model */
    struct inputs inputs;               /* -s */
    double rtol, atol;
    bool nul;            /* paths on standard input end with NUL */
    bool stream;         /* --stream */
    const char **states; /* --state: "IN=OUT" */
    size_t state_count;
    bool crop; /* inputs are records of another network */
    struct model_cut cut;
    long group;  /* --group; 0: not given */
    double turn; /* --turn: the least score of a direction that is believed; 0: not given */
};

/* A model being run: inputs come one by one, and when all are there, it runs and answers. */
struct runner {
    const struct request *request;
    const struct model *m, *other; /* other: to compare with, or NULL */
    struct model_session *s;
    size_t input_count, output_count;
    struct model_tensor **in, **out;
    bool *given;      /* [input_count]: also where reading failed */
    bool *kept;       /* [input_count]: given for the runs that follow, too */
    ptrdiff_t *state; /* [input_count]: the output that is its next value, or -1 */
    bool *sizes;      /* [input_count]: told of the size of the photo, as nobody gives them */
    bool stream;      /* states are handed on from run to run */
    bool carried;     /* they were */
    bool many;        /* more than one run is to be expected */
    bool has_time;
    double time;  /* of a frame of sound: where it begins, in seconds */
    size_t frame; /* its number, or that of a record among those of its photo */
    char *first;  /* path of this run's first input */
    bool failed;  /* an input of this run could not be read */
    bool ran;     /* the network did, in the last run */
    bool tried;   /* there was a run, or one that failed */
    bool has_photo;
    bool is_ready; /* but for inputs that may be given by name */
    struct model_photo photo;
    char *photo_path;
    struct model_picture *picture; /* the photo decoded last, and its path */
    char *picture_path;
    struct frames film; /* whose pictures records speak of */
    const char *bytes;           /* [byte_count]: of the photo that is fed, where they do not come from its path */
    size_t byte_count;
    const char *next;            /* the input behind the one that is taken, where it is known; or NULL */
    struct ahead *ahead;         /* its photo, being prepared; or NULL */
    const char **names;          /* of the fields of the record */
    struct model_record *record; /* what another network told of this run's input; or NULL */
    bool guess_told;             /* it was told what outputs without a task are taken for */
    bool assumed;                /* it was told what is done to photos without a recipe */
    bool misnamed;               /* an input was given for a name that the model does not have */
    struct spent {               /* so far: -v tells */
        size_t photos, runs;
        double preparing, running; /* seconds: photos decoded and prepared, the network */
    } spent;
    int status;                    /* of all so far: 0 or 1 */
    size_t common;                 /* bytes that the paths of all inputs begin with, up to a slash */
    void *claimed;                 /* files and folders written so far: a tree of names */
    struct vectors *vectors;       /* a frame of them; or NULL */
    struct group *group;           /* records of one photo that wait for each other */
    int width;                     /* of the input that a record's part becomes at least; 0: what its recipe says */
    struct model_drawing *drawing; /* of the photo `drawn`, for that file */
    char *drawn, *drawing_path;
};

/* feed.c: takes INPUT, "NAME=FILE" or a path; runs when the model has all it needs. Errors are told, and kept in
 * r->status. */
void feed(struct runner *r, const char *input);
/* Runs a model that needs no input and was given none, or tells what the last run lacks. */
void feed_end(struct runner *r);
/* Inputs that a run must be given. */
size_t feed_needed(const struct model *m);

/* stream.c: finds the states; 0, or 1 with a message. */
int stream_init(struct runner *r);
/* Whether a run is to be given this input; a state is handed on instead, and begins as zeros. */
bool stream_wants(const struct runner *r, size_t input);
/* The input that differs from run to run; -1 when there is none. */
ptrdiff_t stream_input(const struct runner *r);
/* From now on states are handed on, and what was given by name stays. */
void stream_start(struct runner *r);
/* Before a run: the states' first values; after it: their next. */
int stream_fill(struct runner *r);
void stream_carry(struct runner *r);
/* Another stream: states begin anew. */
void stream_restart(struct runner *r);
/* Whether the tensor can be the input's, as far as its sizes tell. */
bool stream_fits(const struct runner *r, size_t input, const struct model_tensor *t);

/* pictures.c: runs on each of the pictures that follow each other in l, called NAME/000000 and so on; one that is alone
 * has the name itself, unless they are numbered. */
struct lines;
void feed_pictures(struct runner *r, struct lines *l, const char *name, bool numbered);
/* Does so when the path, which is part of the input's text, is a pipe, or a file that holds more than one picture. */
bool feed_if_pictures(struct runner *r, const char *input, const char *path);

/* sound.c: how many samples, or rows of vectors, a frame has along an axis of an input, and by how many frames are
 * apart. 0, or 1 with a message. */
int frame_size(const struct runner *r, const char *path, const struct model_port *port, int axis, int64_t *length,
               int64_t *hop);
/* sound.c: runs on each frame of a sound file, which is for that input, or stream_input() when it is -1. */
void feed_sound(struct runner *r, const char *path, ptrdiff_t input);

/* vectors.c: takes the vector of a record as rows of a frame, and runs on each frame that is full. */
void feed_vector(struct runner *r, const char *line, size_t n, const char *where);
void vectors_free(struct runner *r);

/* crop.c: runs on the part of a photo that a record speaks of; `where` is for messages. */
void feed_record(struct runner *r, const char *line, size_t n, const char *where);
/* group.c: with --group, records wait until all of their photo are there; group_end() runs those that wait. */
void group_record(struct runner *r, const char *line, size_t n, const char *where);
void group_end(struct runner *r);

/* ahead.c: another thread begins to prepare the photo that is r->next, unless there may be one thread only. */
void ahead_start(struct runner *r);
/* Whether that photo is this path's: then it is taken as r->picture and r->photo, *t being its tensor, or NULL with a
 * message in *err. Another, whose turn has passed, is let go; with path NULL any is. */
bool ahead_take(struct runner *r, const char *path, struct model_tensor **t, struct model_error *err);

/* Prints the fields of r->record. */
void print_record(struct runner *r);
/* The proportion of the part of a photo that a record speaks of, and the height of the input that it becomes; 0 where
 * there is none, which running it will tell. */
double part_proportion(struct runner *r, const char *line, size_t n, int *height);
/* Decodes a photo, unless it was the last one; NULL with a message. */
const struct model_picture *picture_of(struct runner *r, const char *path);
/* Lets go of the file of pictures. */
void crop_close_film(struct runner *r);
/* Takes what stands behind --crop=, --turn=; exits when it is malformed. */
void crop_option(struct request *r, const char *value);
void turn_option(struct request *r, const char *value);

/* feed.c: runs, answers, and gets ready for the next. */
void feed_run(struct runner *r);

/* answer.c: prints what the outputs mean. 0, or 1 with a message. */
int answer(struct runner *r);
/* What this run's outputs are turned into; without a photo not what is only guessed, and not boxes, whose place in an
 * array's picture is not known. */
enum model_answer_kind answer_kind(const struct runner *r);

/* files.c: writes outputs to request->output, and compares them with request->expect. 0, or 1 with a message. */
int write_outputs(struct runner *r);
int compare_outputs(struct runner *r);

/* names.c: where files of a run go, for free(): the path of its first input, or of its photo, mirrored, without suffix;
 * a frame's or record's with its number. */
char *names_of_run(const struct runner *r);
char *names_of_photo(const struct runner *r);
char *names_join(const char *folder, const char *name, const char *suffix);
size_t names_common(char **inputs, size_t count);
/* What messages call the run: its first input, or the model when it has none. */
const char *names_to_tell(const struct runner *r);
/* 1 with a message when that path was claimed before. */
int names_claim(struct runner *r, const char *path);
void names_forget(struct runner *r);
/* Makes the folder and those above it; 0, or 1 with a message. */
int names_make_folders(const char *path);

/* draw.c: draws answers into request->draw; at the end, the drawing of the last photo is written. 0, or 1 with a
 * message. */
int draw_answers(struct runner *r, const struct model_answers *a);
int draw_end(struct runner *r);

/* compare.c: runs the other model on the same inputs, those that are NULL at random, and prints how far they are apart
 * layer by layer. 0, or 1 when they are beyond the tolerance or with a message. */
int compare_layers(struct runner *r);

#endif
